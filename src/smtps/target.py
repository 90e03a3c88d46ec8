"""A server as people write it: host, port, or both; a URL of another program's settings."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal, NoReturn
from urllib.parse import unquote

from smtps.errors import InputError

SCHEMES: dict[str, tuple[Literal["implicit", "starttls"] | None, int]] = {
    "smtps": ("implicit", 465),
    "submissions": ("implicit", 465),
    "ssl": (None, 465),
    "tls": (None, 465),
    "smtp": (None, 587),
    "submission": ("starttls", 587),
    "smtp+tls": ("starttls", 587),
    "smtp+ssl": ("implicit", 465),
}
"""Scheme → how TLS begins, where it says so, and the port that it stands for. ``smtp``, ``ssl`` and
``tls`` mean different things in different programs, so the port decides.
"""

_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<place>[^/?#]*)(?P<path>[^?#]*)", re.IGNORECASE
)
_APART = re.compile(r"(\S+?),?[ \t]+([0-9]+)")


@dataclass(frozen=True, slots=True)
class Target:
    """What a target says.

    Attributes:
        host: name or address.
        port: 0 where none is given.
        security: where a URL says how TLS begins.
        username: where a URL has one.
    """

    host: str
    port: int = 0
    security: Literal["implicit", "starttls"] | None = None
    username: str | None = None


def read_target(text: str, *, addresses: bool = False, field: str = "target") -> Target:
    """Host and port out of ``host``, ``host:port``, ``host port``, ``[v6]:port``, a bare IPv6
    address, or a URL such as ``smtps://ann@host:465``.

    Args:
        text: what people write.
        addresses: let a mail address stand for the host; its server is to be found.
        field: what an error calls it.

    Raises:
        InputError: it is something else; a password in a URL is not repeated.
    """
    text = text.strip()
    if "://" in text:
        return _of_url(text, field)
    if (apart := _APART.fullmatch(text)) is not None:
        host, port = apart.groups()
        text = f"[{host}]:{port}" if ":" in host and "]" not in host else f"{host}:{port}"
    if text.isascii() and text.isdigit():
        _refuse(field, f"{text} is a number; a port follows its host: smtp.example.com:465")
    if "@" in text:
        if addresses:
            return Target(text)
        _refuse(
            field, "is a mail address; give the mail server's host name, such as smtp.example.com"
        )
    host, colon, port = text.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        return Target(text)
    if not port.isascii() or not port.isdigit() or not 1 <= int(port[:6]) <= 65535:
        raise InputError("port", f"must be between 1 and 65535, not {port!r}")
    return Target(host, int(port))


def _of_url(text: str, field: str) -> Target:
    parts = _URL.match(text)
    scheme = parts["scheme"].lower() if parts else ""
    if parts is None or scheme not in SCHEMES:
        if scheme in ("http", "https") and parts is not None:
            host = parts["place"].rpartition("@")[2]
            _refuse(field, f"is the address of a web page; for its host, give {host}")
        _refuse(field, f"is a URL, but not one of {', '.join(f'{name}://' for name in SCHEMES)}")
    login, _, place = parts["place"].rpartition("@")
    username, colon, _ = login.partition(":")
    if colon:
        _refuse(
            field,
            "is a URL with a password in it; leave the password out, and give it separately",
        )
    if parts["path"] not in ("", "/"):
        _refuse(field, "is a URL with a path, which means nothing here; leave it out")
    if not place.partition(":")[0]:
        _refuse(field, "is a URL without a host")
    security, port = SCHEMES[scheme]
    found = read_target(place, field=field)
    return replace(
        found, port=found.port or port, security=security, username=unquote(username) or None
    )


def _refuse(field: str, problem: str) -> NoReturn:
    raise InputError(field, problem)
