"""Accounts in the shell: logging in, listing, logging out, and what a login is good for."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.client.farm import Farm, farm
from tests.net.pki import PKI
from tests.oauth.authorization import SECRET, USER, AuthorizationServer, authorization_server
from tests.oauth.mail import TokenMail
from tests.oauth.test_claims import SIGNATURE, jwt
from tests.oauth.test_redirect import ask

import smtps
from smtps.cli.moments import span
from smtps.cli.person import has_browser
from smtps.config import user_accounts
from smtps.config.accounts import AccountSettings
from smtps.config.server_account import ServerAccount
from smtps.config.user_accounts import OUTBOX_ONLY, read_accounts
from smtps.errors import InputError
from smtps.oauth.standing import moment


@dataclass
class Place:
    """A computer: its files, a mail server and an authorization server."""

    folder: Path
    authority: AuthorizationServer
    mail: Farm
    pki: PKI
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def file(self) -> Path:
        return self.folder / "accounts.toml"

    @property
    def store(self) -> Path:
        return self.folder / "state" / "smtps" / "accounts"

    def account(self, **oauth: Any) -> dict[str, Any]:
        values: dict[str, Any] = {
            "issuer": self.authority.issuer, "client_id": "client-1",
            "client_secret_env": "CLIENT_SECRET", "scopes": ["mail"], "ca_file": str(self.pki.ca),
        }  # fmt: skip
        return {
            "host": "127.0.0.1", "port": self.mail.port, "security": "implicit", "username": USER,
            "ca_file": str(self.pki.ca),
            "oauth": {k: v for k, v in (values | oauth).items() if v is not None},
        }  # fmt: skip

    def write(self, **accounts: dict[str, Any]) -> None:
        found = user_accounts.Accounts(self.file, {})
        for name, table in accounts.items():
            user_accounts.add_account(found, name, table)

    async def run(self, *arguments: str, paste: Any = None) -> tuple[int, str, str]:
        """A command; ``paste`` gets the page's address and returns what is typed."""
        async with asyncio.timeout(60):
            return await self._run(arguments, paste)

    async def _run(self, arguments: tuple[str, ...], paste: Any) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "smtps", *arguments, env=self.environment,
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdin is not None
        assert process.stderr is not None
        said = b""
        if paste is not None:
            while b"https://" not in said.rpartition(b"\n")[0]:
                if not (line := await process.stderr.readline()):
                    break
                said += line
            page = next((w for w in said.decode().split() if w.startswith("https://")), "")
            assert page, said
            typed = paste(page)
            if asyncio.iscoroutine(typed):
                typed = await typed
            if typed:
                process.stdin.write(typed.encode() + b"\n")
        out, err = await process.communicate()
        text = (said + err).decode()
        assert "Traceback" not in text, text
        return process.returncode or 0, out.decode(), text


@pytest.fixture
async def place(tmp_path: Path, pki: PKI) -> AsyncIterator[Place]:
    async with somewhere(tmp_path, pki) as found:
        yield found


@asynccontextmanager
async def somewhere(folder: Path, pki: PKI) -> AsyncIterator[Place]:
    async with (
        authorization_server(pki) as authority,
        farm(pki, lambda _: TokenMail(authority)) as mail,
    ):
        place = Place(folder, authority, mail, pki)
        place.environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder), "SMTPS_ACCOUNTS": str(place.file),
            "XDG_STATE_HOME": str(folder / "state"), "CLIENT_SECRET": SECRET,
            "PYTHONPATH": os.pathsep.join(sys.path),
        }  # fmt: skip
        yield place


WARNINGS = 1
"""Exit code: the tests' authority is not strict."""

CANARIES = ("access-canary", "refresh-canary", "code-canary", "device-canary", SECRET)


async def test_a_login_by_paste_is_proven_kept_and_used(place: Place) -> None:
    place.write(work=place.account())
    code, out, err = await place.run("login", "--account", "work", "--paste",
                                     paste=place.authority.browse)  # fmt: skip
    assert code == 0, out + err
    assert f"logged in as {USER}, for mail" in out
    assert f"127.0.0.1:{place.mail.port} accepted the login of {USER} (XOAUTH2)" in out
    assert not any(canary in out for canary in CANARIES)
    assert not any(canary in err for canary in CANARIES)
    kept = place.store / "work.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.store.stat().st_mode) == 0o700

    code, out, _ = await place.run("check", "--account", "work", "--json")
    report = json.loads(out)
    assert code == WARNINGS, out
    assert (report["auth"]["authenticated"], report["auth"]["mechanism"]) == (True, "XOAUTH2")
    assert "token" in report["addresses"][0]["timings"]
    assert "canary" not in out
    code, out, _ = await place.run(
        "send", "--account", "work", "--from", USER, "--to", "bob@example.org", "--subject", "Hi",
        "--transcript", "--json",
    )  # fmt: skip
    assert (code, json.loads(out)["outcome"]) == (0, "sent")
    assert "canary" not in out
    assert len(place.mail.taken) == 1
    assert place.authority.refreshed == 0, "one token served them all"


async def test_the_name_of_an_account_is_a_target(place: Place) -> None:
    place.write(work=place.account())
    await place.run("login", "--account", "work", "--paste", paste=place.authority.browse)
    code, out, _ = await place.run("check", "work", "--json")
    assert (code, json.loads(out)["auth"]["authenticated"]) == (WARNINGS, True)
    code, out, _ = await place.run("check", "work", "127.0.0.1:1", "--json")
    assert [json.loads(line)["target"] for line in out.splitlines()] == ["work", "127.0.0.1:1"]
    place.environment["P"] = "x"
    code, out, _ = await place.run(
        "check", "work", "--username", "u", "--password-env", "P", "--resolver", "127.0.0.1:1",
        "--timeout", "5", "--json",
    )  # fmt: skip
    assert json.loads(out)["host"] == "work", "with a login of its own it is a host"
    place.file.write_text("[broken")
    code, out, _ = await place.run("check", "localhost:1", "--json")
    assert json.loads(out)["host"] == "localhost"


async def test_the_browser_comes_back_to_a_port_on_loopback(place: Place) -> None:
    place.write(work=place.account())
    opened = place.folder / "opened"
    browser = place.folder / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o700)
    place.environment["BROWSER"] = str(browser)

    async def come_back(_page: str) -> None:
        while not opened.exists():
            await asyncio.sleep(0.01)
        target = place.authority.browse(opened.read_text())
        for wrong in ("/?code=evil&state=guess", "/favicon.ico"):
            await ask(target, wrong)
        assert "200 OK" in await ask(target, "/?" + urlsplit(target).query)

    code, out, err = await place.run("login", "--account", "work", "--json", paste=come_back)
    found = json.loads(out)
    assert code == 0, err
    assert found["state"] == "ready"
    assert (found["account"], found["username"], found["scope"]) == ("work", USER, "mail")
    assert found["mechanism"] == "XOAUTH2"
    assert found["renewable"]
    assert not any(canary in out + err for canary in CANARIES)


async def test_a_code_is_entered_elsewhere(place: Place) -> None:
    place.authority.interval = 0
    place.write(work=place.account())

    async def enter(_page: str) -> None:
        for device in place.authority.devices.values():
            device.approved = True

    code, out, err = await place.run("login", "--account", "work", "--device", paste=enter)
    assert code == 0, out + err
    assert "WDJB-MJHT" in err
    assert not any(canary in out + err for canary in CANARIES)


async def test_a_program_logs_in_by_itself(place: Place) -> None:
    place.write(work=place.account(grant="client_credentials"))
    code, out, err = await place.run("login", "--account", "work", "--json")
    assert code == 0, err
    assert json.loads(out)["state"] == "ready"
    code, _, err = await place.run("login", "--account", "work", "--device")
    assert (code, "is for a person's login" in err) == (64, True)


async def test_an_address_that_is_new_is_added_to_the_file(place: Place) -> None:
    new = [
        "login", USER, "--host", "127.0.0.1", "--port", str(place.mail.port), "--issuer",
        place.authority.issuer, "--scope", "mail", "--client-id", "client-1",
        "--client-secret-env", "CLIENT_SECRET", "--ca-file", str(place.pki.ca), "--paste",
    ]  # fmt: skip
    place.file.write_text("# mine\n[accounts.other]\nhost = 'a.test'\n")
    code, out, err = await place.run(*new, paste=place.authority.browse)
    assert code == 0, out + err
    found = tomllib.loads(place.file.read_text())
    assert set(found["accounts"]) == {"other", USER}
    assert found["accounts"][USER]["oauth"]["client_secret_env"] == "CLIENT_SECRET"
    assert SECRET not in place.file.read_text()
    assert place.file.read_text().startswith("# mine\n")
    code, _, _ = await place.run("check", "--account", USER)
    assert code == WARNINGS
    code, _, err = await place.run(*new)
    assert code == 64
    assert "belongs to a new account" in err


async def test_a_refused_login_says_why_and_keeps_nothing(place: Place) -> None:
    place.write(work=place.account())
    declined = "http://127.0.0.1:1/?error=access_denied&state=x"
    code, out, _ = await place.run("login", "--account", "work", "--paste", "--json",
                                   paste=lambda _: declined)  # fmt: skip
    found = json.loads(out)
    assert code == 77
    assert found["state"] == "login_needed"
    assert found["failure"]["code"] == "oauth.not_this_login"
    assert found["findings"][0]["fix"]
    assert not (place.store / "work.json").exists()
    code, out, _ = await place.run("login", "--account", "work", "--paste", paste=_declining)
    assert code == 77
    assert "oauth.access_denied" in out


def _declining(page: str) -> str:
    query = dict(pair.split("=", 1) for pair in urlsplit(page).query.split("&"))
    uri = query["redirect_uri"].replace("%3A", ":").replace("%2F", "/")
    return (
        f"{uri}?error=access_denied&state={query['state']}&iss=" + page.partition("/authorize")[0]
    )


async def test_a_mail_server_that_refuses_the_token_is_the_finding(place: Place) -> None:
    place.write(work=place.account())

    def browse(page: str) -> str:
        found = place.authority.browse(page)
        place.authority.live = _Nothing()
        return found

    code, out, _ = await place.run("login", "--account", "work", "--paste", "--json", paste=browse)
    found = json.loads(out)
    assert code == 77
    assert found["failure"]["code"] == "auth.token_rejected"
    assert found["kept_in"] == str(place.store)
    assert "canary" not in out
    assert (place.store / "work.json").exists(), "the login itself is good"


async def test_what_the_token_says_of_the_refusal_is_the_finding(place: Place) -> None:
    place.write(work=place.account())

    def browse(page: str) -> str:
        found = place.authority.browse(page)
        place.authority.makes = lambda: jwt({"aud": "https://graph.microsoft.com", "exp": 4e9})
        return found

    code, out, _ = await place.run("login", "--account", "work", "--paste", "--json", paste=browse)
    found = json.loads(out)
    assert code == 77
    assert found["failure"]["code"] == "auth.token_rejected"
    assert [each["code"] for each in found["findings"]] == ["oauth.wrong_audience"]
    code, out, _ = await place.run("check", "--account", "work")
    assert code == 2
    assert "Microsoft Graph" in out
    assert "from: the stored login" in out
    assert SIGNATURE not in out


async def test_a_login_that_cannot_be_renewed_is_named_by_each_command(place: Place) -> None:
    place.write(work=place.account())
    place.authority.gives_refresh = False
    code, out, _ = await place.run("login", "--account", "work", "--paste",
                                   paste=place.authority.browse)  # fmt: skip
    assert code == 0
    assert "oauth.no_refresh_token" in out
    _, out, _ = await place.run("accounts")
    assert "oauth.no_refresh_token" in out
    assert "unless used" not in out
    _, out, _ = await place.run("check", "--account", "work", "--json")
    found = json.loads(out)
    assert "oauth.no_refresh_token" in [each["code"] for each in found["findings"]]
    assert found["token"]["origin"] == "store"
    assert found["token"]["renewable"] is False
    assert "canary" not in out


class _Nothing(dict[str, str]):
    def __setitem__(self, _key: str, _value: str) -> None: ...


async def test_an_authorization_server_that_cannot_be_reached_is_another_time(
    place: Place,
) -> None:
    endpoints = {
        "issuer": None, "authorization_endpoint": "https://127.0.0.1:1/a",
        "token_endpoint": "https://127.0.0.1:1/t", "grant": "client_credentials",
    }  # fmt: skip
    place.write(work=place.account(**endpoints))
    for command in (
        ("login", "--account", "work", "--json"),
        ("send", "--account", "work", "--from", USER, "--to", "b@example.org", "--subject", "x",
         "--json"),
    ):  # fmt: skip
        code, out, err = await place.run(*command)
        assert code == 75, out + err
        assert json.loads(out)["failure"]["code"] == "oauth.unreachable"
        assert json.loads(out)["failure"]["phase"] == "token"


async def test_without_a_login_sending_says_which_command(place: Place) -> None:
    place.write(work=place.account())
    code, out, _ = await place.run(
        "send", "--account", "work", "--from", USER, "--to", "b@example.org", "--subject", "x"
    )
    assert code == 77
    assert "smtps login --account work" in out
    code, out, _ = await place.run("check", "--account", "work", "--json")
    assert code == 2
    assert json.loads(out)["findings"][0]["code"] == "oauth.login_needed"


async def test_the_accounts_are_listed_with_their_logins(place: Place) -> None:
    password = {"host": "a.test", "username": "bob", "password_env": "NO"}
    wrong = {"host": "a.test", "usernam": "bob"}
    place.write(work=place.account(), plain=password, odd=wrong, bare={"host": "a.test"})
    code, out, _ = await place.run("accounts", "--json")
    rows = {row["name"]: row for row in json.loads(out)}
    assert code == 0
    assert rows["work"] | {"problem": None} == {
        "name": "work", "host": "127.0.0.1", "username": USER, "login": "oauth",
        "state": "login_needed", "access_expires_at": None, "login_ends_at": None, "problem": None,
        "findings": [],
    }  # fmt: skip
    assert (rows["plain"]["login"], rows["plain"]["state"]) == ("password", "unknown")
    assert rows["bare"]["login"] is None
    assert (
        "accounts.odd.usernam: is not a setting; did you mean username?" in rows["odd"]["problem"]
    )
    await place.run("login", "--account", "work", "--paste", paste=place.authority.browse)
    _, out, _ = await place.run("accounts", "--json")
    row = json.loads(out)[0]
    assert row["state"] == "ready"
    assert row["access_expires_at"].endswith("Z")
    _, out, _ = await place.run("accounts")
    assert "✓ work  127.0.0.1  ann@example.com  ready" in out
    assert "canary" not in out
    (place.store / "work.json").chmod(0o644)
    _, out, _ = await place.run("accounts")
    assert "✗ work" in out
    assert "can be read by others" in out


async def test_logging_out_forgets_and_revokes(place: Place) -> None:
    place.write(work=place.account())
    await place.run("login", "--account", "work", "--paste", paste=place.authority.browse)
    code, out, _ = await place.run("logout", "work", "--json")
    assert (code, json.loads(out)) == (0, {"account": "work", "forgotten": True, "revoked": True})
    assert place.authority.revoked
    assert not (place.store / "work.json").exists()
    code, out, _ = await place.run("logout", USER)
    assert (code, out) == (0, "work was not logged in\n")


async def test_the_service_s_settings_take_the_place_of_the_user_s_file(place: Place) -> None:
    table = place.account()
    oauth = ", ".join(f"{key} = {json.dumps(value)}" for key, value in table.pop("oauth").items())
    lines = [f"{key} = {json.dumps(value)}" for key, value in table.items()]
    config = place.folder / "service.toml"
    state = place.folder / "service-state"
    config.write_text("\n".join([
        f'state_dir = "{state}"', 'outbox = "mail.db"', "[accounts.main]", *lines,
        f"oauth = {{ {oauth} }}", 'senders = ["*@example.com"]',
    ]))  # fmt: skip
    code, out, err = await place.run("login", "--account", "main", "--config", str(config),
                                     "--paste", paste=place.authority.browse)  # fmt: skip
    assert code == 0, out + err
    assert (state / "accounts" / "main.json").exists()
    code, _, _ = await place.run("check", "--account", "main", "--config", str(config))
    assert code == WARNINGS


async def test_a_mail_merge_goes_through_an_account_and_stops_where_its_login_ends(
    place: Place,
) -> None:
    place.write(work=place.account())
    rows, letter, log = (place.folder / name for name in ("rows.csv", "letter.j2", "log"))
    rows.write_text("email\n" + "".join(f"r{n}@example.org\n" for n in range(5)))
    letter.write_text(f"From: {USER}\nTo: {{{{ email }}}}\nSubject: Hi\n\nText\n")
    merge = ["send", "--account", "work", "--merge", str(rows), "--template", str(letter),
             "--log", str(log), "--json"]  # fmt: skip
    code, out, err = await place.run(*merge)
    assert code == 77, out + err
    assert "smtps login --account work" in out + err
    assert place.mail.taken == []
    await place.run("login", "--account", "work", "--paste", paste=place.authority.browse)
    code, out, err = await place.run(*merge)
    assert code == 0, out + err
    assert len(place.mail.taken) == 5, "none counted as refused before"
    assert "canary" not in out + err + log.read_text()


async def test_an_option_beside_an_account_changes_it_or_is_refused(place: Place) -> None:
    place.write(work=place.account())
    await place.run("login", "--account", "work", "--paste", paste=place.authority.browse)
    code, out, _ = await place.run("check", "--account", "work", "--mechanism", "OAUTHBEARER",
                                   "--json")  # fmt: skip
    assert (code, json.loads(out)["auth"]["authenticated"]) == (2, False)
    sending = ["--from", USER, "--to", "b@example.org", "--subject", "x"]
    for command, problem in (
        (["check", "--account", "work", "a.test"], "cannot be combined with other targets"),
        (["check", "--account", "work", "--username", "u"], "--account, which has the login"),
        (["check", "--account", "work", "--token-env", "T"], "--account, which has the login"),
        (["send", "--account", "work", "--host", "a", *sending], "--account, which has the server"),
        (
            ["send", "--account", "work", "--queue", "x", *sending],
            "cannot be combined with --queue",
        ),
    ):
        code, _, err = await place.run(*command)
        assert (code, problem in err) == (64, True), err


async def test_python_sends_through_an_account(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in place.environment.items():
        if name.startswith(("SMTPS_", "XDG_", "CLIENT_")):
            monkeypatch.setenv(name, value)
    place.write(work=place.account())
    await place.run("login", "--account", "work", "--paste", paste=place.authority.browse)
    endpoint = smtps.account("work")
    assert "canary" not in repr(endpoint)
    message = smtps.Message(from_=USER, to="bob@example.org", subject="x", text="y")
    assert (await smtps.send(message, endpoint)).outcome == "sent"
    place.authority.live.clear()
    assert (await smtps.send(message, endpoint)).outcome == "sent", "a revoked token is replaced"
    assert place.authority.refreshed == 1


# The file.


def accounts(tmp_path: Path, text: str) -> user_accounts.Accounts:
    file = tmp_path / "accounts.toml"
    file.write_text(text)
    return read_accounts(str(file))


OAUTH = 'host = "smtp.gmail.com"\nusername = "a"\noauth = {{ {} }}\n'


CLIENT = 'client_id = "c", '
SECRETS = 'client_secret_env = "A", client_secret_file = "B"'
PROGRAM = 'provider = "microsoft", grant = "client_credentials", client_id = "c"'
MISTAKES = {
    "": "host: is required",
    "host = 7": "host: must be a string",
    'host = "a"\nport = "465"': "port: must be a whole number",
    'host = "a"\nport = true': "port: must be a whole number",
    'host = "a"\nport = 70000': "port: must be between 1 and 65535",
    'host = "a"\nsecurity = "startls"': r"security: must be one of .*; did you mean starttls\?",
    'host = "a"\ntimeout = 0': "timeout: must be more than 0",
    'hst = "a"': r"hst: is not a setting; did you mean host\?",
    'host = "a"\nsendrs = []': r"sendrs: is not a setting; did you mean senders\?",
    'host = "a"\nusername = "u"': "username: needs username and one of password_env",
    'host = "a"\npassword_env = "P"': "username: needs username",
    'host = "a"\nusername = "u"\npassword_env = "P"\npassword_file = "f"': "username: needs",
    'host = "a"\noauth = "google"': "oauth: must be a table",
    OAUTH.format('clientid = "c"'): r"oauth.clientid: .*; did you mean client_id\?",
    OAUTH.format(""): "oauth.client_id: is missing",
    OAUTH.format(CLIENT[:-2]): "oauth.client_secret_file: is missing: clients of Google",
    OAUTH.format('provider = "gogle"'): "oauth.provider: must be one of .*; did you mean google",
    OAUTH.format(CLIENT + 'grant = "device"'): "oauth.grant: Google does not offer device .*code",
    OAUTH.format('grant = "password"'): "oauth.grant: must be one of code, device",
    OAUTH.format('grant = "jwt_bearer"'): "oauth.client_key_file: is needed with jwt_bearer",
    OAUTH.format(CLIENT + SECRETS): "oauth.client_secret_env: .* cannot be given together",
    OAUTH.format(CLIENT + 'client_secret_env = "A", client_key_file = "B"'): "oauth.*together",
    OAUTH.format(PROGRAM + ', client_secret_env = "A"'): "oauth.tenant: is needed with client_cred",
    OAUTH.format(PROGRAM + ', tenant = "t"'): "oauth.client_key_file: is missing",
    OAUTH.format('provider = "microsoft", tenant = "a/b", client_id = "c"'): "oauth.tenant: must",
    OAUTH.format('provider = "yahoo"'): "oauth.client_id: .*Yahoo registers no new .*app password",
    OAUTH.format(CLIENT + 'issuer = "http://a.test"'): "oauth.issuer: must be a URL .*https://",
    OAUTH.format(CLIENT + 'issuer = "https://a.test"'): "oauth.scopes: is missing",
    OAUTH.format(CLIENT + 'token_endpoint = "https://a.test", scopes = ["m"]'):
        "oauth.authorization_endpoint: is missing",
    OAUTH.format(CLIENT + 'client_secret_env = "A", redirect_uri = "http://a.test/"'):
        "oauth.redirect_uri: must be http on loopback, or https",
    OAUTH.format(CLIENT + 'scopes = "mail"'): "oauth.scopes: must be a list of strings",
    'host = "a.test"\nusername = "a"\noauth = { client_id = "c" }':
        "oauth.provider: is missing, and the server is not one of a known provider",
}  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), MISTAKES.items())
def test_a_mistake_names_the_setting_as_the_file_does_and_the_remedy(
    tmp_path: Path, text: str, problem: str
) -> None:
    found = accounts(tmp_path, f"[accounts.x]\n{text}\n")
    with pytest.raises(InputError, match=rf"^accounts\.x\.{problem}"):
        found.get("x")


def test_both_readers_keep_to_the_same_rules() -> None:
    """The service's settings have the fields of the user's file, and those of the outbox."""
    server = {each.name for each in fields(ServerAccount)}
    assert set(AccountSettings.model_fields) == server | set(OUTBOX_ONLY)
    assert not server & set(OUTBOX_ONLY)
    with pytest.raises(ValueError, match=r"Google does not offer device"):
        AccountSettings(
            host="smtp.gmail.com", username="a",
            oauth={"grant": "device", "client_id": "c", "client_secret_env": "S"},  # type: ignore[arg-type]
        )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[account.x]", "account: is not a setting of .*; did you mean accounts"),
        ("accounts = 7", "accounts: .* must be tables"),
        ("[accounts.x", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    file = tmp_path / "a.toml"
    file.write_text(text)
    monkeypatch.setenv("SMTPS_ACCOUNTS", str(file))
    with pytest.raises(InputError, match=problem):
        read_accounts()
    monkeypatch.setenv("SMTPS_ACCOUNTS", str(tmp_path / "none"))
    with pytest.raises(InputError, match="does not exist"):
        read_accounts()


def test_an_account_that_is_not_there_is_named_with_the_nearest(tmp_path: Path) -> None:
    found = accounts(tmp_path, '[accounts.work]\nhost = "a"\n')
    with pytest.raises(InputError, match=r"no account 'wrok'; did you mean work\?"):
        found.get("wrok")
    with pytest.raises(InputError, match="no account 'home'; there is work"):
        found.get("home")
    odd = accounts(tmp_path, '[accounts."a/b"]\nhost = "a"\n')
    with pytest.raises(InputError, match="cannot be the name of an account"):
        odd.get("a/b")


def test_without_a_file_there_are_no_accounts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SMTPS_ACCOUNTS", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    with pytest.raises(InputError, match="does not exist, so there is no account 'x'"):
        smtps.account("x")


@pytest.mark.parametrize("text", ["plain", 'q"uo\\te', "tab\tü\U0001f600", "\x7f\x01"])
def test_what_is_written_into_the_file_is_read_the_same(tmp_path: Path, text: str) -> None:
    found = user_accounts.Accounts(tmp_path / "new" / "a.toml", {})
    user_accounts.add_account(
        found, "a@b.test", {"host": text, "port": 1, "l": [text], "o": {"k": text}}
    )
    user_accounts.add_account(found, "second", {"host": text})
    read = tomllib.loads(found.path.read_text())["accounts"]
    assert read["a@b.test"] == {"host": text, "port": 1, "l": [text], "o": {"k": text}}
    assert read["second"] == {"host": text}
    assert stat.S_IMODE(found.path.stat().st_mode) == 0o600


# The terminal.


@pytest.mark.parametrize(
    ("environment", "platform", "there"),
    [
        ({}, "linux", False),
        ({"DISPLAY": ":0"}, "linux", True),
        ({"WAYLAND_DISPLAY": "w"}, "linux", True),
        ({"DISPLAY": ":0", "SSH_CONNECTION": "x"}, "linux", False),
        ({}, "darwin", True),
        ({"SSH_TTY": "x"}, "darwin", False),
        ({"BROWSER": "lynx", "SSH_TTY": "x"}, "linux", True),
    ],
)
def test_a_browser_is_opened_where_there_is_a_screen(
    environment: dict[str, str], platform: str, there: bool
) -> None:
    assert has_browser(environment, platform) is there


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(81.5 * 86400, "81 days"), (86400, "24 hours"), (7300, "2 hours"), (3600, "60 minutes"),
     (60, "1 minute"), (5, "less than a minute")],
)  # fmt: skip
def test_how_long_is_said_roughly(seconds: float, words: str) -> None:
    assert span(seconds) == words


def test_moments_are_utc() -> None:
    assert moment(0) == "1970-01-01T00:00:00Z"
    assert moment(None) is None
