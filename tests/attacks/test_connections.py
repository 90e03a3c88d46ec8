"""Connections that ask for nothing, too slowly or without an end; with h11 and with httptools."""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import socket
from contextlib import AsyncExitStack, suppress
from types import SimpleNamespace
from typing import Any

import pytest
from tests.attacks.wires import Wires, answer, connected, ended, running

from smtps.http import connections, serving
from smtps.http.guards import pace

GET = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n"


@pytest.fixture(params=["h11", "httptools"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    kind = connections.PlainProtocol if name == "h11" else connections._fast()
    monkeypatch.setattr(serving, "protocol_class", lambda: kind)
    return name


async def pour(wires: Wires, content: bytes, piece: int = 1000) -> None:
    for start in range(0, len(content), piece):
        wires[1].write(content[start : start + piece])
        await wires[1].drain()
        await asyncio.sleep(0)


@pytest.mark.parametrize("begin", [GET + b"X-Long: ", GET + b"X", b"GET /",
                                   GET + b"A: b\r\n" * 5_000 + b"X: "])  # fmt: skip
async def test_a_head_without_an_end_is_refused(parser: str, begin: bytes) -> None:
    async with running() as port, connected(port) as wires:
        # One octet too many and no more: what is not read when a connection closes would reset it.
        await pour(wires, (begin + b"a" * 70_000)[: connections.LONGEST + 1])
        told = await ended(wires)
        assert told.startswith(b"HTTP/1.1 431 ")
        assert json.loads(told.partition(b"\r\n\r\n")[2])["code"] == "api.head_too_large"


@pytest.mark.parametrize("size", [70_000, 100_000, 300_000])
async def test_a_whole_head_is_bounded_too(parser: str, size: int) -> None:
    async with running() as port, connected(port) as wires:
        wires[1].write(GET + b"X-Long: " + b"a" * size + b"\r\n\r\n")
        status, told = await answer(wires)
        assert (status, told["code"]) == (431, "api.head_too_large")


@pytest.mark.parametrize("behind", [b"0\r\nX-Long: ", b"5;x="])
async def test_what_stands_between_pieces_of_a_body_has_an_end(parser: str, behind: bytes) -> None:
    head = b"POST /api/smtps/send HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
    head += b"Content-Type: application/json\r\n\r\n"
    async with running() as port, connected(port) as wires:
        await pour(wires, head)
        with suppress(ConnectionError):
            await pour(wires, behind + b"a" * 600_000)
        assert b" 200 " not in (await ended(wires))[:20]


async def test_a_head_of_60_kib_is_taken(parser: str) -> None:
    async with running() as port, connected(port) as wires:
        for _ in range(2):
            wires[1].write(GET + b"X-Long: " + b"a" * 60_000 + b"\r\n\r\n")
            assert (await answer(wires))[0] == 200


async def test_two_hosts_are_one_too_many(parser: str) -> None:
    async with running() as port, connected(port) as wires:
        wires[1].write(GET + b"Host: 127.0.0.1\r\n\r\n")
        status, told = await answer(wires)
        assert (status, told["code"]) == (400, "api.malformed")


@pytest.mark.parametrize(
    ("sent", "told"), [(b"", b""), (GET, b"HTTP/1.1 408 "), (b"GET", b"HTTP/1.1 408 ")]
)
async def test_a_head_that_does_not_come_is_not_waited_for(
    parser: str, sent: bytes, told: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connections.PATIENCE == 30
    monkeypatch.setattr(connections, "PATIENCE", 0.1)
    async with running() as port, connected(port) as wires:
        wires[1].write(sent)
        assert (await ended(wires)).startswith(told)


async def test_octets_do_not_buy_time(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 2.0)
    async with running() as port, connected(port) as wires:
        wires[1].write(GET + b"\r\n")
        assert (await answer(wires))[0] == 200
        dripping = asyncio.create_task(drip(wires))
        # The reset that meets a late octet may overtake the answer.
        assert (await ended(wires))[:13] in (b"HTTP/1.1 408 ", b"")
        dripping.cancel()


async def drip(wires: Wires) -> None:
    wires[1].write(GET)
    while True:
        wires[1].write(b"X: y\r\n")
        await asyncio.sleep(0.02)


class Slow:
    """A transport whose other end reads when it is told to."""

    def __init__(self) -> None:
        self.left = 0
        self.aborted = False

    def get_write_buffer_size(self) -> int:
        return self.left

    def abort(self) -> None:
        self.aborted = True


async def test_an_answer_that_is_read_is_no_reason_to_hang_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each answer has all the time, whatever was left of the one before it."""
    loop = asyncio.get_running_loop()
    timers: list[tuple[Any, ...]] = []

    def call_later(seconds: float, act: Any, *arguments: Any) -> asyncio.TimerHandle:
        timers.append((act, *arguments))
        return loop.call_at(loop.time() + 1000, lambda: None)

    connection: Any = connections.PlainProtocol.__new__(connections.PlainProtocol)
    slow: Any = Slow()
    fake: Any = SimpleNamespace(call_later=call_later)
    connection.transport, connection.loop, connection._unread = slow, fake, None
    monkeypatch.setattr(type(connection), "_answering", lambda _: False)
    slow.left = 100
    connection._watch_unread()
    first = connection._unread
    slow.left = 5000  # the first is read, and another one written
    connection._watch_unread()
    assert first is not None
    assert first.cancelled()
    slow.left = 4000
    timers[-1][0](*timers[-1][1:])
    outcomes = [slow.aborted]
    timers[-1][0](*timers[-1][1:])  # and now nothing more was read
    assert [*outcomes, slow.aborted] == [False, True]


async def test_whoever_waits_longest_goes_for_who_comes(
    parser: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(serving, "room", lambda: 20)
    async with running() as port, AsyncExitStack() as stack:
        many = [await stack.enter_async_context(connected(port)) for _ in range(60)]
        wires = await stack.enter_async_context(connected(port))
        wires[1].write(GET + b"\r\n")
        assert (await answer(wires))[0] == 200
        assert await ended(many[0]) == b""
    lines = [record for record in caplog.records if record.name == "smtps.connections"]
    assert len(lines) == 1


def test_who_is_being_served_stays() -> None:
    full = connections.Crowd(2)
    assert full.enter("a") is None
    assert full.enter("b") is None
    full.busy("a")
    assert full.enter("c") == "b"
    full.busy("c")
    assert full.enter("d") == "d"
    full.idle("c")
    assert full.enter("e") == "c"
    full.leave("e")
    assert full.enter("f") is None


def test_the_log_tells_of_it_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    time = 0.0
    full = connections.Crowd(1, now=lambda: time)
    for time in (0.0, 1.0, 2.0, 3.0, 20.0):  # noqa: B007  # the clock reads it
        full.enter(object())
    assert [record.args for record in caplog.records] == [(1, 1), (1, 3)]


def test_the_limit_of_files_is_raised_and_bounds_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_to = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limits: set_to.append(limits))
    for limits, most in (
        ((128, 512), 256),
        ((64, 64), 32),
        ((1024, 1 << 20), connections.MAX_CONNECTIONS),
    ):
        monkeypatch.setattr(resource, "getrlimit", lambda _, limits=limits: limits)
        assert connections.room() == most
    assert set_to == [(512, 512), (1 << 20, 1 << 20)]


def test_who_has_most_connections_makes_room() -> None:
    full = connections.Crowd(5)
    for number in range(4):
        full.enter(f"hog {number}", "192.0.2.1")
    assert full.enter("new", "192.0.2.2") is None
    for number in range(3):
        assert full.enter(f"more {number}", f"198.51.100.{number}") == f"hog {number}"
    assert full.enter("last", "203.0.113.1") in {"new", "hog 3"}  # one each


def test_one_line_has_many_addresses_and_a_proxy_many_callers() -> None:
    full = connections.Crowd(4, apart=lambda address: address == "10.0.0.1")
    for number in range(2):
        full.enter(f"proxy {number}", "10.0.0.1")
    for number in range(2):
        full.enter(f"hog {number}", f"2001:db8::{number:x}")
    assert full.enter("a", "192.0.2.1") == "hog 0"


async def test_requests_that_wait_on_one_connection_are_few(parser: str) -> None:
    async with running() as port, connected(port) as wires:
        wires[1].write(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 2_000)
        with suppress(ConnectionError):
            await wires[1].drain()
        told = await ended(wires) if parser == "httptools" else b""
        assert told.count(b"HTTP/1.1 200") < 100


async def test_an_answer_that_is_not_read_is_not_kept(
    parser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "PATIENCE", 0.2)
    monkeypatch.setattr(pace, "PATIENCE", 0.2)
    async with running() as port:
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.connect(("127.0.0.1", port))
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        asking = b"GET /openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

        async def ask_on_and_on() -> None:
            while True:
                await loop.sock_sendall(sock, asking)
                await asyncio.sleep(0.01)

        with pytest.raises(ConnectionError):
            await asyncio.wait_for(ask_on_and_on(), 20)
        sock.close()
