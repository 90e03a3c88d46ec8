"""How messages shall be sent, and how a server can be sent to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

from smtps.client.envelope import DSN
from smtps.client.learned import Learned
from smtps.core.capabilities import Capabilities
from smtps.options import Endpoint, Partial


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked of the server beyond taking the message.

    Attributes:
        partial: ``abort``: one refused recipient and nothing is sent. ``send``: the others get it.
        dsn: delivery status notifications to ask for.
        require_tls: ask for TLS on the whole way (RFC 8689).
    """

    partial: Partial = "abort"
    dsn: DSN | None = None
    require_tls: bool = False


class Way(NamedTuple):
    """How a server can be sent to.

    Attributes:
        pipelining: commands may go out together (RFC 2920).
        chunking: the message goes out by BDAT (RFC 3030).
    """

    pipelining: bool = False
    chunking: bool = False

    @classmethod
    def to(cls, endpoint: Endpoint, offered: Capabilities, learned: Learned) -> Self:
        """What a server offers, unless its endpoint or what was learned speaks against it."""
        return cls(
            endpoint.pipelining and learned.pipelining and "PIPELINING" in offered,
            endpoint.chunking and learned.chunking and "CHUNKING" in offered,
        )
