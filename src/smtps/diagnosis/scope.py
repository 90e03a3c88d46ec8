"""How far a check goes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smtps.options import USUAL as USUAL_TIMEOUTS
from smtps.options import Timeouts

if TYPE_CHECKING:
    from smtps.client.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to look at.

    Attributes:
        first: the address that answers first, and the next only where ``send`` would go there; else
            all of them.
        deep: also every TLS version, the weakest ciphers, a large ClientHello, session resumption
            and, with credentials, each login mechanism: about ten connections to each address, one
            after the other.
        envelope: ask whether this sender and these recipients would be taken; no mail is sent.
        size: octets to announce for that.
        control: a server that answers on most networks; asked for the same port, and only when the
            checked one is silent, to tell a blocked port from a dead server. A quarter of
            ``timeouts.total``, and no more than five seconds, is kept for it.
    """

    first: bool = False
    deep: bool = False
    envelope: Envelope | None = None
    size: int | None = None
    control: str | None = None


PHASES = {"command": 30.0, "mail": 60.0, "rcpt": 60.0, "data": 60.0, "final": 60.0}
"""Seconds for a phase, where a message would be waited for longer (RFC 5321 section 4.5.3.2): a
check has nothing to lose. A server that takes longer than that is slow, which is what it tells."""

WHOLE = 120.0
"""Seconds for a server with all its addresses, the second looks included."""

WHOLE_DEEP = 300.0
"""The same for a deep check."""


def patient(timeouts: Timeouts, *, deep: bool) -> Timeouts:
    """The time-outs of a check: those that were given, and less than usual where none was."""
    phases = {
        name: seconds
        for name, seconds in PHASES.items()
        if getattr(timeouts, name) == getattr(USUAL_TIMEOUTS, name)
    }
    total = timeouts.total or (WHOLE_DEEP if deep else WHOLE)
    return replace(timeouts, total=total, **phases)


USUAL = Scope()
"""Every address, with one connection where all is well."""
