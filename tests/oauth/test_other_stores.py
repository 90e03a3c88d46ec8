"""Logins in the keyring, and behind a command: the same promises as in files, but for the disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keyring
import pytest
from keyring.errors import KeyringLocked, PasswordDeleteError
from tests.oauth.test_token_store import LOGIN

from smtps.config.login_place import LoginPlace
from smtps.config.server_account import OAuthTable
from smtps.errors import InputError, TokenError
from smtps.oauth.other_stores import CommandStore, KeyringStore
from smtps.oauth.token_store import FileStore, TokenStore

KEEPER = """\
#!/bin/sh
case $1 in
get) cat "{folder}/$2" 2>/dev/null || true;;
put) cat > "{folder}/$2";;
forget) rm "{folder}/$2";;
esac
"""


class InMemory:
    """A keyring of the tests' own."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.locked = False

    def _open(self) -> None:
        if self.locked:
            raise KeyringLocked("locked")

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        if (service, username) not in self.kept:
            raise PasswordDeleteError("none")
        del self.kept[service, username]


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> InMemory:
    found = InMemory()
    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(keyring, name, getattr(found, name))
    return found


def a_keyring(folder: Path) -> TokenStore:
    return KeyringStore(folder / "locks")


def a_command(folder: Path) -> TokenStore:
    (folder / "kept").mkdir()
    script = folder / "keeper"
    script.write_text(KEEPER.format(folder=folder / "kept"))
    script.chmod(0o700)
    return CommandStore(str(script), folder / "locks")


@pytest.mark.parametrize("make", [a_keyring, a_command])
async def test_a_login_comes_back_as_it_was(
    tmp_path: Path, ring: InMemory, make: Callable[[Path], TokenStore]
) -> None:
    store = make(tmp_path)
    async with store.locked("ann"):
        assert store.read("ann") is None
        assert not store.forget("ann")
        store.write("ann", LOGIN)
        assert store.read("ann") == LOGIN
        assert store.read("bob") is None
        assert store.forget("ann")
        assert store.read("ann") is None
    assert "canary" not in "".join(p.read_text() for p in (tmp_path / "locks").iterdir())


def test_a_keyring_that_is_locked_is_named(tmp_path: Path, ring: InMemory) -> None:
    store = a_keyring(tmp_path)
    ring.locked = True
    actions: list[Callable[[], Any]] = [
        lambda: store.read("ann"), lambda: store.write("ann", LOGIN), lambda: store.forget("ann")
    ]  # fmt: skip
    for action in actions:
        with pytest.raises(TokenError, match=r"The keyring cannot be \w+: locked") as caught:
            action()
        assert caught.value.code == "oauth.store_unusable"


@pytest.mark.parametrize(
    ("command", "problem"),
    [("/nowhere/keeper", "cannot be run: No such file"), ("sh -c 'echo access-canary; exit 3'",
                                                          r"sh get failed \(exit code 3\)")],
)  # fmt: skip
def test_a_command_that_fails_is_named_and_not_quoted(
    tmp_path: Path, command: str, problem: str
) -> None:
    with pytest.raises(TokenError, match=problem) as caught:
        CommandStore(command, tmp_path).read("ann")
    assert "canary" not in repr(caught.value.failure)


def test_what_a_command_prints_and_is_no_login_is_named(tmp_path: Path) -> None:
    with pytest.raises(TokenError, match="what echo keeps cannot be read") as caught:
        CommandStore("echo", tmp_path).read("ann")
    assert caught.value.code == "oauth.store_damaged"


def test_the_setting_says_where(tmp_path: Path) -> None:
    assert isinstance(OAuthTable().store(LoginPlace(folder=tmp_path)), FileStore)
    assert isinstance(OAuthTable(keep="keyring").store(LoginPlace(folder=tmp_path)), KeyringStore)
    assert isinstance(
        OAuthTable(keep_command="pass-smtps").store(LoginPlace(folder=tmp_path)), CommandStore
    )
    values: dict[str, Any] = {"client_id": "c", "client_secret_env": "S"}
    for wrong in ({"keep": "keyring", "keep_command": "x"}, {"keep_command": "'x"},
                  {"keep_command": " "}):  # fmt: skip
        with pytest.raises(InputError, match="keep"):
            OAuthTable(**values, **wrong).check("smtp.gmail.com")  # type: ignore[arg-type]
