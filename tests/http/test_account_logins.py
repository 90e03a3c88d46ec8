"""Logins of the service's accounts over HTTP, and ``smtps login --service``."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
from tests.cli.test_accounts import CANARIES
from tests.client.farm import Farm, farm
from tests.net.pki import PKI
from tests.oauth.authorization import SECRET, USER, AuthorizationServer, authorization_server
from tests.oauth.mail import TokenMail
from tests.oauth.test_redirect import ask

from smtps.cli import service_client, service_login
from smtps.config.callers import hash_token
from smtps.config.open_outbox import open_outbox
from smtps.config.settings import Settings
from smtps.errors import InputError, LocalError, TokenError
from smtps.http import serving
from smtps.http.app import create_app
from smtps.http.pending_logins import EACH, MOST, Pending, PendingLogins
from smtps.main import build_parser, main
from smtps.oauth.token_source import StoredTokens

ADMIN, SOME, RIGHT = "a" * 32, "b" * 32, "c" * 32
TOKENS = {"admin": hash_token(ADMIN), "some": hash_token(SOME), "right": hash_token(RIGHT)}
HOME = "http://127.0.0.1:49152"


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


class Place:
    """A service with an account, its mail server and its authorization server."""

    def __init__(
        self, authority: AuthorizationServer, servers: Farm, folder: Path, pki: PKI
    ) -> None:
        self.authority, self.servers, self.folder = authority, servers, folder
        self.oauth: dict[str, Any] = {
            "issuer": authority.issuer, "client_id": "client-1", "scopes": ["mail"],
            "client_secret_env": "CLIENT_SECRET", "ca_file": str(pki.ca),
        }  # fmt: skip
        self.account: dict[str, Any] = {
            "host": "127.0.0.1", "port": servers.port, "security": "implicit", "username": USER,
            "ca_file": str(pki.ca), "oauth": self.oauth,
        }  # fmt: skip
        self.settings_: dict[str, Any] = {}

    def settings(self, **more: Any) -> Settings:
        password = {"host": "127.0.0.1", "username": "u", "password_env": "CLIENT_SECRET"}
        values: dict[str, Any] = {
            "port": 0, "tokens": TOKENS, "grants": {"some": ["main"], "right": ["main"]},
            "rights": {"right": ["logins"]}, "state_dir": str(self.folder),
            "accounts": {"main": self.account, "plain": password},
            "outbox": str(self.folder / "mail.db"),
        }  # fmt: skip
        return Settings(**(values | more))

    @asynccontextmanager
    async def service(self, **more: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(self.settings(**more))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers=bearer(ADMIN)
        ) as client:
            yield client

    @property
    def stored(self) -> Any:
        return json.loads((self.folder / "accounts" / "main.json").read_text())


@pytest.fixture
async def place(pki: PKI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setenv("CLIENT_SECRET", SECRET)
    async with (
        authorization_server(pki) as authority,
        farm(pki, lambda _: TokenMail(authority)) as servers,
    ):
        yield Place(authority, servers, tmp_path, pki)


LOGIN = "/api/smtps/accounts/main/login"


async def begin(client: httpx.AsyncClient, **more: Any) -> dict[str, Any]:
    answer = await client.post(LOGIN, json={"redirect_uri": HOME, **more})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_the_service_begins_a_login_and_stores_it_when_the_answer_comes(
    place: Place,
) -> None:
    async with place.service() as client:
        how = (await client.get(LOGIN)).json()
        assert (how["redirect_host"], how["redirect_uri"]) == ("127.0.0.1", None)
        assert how["login"]["state"] == "login_needed"
        begun = await begin(client)
        answer = place.authority.browse(begun["url"])
        finished = await client.post(f"/api/smtps/logins/{begun['login']}", json={"answer": answer})
        assert finished.status_code == 200, finished.text
        assert finished.json()["state"] == "ready"
        assert finished.json()["renewable"] is True
        assert (await client.get(LOGIN)).json()["login"]["state"] == "ready"
        everything = json.dumps([how, begun, finished.json()])
    assert place.stored["tokens"]["access_token"] in place.authority.live
    for canary in (*CANARIES, "verifier", place.stored["tokens"]["refresh_token"]):
        assert canary not in everything


async def test_an_answer_is_taken_once_and_from_the_caller_who_began(place: Place) -> None:
    async with place.service() as client:
        begun = await begin(client)
        body = {"answer": place.authority.browse(begun["url"])}
        path = f"/api/smtps/logins/{begun['login']}"
        stolen = await client.post(path, json=body, headers=bearer(RIGHT))
        assert (stolen.status_code, stolen.json()["code"]) == (404, "oauth.no_such_login")
        assert (await client.post(path, json=body)).status_code == 200
        again = await client.post(path, json=body)
        assert (again.status_code, again.json()["code"]) == (404, "oauth.no_such_login")
        assert again.json()["phase"] == "token"


async def test_a_wrong_answer_ends_the_login_and_stores_nothing(place: Place) -> None:
    async with place.service() as client:
        begun = await begin(client)
        path = f"/api/smtps/logins/{begun['login']}"
        wrong = await client.post(path, json={"answer": f"{HOME}/?code=x&state=forged"})
        assert (wrong.status_code, wrong.json()["code"]) == (502, "oauth.not_this_login")
        assert wrong.json()["phase"] == "token"
        right = {"answer": place.authority.browse(begun["url"])}
        assert (await client.post(path, json=right)).status_code == 404
    assert not (place.folder / "accounts" / "main.json").exists()


@pytest.mark.parametrize(
    ("token", "name", "code"),
    [
        (SOME, "main", "api.right_needed"),
        (SOME, "plain", "outbox.account_not_allowed"),
        (RIGHT, "plain", "outbox.account_not_allowed"),
        (RIGHT, "none", "outbox.account_not_allowed"),
    ],
)
async def test_only_a_token_that_may_do_so_logs_in(
    place: Place, token: str, name: str, code: str
) -> None:
    path = f"/api/smtps/accounts/{name}/login"
    async with place.service() as client:
        for answer in (
            await client.get(path, headers=bearer(token)),
            await client.post(path, json={"redirect_uri": HOME}, headers=bearer(token)),
            await client.delete(path, headers=bearer(token)),
        ):
            assert (answer.status_code, answer.json()["code"]) == (403, code)


async def test_a_token_with_the_right_logs_its_accounts_in(place: Place) -> None:
    async with place.service() as client:
        client.headers.update(bearer(RIGHT))
        begun = await begin(client)
        answer = place.authority.browse(begun["url"])
        path = f"/api/smtps/logins/{begun['login']}"
        assert (await client.post(path, json={"answer": answer})).status_code == 200
        gone = await client.delete(LOGIN)
        assert gone.json() == {"account": "main", "forgotten": True, "revoked": True}
        assert (await client.get(LOGIN)).json()["login"]["state"] == "login_needed"


async def test_without_any_token_nobody_logs_in(place: Place) -> None:
    async with place.service(tokens={}, grants={}, rights={}) as client:
        answer = await client.get(LOGIN)
        assert (answer.status_code, answer.json()["code"]) == (403, "api.right_needed")


async def test_an_account_with_a_password_has_no_login_to_make(place: Place) -> None:
    async with place.service() as client:
        answer = await client.get("/api/smtps/accounts/plain/login")
        assert answer.status_code == 400
        assert "no table oauth" in answer.json()["error"]


@pytest.mark.parametrize(
    "uri",
    [None, "", "https://evil.example/", "http://evil.example:80/", "http://127.0.0.1/",
     "http://127.0.0.1:99999/", "http://u@127.0.0.1:1/", "http://127.0.0.1:1/?x",
     "http://127.0.0.1:1/#x", "javascript:alert(1)", "http://127.0.0.1.evil.example:1/"],
)  # fmt: skip
async def test_the_answer_goes_to_the_callers_own_computer_alone(
    place: Place, uri: str | None
) -> None:
    async with place.service() as client:
        answer = await client.post(LOGIN, json={"redirect_uri": uri})
        assert answer.status_code == 400, answer.text
        assert answer.json()["errors"][0]["field"] == "redirect_uri"


async def test_a_registered_redirect_is_used_and_no_other(place: Place) -> None:
    place.oauth["redirect_uri"] = "https://mail.example.com/back"
    async with place.service() as client:
        refused = await client.post(LOGIN, json={"redirect_uri": HOME})
        assert refused.status_code == 400
        begun = (await client.post(LOGIN, json={})).json()
        assert begun["redirect_uri"] == "https://mail.example.com/back"


async def test_a_code_on_another_device_logs_in_too(place: Place) -> None:
    async with place.service() as client:
        begun = await begin(client, way="device", redirect_uri=None)
        assert begun["user_code"]
        path = f"/api/smtps/logins/{begun['login']}"
        assert (await client.get(path)).json() == {"account": "main", "state": "pending"}
        refused = await client.post(path, json={"answer": "x"})
        assert refused.status_code == 400
        for device in place.authority.devices.values():
            device.approved = True
        async with asyncio.timeout(30):
            while (found := (await client.get(path)).json())["state"] == "pending":
                await asyncio.sleep(0.02)
        assert found["state"] == "ready"
    assert place.stored["tokens"]["refresh_token"]


async def test_a_long_answer_or_one_with_more_fields_is_refused_without_being_repeated(
    place: Place,
) -> None:
    async with place.service() as client:
        begun = await begin(client)
        path = f"/api/smtps/logins/{begun['login']}"
        for body in ({"answer": "code-canary" * 3000}, {"answer": "code-canary", "more": 1},
                     {"answer": ["code-canary"]}):  # fmt: skip
            answer = await client.post(path, json=body)
            assert answer.status_code == 400
            assert "code-canary" not in answer.text


async def test_the_list_of_accounts_says_how_logins_stand(place: Place) -> None:
    settings = place.settings()
    async with open_outbox(settings, deliver=True) as outbox:
        app = create_app(settings, outbox=outbox)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1", headers=bearer(ADMIN)
        ) as client:
            accounts = (await client.get("/api/smtps/accounts")).json()["accounts"]
            found = {account["account"]: account["login"] for account in accounts}
            assert found["plain"] is None
            assert found["main"]["state"] == "login_needed"
            assert found["main"]["command"] == "smtps login --account main"
            assert found["main"]["username"] == USER
            resumed = await client.post("/api/smtps/accounts/main/resume")
            assert resumed.json()["login"]["state"] == "login_needed"


# What waits.


def pending(account: str = "a", caller: str = "c", until: float = 900.0) -> Pending:
    source: StoredTokens = None  # type: ignore[assignment]
    return Pending(account=account, caller=caller, source=source, until=until)


def test_a_login_that_was_begun_is_forgotten_after_a_while() -> None:
    now = [0.0]
    logins = PendingLogins(lambda: now[0])
    name = logins.add(pending(until=logins.until))
    now[0] = 899.0
    assert logins.get(name, "c").account == "a"
    now[0] = 900.0
    with pytest.raises(TokenError, match="15 minutes"):
        logins.get(name, "c")


def test_no_caller_can_fill_the_memory() -> None:
    logins = PendingLogins(lambda: 0.0)
    names = [logins.add(pending()) for _ in range(EACH + 1)]
    with pytest.raises(TokenError):
        logins.get(names[0], "c")
    assert logins.get(names[1], "c").account == "a"
    for number in range(MOST - EACH):
        logins.add(pending(f"a{number}"))
    with pytest.raises(LocalError) as caught:
        logins.add(pending("one more"))
    assert caught.value.code == "api.busy"


# The command.


@asynccontextmanager
async def served(place: Place) -> AsyncIterator[str]:
    """A service at a port of this computer."""
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    stop = asyncio.Event()
    running = asyncio.create_task(
        serving.serve(place.settings(), None, ready=ready.set_result, stop=stop)
    )
    try:
        async with asyncio.timeout(30):
            yield await ready
    finally:
        stop.set()
        await running


def options(*arguments: str) -> Any:
    return build_parser().parse_args(arguments)


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, place: Place) -> list[str]:
    """A browser in which the person accepts."""
    pages: list[str] = []
    tasks: list[asyncio.Task[Any]] = []

    def opener(*_: Any, **__: Any) -> Callable[[str], None]:
        def show(url: str) -> None:
            pages.append(url)
            back = urlsplit(place.authority.browse(url))
            home = f"{back.scheme}://{back.netloc}"
            tasks.append(asyncio.create_task(ask(home, f"/?{back.query}")))

        return show

    monkeypatch.setattr("smtps.cli.person.opener", opener)
    monkeypatch.setattr("smtps.cli.person.at_terminal", lambda: False)
    return pages


async def test_a_person_logs_in_for_a_service_elsewhere(
    place: Place, browser: list[str], monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv(service_client.TOKEN, ADMIN)
    async with served(place) as url:
        given = options("login", "--account", "main", "--service", url)
        code = await service_login.log_in(given)
        said = capsys.readouterr()
        assert code == 0, said.out
        assert f"✓ logged in as {USER}" in said.out
        assert f"accepted the login of {USER}" in said.out
        rows = await service_login.accounts(given)
        assert {row["name"]: row["state"] for row in rows} == {"main": "ready", "plain": "unknown"}
        assert await service_login.log_out(given) == {
            "account": "main", "forgotten": True, "revoked": True
        }  # fmt: skip
    assert len(browser) == 1
    for canary in (ADMIN, *CANARIES):
        assert canary not in said.out + said.err


async def test_what_the_service_refuses_is_shown_with_code_and_phase(
    place: Place, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OTHER", SOME)
    async with served(place) as url:
        code = await service_login.log_in(
            options("login", "--account", "main", "--service", url, "--json",
                    "--service-token-env", "OTHER")
        )  # fmt: skip
    found = json.loads(capsys.readouterr().out)
    assert found["failure"]["code"] == "api.right_needed"
    assert found["failure"]["phase"] == "input"
    assert code == 65


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://mail.example.com", "must begin with https"),
        ("ftp://127.0.0.1", "must begin with https"),
        ("https://u:p@mail.example.com", "without a user"),
        ("https://[::1", "not a valid URL"),
    ],
)
def test_the_token_goes_over_tls_or_stays_on_this_computer(
    url: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(service_client.TOKEN, ADMIN)
    with pytest.raises(InputError, match=problem):
        service_client.Service(options("accounts", "--service", url))


@pytest.mark.parametrize("url", ["file:///etc/passwd", "x-program:run", 7, "http://evil.example"])
def test_no_service_opens_anything_but_a_page(url: object) -> None:
    with pytest.raises(Exception, match="names no page"):
        service_login._check_page(url)


def test_what_the_service_decides_cannot_be_given(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(service_client.TOKEN, ADMIN)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    base = ("login", "--account", "a", "--service", "http://127.0.0.1:1")
    for more in (("--client-id", "x"), ("--config", "/x")):
        assert main([*base, *more]) == 64
        assert "cannot be given with --service" in capsys.readouterr().err
