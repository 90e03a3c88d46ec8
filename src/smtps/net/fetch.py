"""One small document over HTTPS, with the same care for addresses and certificates as mail gets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from smtps.errors import InputError, NetworkError, Phase
from smtps.net.dial import connect_any, secure, server_name
from smtps.net.egress import Allow
from smtps.net.resolve import resolve
from smtps.net.timing import within
from smtps.net.translate import translated
from smtps.net.wire import Wire
from smtps.options import Endpoint

LARGEST = 65536
"""Octets of a document."""

_REDIRECTS = 3
_HTTPS = 443
_MOVED = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Document:
    """What came back.

    Attributes:
        url: where it was in the end.
        status: HTTP status code.
        body: at most LARGEST octets.
    """

    url: str
    status: int
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """How to get documents.

    Attributes:
        allow: egress policy, asked about each resolved address, after each redirection too.
        timeout: seconds for everything together.
        resolver: DNS server in place of the system's resolver.
        ca_file: PEM file of the only authorities to trust.
    """

    allow: Allow | None = None
    timeout: float = 5.0
    resolver: str | None = None
    ca_file: str | Path | None = None

    async def get(self, url: str) -> Document:
        """Get a document; redirections are followed, to HTTPS only.

        Raises:
            SMTPSError: it did not come.
        """
        async with within(self.timeout, Phase.TCP):
            for _ in range(_REDIRECTS + 1):
                found, location = await self._once(url)
                if location is None:
                    return found
                try:
                    url = urljoin(url, location)
                except ValueError as error:
                    raise InputError("url", f"is none: {error}") from error
        raise NetworkError("net.failed", "Too many redirections.", phase=Phase.TCP)

    async def _once(self, url: str) -> tuple[Document, str | None]:
        try:
            parts = urlsplit(url)
            port = parts.port or _HTTPS
        except ValueError as error:  # a port or an address that can be none
            raise InputError("url", f"is none: {error}") from error
        if parts.scheme != "https" or not parts.hostname:
            raise InputError("url", "must begin with https://")
        endpoint = Endpoint(
            parts.hostname,
            port,
            ca_file=self.ca_file,
            resolver=self.resolver,
        )
        addresses = await resolve(endpoint.host, endpoint.port, resolver=self.resolver)
        wire = await connect_any(addresses, timeout=self.timeout, allow=self.allow)
        try:
            await secure(wire, endpoint)
            path = parts.path or "/"
            with translated(Phase.TLS, address=wire.address):
                return await _exchange(
                    wire, url, _host(endpoint), path + (f"?{parts.query}" if parts.query else "")
                )
        finally:
            wire.abort()


def _host(endpoint: Endpoint) -> str:
    """The Host header (RFC 9110 section 7.2): no user, and a port only where it is unusual."""
    name = server_name(endpoint.host)
    name = f"[{name}]" if ":" in name else name
    return name if endpoint.port == _HTTPS else f"{name}:{endpoint.port}"


async def _exchange(wire: Wire, url: str, host: str, path: str) -> tuple[Document, str | None]:
    import h11  # noqa: PLC0415  # late: only discovery speaks HTTP

    connection = h11.Connection(our_role=h11.CLIENT)
    headers = [("Host", host), ("Accept", "text/xml, application/xml"), ("Connection", "close")]
    status, location, body = 0, None, bytearray()
    try:
        # The path may be a server's own words: where it redirects to.
        request = h11.Request(method="GET", target=path, headers=headers)
        for event in (request, h11.EndOfMessage()):
            wire.write(connection.send(event) or b"")
        async for event in _events(connection, wire):
            if isinstance(event, h11.Response):
                status = event.status_code
                if status in _MOVED:
                    found = dict(event.headers).get(b"location")
                    location = found.decode("ascii", "replace") if found else None
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > LARGEST:
                    raise NetworkError("net.failed", f"More than {LARGEST} octets came.")
    except (h11.ProtocolError, UnicodeError) as error:
        raise NetworkError("net.failed", f"That is no HTTP: {error}.") from error
    return Document(url, status, bytes(body)), location


async def _events(connection: Any, wire: Wire) -> AsyncIterator[Any]:
    """What the server sends, until the document is whole."""
    import h11  # noqa: PLC0415

    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await wire.receive())
        elif isinstance(event, h11.EndOfMessage) or event is h11.PAUSED:
            return
        else:
            yield event
