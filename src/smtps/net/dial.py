"""From addresses to an open wire."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from itertools import islice
from socket import IPPROTO_TCP, TCP_MAXSEG
from typing import Any

from smtps.endpoint import Endpoint
from smtps.errors import NetworkError, Phase, SMTPSError
from smtps.net.egress import Allow, admit
from smtps.net.hostnames import literal, to_ascii
from smtps.net.rejection import connected
from smtps.net.resolve import Address
from smtps.net.timing import expiry, within
from smtps.net.tls import ClientHello, check_fingerprint, context_for, context_of
from smtps.net.translate import translate
from smtps.net.wire import Wire

ATTEMPT_DELAY = 0.25
"""Seconds before the next address is tried beside the first (RFC 8305 section 5)."""

MOST_ADDRESSES = 16
"""Addresses of one name that are tried. Whoever owns a name could aim us at a network with it."""


async def connect_tcp(
    address: Address,
    *,
    timeout: float,
    allow: Allow | None = None,
    deadline: float | None = None,
    segment: int | None = None,
) -> Wire:
    """Open a connection to one address.

    Args:
        address: where to.
        timeout: seconds.
        allow: egress policy.
        deadline: the loop's time at which all has to be over.
        segment: octets of the largest segment either side may send (RFC 9293 section 3.7.1), in
            place of what the network interface takes.

    Raises:
        ForbiddenError: policy says no; nothing was sent.
        NetworkError, PhaseTimeoutError: it did not come about.
    """
    admit([address], allow)
    loop = asyncio.get_running_loop()
    try:
        async with within(timeout, Phase.TCP, address.ip, deadline):
            # It keeps the address as it was asked for, with its zone.
            if segment is None:
                _, wire = await loop.create_connection(
                    lambda: Wire(address.ip), address.ip, address.port
                )
            else:
                plug = await connected(address, ((IPPROTO_TCP, TCP_MAXSEG, segment),))
                _, wire = await loop.create_connection(lambda: Wire(address.ip), sock=plug)
    except OSError as error:
        if isinstance(error, SMTPSError):
            raise
        raise translate(error, Phase.TCP, address=address.ip) from error
    return wire


async def connect_any(
    addresses: Iterable[Address],
    *,
    timeout: float,
    allow: Allow | None = None,
    deadline: float | None = None,
    errors: dict[Address, SMTPSError] | None = None,
) -> Wire:
    """Open a connection to the first address that answers (Happy Eyeballs, RFC 8305).

    Args:
        addresses: in the order of preference; what comes behind MOST_ADDRESSES is left out.
        timeout: seconds for each.
        allow: egress policy.
        deadline: the loop's time at which all has to be over.
        errors: gets what each address failed by, also where another answers.

    Raises:
        SMTPSError: none answered; the error of the first, with the others as notes.
    """
    errors = {} if errors is None else errors
    waiting = list(islice(addresses, MOST_ADDRESSES))
    if not waiting:
        raise NetworkError("dns.no_address", "There is no address to try.", phase=Phase.DNS)
    if len(waiting) == 1:
        try:
            return await connect_tcp(waiting[0], timeout=timeout, allow=allow, deadline=deadline)
        except SMTPSError as failed:
            errors[waiting[0]] = failed.apart()
            raise
    admit(waiting, allow)
    attempt = partial(connect_tcp, timeout=timeout, allow=allow, deadline=deadline)
    wire = await _race(waiting, attempt, errors)
    if wire is None:
        raise _best(errors, waiting)
    return wire


async def _race(
    order: list[Address],
    attempt: Callable[[Address], Coroutine[Any, Any, Wire]],
    errors: dict[Address, SMTPSError],
) -> Wire | None:
    """The first that answers; each is begun a while after the one before."""
    waiting = list(order)
    running: dict[asyncio.Task[Wire], Address] = {}
    try:
        while waiting or running:
            if waiting:
                address = waiting.pop(0)
                running[asyncio.create_task(attempt(address))] = address
            done, _ = await asyncio.wait(
                running,
                timeout=ATTEMPT_DELAY if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            for task in done:
                address = running.pop(task)
                if (error := task.exception()) is None:
                    return task.result()
                if not isinstance(error, SMTPSError):
                    raise error
                errors[address] = error
    finally:
        await _discard(running)
    return None


async def _discard(tasks: Iterable[asyncio.Task[Wire]]) -> None:
    """Stop the attempts that lost the race, and drop what they may have opened."""
    for task in tasks:
        task.add_done_callback(_drop)
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _drop(task: asyncio.Task[Wire]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().abort()


def _best(errors: dict[Address, SMTPSError], order: list[Address]) -> SMTPSError:
    first = errors[order[0]]
    for address in order[1:]:
        first.add_note(f"{address}: {errors[address]}")
    return first


async def secure(
    wire: Wire,
    endpoint: Endpoint,
    deadline: float | None = None,
    *,
    hello: ClientHello | None = None,
    session: ssl.SSLSession | None = None,
) -> bool:
    """Start TLS on an open wire and decide whether to trust the server.

    Args:
        wire: just opened, or after the answer to STARTTLS.
        endpoint: name, trust and time-out.
        deadline: the loop's time at which all has to be over.
        hello: another way to say hello, which trusts anybody.
        session: to take up again.

    Returns:
        Whether it was verified: against name and trust store, or by fingerprint.

    Raises:
        CertificateError: it is not to be trusted; nothing but the handshake was sent.
        TLSError, NetworkError, PhaseTimeoutError: the handshake failed.
    """
    context = context_for(endpoint) if hello is None else context_of(hello)
    name = server_name(endpoint.host) if hello is None or hello.named else None
    with expiry(endpoint.timeouts.tls, Phase.TLS, wire.address, deadline, wire.late) as until:
        await wire.start_tls(
            context,
            name,
            session,
            certificate=hello is None and endpoint.client_certificate is not None,
            until=until,
        )
    if endpoint.fingerprint is None or hello is not None:
        return context.verify_mode is ssl.CERT_REQUIRED
    try:
        check_fingerprint(wire.facts().chain, endpoint.fingerprint)
    except SMTPSError as error:
        raise error.locate(address=wire.address) from None
    return True


def server_name(host: str) -> str:
    """The name that the certificate has to carry; of an address, without its zone."""
    return to_ascii(host).partition("%")[0]


def address_literal(ip: str) -> str:
    """An address as EHLO takes it in place of a name (RFC 5321 section 4.1.3)."""
    found = literal(ip)
    if found is None:
        return "[127.0.0.1]"
    plain = str(found).partition("%")[0]
    return f"[IPv6:{plain}]" if found.version == 6 else f"[{plain}]"
