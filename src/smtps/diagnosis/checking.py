"""Facts and judgement in one call."""

from __future__ import annotations

from typing import Unpack

from smtps.diagnosis.gather import Progress, gather
from smtps.diagnosis.report import Report
from smtps.net.egress import Allow
from smtps.options import Endpoint, EndpointOptions


async def check(
    host: str | Endpoint,
    *,
    target: str | None = None,
    first: bool = False,
    allow: Allow | None = None,
    progress: Progress | None = None,
    **options: Unpack[EndpointOptions],
) -> Report:
    """Tell whether submission works at a server, and if not, why and what to do.

    Args:
        host: name or address of the server, or a whole Endpoint.
        target: what to call it in the report.
        first: look only at the address that answers first; else at all of them.
        allow: egress policy, asked about each resolved address.
        progress: told of each phase as it ends.
        **options: the other fields of Endpoint.

    Raises:
        InputError: the arguments cannot be used. What the server does wrong is in the report.
        ForbiddenError: policy does not allow the target.
    """
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    return Report.of(
        await gather(endpoint, target=target, first=first, allow=allow, progress=progress)
    )
