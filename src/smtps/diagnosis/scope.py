"""How far a check goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtps.client.envelope import Envelope


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What to look at.

    Attributes:
        first: only the address that answers first, as a mail program would; else all of them.
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


USUAL = Scope()
"""Every address, with one connection where all is well."""
