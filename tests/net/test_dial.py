"""From addresses to an open wire: which one, how soon, and what is left of the others."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import ip_address
from typing import Any

import pytest
from tests.net.conftest import Keep, Serve
from tests.net.servers import (
    black_hole,
    has_ipv6,
    open_sockets,
    refusing,
    says,
    settle,
    silence,
    silent_listener,
    until,
)

from smtps.errors import ForbiddenError, InputError, NetworkError, Phase, PhaseTimeoutError
from smtps.net import dial as dialling
from smtps.net.dial import ATTEMPT_DELAY, address_literal, connect_any, connect_tcp, server_name
from smtps.net.egress import Egress
from smtps.net.resolve import Address
from smtps.net.wire import Wire


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what is entered."""
    with ExitStack() as stack:
        yield stack


# One address.


async def test_a_wire(keep: Keep, serve: Serve) -> None:
    server = await serve(says(b"220 hello\r\n"))
    wire = keep(await connect_tcp(server.address, timeout=5))
    assert wire.address == "127.0.0.1"
    assert await wire.receive() == b"220 hello\r\n"


async def test_refused(stack: ExitStack) -> None:
    before = open_sockets()
    address = stack.enter_context(refusing())
    with pytest.raises(NetworkError) as caught:
        await connect_tcp(address, timeout=5)
    failure = caught.value.failure
    assert (failure.code, failure.phase, failure.address) == ("net.refused", "tcp", "127.0.0.1")
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)
    stack.close()
    assert open_sockets() == before


async def test_a_black_hole_times_out(stack: ExitStack) -> None:
    hole = stack.enter_context(black_hole())
    before = open_sockets()
    start = time.perf_counter()
    with pytest.raises(PhaseTimeoutError) as caught:
        await connect_tcp(hole, timeout=0.05)
    assert time.perf_counter() - start > 0.04
    failure = caught.value.failure
    assert (failure.code, failure.phase, failure.address) == ("net.timeout", "tcp", "127.0.0.1")
    assert open_sockets() == before


async def test_the_deadline_goes_before_the_time_out(stack: ExitStack) -> None:
    hole = stack.enter_context(black_hole())
    with pytest.raises(PhaseTimeoutError):
        await connect_tcp(hole, timeout=3600, deadline=asyncio.get_running_loop().time() + 0.05)


async def test_a_zone_that_this_machine_does_not_have_is_told_plainly() -> None:
    with pytest.raises(NetworkError) as caught:
        await connect_tcp(Address("::1%nosuchzone", 465), timeout=5)
    assert caught.value.phase is Phase.TCP
    assert caught.value.code.startswith("net.")
    assert "the host" not in str(caught.value)


HERE = ["127.0.0.1"]
if has_ipv6():
    HERE += ["::1", "::1%1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("ip", HERE)
async def test_a_wire_goes_by_the_address_that_was_asked_for(
    keep: Keep, serve: Serve, ip: str
) -> None:
    """Others look an address up by it; the system may spell it in another way."""
    server = await serve(silence, "::1" if ip.startswith("::1") else "127.0.0.1")
    address = Address(str(ip_address(ip)), server.port)
    wire = keep(await connect_tcp(address, timeout=5))
    assert wire.address == address.ip


# Several addresses.


async def test_the_first_that_answers(keep: Keep, serve: Serve) -> None:
    first, second = await serve(says(b"1")), await serve(says(b"2"))
    wire = keep(await connect_any([first.address, second.address], timeout=5))
    assert await wire.receive() == b"1"
    assert second.peers == []


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is tried beside another: what is next comes only when the one before has failed."""
    monkeypatch.setattr(dialling, "ATTEMPT_DELAY", 60)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """All are tried at nearly the same time."""
    monkeypatch.setattr(dialling, "ATTEMPT_DELAY", 0.01)


async def test_the_next_at_once_when_one_is_refused(
    keep: Keep, serve: Serve, stack: ExitStack, patient: None
) -> None:
    server = await serve(says(b"here"))
    addresses = [stack.enter_context(refusing()) for _ in range(4)]
    async with asyncio.timeout(5):
        wire = keep(await connect_any([*addresses, server.address], timeout=5))
    assert await wire.receive() == b"here"


async def test_the_other_family_at_once_when_one_does_not_answer(
    keep: Keep, serve: Serve, patient: None
) -> None:
    server = await serve(says(b"here"))
    wire = keep(await connect_any([Address("::1", server.port), server.address], timeout=5))
    assert (wire.address, await wire.receive()) == ("127.0.0.1", b"here")


async def test_the_next_after_a_while_when_one_is_silent(
    keep: Keep, serve: Serve, stack: ExitStack
) -> None:
    server = await serve(says(b"here"))
    hole = stack.enter_context(black_hole())
    before, tasks = open_sockets(), asyncio.all_tasks()
    start = time.perf_counter()
    wire = keep(await connect_any([hole, server.address], timeout=3600))
    assert time.perf_counter() - start > ATTEMPT_DELAY - 0.01
    assert await wire.receive() == b"here"
    assert asyncio.all_tasks() - tasks <= set(server._tasks)
    assert len(open_sockets() - before) == 2  # both ends of this one


async def test_a_late_answer_still_counts(
    keep: Keep, serve: Serve, stack: ExitStack, monkeypatch: pytest.MonkeyPatch, hasty: None
) -> None:
    """The second is tried beside the first, not in its place."""
    server = await serve(says(b"here"))
    hole, gate = stack.enter_context(black_hole()), asyncio.Event()
    plain = connect_tcp

    async def slow(address: Address, **options: object) -> Wire:
        if address == server.address:
            await gate.wait()
        return await plain(address, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(dialling, "connect_tcp", slow)
    opening = asyncio.create_task(connect_any([server.address, hole], timeout=5))
    await asyncio.sleep(0.03)
    assert not opening.done()
    gate.set()
    wire = keep(await asyncio.wait_for(opening, 1))
    assert await wire.receive() == b"here"


async def test_when_two_answer_at_once_one_is_kept(
    keep: Keep, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dialling, "ATTEMPT_DELAY", 0.0)
    servers = [await serve(silence) for _ in range(3)]
    before, tasks = open_sockets(), asyncio.all_tasks()
    wire = keep(await connect_any([server.address for server in servers], timeout=5))
    assert wire.address == "127.0.0.1"
    await until(lambda: len(open_sockets() - before) == 2)  # both ends of the one
    wire.write(b"x")
    theirs = {task for server in servers for task in server._tasks}
    assert asyncio.all_tasks() - tasks <= theirs
    peers = [peer for server in servers for peer in server.peers]
    await until(lambda: [bytes(peer.raw) for peer in peers].count(b"x") == 1)
    assert sum(not peer.gone.is_set() for peer in peers) == 1


async def test_when_all_fail_it_is_the_error_of_the_first(stack: ExitStack, hasty: None) -> None:
    hole = stack.enter_context(black_hole())
    gone = [stack.enter_context(refusing()) for _ in range(2)]
    before, tasks = open_sockets(), asyncio.all_tasks()
    with pytest.raises(PhaseTimeoutError) as caught:
        await connect_any([hole, *gone], timeout=0.05)
    assert caught.value.code == "net.timeout"
    refused = "The connection was refused: nothing is listening there."
    assert caught.value.__notes__ == [f"{address}: {refused}" for address in gone]
    assert (open_sockets(), asyncio.all_tasks()) == (before, tasks)


async def test_one_that_fails_alone_has_no_notes(stack: ExitStack) -> None:
    with pytest.raises(NetworkError) as caught:
        await connect_any([stack.enter_context(refusing())], timeout=5)
    assert not hasattr(caught.value, "__notes__")


async def test_the_deadline_is_for_all_together(stack: ExitStack, hasty: None) -> None:
    holes = [stack.enter_context(black_hole()) for _ in range(2)]
    before, tasks = open_sockets(), asyncio.all_tasks()
    with pytest.raises(PhaseTimeoutError) as caught:
        await connect_any(holes, timeout=3600, deadline=asyncio.get_running_loop().time() + 0.05)
    assert caught.value.code == "net.timeout"
    assert (open_sockets(), asyncio.all_tasks()) == (before, tasks)


async def test_a_deadline_that_is_over_is_told_so(stack: ExitStack) -> None:
    hole = stack.enter_context(black_hole())
    before = open_sockets()
    with pytest.raises(PhaseTimeoutError, match=r"(within|after) 0 seconds"):
        await connect_any([hole, hole], timeout=60, deadline=asyncio.get_running_loop().time() - 1)
    assert open_sockets() == before


async def test_cancelled_it_leaves_nothing(stack: ExitStack, hasty: None) -> None:
    holes = [stack.enter_context(black_hole()) for _ in range(2)]
    before, tasks = open_sockets(), asyncio.all_tasks()
    opening = asyncio.create_task(connect_any(holes, timeout=60))
    await until(lambda: len(open_sockets() - before) == 2)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    await settle()
    assert (open_sockets(), asyncio.all_tasks()) == (before, tasks)


@pytest.mark.parametrize("turns", range(8))
async def test_cancelled_at_any_moment_it_leaves_nothing(serve: Serve, turns: int) -> None:
    """Also when the connection has just come about, and nobody has it yet."""
    server = await serve(silence)
    before = open_sockets()
    opening = asyncio.create_task(connect_any([server.address] * 2, timeout=5))
    for _ in range(turns):
        await asyncio.sleep(0)
    opening.cancel()
    (wire,) = await asyncio.gather(opening, return_exceptions=True)
    if isinstance(wire, Wire):  # it was faster
        wire.abort()
    else:
        assert isinstance(wire, asyncio.CancelledError)
    await until(lambda: open_sockets() == before)


async def test_a_mistake_of_ours_is_not_hidden(stack: ExitStack) -> None:
    hole = stack.enter_context(black_hole())
    before, tasks = open_sockets(), asyncio.all_tasks()
    with pytest.raises(OverflowError):
        await connect_any([Address("127.0.0.1", 70000), hole], timeout=5)
    assert (open_sockets(), asyncio.all_tasks()) == (before, tasks)


# The policy.


def nobody_came(listener: socket.socket) -> bool:
    """Whether the system has taken no connection for this one."""
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return True
    return False


async def just_one(addresses: list[Address], **options: Any) -> Wire:
    return await connect_tcp(addresses[0], **options)


@pytest.mark.parametrize("connect", [just_one, connect_any])
async def test_what_is_forbidden_is_not_connected_to(stack: ExitStack, connect: Any) -> None:
    address, listener = stack.enter_context(silent_listener())
    asked: list[Address] = []

    def allow(address: Address) -> bool:
        asked.append(address)
        return False

    with pytest.raises(ForbiddenError) as caught:
        await connect([address], timeout=5, allow=allow)
    failure = caught.value.failure
    assert (failure.code, failure.phase, failure.address) == ("net.forbidden", "tcp", None)
    assert not failure.retryable
    assert asked == [address]
    await asyncio.sleep(0.01)
    assert nobody_came(listener)


@pytest.mark.parametrize("order", [1, -1])
async def test_one_forbidden_address_forbids_them_all(stack: ExitStack, order: int) -> None:
    good, good_listener = stack.enter_context(silent_listener())
    bad, bad_listener = stack.enter_context(silent_listener())
    with pytest.raises(ForbiddenError):
        await connect_any([good, bad][::order], timeout=5, allow=lambda address: address == good)
    await asyncio.sleep(0.01)
    assert nobody_came(good_listener)
    assert nobody_came(bad_listener)


async def test_what_is_allowed_is_connected_to(keep: Keep, stack: ExitStack) -> None:
    address, listener = stack.enter_context(silent_listener())
    keep(await connect_any([address], timeout=5, allow=lambda asked: asked == address))
    assert not nobody_came(listener)


async def test_the_services_own_policy_keeps_out_of_here(keep: Keep, stack: ExitStack) -> None:
    address, listener = stack.enter_context(silent_listener())
    for policy in (Egress(), Egress(ports=None), Egress(private=True)):
        with pytest.raises(ForbiddenError):
            await connect_any([address], timeout=5, allow=policy)
    assert nobody_came(listener)
    keep(await connect_any([address], timeout=5, allow=Egress(private=True, ports=None)))
    assert not nobody_came(listener)


# Names in TLS and EHLO.


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("Mail.Example.", "mail.example"),
        ("münchen.example", "xn--mnchen-3ya.example"),
        ("[::1]", "::1"),
        ("192.0.2.1", "192.0.2.1"),
    ],
)
def test_the_name_in_the_certificate(host: str, name: str) -> None:
    assert server_name(host) == name


def test_what_is_no_name_is_in_no_certificate() -> None:
    with pytest.raises(InputError):
        server_name("a b")


@pytest.mark.parametrize(
    ("ip", "text"),
    [
        ("192.0.2.1", "[192.0.2.1]"),
        ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ("fe80::1%eth0", "[IPv6:fe80::1]"),
        ("", "[127.0.0.1]"),
        ("mail.example", "[127.0.0.1]"),
    ],
)
def test_an_address_as_ehlo_takes_it(ip: str, text: str) -> None:
    assert address_literal(ip) == text
