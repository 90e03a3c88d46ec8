"""The document in which a provider describes its servers to mail programs; pure.

The form is Thunderbird's: https://wiki.mozilla.org/Thunderbird:Autoconfiguration:ConfigFileFormat
"""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree as ET
from xml.parsers import expat

from smtps.errors import InputError
from smtps.net.names import to_ascii
from smtps.options import Security
from smtps.providers import Place

_PORT = re.compile(r"[0-9]{1,5}")
_SECURITY: dict[str, Security] = {"SSL": "implicit", "STARTTLS": "starttls"}


def outgoing(document: bytes, address: str) -> tuple[Place, ...]:
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
