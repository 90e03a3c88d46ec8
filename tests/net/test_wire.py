"""One connection's bytes: both ways, to the end, and when nobody takes them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from hashlib import sha256
from typing import Any

import pytest
from tests.net.conftest import Dial, Serve
from tests.net.pki import PKI
from tests.net.servers import (
    V12,
    V13,
    Peer,
    Script,
    attention,
    deafness,
    open_sockets,
    read_all,
    says,
    secured,
    server_context,
    settle,
    silence,
    until,
)

from smtps.errors import NetworkError, Phase, SMTPSError
from smtps.net.tls import TLSFacts
from smtps.net.wire import Wire

VERSIONS = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
MODES = pytest.mark.parametrize("mode", ["plain", V12, V13], ids=["plain", "1.2", "1.3"])

MIB = 1024 * 1024

Mode = ssl.TLSVersion | str


def script_for(mode: Mode, pki: PKI, then: Script) -> Script:
    """The same script in the clear or inside TLS."""
    if isinstance(mode, ssl.TLSVersion):
        return secured(server_context(pki.good.pem, minimum=mode, maximum=mode), then)
    return then


async def ready(wire: Wire, mode: Mode, pki: PKI) -> None:
    """Start TLS if that is the mode."""
    if isinstance(mode, ssl.TLSVersion):
        await wire.start_tls(client_context(pki), "localhost")


def client_context(pki: PKI) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(pki.ca)
    return context


def pattern(size: int) -> bytes:
    """Bytes that show when one is lost, doubled or moved."""
    block = b"".join(number.to_bytes(3) for number in range(1 << 16))
    return (block * (size // len(block) + 1))[:size]


def small_buffers(peer: Peer) -> None:
    """Let the system hold little on the way to the client."""
    connection = peer.writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65536)
    peer.writer.transport.set_write_buffer_limits(65536)


# Both ways.


@MODES
@pytest.mark.parametrize("size", [1, 5 * MIB])
async def test_an_echo(serve: Serve, dial: Dial, pki: PKI, mode: Mode, size: int) -> None:
    async def echo(peer: Peer) -> None:
        await peer.say(await peer.read_all(size))

    server = await serve(script_for(mode, pki, echo))
    wire = await dial(server)
    await ready(wire, mode, pki)
    data = pattern(size)
    for at in range(0, size, MIB):
        wire.write(memoryview(data)[at : at + MIB])
        await wire.drain()
    assert await read_all(wire, size) == data


@MODES
async def test_nothing_written_is_nothing_sent(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    server = await serve(script_for(mode, pki, attention))
    wire = await dial(server)
    await ready(wire, mode, pki)
    wire.write(b"a")
    peer = await server.peer()
    await peer.heard(1)
    start = len(peer.raw)
    wire.write(b"")
    await wire.drain()
    wire.write(b"b")
    assert await peer.heard(2) == b"ab"
    came = peer.raw[start:]
    if mode == "plain":
        assert came == b"b"
    else:
        assert len(came) == 5 + int.from_bytes(came[3:5])  # one record


@MODES
async def test_bytes_are_there_without_asking(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    async def hello(peer: Peer) -> None:
        await peer.read_all(1)
        await peer.say(b"220 hello\r\n")

    server = await serve(script_for(mode, pki, hello))
    wire = await dial(server)
    await ready(wire, mode, pki)
    assert not wire.has_unread
    wire.write(b"x")
    await until(lambda: wire.has_unread)
    assert await wire.receive() == b"220 hello\r\n"


async def test_bytes_sent_with_the_end_of_the_handshake_are_there(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    server = await serve(secured(server_context(pki.good.pem), says(b"220 hello\r\n")))
    wire = await dial(server)
    await ready(wire, V13, pki)
    assert await wire.receive() == b"220 hello\r\n"


async def test_both_ends_are_known(serve: Serve, dial: Dial) -> None:
    server = await serve(silence)
    wire = await dial(server)
    assert (wire.address, wire.local_ip) == ("127.0.0.1", "127.0.0.1")


async def test_only_the_beginning_is_kept(serve: Serve, dial: Dial) -> None:
    data = pattern(100_000)
    server = await serve(says(data))
    wire = await dial(server)
    assert await read_all(wire, len(data)) == data
    assert wire.facts().first_bytes == data[:16384]


# When one side is slow.


@MODES
async def test_a_flood_that_nobody_reads_is_stopped_and_kept(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    data = pattern(MIB)
    sent = 0

    async def flood(peer: Peer) -> None:
        nonlocal sent
        small_buffers(peer)
        for _ in range(32):
            await peer.say(data)
            sent += len(data)

    server = await serve(script_for(mode, pki, flood))
    wire = await dial(server)
    await ready(wire, mode, pki)
    assert await stands_still(lambda: sent) < 16 * MIB
    assert len(await wire.receive()) < 2 * MIB  # and this is all that was held here
    assert await read_all(wire, 1) != b""  # and more comes now


async def stands_still(progress: Callable[[], int]) -> int:
    """Where it stands once it has stood there for some time."""
    last, same = progress(), 0
    while same < 20:
        await asyncio.sleep(0.005)
        same = same + 1 if progress() == last else 0
        last = progress()
    return last


@MODES
async def test_nothing_of_a_flood_is_lost(serve: Serve, dial: Dial, pki: PKI, mode: Mode) -> None:
    data = pattern(8 * MIB)

    async def flood(peer: Peer) -> None:
        small_buffers(peer)
        await peer.say(data)
        peer.hang_up()

    server = await serve(script_for(mode, pki, flood))
    wire = await dial(server)
    await ready(wire, mode, pki)
    await asyncio.sleep(0.05)  # the wire has stopped reading by then
    assert await read_all(wire, len(data) + 1) == data


@VERSIONS
@pytest.mark.parametrize("after", ["goodbye", "broken record"])
async def test_a_flood_behind_the_end_of_tls_is_stopped(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion, after: str
) -> None:
    """What cannot be decrypted any more must not be stored without bound either."""
    sent = 0

    async def flood(peer: Peer) -> None:
        nonlocal sent
        small_buffers(peer)
        if after == "goodbye":
            await peer.say_goodbye()
        for _ in range(48):
            await peer.say_raw(bytes(MIB))
            sent += MIB

    server = await serve(script_for(version, pki, flood))
    wire = await dial(server)
    await ready(wire, version, pki)
    assert await stands_still(lambda: sent) < 16 * MIB


@MODES
async def test_drain_waits_for_a_slow_server(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    go = asyncio.Event()
    size = 16 * MIB

    async def slow(peer: Peer) -> None:
        await go.wait()
        await peer.read_all(size)
        await peer.say(b"done")

    server = await serve(script_for(mode, pki, slow))
    wire = await dial(server)
    await ready(wire, mode, pki)
    wire.write(bytes(size))
    drained = asyncio.create_task(wire.drain())
    await asyncio.sleep(0.05)
    assert not drained.done()
    go.set()
    await asyncio.wait_for(drained, 5)
    await wire.drain()  # nothing to wait for now
    assert await read_all(wire, 4) == b"done"


async def test_drain_waits_again_after_it_was_cancelled(serve: Serve, dial: Dial) -> None:
    server = await serve(deafness)
    wire = await dial(server)
    wire.write(bytes(16 * MIB))
    for _ in range(2):
        drained = asyncio.create_task(wire.drain())
        await asyncio.sleep(0.02)
        assert not drained.done()
        drained.cancel()
        await asyncio.wait([drained])


# The end.


@MODES
async def test_an_end_without_a_word(serve: Serve, dial: Dial, pki: PKI, mode: Mode) -> None:
    async def leave(peer: Peer) -> None:
        await peer.say(b"bye")
        peer.hang_up()

    server = await serve(script_for(mode, pki, leave))
    wire = await dial(server)
    await ready(wire, mode, pki)
    assert await read_all(wire, 4) == b"bye"
    for _ in range(2):
        assert await wire.receive() == b""
    assert wire.has_unread


@VERSIONS
@pytest.mark.parametrize("hang_up", [True, False])
async def test_an_end_with_a_goodbye(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion, hang_up: bool
) -> None:
    async def leave(peer: Peer) -> None:
        await peer.say(b"bye")
        await peer.say_goodbye()
        if hang_up:
            peer.hang_up()

    server = await serve(script_for(version, pki, leave))
    wire = await dial(server)
    await ready(wire, version, pki)
    assert await read_all(wire, 4) == b"bye"
    for _ in range(2):
        assert await wire.receive() == b""
    assert wire.has_unread


@VERSIONS
async def test_an_end_within_a_record(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion
) -> None:
    async def leave(peer: Peer) -> None:
        await peer.say(b"bye")
        await peer.say_raw(b"\x17\3\3\0\x40half")
        peer.hang_up()

    server = await serve(script_for(version, pki, leave))
    wire = await dial(server)
    await ready(wire, version, pki)
    assert await read_all(wire, 4) == b"bye"


@VERSIONS
@pytest.mark.parametrize(
    "data", [b"\x17\3\3\0\x20" + bytes(32), b"421 too late\r\n", b"\x15\3\3\0\2\2\x28"]
)
async def test_a_broken_record_is_an_error_after_what_came_before(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion, data: bytes
) -> None:
    async def breaks(peer: Peer) -> None:
        await peer.say(b"250 ok\r\n")
        await peer.say_raw(data)

    server = await serve(script_for(version, pki, breaks))
    wire = await dial(server)
    await ready(wire, version, pki)
    assert await wire.receive() == b"250 ok\r\n"
    for _ in range(2):
        with pytest.raises(ssl.SSLError):
            await wire.receive()
    with pytest.raises(ssl.SSLError):
        wire.write(b"x")


@MODES
async def test_a_reset_while_reading(serve: Serve, dial: Dial, pki: PKI, mode: Mode) -> None:
    async def reset(peer: Peer) -> None:
        await peer.read_all(1)
        peer.reset()

    server = await serve(script_for(mode, pki, reset))
    wire = await dial(server)
    await ready(wire, mode, pki)
    wire.write(b"x")
    for _ in range(2):
        with pytest.raises(ConnectionResetError):
            await wire.receive()
    with pytest.raises(ConnectionResetError):
        wire.write(b"x")
    with pytest.raises(ConnectionResetError):
        await wire.drain()


@MODES
async def test_a_reset_while_writing(serve: Serve, dial: Dial, pki: PKI, mode: Mode) -> None:
    go = asyncio.Event()

    async def reset(peer: Peer) -> None:
        await go.wait()
        peer.reset()

    server = await serve(script_for(mode, pki, reset))
    wire = await dial(server)
    await ready(wire, mode, pki)
    wire.write(bytes(16 * MIB))
    drained = asyncio.create_task(wire.drain())
    await asyncio.sleep(0.02)
    assert not drained.done()
    go.set()
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        await asyncio.wait_for(drained, 5)
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        wire.write(b"x")


# Leaving.


@MODES
async def test_close_ends_it_for_both(serve: Serve, dial: Dial, pki: PKI, mode: Mode) -> None:
    server = await serve(script_for(mode, pki, attention))
    before = open_sockets()
    wire = await dial(server)
    await ready(wire, mode, pki)
    wire.write(b"QUIT\r\n")
    await wire.close()
    peer = await server.finished()
    assert peer.text == b"QUIT\r\n"
    assert peer.error is None
    await until(lambda: open_sockets() == before)
    await wire.close()  # no harm


@VERSIONS
async def test_close_says_goodbye_in_tls(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion
) -> None:
    ended: list[bytes] = []

    async def listen(peer: Peer) -> None:
        assert peer.tls is not None
        while True:
            try:
                ended.append(peer.tls.read(1))
                return
            except ssl.SSLWantReadError:
                peer._feed(await peer.hear())

    server = await serve(script_for(version, pki, listen))
    wire = await dial(server)
    await ready(wire, version, pki)
    await wire.close()
    await server.finished()
    assert ended == [b""]  # without a goodbye it would be an SSLEOFError


@MODES
async def test_close_does_not_wait_for_a_server_that_never_reads(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    server = await serve(script_for(mode, pki, deafness))
    wire = await dial(server)
    await ready(wire, mode, pki)
    before = open_sockets()
    wire.write(bytes(32 * MIB))
    start = time.perf_counter()
    await wire.close(0.05)
    assert time.perf_counter() - start > 0.04
    await settle()
    assert len(before - open_sockets()) == 1
    with pytest.raises(SMTPSError):
        wire.write(b"x")


async def test_close_without_a_connection_is_nothing() -> None:
    wire = Wire()
    wire.abort()
    await wire.close()
    assert wire.facts() == TLSFacts()
    assert (wire.address, wire.local_ip) == ("", "")


async def test_close_that_is_cancelled_can_still_be_dropped(serve: Serve, dial: Dial) -> None:
    server = await serve(deafness)
    wire = await dial(server)
    before = open_sockets()
    wire.write(bytes(16 * MIB))
    closing = asyncio.create_task(wire.close(60))
    await asyncio.sleep(0.01)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    wire.abort()
    await settle()
    assert len(before - open_sockets()) == 1


async def test_close_after_the_server_has_gone(serve: Serve, dial: Dial, pki: PKI) -> None:
    async def reset(peer: Peer) -> None:
        peer.reset()

    server = await serve(script_for(V13, pki, reset))
    wire = await dial(server)
    await ready(wire, V13, pki)
    await until(lambda: wire.has_unread)
    with pytest.raises(ConnectionResetError):
        await wire.receive()
    await wire.close()
    assert await wire.receive() == b""  # what went wrong is not kept
    assert wire.has_unread


@MODES
async def test_abort_leaves_nothing(serve: Serve, dial: Dial, pki: PKI, mode: Mode) -> None:
    server = await serve(script_for(mode, pki, silence))
    wire = await dial(server)
    await ready(wire, mode, pki)
    before, tasks = open_sockets(), asyncio.all_tasks()
    wire.write(bytes(16 * MIB))
    wire.abort()
    await settle()
    assert len(before - open_sockets()) == 1
    assert asyncio.all_tasks() <= tasks
    assert await wire.receive() == b""
    with pytest.raises(NetworkError) as caught:
        wire.write(b"x")
    assert caught.value.failure.address == "127.0.0.1"
    with pytest.raises(NetworkError):
        await wire.drain()
    wire.abort()  # no harm


@MODES
async def test_nothing_can_be_written_after_close(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    server = await serve(script_for(mode, pki, silence))
    wire = await dial(server)
    await ready(wire, mode, pki)
    await wire.close()
    with pytest.raises(NetworkError) as caught:
        wire.write(b"MAIL FROM:<a@x.test>\r\n")
    assert caught.value.code == "net.closed_by_server"
    peer = await server.finished()
    assert b"MAIL" not in peer.raw + peer.text


# TLS on a wire that has been used.


async def test_tls_after_words_in_the_clear(serve: Serve, dial: Dial, pki: PKI) -> None:
    context = server_context(pki.good.pem, group="X25519")

    async def starttls(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        assert await peer.read_all(10) == b"STARTTLS\r\n"
        await peer.say(b"220 go ahead\r\n")
        await secured(context, says(b"250 inside\r\n"))(peer)

    server = await serve(starttls)
    wire = await dial(server)
    assert await read_all(wire, 24) == b"220 mail.example ESMTP\r\n"
    wire.write(b"STARTTLS\r\n")
    assert await read_all(wire, 14) == b"220 go ahead\r\n"
    await ready(wire, V13, pki)
    assert await read_all(wire, 12) == b"250 inside\r\n"
    facts = wire.facts()
    assert (facts.version, facts.group, facts.verified) == ("TLSv1.3", "X25519", True)
    assert facts.first_bytes[0] == 22


async def test_words_in_the_clear_in_place_of_tls_are_the_ones_quoted(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    async def starttls(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        await peer.hear()
        await peer.say(b"454 changed my mind\r\n")
        await peer.listen()

    server = await serve(starttls)
    wire = await dial(server)
    assert await read_all(wire, 24) == b"220 mail.example ESMTP\r\n"
    with pytest.raises(SMTPSError) as caught:
        await ready(wire, V13, pki)
    assert caught.value.code == "smtp.try_later"
    assert caught.value.failure.seen == "454 changed my mind"


async def test_words_that_came_early_are_not_taken_for_words_inside(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    """Injected before TLS, they must never be read as if TLS had protected them."""
    server = await serve(says(b"250 injected\r\n"))
    wire = await dial(server)
    await until(lambda: wire.has_unread)
    with pytest.raises(SMTPSError) as caught:
        await ready(wire, V13, pki)
    assert (caught.value.code, caught.value.phase) == ("tls.plaintext_on_tls_port", Phase.TLS)
    assert not wire.has_unread


# Channel binding.


async def test_channel_binding_is_the_servers_in_tls_12(serve: Serve, dial: Dial, pki: PKI) -> None:
    server = await serve(script_for(V12, pki, silence))
    wire = await dial(server)
    assert wire.channel_binding() is None
    await ready(wire, V12, pki)
    peer = await server.peer()
    assert peer.tls is not None
    theirs = peer.tls.get_channel_binding("tls-unique")
    assert theirs
    assert wire.channel_binding() == ("tls-unique", theirs)


async def test_channel_binding_is_the_certificate_in_tls_13(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    server = await serve(script_for(V13, pki, silence))
    wire = await dial(server)
    await ready(wire, V13, pki)
    assert wire.channel_binding() == ("tls-server-end-point", sha256(pki.good.der).digest())


# Cancellation.


@MODES
async def test_reading_goes_on_after_it_was_cancelled(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    async def hello(peer: Peer) -> None:
        await peer.read_all(1)
        await peer.say(b"220 hello\r\n")

    server = await serve(script_for(mode, pki, hello))
    wire = await dial(server)
    await ready(wire, mode, pki)
    tasks = asyncio.all_tasks()
    reading = asyncio.create_task(wire.receive())
    await asyncio.sleep(0)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert asyncio.all_tasks() <= tasks
    wire.write(b"x")
    assert await wire.receive() == b"220 hello\r\n"


@MODES
@pytest.mark.parametrize("what", ["receive", "drain"])
async def test_a_wire_can_be_dropped_after_a_cancelled_call(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode, what: str
) -> None:
    server = await serve(script_for(mode, pki, deafness))
    wire = await dial(server)
    await ready(wire, mode, pki)
    before, tasks = open_sockets(), asyncio.all_tasks()
    if what == "drain":
        wire.write(bytes(16 * MIB))
    call = asyncio.create_task(getattr(wire, what)())
    await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    assert asyncio.all_tasks() <= tasks
    wire.abort()
    await settle()
    assert len(before - open_sockets()) == 1


async def test_a_wire_can_be_dropped_after_a_cancelled_handshake(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    server = await serve(silence)
    wire = await dial(server)
    before, tasks = open_sockets(), asyncio.all_tasks()
    handshake = asyncio.create_task(wire.start_tls(client_context(pki), "localhost"))
    peer = await server.peer()
    await until(lambda: bool(peer.raw))
    handshake.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handshake
    assert asyncio.all_tasks() <= tasks
    assert wire.facts().version is None
    assert wire.channel_binding() is None
    wire.abort()
    await settle()
    assert len(before - open_sockets()) == 1


@pytest.mark.parametrize("what", ["receive", "drain", "handshake"])
async def test_abort_ends_a_call_that_waits(serve: Serve, dial: Dial, pki: PKI, what: str) -> None:
    """As receive and drain do, so the handshake: nothing is left to wait for."""
    server = await serve(deafness)
    wire = await dial(server)
    if what == "drain":
        wire.write(bytes(16 * MIB))
    calls: dict[str, Callable[[], Coroutine[Any, Any, object]]] = {
        "receive": wire.receive,
        "drain": wire.drain,
        "handshake": lambda: wire.start_tls(client_context(pki), "localhost"),
    }
    call: asyncio.Task[object] = asyncio.create_task(calls[what]())
    await asyncio.sleep(0.01)
    assert not call.done()
    wire.abort()
    done, _ = await asyncio.wait([call], timeout=0.2)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert done == {call}
    if what == "receive":
        assert call.result() == b""
    else:
        assert isinstance(call.exception(), NetworkError)


async def test_what_was_taken_before_drain_is_not_waited_for(serve: Serve, dial: Dial) -> None:
    server = await serve(attention)
    wire = await dial(server)
    wire.write(bytes(4 * MIB))
    await (await server.peer()).heard(4 * MIB)
    await asyncio.wait_for(wire.drain(), 5)


@MODES
async def test_what_came_before_a_reset_is_read_although_a_write_finds_it_first(
    serve: Serve, dial: Dial, pki: PKI, mode: Mode
) -> None:
    go = asyncio.Event()

    async def refuse(peer: Peer) -> None:
        await go.wait()
        await peer.say(b"552 too large\r\n")
        peer.reset()

    server = await serve(script_for(mode, pki, refuse))
    wire = await dial(server)
    await ready(wire, mode, pki)
    wire.write(b"x" * MIB)
    transport = wire._transport
    assert transport is not None
    transport.pause_reading()  # as if the loop had been busy
    go.set()
    with suppress(OSError):
        while True:
            await asyncio.sleep(0.01)
            wire.write(b"x" * MIB)
    assert await wire.rest() == b"552 too large\r\n"
    with pytest.raises(OSError, match=r"reset|pipe"):
        await wire.receive()


async def test_drain_wakes_for_what_the_server_says(serve: Serve, dial: Dial) -> None:
    async def refuse(peer: Peer) -> None:
        await asyncio.sleep(0.02)
        await peer.say(b"552 too large\r\n")
        await asyncio.Event().wait()

    server = await serve(refuse)
    wire = await dial(server)
    wire.write(bytes(16 * MIB))
    async with asyncio.timeout(5):
        assert not await wire.drain()
    assert await wire.receive() == b"552 too large\r\n"
