"""What ``smtps send`` and a mail merge share, and ``--queue``, which uses the outbox."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from smtps.cli import exits, output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from smtps.checks.finding import Finding
    from smtps.client.outgoing import DSN, Outgoing
    from smtps.errors import Failure
    from smtps.message.message import Message


def dsn(options: Namespace) -> DSN | None:
    """The delivery status notifications that the options ask for."""
    from smtps.client.outgoing import DSN  # noqa: PLC0415

    notify = options.dsn_notify
    if not (notify or options.dsn_return or options.dsn_envid):
        return None
    words: Any = tuple(word.strip().upper() for word in notify.split(",")) if notify else None
    return DSN(ret=options.dsn_return, envid=options.dsn_envid, notify=words)


def show_failure(failure: Failure, finding: Finding | None = None) -> None:
    """Print it like a finding, with what to do about it.

    Args:
        failure: what went wrong.
        finding: that explains it, if more is known than it says itself.
    """
    from smtps.checks.finding import Finding  # noqa: PLC0415

    show_finding(finding or Finding.from_failure(failure))
    show_others(failure.others)


def show_finding(finding: Finding) -> None:
    """Print what is wrong, and what to do about it."""
    from smtps.report.text import Painter, finding_lines  # noqa: PLC0415

    lines = finding_lines(finding, Painter(colour=output.colour()))
    output.show("\n".join(lines) + "\n")


def show_others(failures: Iterable[Failure]) -> None:
    """Print which other addresses of the server did not let this client in, and why."""
    for failure in failures:
        output.show(f"! {failure.address} was tried too: {failure.message} [{failure.code}]\n")


def run(options: Namespace, message: Message | Outgoing) -> int:
    """Hand it over."""
    import asyncio  # noqa: PLC0415

    return asyncio.run(_queue(options, message))


async def _queue(options: Namespace, message: Message | Outgoing) -> int:
    from smtps.client.commands import SendOptions  # noqa: PLC0415
    from smtps.client.outgoing import prepare  # noqa: PLC0415
    from smtps.config.open_outbox import open_outbox  # noqa: PLC0415
    from smtps.config.settings import load  # noqa: PLC0415
    from smtps.outbox.records import Submission  # noqa: PLC0415

    outgoing = prepare(message, None)
    terms = SendOptions(partial=options.partial, dsn=dsn(options), require_tls=options.require_tls)
    async with open_outbox(load(options.config), deliver=False) as outbox:
        account = outbox.account(options.queue)
        account.admit(outgoing)
        now = outbox.clock.now()
        accepted = await outbox.accept(
            Submission(
                id=outbox.new_id(),
                account=account.name,
                outgoing=outgoing,
                created=now,
                expires=now + account.lifetime,
                terms=terms,
                subject=options.subject,
            )
        )
    if options.json:
        output.show_json(accepted.answer)
    else:
        output.show(f"{accepted.answer['id']}: {accepted.answer['status']}\n")
    return exits.OK
