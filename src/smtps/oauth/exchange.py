"""The talk with an authorization server: performs what ``grants`` asks for.

Over the project's one HTTP client: HTTPS only, no redirections, bounded in size and time. Endpoints
that metadata or the table of providers names are reached at public addresses only, unless the
issuer itself is not at one: a document must not lead into a private network.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from smtps.errors import ForbiddenError, Phase, SMTPSError, TokenError
from smtps.net.egress import Allow, Egress
from smtps.net.fetch import Client, Document
from smtps.oauth import faults, grants
from smtps.oauth.authority import Authority, Registration, metadata_urls, read_metadata
from smtps.oauth.grants import Authorization, DeviceCode, Request
from smtps.oauth.tokens import Tokens

TIMEOUT = 20.0
"""Seconds for one request."""

PUBLIC = Egress(private=False, ports=None)
"""Any port of any public address."""

SLOWER = 5.0
"""Seconds that ``slow_down`` adds to the interval (RFC 8628 section 3.5)."""

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class Exchange:
    """Asks one authorization server for one client.

    Args:
        registration: the client, and what it asks for.
        allow: egress policy on top of its own.
        clock: seconds since 1970.
        sleep: waits between questions.
        timeout: seconds for one request.
    """

    def __init__(
        self,
        registration: Registration,
        *,
        allow: Allow | None = None,
        clock: Clock = time.time,
        sleep: Sleep = asyncio.sleep,
        timeout: float = TIMEOUT,
    ) -> None:
        self.registration = registration
        self._allow = allow
        self._clock = clock
        self._sleep = sleep
        self._timeout = timeout
        self._authority: Authority | None = None

    @property
    def redirect(self) -> tuple[str, str | None]:
        """The host that a loopback redirect has, and the redirect URI that is registered."""
        form = self.registration.form
        host = form.redirect_host if form is not None else "127.0.0.1"
        return host, self.registration.redirect_uri

    async def authority(self) -> Authority:
        """The authorization server; its metadata is read once.

        Raises:
            TokenError: its metadata cannot be had, or is another's.
            InputError: the settings name none.
        """
        if self._authority is None:
            issuer = self.registration.metadata_issuer
            if issuer is None:
                self._authority = self.registration.authority()
            else:
                self._authority = await self._discover(issuer)
        return self._authority

    async def _discover(self, issuer: str) -> Authority:
        try:
            return await self._metadata(issuer, public=True)
        except ForbiddenError:
            pass  # an issuer of one's own network
        try:
            return await self._metadata(issuer, public=False)
        except ForbiddenError as error:
            raise faults.unreachable(issuer, error) from error

    async def _metadata(self, issuer: str, *, public: bool) -> Authority:
        form, document = self.registration.form, None
        for url in metadata_urls(issuer):
            document = await self._ask(issuer, url, None, {"Accept": "application/json"},
                                       public=public)  # fmt: skip
            if document.status == 200:
                return read_metadata(issuer, document.body, public=public, form=form)
        assert document is not None
        if document.status >= 500 or document.status == 429:
            wait = document.retry_after
            raise faults.of_status(issuer, document.status, document.body, wait)
        raise TokenError(
            "oauth.no_metadata",
            f"{issuer} publishes no metadata (HTTP {document.status}): it is not an OAuth 2 "
            "issuer, or its endpoints have to be given.",
            phase=Phase.TOKEN,
        )

    async def redeem(self, begun: Authorization, answer: str) -> Tokens:
        """The tokens for what came back from the browser.

        Args:
            begun: the login.
            answer: the URL that the browser was sent to, or what was pasted of it.

        Raises:
            TokenError: it does not belong to the login, or the server gives none.
        """
        authority = await self.authority()
        code = grants.read_redirect(authority, begun, answer)
        now = self._clock()
        request = grants.code_request(authority, self.registration, begun, code, now)
        tokens = await self._tokens(authority, request, now)
        grants.check_id_token(authority, self.registration, begun, tokens)
        return tokens

    async def begin(self, redirect_uri: str) -> Authorization:
        """Begin a login by a browser."""
        return grants.authorization(await self.authority(), self.registration, redirect_uri)

    async def begin_device(self) -> DeviceCode:
        """Begin a login by a device code.

        Raises:
            TokenError: the server gives none.
        """
        authority = await self.authority()
        request = grants.device_request(authority, self.registration, self._clock())
        answer = await self._post(authority, request)
        return grants.read_device(authority, answer, request)

    async def poll(self, device: DeviceCode) -> Tokens:
        """Wait until the person has logged in (RFC 8628 section 3.5).

        Raises:
            TokenError: they declined, or were too late.
        """
        authority = await self.authority()
        interval, end = device.interval, self._clock() + device.expires_in
        while True:
            await self._sleep(interval)
            now = self._clock()
            request = grants.poll_request(authority, self.registration, device, now)
            try:
                return await self._tokens(authority, request, now)
            except TokenError as error:
                if not error.failure.retryable:
                    raise
                interval += 0.0 if error.code == "oauth.pending" else SLOWER
            if self._clock() >= end:
                expired = faults.Refusal("expired_token")
                raise faults.refused(authority.name, expired)

    async def refresh(self, refresh_token: str) -> Tokens:
        """New tokens for a refresh token. No part of it is done twice.

        Raises:
            TokenError: the server gives none.
        """
        authority, now = await self.authority(), self._clock()
        request = grants.refresh_request(authority, self.registration, refresh_token, now)
        return await self._tokens(authority, request, now)

    async def app_tokens(self) -> Tokens:
        """A program's own tokens.

        Raises:
            TokenError: the server gives none.
        """
        authority, now = await self.authority(), self._clock()
        request = grants.app_request(authority, self.registration, now)
        return await self._tokens(authority, request, now)

    async def revoke(self, tokens: Tokens) -> bool:
        """Revoke a login (RFC 7009); whether the server has done so."""
        authority = await self.authority()
        token, kind = tokens.refresh_token, "refresh_token"
        if token is None:
            token, kind = tokens.access_token, "access_token"
        now = self._clock()
        request = grants.revocation_request(authority, self.registration, token, kind, now)
        if request is None:
            return False
        with suppress(TokenError):
            return (await self._post(authority, request)).status == 200
        return False

    async def _tokens(self, authority: Authority, request: Request, now: float) -> Tokens:
        answer = await self._post(authority, request)
        return grants.read_tokens(authority, answer, request, now)

    async def _post(self, authority: Authority, request: Request) -> Document:
        try:
            return await self._ask(
                authority.name, request.url, request.body, dict(request.headers),
                public=authority.public,
            )  # fmt: skip
        except ForbiddenError as error:
            raise faults.unreachable(authority.name, error) from error

    async def _ask(
        self, name: str, url: str, body: bytes | None, headers: dict[str, str], *, public: bool
    ) -> Document:
        registration = self.registration
        client = Client(
            allow=_both(self._allow, PUBLIC if public else None),
            timeout=self._timeout,
            resolver=registration.resolver,
            ca_file=registration.ca_file,
        )
        try:
            return await client.exchange(url, body, headers)
        except ForbiddenError:
            raise
        except SMTPSError as error:
            raise faults.unreachable(name, error) from error


def _both(one: Allow | None, other: Allow | None) -> Allow | None:
    if one is None or other is None:
        return one or other
    return lambda address: one(address) and other(address)
