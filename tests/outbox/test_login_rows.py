"""Logins in PostgreSQL: encrypted, one renewal at a time, and what a lost lease must not do."""

from __future__ import annotations

import asyncio
import base64
import os
import pickle
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from tests.net.pki import PKI
from tests.oauth import crash, crash_worker
from tests.oauth.authorization import AuthorizationServer, authorization_server
from tests.oauth.test_token_source import HOME
from tests.outbox.database import Server
from tests.webserver import Request

from smtps.config.login_place import LoginPlace
from smtps.config.server_account import OAuthTable
from smtps.config.settings import Settings, load
from smtps.errors import InputError, TokenError
from smtps.oauth.exchange import Exchange
from smtps.oauth.token_source import StoredTokens
from smtps.oauth.token_store import FileStore
from smtps.oauth.tokens import StoredLogin, Tokens
from smtps.outbox import login_rows, tables
from smtps.outbox.login_keys import (
    BrokenSealError,
    LoginKeys,
    UnknownKeyError,
    read_keys,
)
from smtps.outbox.login_rows import LoginRows, Sight, Watch
from smtps.outbox.store import backend

CANARIES = ("access-canary", "refresh-canary")
LOGIN = StoredLogin(
    client="c", logged_in_at=1.0, used_at=1.0,
    tokens=Tokens(
        access_token=CANARIES[0], refresh_token=CANARIES[1], obtained_at=1.0, expires_at=2.0
    ),
)  # fmt: skip


def key() -> str:
    return base64.b64encode(os.urandom(32)).decode()


FIRST, SECOND = key(), key()


def keys(*found: str) -> LoginKeys:
    return read_keys(" ".join(found or (FIRST,)), "login_key_env")


@pytest.fixture
def database(postgres: Server) -> str:
    return postgres.database()


@pytest.fixture
def rows(database: str) -> LoginRows:
    return LoginRows(database, keys())


def row_of(database: str, account: str) -> Any:
    behind = backend(database, own=False)
    with behind.reading.connect() as connection:
        found = connection.execute(
            select(tables.logins).where(tables.logins.c.account == account)
        ).one()  # fmt: skip
    behind.close()
    return found


async def put(store: LoginRows, account: str, login: StoredLogin = LOGIN) -> None:
    async with store.locked(account) as lease:
        store.write(account, login, lease)


async def test_a_login_is_read_as_it_was_written_and_forgotten(rows: LoginRows) -> None:
    assert rows.read("ann") is None
    await put(rows, "ann")
    assert rows.read("ann") == LOGIN
    assert rows.read("bob") is None
    async with rows.locked("ann") as lease:
        assert rows.forget("ann", lease)
        assert not rows.forget("ann", lease)
    assert rows.read("ann") is None


async def test_nothing_secret_is_in_the_row_or_the_dump(
    postgres: Server, database: str, rows: LoginRows
) -> None:
    await put(rows, "ann")
    dump = postgres.dump(database)
    data = row_of(database, "ann").data
    for canary in (*CANARIES, "access_token"):
        assert canary not in dump
        assert canary.encode().hex() not in dump
        assert canary.encode() not in data
    assert FIRST not in repr(rows.__dict__)
    assert base64.b64decode(FIRST) not in data


def test_keys_are_in_no_repr_and_no_pickle() -> None:
    found = keys(FIRST, SECOND)
    assert repr(found) == "<2 login keys>"
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(found)


@pytest.mark.parametrize("text", ["", " \n", "secret", base64.b64encode(b"x" * 31).decode()])
def test_what_is_no_key_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(InputError) as caught:
        read_keys(text, "login_key_file")
    assert caught.value.field == "login_key_file"
    assert not text.strip() or text not in str(caught.value)


def test_a_sealed_login_opens_for_its_account_alone() -> None:
    sealed = keys().seal("ann", b"data")
    assert keys().open("ann", sealed).data == b"data"
    for account, damaged in (
        ("bob", sealed),
        ("ann", sealed[:-1] + bytes([sealed[-1] ^ 1])),
        ("ann", sealed[:10]),
        ("ann", b""),
        ("ann", b"\x02" + sealed[1:]),
    ):
        with pytest.raises(BrokenSealError):
            keys().open(account, damaged)
    with pytest.raises(UnknownKeyError):
        keys(SECOND).open("ann", sealed)


def test_the_same_login_is_never_sealed_to_the_same_octets() -> None:
    assert keys().seal("ann", b"data") != keys().seal("ann", b"data")


async def test_a_row_that_was_put_in_place_of_anothers_is_refused(
    database: str, rows: LoginRows
) -> None:
    await put(rows, "ann")
    await put(rows, "bob", replace(LOGIN, client="other"))
    stolen = row_of(database, "ann").data
    behind = backend(database, own=False)
    with behind.writing.begin() as connection:
        connection.execute(
            update(tables.logins).where(tables.logins.c.account == "bob").values(data=stolen)
        )
    behind.close()
    with pytest.raises(TokenError) as caught:
        rows.read("bob")
    assert caught.value.code == "oauth.store_damaged"


async def test_a_key_is_rotated_while_the_logins_are_used(database: str, rows: LoginRows) -> None:
    await put(rows, "ann")
    before = row_of(database, "ann").data
    both = LoginRows(database, keys(SECOND, FIRST))
    assert both.read("ann") == LOGIN
    after = row_of(database, "ann").data
    assert after != before
    assert LoginRows(database, keys(SECOND)).read("ann") == LOGIN
    both.read("ann")
    assert row_of(database, "ann").data == after, "once is enough"
    with pytest.raises(TokenError) as caught:
        rows.read("ann")
    assert caught.value.code == "oauth.key_unknown"


async def test_sealing_again_never_undoes_what_was_written_meanwhile(
    database: str, rows: LoginRows
) -> None:
    await put(rows, "ann")
    both, old = LoginRows(database, keys(SECOND, FIRST)), row_of(database, "ann").data
    await put(both, "ann", replace(LOGIN, client="newer"))
    both._seal_again("ann", old, b"older")
    found = both.read("ann")
    assert found is not None
    assert found.client == "newer"


def test_a_holder_is_dead_when_it_was_seen_unchanged_for_the_whole_time() -> None:
    watch = Watch(15.0)
    watch.saw(Sight(7, 1), 100.0)
    assert watch.dead(114.9) is None
    assert watch.dead(115.0) == Sight(7, 1)
    watch.saw(Sight(7, 2), 115.0)
    assert watch.dead(129.0) is None, "it has beaten"
    watch.saw(None, 129.0)
    assert watch.dead(200.0) is None, "nothing was seen"
    watch.saw(Sight(7, 2), 200.0)
    assert watch.dead(214.0) is None


async def test_one_at_a_time_has_the_lease(database: str, rows: LoginRows) -> None:
    other, order = LoginRows(database, keys()), []

    async def second() -> None:
        async with other.locked("ann"):
            order.append("second")

    async with rows.locked("ann"), other.locked("bob"):
        waiting = asyncio.create_task(second())
        done, _ = await asyncio.wait([waiting], timeout=0.3)
        assert not done
        order.append("first")
    await waiting
    assert order == ["first", "second"]


async def test_a_holder_that_beats_keeps_its_lease_longer_than_one_lasts(database: str) -> None:
    one, other = (LoginRows(database, keys(), lease=1.0) for _ in range(2))
    async with one.locked("ann") as lease:
        waiting = asyncio.create_task(put(other, "ann", replace(LOGIN, client="other")))
        beat = row_of(database, "ann").beat
        async with asyncio.timeout(20):
            while row_of(database, "ann").beat < beat + 10:  # twice as long
                await asyncio.sleep(0.05)
        one.write("ann", LOGIN, lease)
        assert one.read("ann") == LOGIN
        assert not waiting.done()
    await waiting


async def taken_over(database: str) -> tuple[LoginRows, int]:
    """A holder whose lease another has, since it has shown no sign of life."""
    one, other = (LoginRows(database, keys(), lease=0.3) for _ in range(2))
    lease = await one._acquire("ann")  # and then it is suspended
    one.write("ann", LOGIN, lease)
    async with asyncio.timeout(20):
        await put(other, "ann", replace(LOGIN, client="other"))
    return one, lease


async def test_the_lease_of_one_that_was_killed_is_taken_over_and_its_writes_are_refused(
    database: str,
) -> None:
    one, lease = await taken_over(database)
    for refused in (lambda: one.write("ann", LOGIN, lease), lambda: one.forget("ann", lease)):
        with pytest.raises(TokenError) as caught:
            refused()
        assert caught.value.code == "oauth.lease_lost"
        assert caught.value.failure.retryable
    found = one.read("ann")
    assert found is not None
    assert found.client == "other"


async def test_without_a_lease_nothing_is_written(rows: LoginRows) -> None:
    await put(rows, "ann")
    with pytest.raises(TokenError, match="taken over"):
        rows.write("ann", replace(LOGIN, client="other"))
    assert rows.read("ann") == LOGIN


async def test_a_beat_or_a_release_of_a_lost_lease_changes_nothing(database: str) -> None:
    one, lease = await taken_over(database)
    async with LoginRows(database, keys()).locked("ann") as newer:
        before = row_of(database, "ann")
        assert not one._update("ann", lease, {"held": False})
        assert row_of(database, "ann") == before
        assert newer > lease


async def test_a_database_that_is_down_is_said_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login_rows, "STUBBORN", 0.5)
    with Server(fsync="off") as server:
        store = LoginRows(server.database(), keys(), patience=1.0)
        await put(store, "ann")
        lease = await store._acquire("ann")
        server.stop("immediate")
        with pytest.raises(TokenError) as caught:
            store.read("ann")
        assert caught.value.code == "oauth.store_unavailable"
        assert caught.value.failure.retryable
        monkeypatch.setattr(login_rows, "STUBBORN", 120.0)
        writing = asyncio.create_task(
            asyncio.to_thread(store.write, "ann", replace(LOGIN, client="new"), lease)
        )
        await asyncio.sleep(0)
        server.start()
        await writing
        found = store.read("ann")
        assert found is not None
        assert found.client == "new", "the new refresh token is not lost with the database"


class Setting:
    """Two workers that share a row, and the server that renews its login."""

    def __init__(self, server: AuthorizationServer, database: str) -> None:
        self.server, self.database = server, database
        self.now = 1_000_000.0
        self.stores = [LoginRows(database, keys(), lease=0.5) for _ in range(2)]

    def source(self, number: int) -> StoredTokens:
        clock = self.clock
        exchange = Exchange(self.server.registration(), clock=clock, timeout=5.0)
        return StoredTokens("ann", exchange, self.stores[number], clock=clock)

    def clock(self) -> float:
        return self.now

    async def log_in(self) -> None:
        source = self.source(0)
        begun = await source.exchange.begin(HOME)
        await source.log_in(await source.exchange.redeem(begun, self.server.browse(begun.url)))


@pytest.fixture
async def setting(pki: PKI, database: str) -> AsyncIterator[Setting]:
    async with authorization_server(pki) as server:
        yield Setting(server, database)


async def test_workers_share_one_renewal(setting: Setting) -> None:
    await setting.log_in()
    setting.now += 3000
    sources = [setting.source(0), setting.source(1)]
    found = await asyncio.gather(*(source.token() for source in sources for _ in range(10)))
    assert len(set(found)) == 1
    assert setting.server.refreshed == 1


async def test_what_has_begun_is_in_the_row_before_the_request(setting: Setting) -> None:
    await setting.log_in()
    setting.now += 3000
    seen = []

    async def look(request: Request) -> bool | None:
        login = await asyncio.to_thread(setting.stores[1].read, "ann")
        assert login is not None
        seen.append(login.refresh_begun)
        return await setting.server.act(request)

    setting.server.script = look
    await setting.source(0).token()
    assert seen[-1] == setting.now
    assert len(seen) == 2, "the metadata, and the renewal"
    login = setting.stores[1].read("ann")
    assert login is not None
    assert login.refresh_begun is None


async def test_a_renewal_whose_lease_was_lost_hands_out_no_token(setting: Setting) -> None:
    await setting.log_in()
    setting.now += 3000

    async def robbed(request: Request) -> bool | None:
        behind = backend(setting.database, own=False)
        with behind.writing.begin() as connection:
            connection.execute(update(tables.logins).values(lease=tables.logins.c.lease + 1))
        behind.close()
        return await setting.server.act(request)

    setting.server.script = robbed
    with pytest.raises(TokenError) as caught:
        await setting.source(0).token(refused="x")
    assert caught.value.code == "oauth.lease_lost"


async def test_workers_that_are_killed_lose_no_login(
    tmp_path: Path, pki: PKI, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(crash_worker.KEY, key())
    monkeypatch.setenv("LEASE", "1")
    found = await crash.run(tmp_path, pki, kills=8, life=1.0, grace=True, place=database)
    assert found.lost == 0
    assert found.errors == {}
    assert found.renewals > 3
    assert found.strange == 0


POSTGRES: dict[str, Any] = {"outbox": "postgresql://db/mail", "login_key_env": "LOGIN_KEY"}
OAUTH: dict[str, Any] = {"provider": "fastmail", "client_id": "c"}


def test_a_service_with_a_key_keeps_logins_in_its_database_unless_an_account_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOGIN_KEY", FIRST)
    place = Settings(**POSTGRES, state_dir=str(tmp_path)).logins
    assert isinstance(OAuthTable(**OAUTH).store(place), LoginRows)
    assert OAuthTable(**OAUTH).store(place) is OAuthTable(**OAUTH).store(place)
    assert isinstance(OAuthTable(**OAUTH, keep="file").store(place), FileStore)
    without = Settings(outbox="postgresql://db/mail", state_dir=str(tmp_path)).logins
    assert isinstance(OAuthTable(**OAUTH).store(without), FileStore)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"outbox": "mail.db", "login_key_env": "X"}, "login_key_env"),
        ({"login_key_file": "X"}, "login_key_file"),
        ({**POSTGRES, "login_key_file": "X"}, "login_key_env"),
        ({"outbox": "postgresql://db/mail"}, "oauth.keep"),
        ({"outbox": "mail.db"}, "oauth.keep"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(given: dict[str, Any], field: str) -> None:
    account: Any = {"host": "h", "username": "u", "oauth": {**OAUTH, "keep": "outbox"}}
    with pytest.raises(InputError) as caught:
        load(**given, accounts={"main": account})
    assert caught.value.field.endswith(field)


def test_keys_come_from_a_file_or_a_command(tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text(f"{FIRST}\n{SECOND}\n")
    sealed = keys(SECOND).seal("a", b"data")
    of_file = LoginPlace(outbox="postgresql://db/mail", login_key_file=str(file)).keys()
    assert of_file.open("a", sealed).old
    command = f"echo {SECOND} {FIRST}"
    of_command = LoginPlace(outbox="postgresql://db/mail", login_key_command=command).keys()
    assert not of_command.open("a", sealed).old
    with pytest.raises(InputError, match="login_key_file"):
        LoginPlace(outbox="postgresql://db/mail", login_key_file=str(tmp_path / "no")).keys()


async def test_the_old_tables_get_the_new_one(database: str) -> None:
    behind = backend(database, own=False)
    with behind.writing.begin() as connection:
        old = [t for t in tables.metadata.sorted_tables if t is not tables.logins]
        tables.metadata.create_all(connection, tables=old)
        connection.execute(insert(tables.meta), {"name": "schema", "value": "1"})
    behind.close()
    await put(LoginRows(database, keys()), "ann")
