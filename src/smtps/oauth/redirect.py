"""The loopback redirect (RFC 8252 section 7.3): hears the one answer that the browser brings.

It hears on loopback only, on a port of the system's choice. What does not belong to the login, or
comes after it, changes nothing: another page of the browser may send what it likes to a port.
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from contextlib import suppress
from html import escape
from typing import Self
from urllib.parse import urlsplit

from smtps.errors import Phase, TokenError

PATIENCE = 900.0
"""Seconds for a person to log in."""

_HEAD = 16_384
"""Octets of a request's head: an authorization response is long."""

_SLOW = 10.0
"""Seconds for a request."""

_TRIES = 8
"""Ports, each of the system's choice unless one is registered."""

_MOST = 32
"""Connections at a time."""

_PAGE = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>smtps login</title></head>
<body><p>{}</p></body></html>
"""

_LATER = "Return to the terminal to see the result. You can close this page."
_NOT_THIS = "This answer does not belong to the login in progress. Nothing was done."

Matches = Callable[[str], bool]
"""Whether a URL belongs to the login: its state is the right one."""


class Redirect:
    """Listens for the length of a block.

    Args:
        host: as the redirect URI has it: ``127.0.0.1`` or ``localhost``.
        registered: a loopback URI that is registered with its port and path, or None.

    Attributes:
        uri: the redirect URI.

    Raises:
        TokenError: there is no such port to be had.
    """

    def __init__(self, host: str = "127.0.0.1", registered: str | None = None) -> None:
        parts = urlsplit(registered or f"http://{host}")
        self._host = parts.hostname or host
        self._port = parts.port or 0
        self._path = parts.path
        self._servers: list[asyncio.Server] = []
        self._answer: asyncio.Future[str] | None = None
        self._matches: Matches = lambda _: False
        self._open = 0
        self.uri = ""

    async def __aenter__(self) -> Self:
        self._answer = asyncio.get_running_loop().create_future()
        wanted = self._port
        for _ in range(_TRIES):
            try:
                await self._listen(wanted)
                break
            except OSError as error:
                problem = error
                await self._close()
        else:
            raise TokenError(
                "oauth.no_port",
                f"The port {self._port} on loopback cannot be used: {problem.strerror}.",
                phase=Phase.TOKEN,
            ) from problem
        self.uri = f"http://{self._host}:{self._port}{self._path}"
        return self

    async def _listen(self, port: int) -> None:
        """At one port of both addresses that a browser may take for the host."""
        hosts = ["127.0.0.1", *["::1"] * (self._host == "localhost")]
        for host in hosts:
            try:
                server = await asyncio.start_server(self._serve, host, port, limit=_HEAD)
            except OSError as error:
                if host == "::1" and error.errno != errno.EADDRINUSE:
                    return  # without IPv6, no other program can listen there either
                raise
            self._servers.append(server)
            port = self._port = server.sockets[0].getsockname()[1]

    async def __aexit__(self, *_: object) -> None:
        await self._close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for server in self._servers:
            await server.wait_closed()
        self._servers = []

    async def answer(self, matches: Matches) -> str:
        """Wait for the answer.

        Args:
            matches: whether a URL belongs to the login.

        Returns:
            The URL that the browser was sent to.
        """
        assert self._answer is not None
        self._matches = matches
        return await asyncio.shield(self._answer)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= _MOST:
                async with asyncio.timeout(_SLOW):
                    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                    status, text = self._judge(head)
                    writer.write(_response(status, text))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def _judge(self, head: str) -> tuple[str, str]:
        """What to answer a request; notes the answer if this is it."""
        assert self._answer is not None
        line, *fields = head.split("\r\n")
        method, _, rest = line.partition(" ")
        target, _, version = rest.rpartition(" ")
        hosts = [f.partition(":")[2].strip() for f in fields if f.lower().startswith("host:")]
        if not version.startswith("HTTP/1.") or hosts != [urlsplit(self.uri).netloc]:
            return "400 Bad Request", _NOT_THIS  # a name that was made to lead here (rebinding)
        path, _, query = target.partition("?")
        if method != "GET" or path != (self._path or "/"):
            return "404 Not Found", _NOT_THIS
        url = f"{self.uri}?{query}"
        if not self._matches(url):
            return "400 Bad Request", _NOT_THIS
        if self._answer.done():
            return "410 Gone", "The login has its answer already. Nothing was done."
        self._answer.set_result(url)
        return "200 OK", _LATER


def _response(status: str, text: str) -> bytes:
    """A plain page that loads nothing, runs nothing and is kept nowhere."""
    body = _PAGE.format(escape(text)).encode()
    head = (
        f"HTTP/1.1 {status}", "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}", "Connection: close", "Cache-Control: no-store",
        "Referrer-Policy: no-referrer", "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'", "", "",
    )  # fmt: skip
    return "\r\n".join(head).encode() + body
