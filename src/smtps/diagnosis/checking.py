"""Facts and judgement in one call."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Unpack

from smtps.client.access import Leave, deadline_of
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.gather import Turn, at_once, gather
from smtps.diagnosis.report import Report
from smtps.diagnosis.scope import Scope
from smtps.diagnosis.visit import Progress
from smtps.errors import Failure, Phase
from smtps.net.egress import Allow
from smtps.options import DEFAULT_PORT, Endpoint, EndpointOptions

if TYPE_CHECKING:
    from smtps.client.envelope import Envelope
    from smtps.diagnosis.discovery import Means
    from smtps.diagnosis.route import Discovery


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
        leave: takes over a session that nothing follows; see ``client.farewells``.
        **options: the other fields of Endpoint.

    Raises:
        InputError: the arguments cannot be used. What the server does wrong is in the report.
        ForbiddenError: policy does not allow the target.
    """
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    target = target or endpoint.host
    discovery, deadline = None, None
    if "@" in endpoint.host:
        from smtps.diagnosis.discovery import discover, means  # noqa: PLC0415

        deadline = deadline_of(endpoint)  # for the way there too
        finder = finder or means(resolver=endpoint.resolver, allow=allow)
        discovery = await discover(endpoint.host, finder, deadline=deadline)
        found = _found(endpoint, discovery)
        if found is None:
            return Report.of(_nowhere(endpoint, discovery, target))
        endpoint = found
    scope = Scope(first=first, deep=deep, envelope=envelope, size=size, control=control)
    facts = await gather(
        endpoint,
        target=target,
        scope=scope,
        allow=allow,
        progress=progress,
        turn=turn,
        deadline=deadline,
        leave=leave,
    )
    facts.discovery = discovery
    return Report.of(facts)


def _found(endpoint: Endpoint, discovery: Discovery) -> Endpoint | None:
    """The same endpoint at the server that was found."""
    asked = DEFAULT_PORT[endpoint.security]
    wanted = endpoint.security if endpoint.security != "implicit" else None
    server = discovery.server(wanted)
    if server is None:
        return None
    port = endpoint.port if endpoint.port != asked else server.port
    return replace(endpoint, host=server.host, port=port, security=server.security)


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
