"""Facts and judgement in one call."""

from __future__ import annotations

from typing import Unpack

from smtps.client.envelope import Envelope
from smtps.diagnosis.gather import Turn, at_once, gather
from smtps.diagnosis.report import Report
from smtps.diagnosis.scope import Scope
from smtps.diagnosis.visit import Progress
from smtps.net.egress import Allow
from smtps.options import Endpoint, EndpointOptions


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
    progress: Progress | None = None,
    turn: Turn = at_once,
    **options: Unpack[EndpointOptions],
) -> Report:
    """Tell whether submission works at a server, and if not, why and what to do.

    Args:
        host: name or address of the server, or a whole Endpoint.
        target: what to call it in the report.
        first, deep, envelope, size, control: how far to go, see Scope.
        allow: egress policy, asked about each resolved address.
        progress: told of each phase as it ends.
        turn: lets several checks take turns at an address.
        **options: the other fields of Endpoint.

    Raises:
        InputError: the arguments cannot be used. What the server does wrong is in the report.
        ForbiddenError: policy does not allow the target.
    """
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    scope = Scope(first=first, deep=deep, envelope=envelope, size=size, control=control)
    facts = await gather(
        endpoint, target=target, scope=scope, allow=allow, progress=progress, turn=turn
    )
    return Report.of(facts)
