"""From a name to addresses."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from smtps.errors import InputError, NetworkError, Phase, PhaseTimeoutError
from smtps.net import resolve as resolve_module
from smtps.net.resolve import Address, interleave, resolve

Answers = Callable[[Any], list[tuple[str, int]]]


@pytest.fixture
async def answer(monkeypatch: pytest.MonkeyPatch) -> Answers:
    """Puts a resolver in place that gives these addresses, or raises this; returns the look-ups."""

    def put(result: Any) -> list[tuple[str, int]]:
        asked: list[tuple[str, int]] = []

        async def getaddrinfo(host: str, port: int, **options: Any) -> Any:
            assert options == {"type": socket.SOCK_STREAM}
            asked.append((host, port))
            if isinstance(result, BaseException):
                raise result
            if result is None:
                await asyncio.Event().wait()
            return [_entry(ip, port) for ip in result]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
        return asked

    return put


def _entry(ip: str, port: int) -> tuple[Any, ...]:
    """As Python gives it: the zone is a number of its own."""
    if ":" in ip:
        plain, _, zone = ip.partition("%")
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (plain, port, 0, int(zone or 0)))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))


@pytest.mark.parametrize(
    ("host", "ip"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("[127.0.0.1]", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("192.0.2.1", "192.0.2.1"),
        ("fe80::1%lo", "fe80::1%lo"),
    ],
)
async def test_a_literal_is_not_looked_up(answer: Answers, host: str, ip: str) -> None:
    asked = answer(AssertionError("looked up"))
    assert await resolve(host, 465) == [Address(ip, 465)]
    assert asked == []


@pytest.mark.parametrize("host", ["", "a b", "2130706433", "127.1", "a..b", "x" * 64])
async def test_what_is_no_name_is_not_looked_up(answer: Answers, host: str) -> None:
    asked = answer(AssertionError("looked up"))
    with pytest.raises(InputError) as caught:
        await resolve(host, 465)
    assert caught.value.field == "host"
    assert asked == []


@pytest.mark.parametrize(
    ("host", "name"),
    [("Mail.Example.", "mail.example"), ("münchen.example", "xn--mnchen-3ya.example")],
)
async def test_a_name_is_looked_up_once_in_its_ascii_form(
    answer: Answers, host: str, name: str
) -> None:
    asked = answer(["192.0.2.1"])
    assert await resolve(host, 587) == [Address("192.0.2.1", 587)]
    assert asked == [(name, 587)]


async def test_both_families_take_turns(answer: Answers) -> None:
    answer(["::1", "2001:db8::1", "2001:db8::2", "127.0.0.1"])
    found = await resolve("localhost", 465)
    assert [a.ip for a in found] == ["::1", "127.0.0.1", "2001:db8::1", "2001:db8::2"]


async def test_an_address_comes_once(answer: Answers) -> None:
    answer(["127.0.0.1", "127.0.0.1", "::1", "127.0.0.1", "::1"])
    assert [a.ip for a in await resolve("localhost", 465)] == ["127.0.0.1", "::1"]


async def test_an_address_keeps_its_zone(answer: Answers) -> None:
    """Without it a link-local address leads nowhere; mDNS gives no other kind to some."""
    answer(["fe80::1%2", "fe80::1%3", "::1"])
    assert [a.ip for a in await resolve("mail.local", 465)] == ["fe80::1%2", "fe80::1%3", "::1"]


async def test_the_systems_resolver_knows_localhost() -> None:
    found = await resolve("localhost", 465)
    assert found
    assert all(ipaddress.ip_address(a.ip).is_loopback and a.port == 465 for a in found)
    assert len(set(found)) == len(found)


async def test_the_systems_resolver_knows_no_name_under_invalid() -> None:
    with pytest.raises(NetworkError) as caught:
        await resolve("nosuch.invalid", 465)
    assert caught.value.code in {"dns.name_not_found", "dns.no_address", "dns.lookup_failed"}
    assert caught.value.phase is Phase.DNS
    assert "nosuch.invalid" in str(caught.value)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (socket.EAI_NONAME, "dns.name_not_found"),
        (socket.EAI_AGAIN, "dns.lookup_failed"),
        (socket.EAI_FAIL, "dns.lookup_failed"),
        (socket.EAI_MEMORY, "dns.lookup_failed"),
        (socket.EAI_NODATA, "dns.no_address"),
        (socket.EAI_ADDRFAMILY, "dns.no_address"),
    ],
)
async def test_the_resolvers_errors(answer: Answers, number: int, code: str) -> None:
    answer(socket.gaierror(number, "words that differ by system"))
    with pytest.raises(NetworkError) as caught:
        await resolve("mail.example", 465)
    failure = caught.value.failure
    assert (failure.code, failure.phase) == (code, Phase.DNS)
    assert "mail.example" in failure.message
    assert failure.seen is not None
    assert "words that differ" in failure.seen


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EMFILE, "x"), UnicodeError("x"), UnicodeEncodeError("idna", "x", 0, 1, "x")],
)
async def test_other_errors_of_the_resolver_are_ours_too(answer: Answers, error: Exception) -> None:
    answer(error)
    with pytest.raises(NetworkError) as caught:
        await resolve("mail.example", 465)
    assert caught.value.phase is Phase.DNS


async def test_no_address_at_all(answer: Answers) -> None:
    answer([])
    with pytest.raises(NetworkError, match=r"mail\.example has no address") as caught:
        await resolve("mail.example", 465)
    assert (caught.value.code, caught.value.phase) == ("dns.no_address", Phase.DNS)


async def test_a_silent_resolver_times_out(answer: Answers) -> None:
    answer(None)
    with pytest.raises(PhaseTimeoutError) as caught:
        await resolve("mail.example", 465, timeout=0.05)
    assert (caught.value.code, caught.value.phase) == ("dns.timeout", Phase.DNS)
    assert "0.05 seconds" in str(caught.value)


async def test_a_silent_resolver_meets_the_deadline(answer: Answers) -> None:
    answer(None)
    deadline = asyncio.get_running_loop().time() + 0.05
    with pytest.raises(PhaseTimeoutError) as caught:
        await resolve("mail.example", 465, timeout=3600, deadline=deadline)
    assert caught.value.code == "dns.timeout"


async def test_a_look_up_can_be_cancelled(answer: Answers) -> None:
    asked = answer(None)
    before = asyncio.all_tasks()
    task = asyncio.create_task(resolve("mail.example", 465))
    while not asked:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


async def test_who_asks_the_same_meanwhile_shares_the_answer(answer: Answers) -> None:
    asked = answer(["192.0.2.1"])
    found = await asyncio.gather(*(resolve("mail.example", 465) for _ in range(5)))
    assert found == [[Address("192.0.2.1", 465)]] * 5
    assert asked == [("mail.example", 465)]
    await resolve("mail.example", 465)
    assert len(asked) == 2  # an answer is not kept


async def test_each_has_an_error_of_its_own(answer: Answers) -> None:
    asked = answer(socket.gaierror(socket.EAI_NONAME, "no such name"))
    looks = (resolve("mail.example", 465) for _ in range(2))
    one, other = await asyncio.gather(*looks, return_exceptions=True)
    assert isinstance(one, NetworkError)
    assert isinstance(other, NetworkError)
    assert one.code == other.code == "dns.name_not_found"
    assert one is not other
    assert one.__cause__ is not other.__cause__
    assert len(asked) == 1


async def test_one_who_leaves_spoils_nobody_elses_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    known = asyncio.Event()

    async def getaddrinfo(_host: str, port: int, **_options: Any) -> Any:
        await known.wait()
        return [_entry("192.0.2.1", port)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    patient = asyncio.create_task(resolve("mail.example", 465))
    with pytest.raises(PhaseTimeoutError):
        await resolve("mail.example", 465, timeout=0.05)
    known.set()
    assert await patient == [Address("192.0.2.1", 465)]


V4A, V4B, V4C = (Address(f"192.0.2.{n}", 465) for n in (1, 2, 3))
V6A, V6B, V6C = (Address(f"2001:db8::{n}", 465) for n in (1, 2, 3))


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ([], []),
        ([V4A], [V4A]),
        ([V6A], [V6A]),
        ([V4A, V4B], [V4A, V4B]),
        ([V4A, V6A], [V4A, V6A]),
        ([V6A, V4A], [V6A, V4A]),
        ([V6A, V6B, V4A, V4B], [V6A, V4A, V6B, V4B]),
        ([V4A, V4B, V6A, V6B], [V4A, V6A, V4B, V6B]),
        ([V6A, V6B, V6C, V4A], [V6A, V4A, V6B, V6C]),
        ([V6A, V4A, V4B, V4C], [V6A, V4A, V4B, V4C]),
        ([V4A, V6C, V6B, V6A, V4B], [V4A, V6C, V4B, V6B, V6A]),
    ],
)
def test_interleave(given: list[Address], wanted: list[Address]) -> None:
    assert interleave(given) == wanted


def test_an_address_is_written_as_in_a_url() -> None:
    assert str(V4A) == "192.0.2.1:465"
    assert str(V6A) == "[2001:db8::1]:465"
    assert (V4A.is_ipv6, V6A.is_ipv6) == (False, True)


async def test_who_asks_again_and_leaves_takes_nothing_from_who_asked_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first answer is there, and whoever waits for it has not been woken yet."""
    ready = asyncio.Event()

    async def ask(*_: object) -> list[str]:
        await ready.wait()
        return ["192.0.2.1"]

    def another(_: object) -> None:
        question = resolve_module._share("x.test", 25)
        question.send(None)
        with suppress(asyncio.CancelledError):
            question.throw(asyncio.CancelledError())
        with suppress(asyncio.CancelledError):
            question.close()

    monkeypatch.setattr(resolve_module, "_ask_system", ask)
    first = asyncio.create_task(resolve_module._share("x.test", 25))
    await asyncio.sleep(0)
    (question,) = resolve_module._open.values()
    question.answer.add_done_callback(another)
    ready.set()
    assert await first == ["192.0.2.1"]
    assert not resolve_module._open
