"""What is installed with the package, what only extras bring, and what happens without them."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from smtps.extras import EXTRAS, ExtraError, extra_needed

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NAME = re.compile(r"[a-z0-9-]+")
OTHERWISE = {"starlette": "fastapi", "pydantic": "fastapi", "pydantic-core": "fastapi"}
"""Distributions that come with another."""

WITHOUT = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Absent())
"""


def run(absent: set[str], program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program where some packages are not installed."""
    return subprocess.run(
        [sys.executable, "-c", f"ABSENT = {absent!r}\n{WITHOUT}\n{program}", *arguments],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_each_package_is_in_the_extra_that_the_table_says() -> None:
    extras = PROJECT["optional-dependencies"]
    for package, extra in EXTRAS.items():
        name = package.replace("_", "-")
        brought = {NAME.match(line)[0] for line in extras[extra]}  # type: ignore[index]
        assert OTHERWISE.get(name, name) in brought, package


def test_all_is_all_of_them() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"all"}
    (line,) = PROJECT["optional-dependencies"]["all"]
    assert set(line.partition("[")[2].rstrip("]").split(",")) == extras


SHELL = "from smtps.main import main; sys.exit(main(sys.argv[1:]))"


def test_check_and_send_need_no_extra() -> None:
    for command in ("check", "send"):
        port = {"check": ["127.0.0.1:1"], "send": ["--host", "127.0.0.1", "--port", "1"]}[command]
        more = ["--from=a@x.test", "--to=b@x.test", "--subject=x"] if command == "send" else []
        done = run(set(EXTRAS), SHELL, command, *port, *more, "--json")
        assert "net.refused" in done.stdout, done.stderr


def test_the_service_runs_without_the_packages_for_logins() -> None:
    oauth = {package for package, extra in EXTRAS.items() if extra == "oauth"}
    program = """
from smtps.config.settings import Settings
from smtps.http.app import create_app
create_app(Settings())
import smtps.config.open_outbox, smtps.outbox.login_rows
"""
    done = run(oauth, program)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("serve", "--port", "0"), "serve"),
        (("sandbox",), "sandbox"),
        (("outbox", "list"), "serve"),
        (("worker",), "serve"),
    ],
)
def test_a_command_says_which_extra_it_needs(arguments: tuple[str, ...], extra: str) -> None:
    done = run(set(EXTRAS), SHELL, *arguments)
    assert done.returncode == 64
    assert f"'.[{extra}]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_discovery_goes_on_without_the_extra_for_web_documents() -> None:
    program = (
        "import asyncio\nfrom smtps.extras import ExtraError\nfrom smtps.net.fetch import Client\n"
        "try: asyncio.run(Client().get('https://127.0.0.1:1/'))\n"
        "except ExtraError as error: print(error.failure.code, error.extra)\n"
    )
    assert run(set(EXTRAS), program).stdout.split() == ["input.extra_missing", "web"]


def test_blocking_calls_load_nothing_of_the_service() -> None:
    program = (
        "import smtps\nsmtps.sync.send, smtps.sync.check\n"
        "print(*sorted(m for m in sys.modules if m.startswith('smtps.')))"
    )
    loaded = run(set(), program).stdout.split()
    rooms = {name.split(".")[1] for name in loaded}
    assert rooms.isdisjoint({"http", "outbox", "sandbox", "config", "cli", "report"})


def test_check_and_send_work_where_there_is_no_fcntl() -> None:
    """Windows has none. That is as far as it can be tried here."""
    done = run({"fcntl"}, SHELL, "check", "127.0.0.1:1", "--json")
    assert "net.refused" in done.stdout, done.stderr
    program = (
        "import smtps.cli.results, smtps.outbox.sqlite, smtps.outbox.spool, smtps.config.places"
    )
    assert run({"fcntl"}, program).returncode == 0


def test_a_missing_package_of_somebody_else_stays_what_it_is() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such_package"), extra_needed():
        import no_such_package  # type: ignore[import-not-found]  # noqa: F401, PLC0415
    with pytest.raises(ExtraError, match=re.escape("'.[merge]'")), extra_needed():
        raise ModuleNotFoundError("No module named 'jinja2.nodes'", name="jinja2.nodes")


LIGHT = {"oauthlib", "httpcore2", "platformdirs", "webbrowser", "pydantic", "sqlalchemy"}
"""What neither help nor a check with a password may load."""


def loaded(*arguments: str) -> set[str]:
    """The packages that a command has loaded when it ends."""
    program = (
        "from smtps.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print('LOADED', *{m.partition('.')[0] for m in sys.modules}, file=sys.stderr)\n"
        "print('OURS', *[m for m in sys.modules if m.startswith('smtps.')], file=sys.stderr)"
    )
    done = run(set(), program, *arguments)
    lines = dict(line.split(" ", 1) for line in done.stderr.splitlines() if " " in line)
    return set(lines["LOADED"].split()) | set(lines["OURS"].split())


@pytest.mark.parametrize("command", [(), ("login",), ("accounts",), ("logout",), ("check",)])
def test_help_loads_neither_asyncio_nor_what_a_login_needs(command: tuple[str, ...]) -> None:
    found = loaded(*command, "--help")
    assert found.isdisjoint(LIGHT | {"asyncio", "ssl", "cryptography"})
    assert not {name for name in found if name.startswith("smtps.oauth")}


def test_a_check_with_a_password_loads_nothing_of_a_login(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PW", "secret")
    file = tmp_path / "accounts.toml"
    file.write_text(
        '[accounts.plain]\nhost = "127.0.0.1"\nport = 1\nusername = "a"\npassword_env = "PW"\n'
        '[accounts.token]\nhost = "smtp.gmail.com"\nusername = "a"\n'
        'oauth = { client_id = "c", client_secret_env = "PW" }\n'
    )
    monkeypatch.setenv("SMTPS_ACCOUNTS", str(file))
    for target in (["127.0.0.1:1", "--username", "a", "--password-env", "PW"],
                   ["--account", "plain"]):  # fmt: skip
        assert loaded("check", *target).isdisjoint(LIGHT)


@pytest.mark.parametrize(
    "arguments",
    [("login", "--account", "token"), ("check", "--account", "token"), ("logout", "token")],
)
def test_an_account_with_a_login_says_which_extra_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    file = tmp_path / "accounts.toml"
    file.write_text(
        '[accounts.token]\nhost = "smtp.gmail.com"\nusername = "a"\n'
        'oauth = { client_id = "c", client_secret_env = "PW" }\n'
        '[accounts.plain]\nhost = "127.0.0.1"\nport = 1\nusername = "a"\npassword_env = "PW"\n'
    )
    monkeypatch.setenv("SMTPS_ACCOUNTS", str(file))
    monkeypatch.setenv("PW", "secret")
    done = run(set(EXTRAS), SHELL, *arguments)
    assert done.returncode == 64, done.stderr
    assert "'.[oauth]'" in done.stderr
    assert "Traceback" not in done.stderr
    done = run(set(EXTRAS), SHELL, "check", "--account", "plain", "--json")
    assert "net.refused" in done.stdout, done.stderr
