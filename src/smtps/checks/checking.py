"""Facts and judgement in one call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Unpack

from smtps.checks.facts import Facts
from smtps.checks.gather import Turn, at_once, gather
from smtps.checks.report import Report
from smtps.checks.scope import Scope
from smtps.checks.verdict import works
from smtps.checks.visit import Progress
from smtps.client.attempts import share
from smtps.client.handshake import Leave, deadline_of
from smtps.endpoint import DEFAULT_PORT, Endpoint, EndpointOptions
from smtps.errors import Failure, Phase
from smtps.net.egress import Allow

if TYPE_CHECKING:
    from smtps.checks.discovery import Means
    from smtps.checks.route import Discovery
    from smtps.client.outgoing import Envelope
    from smtps.oauth.provenance import Origin


MOST_TARGETS = 4
"""SRV records that are followed, one after the other, as long as their targets fail."""

Look = Callable[..., Awaitable[Facts]]


async def check(
    host: str | Endpoint,
    *,
    target: str | None = None,
    first: bool = False,
    deep: bool = False,
    envelope: Envelope | None = None,
    size: int | None = None,
    control: str | None = None,
    allow: Allow | None = None,
    finder: Means | None = None,
    progress: Progress | None = None,
    turn: Turn = at_once,
    leave: Leave | None = None,
    origin: Origin = "given",
    **options: Unpack[EndpointOptions],
) -> Report:
    """Tell whether submission works at a server, and if not, why and what to do.

    Args:
        host: name or address of the server, or a whole Endpoint; or a mail address, whose server
            is found first.
        target: what to call it in the report.
        first, deep, envelope, size, control: how far to go, see Scope.
        allow: egress policy, asked about each resolved address.
        finder: what to find the server of a mail address with; default the system's means.
        progress: told of each phase as it ends.
        turn: lets several checks take turns at an address.
        leave: takes over a session that nothing follows; see ``client.lending``.
        origin: where ``access_token`` came from, for the report.
        **options: the other fields of Endpoint.

    Raises:
        InputError: the arguments cannot be used. What the server does wrong is in the report.
        ForbiddenError: policy does not allow the target.
    """
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    look = partial(
        gather,
        target=target or endpoint.host,
        scope=Scope(first=first, deep=deep, envelope=envelope, size=size, control=control),
        allow=allow,
        progress=progress,
        turn=turn,
        leave=leave,
        origin=origin,
    )
    if "@" not in endpoint.host:
        return Report.of(await look(endpoint))
    from smtps.checks.discovery import discover, means  # noqa: PLC0415

    deadline = deadline_of(endpoint)  # for the way there too
    finder = finder or means(resolver=endpoint.resolver, allow=allow)
    discovery = await discover(endpoint.host, finder, deadline=deadline, listening=False)
    targets = _targets(endpoint, discovery)
    if not targets:
        return Report.of(_nowhere(endpoint, discovery, target or endpoint.host))
    return await _first_that_works(targets, discovery, look, deadline)


async def _first_that_works(
    targets: list[Endpoint], discovery: Discovery, look: Look, deadline: float | None
) -> Report:
    """The report on the first target that lets this client in; else on the first of all, with what
    became of the others.
    """
    now = asyncio.get_running_loop().time
    reports: list[Report] = []
    for number, endpoint in enumerate(targets):
        until = share(deadline, now(), len(targets) - number)
        reports.append(Report.of(await look(endpoint, deadline=until)))
        if not _next_may(reports[-1]) or (deadline is not None and now() >= deadline):
            break
    chosen = reports[0] if _next_may(reports[-1]) else reports[-1]
    facts = chosen.facts
    facts.discovery = discovery
    facts.passed_over = tuple(
        (f"{each.facts.host}:{each.facts.port}", each.failure)
        for each in reports
        if each is not chosen and each.failure is not None
    )
    return Report.of(facts)


def _next_may(report: Report) -> bool:
    """Whether the next target may do better: this one did not even let the client in."""
    facts, failure = report.facts, report.failure
    if works(facts) or failure is None or any(each.tried for each in facts.addresses):
        return False
    return not any(each.reached for each in facts.addresses)


def _targets(endpoint: Endpoint, discovery: Discovery) -> list[Endpoint]:
    """The same endpoint at the servers that were found."""
    asked = DEFAULT_PORT[endpoint.security]
    wanted = endpoint.security if endpoint.security != "implicit" else None
    found = [
        replace(
            endpoint,
            host=server.host,
            port=endpoint.port if endpoint.port != asked else server.port,
            security=server.security,
        )
        for server in discovery.targets(wanted)
    ]
    return list(dict.fromkeys(found))[:MOST_TARGETS]


def _nowhere(endpoint: Endpoint, discovery: Discovery, target: str) -> Facts:
    """What there is to say when no server was found."""
    failures = [step.failure for step in discovery.steps if step.failure is not None]
    failures.sort(key=lambda each: each.retryable)  # what the domain says comes first
    failure = next(iter(failures), None) or Failure(
        code="dns.no_submission_server",
        phase=Phase.DNS,
        message=f"No submission server is known for {discovery.domain}.",
    )
    return Facts(
        target=target,
        host=discovery.domain,
        port=endpoint.port,
        security=endpoint.security,
        now=datetime.now(UTC),
        wanted_login=endpoint.wants_login,
        discovery=discovery,
        failure=failure,
    )
