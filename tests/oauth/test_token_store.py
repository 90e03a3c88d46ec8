"""The files with logins: private, whole or not there, and refused where others had a hand in it."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from smtps.errors import Phase, TokenError
from smtps.oauth import token_store
from smtps.oauth.token_store import FileStore, state_folder
from smtps.oauth.tokens import StoredLogin, Tokens

LOGIN = StoredLogin(
    client="c",
    tokens=Tokens(access_token="access-canary", obtained_at=1.0, expires_at=2.0,
                  refresh_token="refresh-canary", scope="mail"),
    logged_in_at=1.0, used_at=1.0, ends_at=3.0,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    return FileStore(tmp_path / "state" / "accounts")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_login_comes_back_as_it_was(store: FileStore) -> None:
    assert store.read("ann") is None
    assert not store.forget("ann")
    store.write("ann", LOGIN)
    assert store.read("ann") == LOGIN
    assert store.read("bob") is None
    assert store.forget("ann")
    assert store.read("ann") is None


def test_a_login_that_is_replaced_while_it_is_read_is_read(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("ann", LOGIN)
    real = os.fstat

    def late(file: int) -> os.stat_result:
        monkeypatch.setattr(os, "fstat", real)
        store.write("ann", replace(LOGIN, used_at=2.0))
        found = real(file)
        assert found.st_nlink == 0
        return found

    monkeypatch.setattr(os, "fstat", late)
    assert store.read("ann") == LOGIN
    found = store.read("ann")
    assert found is not None
    assert found.used_at == 2.0


def test_a_login_shows_no_token() -> None:
    assert "canary" not in repr(LOGIN)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_files_and_folders_are_the_owners_alone_whatever_the_umask(
    store: FileStore, umask: int
) -> None:
    folder = Path(store.where)
    folder.parent.mkdir()
    before = os.umask(umask if umask != 0o777 else 0o077)
    try:
        store.write("ann", LOGIN)
    finally:
        os.umask(before)
    assert mode(folder) == 0o700
    assert mode(folder / "ann.json") == 0o600
    assert [path.name for path in folder.iterdir()] == ["ann.json"]


def made_readable(folder: Path) -> None:
    (folder / "ann.json").chmod(0o640)


def made_writable(folder: Path) -> None:
    (folder / "ann.json").chmod(0o602)


def folder_readable(folder: Path) -> None:
    folder.chmod(0o750)


def linked(folder: Path) -> None:
    (folder / "ann.json").rename(folder.parent / "elsewhere")
    (folder / "ann.json").symlink_to(folder.parent / "elsewhere")


def folder_linked(folder: Path) -> None:
    folder.rename(folder.parent / "elsewhere")
    folder.symlink_to(folder.parent / "elsewhere")


def second_name(folder: Path) -> None:
    os.link(folder / "ann.json", folder.parent / "mine-too")


def a_pipe(folder: Path) -> None:
    (folder / "ann.json").unlink()
    os.mkfifo(folder / "ann.json", 0o600)


def a_folder(folder: Path) -> None:
    (folder / "ann.json").unlink()
    (folder / "ann.json").mkdir(mode=0o700)


@pytest.mark.parametrize(
    ("planted", "why"),
    [
        (made_readable, "can be read by others.*Remedy: chmod 600 "),
        (made_writable, "can be read by others.*Remedy: chmod 600 "),
        (folder_readable, "can be read by others.*Remedy: chmod 700 "),
        (linked, "is a symbolic link.*Remedy: rm "),
        (folder_linked, "is not a folder.*Remedy: rm "),
        (second_name, "has a second name"),
        (a_pipe, "is not a file"),
        (a_folder, "is not a file"),
    ],
)
def test_what_others_could_read_or_have_planted_is_refused(
    store: FileStore, planted: Callable[[Path], None], why: str
) -> None:
    store.write("ann", LOGIN)
    planted(Path(store.where))
    with pytest.raises(TokenError, match=why) as caught:
        store.read("ann")
    assert (caught.value.code, caught.value.phase) == ("oauth.store_unsafe", Phase.TOKEN)
    assert "canary" not in repr(caught.value.failure)


def test_what_belongs_to_another_user_is_refused(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("ann", LOGIN)
    own = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: own + 1)
    with pytest.raises(TokenError, match=f"run smtps as the user with the number {own}"):
        store.read("ann")
    with pytest.raises(TokenError, match="belongs to another user"):
        store.write("ann", LOGIN)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff", b'{"version": 1}', b'{"version": 9}',
        json.dumps(LOGIN.as_json() | {"version": 2}).encode(),
        json.dumps(LOGIN.as_json() | {"tokens": []}).encode(),
        json.dumps(LOGIN.as_json() | {"used_at": "now"}).encode(),
        json.dumps(LOGIN.as_json() | {"tokens": {"access_token": 7, "obtained_at": 1}}).encode(),
        b"[" * 100_000,
        json.dumps(LOGIN.as_json()).encode() + b" " * token_store.LARGEST,
    ],
)  # fmt: skip
def test_a_damaged_file_is_named_with_the_remedy(store: FileStore, data: bytes) -> None:
    store.write("ann", LOGIN)
    (Path(store.where) / "ann.json").write_bytes(data)
    with pytest.raises(TokenError, match="smtps login --account ann") as caught:
        store.read("ann")
    assert caught.value.code == "oauth.store_damaged"
    store.write("ann", LOGIN)
    assert store.read("ann") == LOGIN


def test_what_a_later_version_adds_is_passed_over(store: FileStore) -> None:
    store.write("ann", LOGIN)
    found = LOGIN.as_json() | {"new": 1}
    found["tokens"]["new"] = 2
    (Path(store.where) / "ann.json").write_text(json.dumps(found))
    assert store.read("ann") == LOGIN


def test_what_a_killed_process_left_behind_is_in_nobodys_way(store: FileStore) -> None:
    store.write("ann", LOGIN)
    left = Path(store.where) / ".ann.json.new"
    left.write_bytes(b'{"half')
    store.write("ann", LOGIN)
    assert store.read("ann") == LOGIN
    assert not left.exists()


def test_a_link_in_place_of_the_next_file_leads_nowhere(store: FileStore, tmp_path: Path) -> None:
    store.write("ann", LOGIN)
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    (Path(store.where) / ".ann.json.new").symlink_to(victim)
    store.write("ann", LOGIN)
    assert victim.read_text() == "untouched"


def test_the_login_is_on_the_disk_before_it_has_its_name(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace

    def fsync(file: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "file")
        sync(file)

    def renamed(self: Path, target: Any) -> Path:
        steps.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", renamed)
    store.write("ann", LOGIN)
    assert steps == ["file", "rename", "folder"]


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FileStore(tmp_path / "file" / "accounts")
    assert store.read("ann") is None
    with pytest.raises(TokenError, match="cannot be written: File exists") as caught:
        store.write("ann", LOGIN)
    assert caught.value.code == "oauth.store_unusable"


LOCKER = """
import asyncio, sys
from smtps.oauth.token_store import FileStore
async def main():
    async with FileStore(sys.argv[1]).locked("ann"):
        print("locked", flush=True)
        sys.stdin.readline()
asyncio.run(main())
"""


async def test_one_process_at_a_time_has_the_lock(store: FileStore) -> None:
    async with store.locked("ann"):
        pass
    other = subprocess.Popen(
        [sys.executable, "-c", LOCKER, store.where],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert other.stdout is not None
    assert await asyncio.to_thread(other.stdout.readline) == "locked\n"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), store.locked("ann"):
            pass
    async with store.locked("bob"):
        pass
    waiting = asyncio.create_task(_lock(store))
    other.kill()
    await waiting
    other.communicate()


async def _lock(store: FileStore) -> None:
    async with store.locked("ann"):
        pass


async def test_a_process_that_never_lets_go_is_named(
    store: FileStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_store, "LONGEST_WAIT", 0.05)
    async with store.locked("ann"):
        with pytest.raises(TokenError, match="Another process has been renewing") as caught:
            await _lock(store)
    assert caught.value.failure.retryable


def test_the_folder_is_that_of_xdg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert state_folder() == tmp_path / "smtps" / "accounts"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert state_folder() == tmp_path / "home" / ".local" / "state" / "smtps" / "accounts"


def test_a_container_without_a_home_is_told_what_to_set() -> None:
    program = (
        "import os, pwd\n"
        "os.environ.pop('HOME', None); os.environ.pop('XDG_STATE_HOME', None)\n"
        "def nobody(_): raise KeyError\n"
        "pwd.getpwuid = nobody\n"
        "from smtps.errors import TokenError\n"
        "from smtps.oauth.token_store import FileStore, state_folder\n"
        "try: print(state_folder())\n"
        "except TokenError as error: print(error.code, error)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True,
                          check=False)  # fmt: skip
    assert "oauth.store_unusable" in done.stdout, done.stdout + done.stderr
    assert "Set XDG_STATE_HOME" in done.stdout
