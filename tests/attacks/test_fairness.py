"""One caller who takes all that it can get, and another who wants a little."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from tests.attacks.wires import Wires, answer, connected, running

from smtps.config.callers import Proxies, hash_token, line
from smtps.config.settings import Settings, load
from smtps.errors import InputError
from smtps.http import serving
from smtps.http.guards.limits import Shares
from smtps.http.threads import CALLER, FairThreads

TOKENS = {name: hash_token(name) for name in ("hog", "ann", "bob")}
PLACES = 8
EVENTS, CONNECT = "/api/smtps/connect/events", "/api/smtps/connect"
OPEN = ("/healthz", "/readyz", "/metrics")


@pytest.fixture
async def silent() -> AsyncIterator[int]:
    """The port of a server that says nothing."""

    async def say_nothing(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.add(writer)

    here: set[asyncio.StreamWriter] = set()
    listener = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for writer in here:
            writer.close()


def request(path: str, caller: str, **more: Any) -> bytes:
    method, content, headers = "GET", b"", ""
    if "host" in more:
        method, content = "POST", json.dumps(more).encode()
        headers = f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {caller}\r\n"
    return f"{head}{headers}\r\n".encode() + content


async def status(wires: Wires) -> int:
    """Of an answer whose body is left alone."""
    async with asyncio.timeout(20):
        return int((await wires[0].readline()).split()[1])


@asynccontextmanager
async def asking(port: int, path: str, caller: str, /, **more: Any) -> AsyncIterator[Wires]:
    async with connected(port) as wires:
        wires[1].write(request(path, caller, **more))
        yield wires


async def plain(port: int, path: str, caller: str, /, **more: Any) -> tuple[int, bytes]:
    """Status and head of an answer that comes to its end."""
    async with asking(port, path, caller, **more) as wires, asyncio.timeout(20):
        head = await wires[0].readuntil(b"\r\n\r\n")
        return int(head.split()[1]), head.lower()


async def hog(stack: AsyncExitStack, port: int, path: str, silent: int, many: int) -> list[Wires]:
    """Requests of one caller that take long."""
    return await hog_of(stack, "hog", port, path, silent, many)


async def hog_of(
    stack: AsyncExitStack, caller: str, port: int, path: str, silent: int, many: int
) -> list[Wires]:
    return [
        await stack.enter_async_context(
            asking(port, path, caller, host="127.0.0.1", port=silent, timeout=60_000)
        )
        for _ in range(many)
    ]


async def test_one_token_s_event_streams_leave_places_for_others(silent: int) -> None:
    settings: dict[str, Any] = {"tokens": TOKENS, "concurrency": PLACES, "streams": PLACES}
    async with running(**settings) as port, AsyncExitStack() as stack:
        streams = await hog(stack, port, EVENTS, silent, 3 * PLACES)
        statuses = [await status(wires) for wires in streams]
        assert set(statuses) == {200, 503}
        assert statuses.count(200) == PLACES
        for caller in ("ann", "bob"):
            asked = {"host": "127.0.0.1", "port": silent, "timeout": 60_000}
            mine = await stack.enter_async_context(asking(port, EVENTS, caller, **asked))
            assert await status(mine) == 200
        assert (await plain(port, EVENTS, "hog", **asked))[0] == 429
        assert (await plain(port, "/api/smtps/ports", "hog"))[0] == 200  # streams are apart
        for path in OPEN:
            assert (await plain(port, path, "ann"))[0] == 200


async def test_one_token_s_checks_leave_places_for_others(silent: int) -> None:
    async with running(tokens=TOKENS, concurrency=PLACES) as port, AsyncExitStack() as stack:
        many = await hog(stack, port, CONNECT, silent, 2 * PLACES)
        asked = [asyncio.create_task(answer(wires)) for wires in many]
        while sum(task.done() for task in asked) < PLACES:
            await asyncio.sleep(0.01)
        for task in asked:
            if task.done():
                code, told = task.result()
                assert (code, told["code"], told["retryable"]) == (503, "api.busy", True)
        await hog_of(stack, "bob", port, CONNECT, silent, 1)
        while (await plain(port, CONNECT, "hog", host="127.0.0.1", port=silent))[0] != 429:
            await asyncio.sleep(0.01)
        code, head = await plain(port, CONNECT, "hog", host="127.0.0.1", port=silent)
        assert (code, b"retry-after: 1\r\n" in head) == (429, True)
        for task in asked:
            await cancel(task)
        assert (await plain(port, "/api/smtps/ports", "ann"))[0] == 200


async def test_the_operator_sees_a_full_service(
    silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "room", lambda: 16)
    async with running(tokens=TOKENS) as port, AsyncExitStack() as stack:
        for path in (CONNECT, EVENTS):
            await hog(stack, port, path, silent, 16)
        for _ in range(40):
            await stack.enter_async_context(connected(port))
        for path in OPEN * 3:
            assert (await plain(port, path, "ann"))[0] == 200


async def test_large_bodies_of_one_caller_leave_memory_for_others(silent: int) -> None:
    most = 100_000
    async with running(tokens=TOKENS, max_body=most) as port, AsyncExitStack() as stack:
        body = {"host": "127.0.0.1", "port": silent, "timeout": 60_000, "from": "a@x.test",
                "to": "b@x.test", "body": "x" * (most - 1000)}  # fmt: skip
        hogs = [
            await stack.enter_async_context(asking(port, "/api/smtps/send", "hog", **body))
            for _ in range(4)
        ]
        told = [asyncio.create_task(answer(wires)) for wires in hogs]
        done, waiting = await asyncio.wait(told, return_when=asyncio.FIRST_COMPLETED)
        assert {task.result()[0] for task in done} == {503}
        assert (await plain(port, "/api/smtps/send", "ann", **body, dry_run=True))[0] == 200
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def test_one_caller_has_what_is_set_and_two_have_two_thirds_each() -> None:
    shares = Shares(45)

    def fill(caller: str) -> int:
        taken = 0
        while shares.refuse(caller) is None:
            shares.take(caller)
            taken += 1
        return taken

    assert fill("a") == 45
    assert shares.refuse("a") == "api.busy"  # for there is nobody else
    assert fill("b") == 23
    assert shares.refuse("a") == shares.refuse("b") == "api.share_taken"
    for _ in range(20):
        shares.give("a")
    assert fill("b") == 10  # 33 of 90, of which 32 are free then
    assert fill("c") == 16
    for number in range(16):
        assert shares.refuse(f"d{number}") is None
        shares.take(f"d{number}")
    assert shares.refuse("e") == "api.busy"
    assert len(shares) == 19
    for _ in range(25):
        shares.give("a")
    assert shares.refuse("e") is None
    assert len(shares) == 18
    assert Shares(1).refuse("a") is None


@pytest.fixture
def threads() -> Iterator[FairThreads]:
    with FairThreads(8) as pool:
        yield pool


def test_names_that_are_not_answered_leave_threads_for_others(threads: FairThreads) -> None:
    wall = threading.Event()

    def submit(caller: str, *work: Any) -> Any:
        token = CALLER.set(caller)
        try:
            return threads.submit(*work)
        finally:
            CALLER.reset(token)

    try:
        stuck = [submit("hog", wall.wait) for _ in range(50)]
        assert submit("ann", int, "1").result(20) == 1
        assert threads.submit(int, "2").result(20) == 2
        assert submit("ann", CALLER.get).result(20) == ""  # a thread has its own context
        with pytest.raises(ValueError, match="invalid literal"):
            submit("ann", int, "x").result(20)
        assert stuck[-1].cancel()
    finally:
        wall.set()
    assert all(future.result(20) for future in stuck[:-1])


def test_what_waits_when_the_threads_end_is_cancelled() -> None:
    threads, wall = FairThreads(2), threading.Event()
    first, second = threads.submit(wall.wait), threads.submit(wall.wait)
    wall.set()
    threads.shutdown()
    assert first.result(20)
    assert second.done()


NETS = ["10.0.0.0/8", "fd00::/8", "192.0.2.7"]


@pytest.mark.parametrize(
    ("peer", "fields", "caller"),
    [
        ("203.0.113.9", [("x-forwarded-for", "198.51.100.1")], "203.0.113.9"),
        ("203.0.113.9", [("forwarded", "for=198.51.100.1")], "203.0.113.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        ("10.0.0.1", [("x-forwarded-for", "198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [("x-forwarded-for", "1.2.3.4, 198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [("x-forwarded-for", "1.2.3.4, 198.51.100.1, 10.9.9.9")], "198.51.100.1"),
        ("10.0.0.1", [("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")], "5.6.7.8"),
        ("10.0.0.1", [("x-forwarded-for", "5.6.7.8"), ("x-forwarded-for", "10.2.3.4")], "5.6.7.8"),
        ("10.0.0.1", [("x-forwarded-for", "10.1.1.1, 10.2.2.2")], "10.1.1.1"),
        ("10.0.0.1", [("x-forwarded-for", "198.51.100.1:4711")], "198.51.100.1"),
        ("10.0.0.1", [("x-forwarded-for", "[2001:db8::1]:4711")], "2001:db8::1"),
        ("10.0.0.1", [("x-forwarded-for", "2001:db8::1")], "2001:db8::1"),
        ("10.0.0.1", [("x-forwarded-for", "::ffff:198.51.100.1")], "198.51.100.1"),
        ("10.0.0.1", [("x-forwarded-for", "1.2.3.4, unknown")], "10.0.0.1"),
        ("10.0.0.1", [("x-forwarded-for", "1.2.3.4, nonsense, 10.5.5.5")], "10.5.5.5"),
        ("10.0.0.1", [("x-forwarded-for", "")], "10.0.0.1"),
        ("10.0.0.1", [("x-forwarded-for", ",,,")], "10.0.0.1"),
        ("10.0.0.1", [("x-forwarded-for", "1.2.3.4\n")], "1.2.3.4"),
        ("10.0.0.1", [("forwarded", 'for="[2001:db8::1]:4711";proto=https')], "2001:db8::1"),
        ("10.0.0.1", [("forwarded", "for=1.2.3.4, proto=https;For=5.6.7.8")], "5.6.7.8"),
        ("10.0.0.1", [("forwarded", "for=1.2.3.4, for=_hidden")], "10.0.0.1"),
        ("10.0.0.1", [("forwarded", "by=1.2.3.4")], "10.0.0.1"),
        ("10.0.0.1", [("forwarded", "for=6.6.6.6"), ("x-forwarded-for", "5.6.7.8")], "10.0.0.1"),
        ("10.0.0.1", [("forwarded", "for=5.6.7.8"), ("x-forwarded-for", "5.6.7.8")], "5.6.7.8"),
        ("::ffff:10.0.0.1", [("x-forwarded-for", "5.6.7.8")], "5.6.7.8"),
        ("fd00::1", [("x-forwarded-for", "5.6.7.8, 192.0.2.7")], "5.6.7.8"),
        ("192.0.2.8", [("x-forwarded-for", "5.6.7.8")], "192.0.2.8"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_s_counts(
    peer: str, fields: list[tuple[str, str]], caller: str
) -> None:
    headers = [(name.encode(), value.encode()) for name, value in fields]
    assert Proxies(NETS).caller({"client": (peer, 1), "headers": headers}) == caller
    assert Proxies([]).caller({"client": (peer, 1), "headers": headers}) == peer


def test_nobody_is_believed_about_a_caller_without_an_address() -> None:
    headers = [(b"x-forwarded-for", b"1.2.3.4")]
    assert Proxies(NETS).caller({"client": None, "headers": headers}) == ""


def test_a_long_field_costs_little_and_is_not_believed_to_its_end() -> None:
    headers = [(b"x-forwarded-for", b"1.2.3.4," + b"10.0.0.1," * 7_000 + b"10.0.0.2")]
    assert Proxies(NETS).caller({"client": ("10.0.0.1", 1), "headers": headers}) == "10.0.0.1"


@pytest.mark.parametrize(
    ("address", "shared"),
    [("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
     ("::ffff:192.0.2.1", "192.0.2.1"), ("fe80::1%eth0", "fe80::1%eth0"), ("", "")],
)  # fmt: skip
def test_a_line_is_one_caller(address: str, shared: str) -> None:
    assert line(address).startswith(shared.partition("%")[0][:4])
    if "%" not in address:
        assert line(address) == shared


def test_trusted_proxies_are_networks_and_none_by_default() -> None:
    assert Settings().trusted_proxies == []
    with pytest.raises(InputError) as caught:
        load(trusted_proxies=["proxy.example.com"])
    assert caught.value.field == "trusted_proxies"


async def test_who_comes_through_a_proxy_has_a_share_of_its_own(silent: int) -> None:
    settings: dict[str, Any] = {"trusted_proxies": ["127.0.0.0/8"], "concurrency": PLACES}
    async with running(**settings) as port, AsyncExitStack() as stack:

        async def ask(address: str, path: str = "/api/smtps/ports") -> int:
            async with connected(port) as wires:
                head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                wires[1].write(f"{head}X-Forwarded-For: {address}\r\n\r\n".encode())
                return await status(wires)

        slow = f"{CONNECT}?host=127.0.0.1&port={silent}&timeout=60000"
        asked = [
            stack.push_async_callback(cancel, asyncio.create_task(ask("198.51.100.1", slow)))
            for _ in range(PLACES)
        ]
        assert len(asked) == PLACES
        async with asyncio.timeout(20):
            while await ask("198.51.100.1") == 200:
                await asyncio.sleep(0.01)
        assert await ask("198.51.100.1") == 503
        assert await ask("198.51.100.2, 198.51.100.1") == 503  # what a caller says itself
        assert await ask("198.51.100.2") == 200


async def cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
