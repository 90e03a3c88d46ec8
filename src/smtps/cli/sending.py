"""What sending one message and sending many have in common."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from smtps.cli import output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtps.client.envelope import DSN
    from smtps.errors import Failure


def dsn(options: Namespace) -> DSN | None:
    """The delivery status notifications that the options ask for."""
    from smtps.client.envelope import DSN  # noqa: PLC0415

    notify = options.dsn_notify
    if not (notify or options.dsn_return or options.dsn_envid):
        return None
    words: Any = tuple(word.strip().upper() for word in notify.split(",")) if notify else None
    return DSN(ret=options.dsn_return, envid=options.dsn_envid, notify=words)


def show_failure(failure: Failure) -> None:
    """Print it like a finding, with what to do about it."""
    from smtps.diagnosis.finding import Finding  # noqa: PLC0415
    from smtps.diagnosis.text import Painter, finding_lines  # noqa: PLC0415

    lines = finding_lines(Finding.from_failure(failure), Painter(colour=output.colour()))
    output.show("\n".join(lines) + "\n")
    show_others(failure.others)


def show_others(failures: Iterable[Failure]) -> None:
    """Print which other addresses of the server did not let this client in, and why."""
    for failure in failures:
        output.show(f"! {failure.address} was tried too: {failure.message} [{failure.code}]\n")
