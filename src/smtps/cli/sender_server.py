"""``smtps send`` without a server: that of the sender's address is found."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from smtps.cli import output
from smtps.errors import InputError

if TYPE_CHECKING:
    from smtps.checks.route import Discovery
    from smtps.providers import Place


def fill_in(options: Namespace) -> None:
    """Set host, port and security of the options to those of the server that was found.

    Raises:
        InputError: none was found, or one that a password should not go to unseen.
    """
    import asyncio  # noqa: PLC0415

    from smtps.checks.discovery import discover, means  # noqa: PLC0415
    from smtps.cli.progress import waiting_for  # noqa: PLC0415
    from smtps.message.addresses import NameAddr  # noqa: PLC0415

    address = str(NameAddr.parse(options.from_).email)
    work = discover(address, means(resolver=options.resolver))
    found = asyncio.run(waiting_for(f"the server of {address}", work))
    place = found.server(options.security)
    if place is None:
        raise InputError(
            "host", f"is required: no submission server of {found.domain} was found",
            code="input.host_required",
        )  # fmt: skip
    if not may_get_password(found, place):
        raise InputError(
            "host",
            f"is required: DNS names {place.host}, which does not belong to {found.domain}, and an "
            f"answer of DNS can be forged. If it is right, give --host {place.host}:{place.port}",
            code="input.host_required",
        )
    output.complain(f"sending through {place.host}:{place.port} ({found.steps[-1].source})")
    options.host, options.security = place.host, options.security or place.security
    options.port = options.port or place.port


def may_get_password(found: Discovery, place: Place) -> bool:
    """Whether a server that was found may be logged in to without asking: SRV records come without
    proof, so theirs has to be below the domain (RFC 6186 section 6). Other sources are read over
    HTTPS, are tables of ours, or are names in the domain.
    """
    if found.steps[-1].source != "srv":
        return True
    return f".{place.host}".endswith(f".{found.domain}")
