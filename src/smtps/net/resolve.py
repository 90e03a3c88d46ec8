"""From a name to addresses, both families."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from functools import partial
from itertools import chain, zip_longest
from typing import Any

from smtps.errors import NetworkError, Phase
from smtps.net.hostnames import literal, loopback, to_ascii
from smtps.net.timing import within
from smtps.net.translate import translated


@dataclass(frozen=True, slots=True)
class Address:
    """Where to connect: a literal address and a port."""

    ip: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """The family."""
        return ":" in self.ip

    def __str__(self) -> str:
        return f"[{self.ip}]:{self.port}" if self.is_ipv6 else f"{self.ip}:{self.port}"


PATIENCE = 2.0
"""Seconds for both families; whoever is slower than that is asked for IPv4 alone."""

HALF_PATIENCE = 0.5
"""Seconds for the other family once one has answered (RFC 8305 section 3, more generous)."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Where a name leads.

    Attributes:
        addresses: in the order of use.
        unanswered: record types that were not waited for any longer, such as ``AAAA``.
    """

    addresses: list[Address]
    unanswered: tuple[str, ...] = ()


async def resolve(
    host: str,
    port: int,
    *,
    timeout: float = 10.0,
    deadline: float | None = None,
    resolver: str | None = None,
) -> list[Address]:
    """All addresses of a host in the resolver's order (RFC 6724), families taking turns.

    Args:
        host: name or literal address.
        port: to go with each.
        timeout: seconds.
        deadline: the loop's time at which all has to be over.
        resolver: address of the DNS server to ask in place of the system's resolver.

    Raises:
        InputError: ``host`` can be no host name, or ``resolver`` is no address.
        NetworkError: it does not exist, has no address, or the resolver failed.
        PhaseTimeoutError: the resolver was silent.
    """
    found = await resolved(host, port, timeout=timeout, deadline=deadline, resolver=resolver)
    return found.addresses


async def resolved(
    host: str,
    port: int,
    *,
    timeout: float = 10.0,
    deadline: float | None = None,
    resolver: str | None = None,
) -> Resolved:
    """The same, and what was not answered; a family that never comes holds up none that has."""
    name = to_ascii(host)
    if (address := literal(name)) is not None:
        return Resolved([Address(str(address), port)])
    if (here := loopback(name)) is not None:
        return Resolved([Address(here, port)])
    look_up = _from_system(name, port) if resolver is None else _from_server(name, resolver)
    with translated(Phase.DNS, host=name):
        async with within(timeout, Phase.DNS, deadline=deadline):
            found, unanswered = await look_up
    addresses = [Address(ip, port) for ip in dict.fromkeys(found)]
    if not addresses:
        raise NetworkError(
            "dns.no_address", f"{name} has no address.", phase=Phase.DNS, retryable=False
        )
    return Resolved(interleave(addresses), unanswered)


@dataclass(slots=True)
class _Question:
    """One that the system's resolver has not answered yet.

    Attributes:
        answer: comes from a thread.
        waiting: how many want to know.
    """

    answer: asyncio.Task[list[str]]
    waiting: int = 0


_open: dict[tuple[asyncio.AbstractEventLoop, str, int, int], _Question] = {}


async def _from_system(name: str, port: int) -> tuple[list[str], tuple[str, ...]]:
    """Ask the system's resolver, which answers only when both families have. Where one is missing,
    it is asked for IPv4 alone.
    """
    both = asyncio.create_task(_share(name, port))
    alone: asyncio.Task[list[str]] | None = None
    try:
        await asyncio.wait((both,), timeout=PATIENCE)
        if not both.done():
            alone = asyncio.create_task(_share(name, port, socket.AF_INET))
            await asyncio.wait((both, alone), return_when=asyncio.FIRST_COMPLETED)
            if alone.done() and alone.exception() is None and alone.result():
                await asyncio.wait((both,), timeout=HALF_PATIENCE)
                if not both.done():
                    return alone.result(), ("AAAA",)
        return await both, ()
    finally:
        tasks = [task for task in (both, alone) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _share(name: str, port: int, family: int = 0) -> list[str]:
    """Ask the system's resolver. It takes a thread, of which there are few: whoever asks the same
    meanwhile shares it, so that many who wait for one silent name are in nobody else's way.
    """
    place = (asyncio.get_running_loop(), name, port, family)
    question = _open.get(place)
    if question is None or question.answer.done():
        question = _open[place] = _Question(asyncio.create_task(_ask_system(name, port, family)))
    question.waiting += 1
    try:
        await asyncio.wait((question.answer,))
    finally:
        question.waiting -= 1
        if not question.waiting:
            if _open.get(place) is question:
                del _open[place]
            if question.answer.cancel():
                await asyncio.gather(question.answer, return_exceptions=True)
    if (error := question.answer.exception()) is not None:
        raise type(error)(*error.args)  # one for each: it will hold on to the frames it passes
    return question.answer.result()


async def _ask_system(name: str, port: int, family: int) -> list[str]:
    loop = asyncio.get_running_loop()
    options = {"family": family} if family else {}
    if isinstance(loop, asyncio.BaseEventLoop):
        found = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM, **options)
    else:  # uvloop would take threads of its own, not those in which each caller has a share
        ask = partial(socket.getaddrinfo, name, port, type=socket.SOCK_STREAM, **options)
        found = await loop.run_in_executor(None, ask)
    return [_literal(entry[4]) for entry in found]


async def _from_server(name: str, server: str) -> tuple[list[str], tuple[str, ...]]:
    from smtps.net.dns import Resolver  # late: dnspython takes a while  # noqa: PLC0415

    answer = await Resolver(server).addresses(name)
    if answer.failure is not None:
        failure = answer.failure
        raise NetworkError(
            failure.code, failure.message, phase=Phase.DNS, retryable=failure.retryable
        )
    if not answer.exists:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")
    return list(answer.values), answer.unanswered


def _literal(place: tuple[Any, ...]) -> str:
    """The address in a socket address, with the zone that a link-local one needs."""
    ip = str(place[0])
    zone = place[3] if len(place) > 3 else 0
    return f"{ip}%{zone}" if zone and "%" not in ip else ip


def interleave(addresses: list[Address]) -> list[Address]:
    """The families in turn, beginning with that of the first (RFC 8305 section 4)."""
    first = [a for a in addresses if a.is_ipv6 == addresses[0].is_ipv6]
    second = [a for a in addresses if a.is_ipv6 != addresses[0].is_ipv6]
    return [a for a in chain(*zip_longest(first, second)) if a is not None]
