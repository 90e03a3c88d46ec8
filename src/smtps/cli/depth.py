"""The options that say how far ``smtps check`` goes beyond a usual look."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, TypedDict

from smtps.errors import InputError

if TYPE_CHECKING:
    from smtps.client.envelope import Envelope


class Depth(TypedDict):
    """Arguments of ``diagnosis.check``."""

    deep: bool
    envelope: Envelope | None
    size: int | None
    control: str | None


def add_options(parser: ArgumentParser) -> None:
    """Options of a closer look."""
    group = parser.add_argument_group("a closer look")
    group.add_argument(
        "--deep", action="store_true",
        help="also each TLS version, weak ciphers, resumption, each login mechanism and DNS: about "
        "ten connections to each address, one after the other",
    )  # fmt: skip
    group.add_argument(
        "--mail-from", metavar="ADDRESS",
        help="with --rcpt-to: ask whether this sender would be taken; '' is the null reverse-path. "
        "No mail is sent",
    )  # fmt: skip
    group.add_argument(
        "--rcpt-to", action="append", default=[], metavar="ADDRESS",
        help="and this recipient; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--size", type=int, metavar="OCTETS", help="and a message of this size; with --mail-from"
    )
    group.add_argument(
        "--control", metavar="HOST",
        help="if the server is silent, try this one on the same port, to tell whether your network "
        "blocks it",
    )  # fmt: skip


def depth(options: Namespace) -> Depth:
    """How far to go.

    Raises:
        InputError: an address is none, or one option lacks another.
    """
    return {
        "deep": options.deep,
        "envelope": _envelope(options),
        "size": options.size,
        "control": options.control,
    }


def _envelope(options: Namespace) -> Envelope | None:
    if options.mail_from is None:
        for field in ("rcpt_to", "size"):
            if getattr(options, field):
                raise InputError(field, "goes with --mail-from")
        return None
    if not options.rcpt_to:
        raise InputError("rcpt_to", "is needed with --mail-from")
    from smtps.client.envelope import Envelope  # noqa: PLC0415

    return Envelope.of(options.mail_from or None, options.rcpt_to)
