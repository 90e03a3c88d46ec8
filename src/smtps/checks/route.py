"""The way from a mail address to its submission server; the provider's autoconfig document.

The form of the document is Thunderbird's:
https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree as ET
from xml.parsers import expat

from smtps.endpoint import Security
from smtps.errors import Failure, InputError
from smtps.net.hostnames import to_ascii
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


_PORT = re.compile(r"[0-9]{1,5}")
_SECURITY: dict[str, Security] = {"SSL": "implicit", "STARTTLS": "starttls"}


def outgoing_servers(document: bytes, address: str) -> tuple[Place, ...]:
    """The submission servers that a document names, those with implicit TLS first.

    Args:
        document: XML from anybody.
        address: mail address to fill in where the document has a place for it.

    Raises:
        ValueError: it is no such document. One that declares entities is none either.
    """
    found = []
    for server in _parse(document).iter("outgoingServer"):
        security = _SECURITY.get((server.findtext("socketType") or "").strip().upper())
        if server.get("type", "").lower() != "smtp" or security is None:
            continue
        host = _filled((server.findtext("hostname") or "").strip(), address)
        port = (server.findtext("port") or "").strip()
        if not _PORT.fullmatch(port) or not 1 <= int(port) <= 65535:
            continue
        try:
            found.append(Place(to_ascii(host), int(port), security))
        except InputError:
            continue
    return tuple(sorted(dict.fromkeys(found), key=lambda place: place.security != "implicit"))


def _parse(document: bytes) -> ET.Element:
    tree = ET.TreeBuilder()
    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = tree.start
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.data
    try:
        parser.Parse(document, True)
        return tree.close()
    except (expat.ExpatError, AssertionError, LookupError) as error:
        raise ValueError(f"not well-formed: {error}") from error


def _no_doctype(*_: Any) -> None:
    raise ValueError("it declares a document type, which may hide entities")


def _filled(text: str, address: str) -> str:
    local, _, domain = address.rpartition("@")
    for name, value in (
        ("%EMAILADDRESS%", address),
        ("%EMAILLOCALPART%", local),
        ("%EMAILDOMAIN%", domain),
    ):
        text = text.replace(name, value)
    return text
