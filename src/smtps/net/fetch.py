"""HTTP, with the same care for addresses and certificates as mail gets: the one client for it."""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
import string
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urljoin, urlsplit

from smtps.core.reply import printable
from smtps.errors import InputError, NetworkError, SMTPSError
from smtps.extras import extra_needed
from smtps.net.dial import server_name
from smtps.net.egress import Allow
from smtps.net.proxies import Proxy

if TYPE_CHECKING:
    import httpcore2

LARGEST = 65536
"""Octets of a document."""

_HEAD = 32768
"""Octets that its head and framing may add."""

_REMAINDER = 1.0
"""Seconds for the end of an answer of which only the status counts."""

_KEEP = 5.0
"""Seconds that a connection waits for the next request."""

_REDIRECTS = 3
_PORTS = {"http": 80, "https": 443}
_MOVED = frozenset({301, 302, 303, 307, 308})
_SECRET = re.compile(r"(?<=://)[^/?#]*@|[?#].*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """What came back.

    Attributes:
        url: where it was in the end.
        status: HTTP status code.
        body: at most LARGEST octets; empty where only the status was asked for.
        location: where a redirection (3xx) leads, as the server wrote it, or None.
        retry_after: seconds that the server asks to wait, if it says a number.
    """

    url: str
    status: int
    body: bytes = b""
    location: str | None = None
    retry_after: int | None = None


class Client:
    """Makes requests.

    Nothing of the environment changes what it does, but for the system's trust store, which
    OpenSSL finds by ``SSL_CERT_FILE`` and ``SSL_CERT_DIR`` as it does for mail.

    Args:
        allow: egress policy, asked about each resolved address, after each redirection too; what
            goes through a proxy is for the proxy to judge.
        timeout: seconds for each request, redirections included.
        resolver: DNS server in place of the system's resolver.
        ca_file: PEM file of the only authorities to trust.
        proxy: to go through.
        keep: requests at the same time, over connections that are kept for the next one; ``aclose``
            closes them. 0 keeps none.
    """

    def __init__(
        self,
        *,
        allow: Allow | None = None,
        timeout: float = 5.0,
        resolver: str | None = None,
        ca_file: str | Path | None = None,
        proxy: Proxy | None = None,
        keep: int = 0,
    ) -> None:
        self._allow = allow if proxy is None else None
        self._timeout = timeout
        self._resolver = resolver
        self._ca_file = ca_file
        self._proxy = proxy
        self._keep = keep if proxy is None else 0
        self._kept: httpcore2.AsyncConnectionPool | None = None

    async def get(self, url: str) -> Document:
        """Get a document over HTTPS; redirections are followed, to HTTPS only.

        Raises:
            InputError: it is no such URL, or a redirection leads to none.
            SMTPSError: it did not come, or not as a document of at most LARGEST octets.
        """
        until = asyncio.get_running_loop().time() + self._timeout
        headers = {"Accept": "text/xml, application/xml"}
        for _ in range(_REDIRECTS + 1):
            target = _Target.parse(url, ("https",))
            found = await self._request("GET", target, headers, None, until, whole=True)
            if found.status not in _MOVED or found.location is None:
                return found
            try:
                url = urljoin(url, found.location)
            except ValueError as error:
                raise InputError("url", "is not a valid URL") from error
        raise NetworkError("web.redirected", "Too many redirections.", retryable=False)

    async def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> Document:
        """Post something, and learn the status; the rest of the answer is not waited for.

        A connection that was kept, and that the server has closed before it said a word, is
        replaced once by a new one.

        Raises:
            InputError: it is no URL.
            SMTPSError: no answer came.
        """
        target = _Target.parse(url, tuple(_PORTS))
        until = asyncio.get_running_loop().time() + self._timeout
        return await self._request("POST", target, {**target.login(), **headers}, content, until)

    async def exchange(
        self, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Document:
        """Make one request over HTTPS, and read the whole answer; no redirection is followed.

        Args:
            url: ``https://…``.
            content: to post; None to get.
            headers: of the request.

        Raises:
            InputError: it is no such URL.
            SMTPSError: no answer came, or more than LARGEST octets.
        """
        target = _Target.parse(url, ("https",))
        until = asyncio.get_running_loop().time() + self._timeout
        method = "GET" if content is None else "POST"
        return await self._request(method, target, dict(headers), content, until, whole=True)

    async def ask(
        self, method: str, url: str, content: bytes | None, headers: Mapping[str, str]
    ) -> Document:
        """Make one request to a service of ours, over HTTP too, and read the whole answer; no
        redirection is followed.

        Raises:
            InputError: it is no URL.
            SMTPSError: no answer came, or more than LARGEST octets.
        """
        target = _Target.parse(url, tuple(_PORTS))
        until = asyncio.get_running_loop().time() + self._timeout
        return await self._request(method, target, dict(headers), content, until, whole=True)

    async def aclose(self) -> None:
        """Close the connections that are kept."""
        if self._kept is not None:
            await self._kept.aclose()

    async def _request(
        self,
        method: str,
        target: _Target,
        headers: dict[str, str],
        content: bytes | None,
        until: float,
        *,
        whole: bool = False,
    ) -> Document:
        with extra_needed():
            from smtps.net.streams import BUDGET, Budget  # noqa: PLC0415  # it loads httpcore2

        headers = {"Host": target.authority, "Accept-Encoding": "identity", **headers}
        while True:
            budget = Budget(self._timeout, until, LARGEST + _HEAD)
            token = BUDGET.set(budget)
            try:
                return await self._exchange(budget, method, target, headers, content, whole=whole)
            except SMTPSError as error:
                # In the moment in which it was taken, the server gave it up.
                if not budget.reused or budget.came or error.code == "web.timeout":
                    raise
            finally:
                BUDGET.reset(token)

    async def _exchange(
        self,
        budget: Any,
        method: str,
        target: _Target,
        headers: dict[str, str],
        content: bytes | None,
        *,
        whole: bool,
    ) -> Document:
        import httpcore2  # noqa: PLC0415

        from smtps.net.streams import timed_out  # noqa: PLC0415

        url = httpcore2.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        left = max(budget.until - asyncio.get_running_loop().time(), 0.0)
        try:
            async with (
                self._pool() as pool,
                pool.stream(
                    method, url, headers=list(headers.items()), content=content,
                    extensions={"timeout": {"pool": left}},
                ) as response,
            ):  # fmt: skip
                fields = {name.lower(): value for name, value in response.headers}
                location = fields.get(b"location")
                wait = fields.get(b"retry-after", b"").strip()
                body = b""
                if whole:
                    body = await _content(response, fields)
                else:
                    await _remainder(response, budget)
                return Document(
                    target.url,
                    response.status,
                    body,
                    None if location is None else location.decode("ascii", "replace"),
                    int(wait) if wait.isdigit() and len(wait) < 7 else None,
                )
        except httpcore2.ProxyError as error:
            raise NetworkError(
                "web.proxy_refused",
                f"The proxy {self._proxy} refused the connection: {printable(str(error))}.",
            ) from error
        except httpcore2.PoolTimeout as error:
            raise timed_out(budget) from error
        except httpcore2.RemoteProtocolError as error:
            if not budget.came:
                raise NetworkError(
                    "web.closed", "The web server closed the connection without an answer."
                ) from error
            raise _malformed(str(error)) from error
        except httpcore2.LocalProtocolError as error:
            raise InputError("url", f"cannot be requested: {error}") from error

    @asynccontextmanager
    async def _pool(self) -> AsyncIterator[httpcore2.AsyncConnectionPool]:
        """The connections: those that are kept, or some for this request alone."""
        import httpcore2  # noqa: PLC0415

        from smtps.net.streams import Dialler  # noqa: PLC0415

        if self._kept is not None:
            yield self._kept
            return
        pool = httpcore2.AsyncConnectionPool(
            # Only so that it makes none of its own, which would read the environment: TLS is done
            # with the context of an endpoint.
            ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            proxy=None if self._proxy is None else httpcore2.Proxy(
                httpcore2.URL(scheme="http", host=_bracketed(self._proxy.host),
                              port=self._proxy.port, target="/"),
                auth=_octets(self._proxy.credentials),
            ),
            max_connections=self._keep or 1,
            keepalive_expiry=_KEEP,
            network_backend=Dialler(self._allow, self._resolver, self._ca_file),
        )  # fmt: skip
        if self._keep:
            self._kept = pool
            yield pool
            return
        try:
            yield pool
        finally:
            await pool.aclose()


def check_url(url: str) -> None:
    """Make sure that something could be posted there.

    Raises:
        InputError: ``url`` or its ``host`` cannot be used.
    """
    _Target.parse(url, tuple(_PORTS))


def without_secrets(url: str) -> str:
    """A URL for logs: no user, password, query or fragment."""
    return _SECRET.sub("", url)


@dataclass(frozen=True, slots=True)
class _Target:
    """A URL in its parts, ready for the network.

    Attributes:
        url: as it was given.
        scheme, host, port, path: of it; the host in ASCII, the path with its query.
        authority: the Host header (RFC 9110 section 7.2): no user, and a port only where it is
            unusual.
    """

    url: str
    scheme: str
    host: str
    port: int
    path: str
    authority: str

    @classmethod
    def parse(cls, url: str, schemes: tuple[str, ...]) -> _Target:
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # a port or an address that can be none; it may show a password
            raise InputError("url", "is not a valid URL") from None
        if parts.scheme not in schemes or not parts.hostname:
            raise InputError("url", f"must begin with {' or '.join(f'{s}://' for s in schemes)}")
        name = _bracketed(server_name(parts.hostname))
        usual = _PORTS[parts.scheme]
        authority = name if port in (None, usual) else f"{name}:{port}"
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        return cls(
            url, parts.scheme, name, port or usual, quote(path, safe=string.punctuation), authority
        )

    def login(self) -> dict[str, str]:
        """The header for the user and password of the URL, if it has them (RFC 7617)."""
        parts = urlsplit(self.url)
        if parts.username is None:
            return {}
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _octets(credentials: tuple[str, str] | None) -> tuple[bytes, bytes] | None:
    return None if credentials is None else (credentials[0].encode(), credentials[1].encode())


async def _content(response: httpcore2.Response, fields: dict[bytes, bytes]) -> bytes:
    """The content of a response.

    Raises:
        NetworkError: it is too large, or compressed although that was declined.
    """
    coding = fields.get(b"content-encoding", b"identity").strip().lower()
    if coding not in (b"", b"identity"):
        raise _malformed(f"it is compressed ({coding.decode('latin-1')}), which was not requested")
    body = bytearray()
    async for data in response.aiter_stream():
        body += data
        if len(body) > LARGEST:
            raise NetworkError(
                "web.too_large", f"The document has more than {LARGEST} bytes.", retryable=False
            )
    return bytes(body)


async def _remainder(response: httpcore2.Response, budget: Any) -> None:
    """Read what is left of an answer, so that its connection can be kept, if it comes at once."""
    import httpcore2  # noqa: PLC0415

    budget.until = min(budget.until, asyncio.get_running_loop().time() + _REMAINDER)
    with suppress(SMTPSError, httpcore2.RemoteProtocolError):
        async for _ in response.aiter_stream():
            pass


def _malformed(why: str) -> NetworkError:
    return NetworkError(
        "web.malformed", f"The web server's response is not valid HTTP: {printable(why)}.",
        retryable=False,
    )  # fmt: skip
