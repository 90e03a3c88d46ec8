"""Whether a request was meant for this service, and not sent by a web page elsewhere.

A page on any site can make its reader's browser talk to 127.0.0.1, directly or through a name of
its own that points there (DNS rebinding). The first shows in Origin and Sec-Fetch-Site, the second
in Host.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})


def judge(headers: Mapping[str, str], path: str, hosts: Collection[str] | None) -> str | None:
    """The code of what is wrong, or None.

    Args:
        headers: names in small letters.
        path: what is asked for; pages may be linked to from anywhere.
        hosts: names the service goes by, or None for any.
    """
    host = headers.get("host", "")
    if hosts is not None and _without_port(host) not in hosts:
        return "api.wrong_host"
    origin = headers.get("origin")
    if origin is not None and _place(origin) != host.lower():
        return "api.wrong_origin"
    elsewhere = headers.get("sec-fetch-site", "none") in ("cross-site", "same-site")
    if elsewhere and path.startswith(("/api/", "/smtps/", "/probe")):
        return "api.wrong_origin"
    return None


def _place(origin: str) -> str | None:
    """Host and port of an origin (RFC 6454 section 6.2); None if it has none."""
    try:
        return urlsplit(origin).netloc.lower() or None
    except ValueError:
        return None


def _without_port(host: str) -> str:
    name, colon, port = host.lower().rpartition(":")
    return name if colon and port.isdigit() else host.lower()
