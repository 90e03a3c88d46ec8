"""Collects the facts: does the I/O, never stops at the first failure, judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import replace
from datetime import UTC, datetime
from math import inf
from typing import TYPE_CHECKING

from smtps.checks.certificate import explain
from smtps.checks.facts import AddressFacts, Certificate, Control, Facts
from smtps.checks.scope import DEFAULT_SCOPE, Scope, patient
from smtps.checks.visit import Progress, Visitor, silent
from smtps.client.attempts import Attempts
from smtps.client.handshake import Leave, check_endpoint, deadline_of
from smtps.client.login import unseen
from smtps.endpoint import Endpoint
from smtps.errors import Failure, LocalError, Phase, SMTPSError
from smtps.net.dial import MOST_ADDRESSES, connect_any
from smtps.net.egress import Allow, admit
from smtps.net.hostnames import to_ascii
from smtps.net.resolve import Address, resolve, resolved
from smtps.net.timing import timed
from smtps.net.tls import client_certificate

if TYPE_CHECKING:
    from smtps.checks.token_watch import TokenWatch
    from smtps.net.dns import Resolver
    from smtps.oauth.provenance import Origin

CONTROL_SHARE = 0.25
"""Share of the time for everything that is kept for a control."""

MAX_CONTROL = 5.0
"""Seconds; a server that answers at all has done so by then."""

LEAST_CONTROL = 1.0
"""Seconds. A first packet that is lost is sent again after one (RFC 6298 section 2): whoever is
silent for less may not have heard."""

WHY = 2.0
"""Seconds for a question about a name that leads nowhere."""

MAX_WHY = 5.0
"""Seconds for all of them."""

Turn = Callable[[Sequence[Address]], AbstractAsyncContextManager[None]]
"""Entered before any of the addresses is connected to, left when all connections are closed."""


def at_once(_addresses: Sequence[Address]) -> AbstractAsyncContextManager[None]:
    """No need to wait for anybody."""
    return nullcontext()


async def gather(
    endpoint: Endpoint,
    *,
    target: str | None = None,
    scope: Scope = DEFAULT_SCOPE,
    allow: Allow | None = None,
    progress: Progress | None = None,
    turn: Turn = at_once,
    now: datetime | None = None,
    deadline: float | None = None,
    leave: Leave | None = None,
    origin: Origin = "given",
) -> Facts:
    """Look at the addresses of a server, at the same time, each with one connection at a time.

    Of a name with more than MOST_ADDRESSES the first so many are looked at.

    Args:
        endpoint: where, how, who. The credentials are tried at one address after the other, and at
            no other once they were refused: see ``scope``.
        target: what was asked for, for the report.
        scope: how far to go.
        allow: egress policy, asked about each resolved address.
        progress: told of each phase as it ends.
        turn: lets several checks take turns at an address. Waiting for it is not counted.
        now: the time to judge certificates by.
        deadline: the loop's time at which all has to be over; else ``timeouts.total`` counts, or
            the patience of a check, see ``scope``.
        leave: takes over a session that nothing follows; see ``client.lending``.
        origin: where an access token of the endpoint came from.

    Raises:
        InputError: the host can be none, or a file cannot be used.
        ForbiddenError: policy does not allow an address.
    """
    endpoint = replace(endpoint, timeouts=patient(endpoint.timeouts, deep=scope.deep))
    check_endpoint(endpoint)  # the caller's own mistakes are no findings
    facts = _asked_for(endpoint, target or endpoint.host, scope, now or datetime.now(UTC))
    watch = _watch(endpoint, origin) if facts.token else None
    if watch is not None:
        endpoint = watch.endpoint
    deadline = deadline or deadline_of(endpoint)
    addresses = await _addresses(facts, endpoint, deadline)
    if facts.failure is not None:
        return facts
    admit(addresses, allow)
    asked = asyncio.get_running_loop().time()
    async with turn(addresses):
        if deadline is not None:
            deadline += asyncio.get_running_loop().time() - asked
        until = deadline if scope.control is None else _before_control(deadline)
        together = () if scope.first else [address.ip for address in addresses]
        visitor = Visitor(
            endpoint, scope, allow, progress or silent, until, leave=leave, together=together
        )
        look = _ask_and_look if scope.deep else _look
        await look(facts, visitor, addresses, endpoint)
    if watch is not None:
        facts.access_token = await watch.facts()
    if scope.envelope is not None and not endpoint.wants_login:
        await _whose_mail(facts, endpoint, deadline)
    if any(a.failure and a.failure.code == "tls.certificate_wrong_host" for a in facts.addresses):
        await _other_names(facts, endpoint, deadline)
    if scope.control is not None and _nothing_answers(facts):
        facts.control = await _control(scope.control, endpoint, allow, deadline)
    return facts


def _watch(endpoint: Endpoint, origin: Origin) -> TokenWatch:
    """Keep an eye on the access token."""
    from smtps.checks.token_watch import TokenWatch  # late: few have one  # noqa: PLC0415

    return TokenWatch(endpoint, origin)


def _asked_for(endpoint: Endpoint, target: str, scope: Scope, now: datetime) -> Facts:
    """What is known before anything was looked at."""
    return Facts(
        target=target,
        host=to_ascii(endpoint.host),
        port=endpoint.port,
        security=endpoint.security,
        now=now,
        verify=endpoint.verify or endpoint.fingerprint is not None,
        own_authorities=endpoint.ca_file is not None or endpoint.fingerprint is not None,
        client_certificate=_client_certificate(endpoint),
        wanted_login=endpoint.wants_login,
        token=endpoint.access_token is not None or endpoint.token_source is not None,
        mechanism=endpoint.mechanism,
        password_is_ascii=(endpoint.password or "").isascii(),
        unseen=unseen(endpoint),
        size=scope.size,
        deep=scope.deep,
    )


def _client_certificate(endpoint: Endpoint) -> Certificate | None:
    if (der := client_certificate(endpoint)) is None:
        return None
    found = explain(der)
    return found if isinstance(found, Certificate) else None


async def _addresses(facts: Facts, endpoint: Endpoint, deadline: float | None) -> list[Address]:
    """Where to look; none if the look-up failed, which is noted then."""
    try:
        with timed(facts.timings, Phase.DNS):
            found = await resolved(
                endpoint.host,
                endpoint.port,
                timeout=endpoint.timeouts.dns,
                deadline=deadline,
                resolver=endpoint.resolver,
            )
    except LocalError:
        raise
    except SMTPSError as error:
        facts.failure = error.failure
        with timed(facts.timings, Phase.DNS):
            await _explain(facts, error.failure, endpoint, deadline)
        return []
    facts.unanswered = found.unanswered
    facts.left_out = len(found.addresses[MOST_ADDRESSES:])
    return found.addresses[:MOST_ADDRESSES]


async def _explain(
    facts: Facts, failure: Failure, endpoint: Endpoint, deadline: float | None
) -> None:
    """What DNS itself says of a look-up that failed; nothing, if there is no time to ask."""
    from smtps.checks.dns_facts import why_unresolved  # late: few need it  # noqa: PLC0415

    async with _questions(endpoint, deadline) as resolver:
        facts.failure, facts.mail_hosts = await why_unresolved(failure, facts.host, resolver)


async def _whose_mail(facts: Facts, endpoint: Endpoint, deadline: float | None) -> None:
    """Whether mail was taken for domains that are not the server's."""
    from smtps.checks.relaying import foreign_domains  # late: few want it  # noqa: PLC0415

    async with _questions(endpoint, deadline) as resolver:
        facts.foreign_domains = await foreign_domains(facts, resolver)


async def _other_names(facts: Facts, endpoint: Endpoint, deadline: float | None) -> None:
    """Which of the names that the certificate covers lead to the same server."""
    from smtps.checks.other_names import lead_here  # late: few need it  # noqa: PLC0415

    async with _questions(endpoint, deadline) as resolver:
        facts.same_server = await lead_here(facts, resolver)


@asynccontextmanager
async def _questions(endpoint: Endpoint, deadline: float | None) -> AsyncIterator[Resolver]:
    """A resolver for questions on the side; when their time is over the block ends."""
    from smtps.net.dns import Resolver  # late: few ask  # noqa: PLC0415

    end = asyncio.get_running_loop().time() + MAX_WHY
    with suppress(TimeoutError):
        async with asyncio.timeout_at(end if deadline is None else min(end, deadline)):
            yield Resolver(endpoint.resolver, lifetime=min(WHY, endpoint.timeouts.dns))


async def _ask_and_look(
    facts: Facts, visitor: Visitor, addresses: list[Address], endpoint: Endpoint
) -> None:
    """Look at the addresses, and ask the DNS what it says of them meanwhile."""
    from smtps.checks.dns_facts import look_up  # late: few want it  # noqa: PLC0415
    from smtps.net.dns import LIFETIME, Resolver  # noqa: PLC0415

    resolver = Resolver(endpoint.resolver, lifetime=min(LIFETIME, endpoint.timeouts.dns))
    questions = asyncio.create_task(look_up(facts.host, facts.port, addresses, resolver))
    try:
        await _look(facts, visitor, addresses, endpoint)
        with suppress(TimeoutError):
            async with asyncio.timeout_at(visitor.deadline):
                facts.dns = await questions
    finally:
        questions.cancel()
        await asyncio.gather(questions, return_exceptions=True)


async def _look(
    facts: Facts, visitor: Visitor, addresses: list[Address], _endpoint: Endpoint
) -> None:
    """Look at the addresses."""
    if visitor.scope.first:
        facts.addresses.extend(await _in_turn(visitor, addresses))
        return
    looks = [asyncio.create_task(visitor.look([address])) for address in addresses]
    try:
        facts.addresses.extend(await asyncio.gather(*looks))
    finally:
        for look in looks:
            look.cancel()
        await asyncio.gather(*looks, return_exceptions=True)


async def _in_turn(visitor: Visitor, addresses: list[Address]) -> list[AddressFacts]:
    """Look at the address that answers first, and at the next if ``send`` would go there."""
    attempts = Attempts(addresses, visitor.deadline)
    found: list[AddressFacts] = []
    now = asyncio.get_running_loop().time
    while attempts.left:
        visitor.deadline, visitor.others = attempts.share(now()), len(attempts.left) > 1
        seen = await visitor.look(attempts.left)
        found.append(seen)
        failure, told = seen.failure or seen.login_failure, bool(seen.tried)
        if failure is None or failure.phase is Phase.TCP:
            break
        error = SMTPSError(failure.code, failure.message)
        attempts.failed(error, seen.address, now())
        if not attempts.go_on(error, now(), told=told):
            break
    return found


def _nothing_answers(facts: Facts) -> bool:
    codes = {a.failure.code if a.failure else None for a in facts.addresses}
    return codes <= {"net.timeout", "net.unreachable"} and "net.timeout" in codes


def _before_control(deadline: float | None) -> float | None:
    """When the server's own time is over, so that there is some for the control."""
    if deadline is None:
        return None
    left = deadline - asyncio.get_running_loop().time()
    return deadline - min(CONTROL_SHARE * left, MAX_CONTROL)


async def _control(
    host: str, endpoint: Endpoint, allow: Allow | None, deadline: float | None
) -> Control | None:
    """Whether another server answers on the same port; nothing is said to it."""
    seconds, left = endpoint.timeouts, inf
    try:
        addresses = await resolve(
            host,
            endpoint.port,
            timeout=seconds.dns,
            deadline=deadline,
            resolver=endpoint.resolver,
        )
        if deadline is not None:
            left = deadline - asyncio.get_running_loop().time()
        wire = await connect_any(addresses, timeout=seconds.tcp, allow=allow, deadline=deadline)
    except LocalError:
        raise
    except SMTPSError as error:
        heard = left >= min(LEAST_CONTROL, seconds.tcp)
        return "silent" if error.code == "net.timeout" and heard else None
    await wire.close()
    return "answers"
