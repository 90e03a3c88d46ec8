"""The way from a mail address to its submission server, as it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from smtps.errors import Failure
from smtps.options import Security
from smtps.providers import Place

Source = Literal["srv", "autoconfig", "ispdb", "providers", "mx", "guess"]


@dataclass(frozen=True, slots=True)
class Step:
    """A question and what came of it.

    Attributes:
        source: the kind of source.
        asked: what for, or where.
        servers: what it said.
        remark: in words, where that needs any.
        failure: why there was no answer at all.
    """

    source: Source
    asked: str
    servers: tuple[Place, ...] = ()
    remark: str = ""
    failure: Failure | None = None

    def __str__(self) -> str:
        """What came of it, for people."""
        places = (f"{place.host}:{place.port} ({place.security})" for place in self.servers)
        ranked = f"; {self.remark}" if self.source == "srv" and self.remark else ""
        return ", ".join(places) + ranked if self.servers else self.remark

    def as_json(self) -> dict[str, Any]:
        """``{"source", "asked", "servers", "remark"}``."""
        return {
            "source": self.source,
            "asked": self.asked,
            "servers": [server.as_json() for server in self.servers],
            "remark": self.remark,
        }


@dataclass(frozen=True, slots=True)
class Discovery:
    """The way that was found, if any.

    Attributes:
        address: as it was given.
        domain: in its ASCII form.
        steps: in the order in which they were made; the last is the one that led there.
    """

    address: str
    domain: str
    steps: tuple[Step, ...] = ()

    @property
    def servers(self) -> tuple[Place, ...]:
        """What was found, the one to use first; empty if nothing was."""
        return self.steps[-1].servers if self.steps else ()

    def server(self, security: Security | None = None) -> Place | None:
        """The one to use, with this kind of TLS if there is a choice."""
        wanted = (server for server in self.servers if server.security == security)
        return next(wanted, None) or next(iter(self.servers), None)

    def targets(self, security: Security | None = None) -> tuple[Place, ...]:
        """The ones to use, each where those before it fail (RFC 2782). Only SRV records name more
        than one for that; what other sources name are alternatives.
        """
        server = self.server(security)
        if server is None or self.steps[-1].source != "srv":
            return () if server is None else (server,)
        return tuple(
            each for each in self.servers if security is None or each.security == server.security
        )

    def as_json(self) -> dict[str, Any]:
        """``{"address", "domain", "servers", "steps"}``."""
        return {
            "address": self.address,
            "domain": self.domain,
            "servers": [server.as_json() for server in self.servers],
            "steps": [step.as_json() for step in self.steps],
        }
