"""Access tokens for one account, from the login that is kept: the source that a session asks.

One process at a time renews a login, and one request at a time. That it has begun is stored before
the request, and the new tokens are before they are used. After a crash in between, the old refresh
token is tried once more: many servers still take it, and for those that do not, the failure says
what happened.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256

from smtps.errors import SMTPSError, TokenError
from smtps.oauth import cause, faults
from smtps.oauth.authority import Registration
from smtps.oauth.claims import read
from smtps.oauth.exchange import Clock, Exchange
from smtps.oauth.forms import Grant
from smtps.oauth.provenance import Origin, Provenance
from smtps.oauth.standing import Standing, standing_of
from smtps.oauth.token_store import TokenStore
from smtps.oauth.tokens import StoredLogin, Tokens, ends_at

RETRY_ENDED = 900.0
"""Seconds after which a login that the server refused to renew is tried again: a policy may have
been the reason, and may have changed."""

HOUR, DAY = 3600.0, 86400.0
"""Seconds."""

_AT_ONCE: Mapping[Grant, Origin] = {
    "client_credentials": "client_credentials", "jwt_bearer": "jwt_bearer",
}  # fmt: skip

_UNANSWERED = frozenset({"oauth.timeout", "oauth.unreachable", "oauth.malformed"})
"""Failures after which it is not known whether the server has done what it was asked."""


class StoredTokens:
    """The tokens of an account, renewed when most of their life is over.

    Args:
        account: its name.
        exchange: with the authorization server.
        store: where the login is kept.
        clock: seconds since 1970.
        config: the file of settings that has the account, where it is not the user's own.

    Attributes:
        exchange, store: see there.
    """

    def __init__(
        self,
        account: str,
        exchange: Exchange,
        store: TokenStore,
        *,
        clock: Clock = time.time,
        config: str | None = None,
    ) -> None:
        self._account = account
        self._again = f"smtps login --account {account}"
        if config is not None:
            self._again += f" --config {config}"
        self.exchange = exchange
        self.store = store
        self._clock = clock
        self._renewal: asyncio.Task[str] | None = None
        self._made: bytes | None = None

    async def token(self, refused: str | None = None) -> str:
        """See ``credentials.TokenSource``. Callers that wait share one renewal, and one that stops
        waiting does not stop it.
        """
        login = await asyncio.to_thread(self.store.read, self._account)
        if login is not None and self._fits(login):
            tokens, now = login.tokens, self._clock()
            if tokens.access_token != refused and not tokens.due(now):
                return tokens.access_token
        return await self._shared(refused)

    def login(self) -> StoredLogin | None:
        """What is kept of the login, if it was made with these settings.

        Raises:
            TokenError: it cannot be read.
        """
        found = self.store.read(self._account)
        return found if found is not None and self._fits(found) else None

    async def renew(self) -> None:
        """Renew the login if it is due. A login that has ended, or is not there, is left alone: it
        is for a person to mend.

        Raises:
            TokenError: it could not be renewed.
        """
        login = await asyncio.to_thread(self.login)
        if login is not None and login.ended is None and login.tokens.due(self._clock()):
            await self._shared(None)

    async def ends(self) -> tuple[float | None, float | None]:
        """When the access token and the login end, in seconds since 1970; None where that is not
        known, and 0.0 where it has happened.
        """
        try:
            login = await asyncio.to_thread(self.login)
        except TokenError:
            return 0.0, 0.0
        interactive = self.exchange.registration.interactive
        if login is None:
            return (0.0, 0.0) if interactive else (None, None)
        found = standing_of(login, self._clock(), self._again, interactive=interactive)
        return found.access_expires_at, found.ends_at if login.ended is None else 0.0

    async def standing(self) -> Standing:
        """How the login stands. A store that cannot be read is a state as well."""
        now, interactive = self._clock(), self.exchange.registration.interactive
        try:
            login = await asyncio.to_thread(self.login)
        except SMTPSError as error:
            return Standing(state="unknown", since=now, code=error.code, reason=str(error))
        return standing_of(login, now, self._again, interactive=interactive)

    async def provenance(self, token: str | None) -> Provenance:
        """See ``provenance.Described``."""
        try:
            login = await asyncio.to_thread(self.login)
        except TokenError:
            login = None
        return self.provenance_of(login, token)

    def provenance_of(self, login: StoredLogin | None, token: str | None) -> Provenance:
        """What is known of a token.

        Args:
            login: that is kept, if there is one.
            token: that was had from here, or None.
        """
        registration = self.exchange.registration
        origin: Origin = "store"
        if token is not None and self._made == sha256(token.encode()).digest():
            origin = _AT_ONCE.get(registration.grant, "renewed")
        known = Provenance(
            origin=origin, form=registration.form, grant=registration.grant,
            client_id=registration.client_id, tenant=registration.tenant,
            wanted=registration.wanted_scopes,
        )  # fmt: skip
        if login is None:
            return known
        tokens = login.tokens
        known = replace(
            known, renewable=tokens.refresh_token is not None, logged_in_at=login.logged_in_at,
            refresh_expires_at=tokens.refresh_expires_at,
        )  # fmt: skip
        if token != tokens.access_token:
            return known
        return replace(
            known, granted=tuple(tokens.scope.split()), expires_at=tokens.expires_at,
            user=read(tokens.id_token).user if tokens.id_token is not None else None,
        )  # fmt: skip

    async def _shared(self, refused: str | None) -> str:
        loop = asyncio.get_running_loop()
        running = self._renewal
        if running is None or running.done() or running.get_loop() is not loop:
            running = self._renewal = loop.create_task(self._renewed(refused))
            running.add_done_callback(_seen)
        return await asyncio.shield(running)

    async def _renewed(self, refused: str | None) -> str:
        async with self.store.locked(self._account) as lease:
            login = await asyncio.to_thread(self.store.read, self._account)
            if login is not None and not self._fits(login):
                login = None
            now = self._clock()
            if login is not None:
                tokens = login.tokens
                if tokens.access_token != refused and not tokens.due(now):
                    return tokens.access_token  # another process was faster
            try:
                login = await self._renew(login, now, lease)
            except TokenError as error:
                good = login is not None and login.tokens.good(now)
                if login is None or not good or not error.failure.retryable or refused:
                    raise
            else:
                self._made = sha256(login.tokens.access_token.encode()).digest()
            return login.tokens.access_token

    async def _renew(self, login: StoredLogin | None, now: float, lease: int) -> StoredLogin:
        """New tokens, on the disk."""
        if not self.exchange.registration.interactive:
            return await self._as_program(login, now, lease)
        if login is None:
            why = f"There is no login for the account {self._account} yet"
            raise faults.login_needed(self._again, why, again=False)
        if login.tokens.refresh_token is None:
            if login.tokens.good(now):
                return login
            why = "The access token has expired, and the login came without a refresh token"
            raise faults.login_needed(self._again, why, code=cause.NO_REFRESH_TOKEN)
        if login.ended is not None and now - (login.ended_at or 0.0) < RETRY_ENDED:
            code = login.ended_code or cause.LOGIN_NEEDED
            raise faults.login_needed(self._again, login.ended, code=code)
        return await self._refresh(login, login.tokens.refresh_token, now, lease)

    async def _as_program(self, login: StoredLogin | None, now: float, lease: int) -> StoredLogin:
        tokens = await self.exchange.app_tokens()
        if login is None:
            made = self.new_login(tokens, now, None)
        else:
            made = replace(login.renewed(tokens, None), ends_at=None)
        await self._keep(made, lease)
        return made

    async def _refresh(
        self, login: StoredLogin, refresh_token: str, now: float, lease: int
    ) -> StoredLogin:
        authority = await self.exchange.authority()  # nothing has begun if that fails
        begun = replace(login, refresh_begun=login.refresh_begun or now)
        await self._keep(begun, lease)
        try:
            tokens = await self.exchange.refresh(refresh_token)
        except TokenError as error:
            if error.code in _UNANSWERED:
                raise
            if error.code not in cause.ENDED:
                await self._keep(replace(begun, refresh_begun=None), lease)
                raise
            code, why = self._ended(login, error, now)
            ended = replace(begun, refresh_begun=None, ended=why, ended_code=code, ended_at=now)
            await self._keep(ended, lease)
            seen = error.failure.seen
            raise faults.login_needed(self._again, why, code=code, seen=seen) from error
        renewed = begun.renewed(tokens, authority.unused_days)
        await self._keep(renewed, lease)
        return renewed

    def _ended(self, login: StoredLogin, error: TokenError, now: float) -> tuple[str, str]:
        """The code for a login that ended, and why."""
        if login.refresh_begun is not None:
            return cause.INTERRUPTED, (
                "The last renewal of the login was interrupted, and the old refresh token is not "
                f"accepted again ({error.failure.seen})"
            )
        form, days = self.exchange.registration.form, (now - login.logged_in_at) / DAY
        if form is not None and form.test_days is not None and lasted(login, form.test_days, now):
            return cause.TESTING, (
                f"{form.name} ended the login after {days:.0f} days, as it does while the consent "
                f"screen is in “Testing” ({error.failure.seen})"
            )
        return error.code, str(error).rstrip(".")

    async def _keep(self, login: StoredLogin, lease: int) -> None:
        """Write it, to the end even if this is cancelled: the lock is held until then."""
        writing = asyncio.ensure_future(
            asyncio.to_thread(self.store.write, self._account, login, lease)
        )
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            raise

    def new_login(self, tokens: Tokens, now: float, unused_days: int | None) -> StoredLogin:
        """What is kept of a login that was just made."""
        return StoredLogin(
            client=fingerprint(self.exchange.registration), tokens=tokens, logged_in_at=now,
            used_at=now,
            ends_at=ends_at(tokens, unused_days) if tokens.refresh_token is not None else None,
        )  # fmt: skip

    async def log_in(self, tokens: Tokens) -> StoredLogin:
        """Keep a login that was just made, in place of any other."""
        authority = await self.exchange.authority()
        made = self.new_login(tokens, self._clock(), authority.unused_days)
        async with self.store.locked(self._account) as lease:
            await self._keep(made, lease)
        return made

    async def log_out(self) -> tuple[bool, bool]:
        """Forget the login, and revoke it where the server can.

        Returns:
            Whether there was one, and whether the server has revoked it.
        """
        async with self.store.locked(self._account) as lease:
            try:
                login = await asyncio.to_thread(self.store.read, self._account)
            except TokenError:
                login = None
            revoked = False
            if login is not None and self._fits(login):
                try:
                    revoked = await self.exchange.revoke(login.tokens)
                except SMTPSError:
                    revoked = False
            return await asyncio.to_thread(self.store.forget, self._account, lease), revoked

    def _fits(self, login: StoredLogin) -> bool:
        """Whether a login was made with these settings."""
        return login.client == fingerprint(self.exchange.registration)


def lasted(login: StoredLogin, days: int, now: float) -> bool:
    """Whether a login that is over may have ended after so many days: it was used before, and was
    found to be over after them, and not much later.
    """
    end = login.logged_in_at + days * DAY
    return login.used_at <= end + HOUR and end - HOUR <= now <= end + days * DAY


def fingerprint(registration: Registration) -> str:
    """What has to be the same for a login to go on being used; nothing secret."""
    form = registration.form
    parts = (
        registration.client_id, registration.username, registration.issuer or "",
        registration.token_endpoint or "", form.id if form is not None else "",
        registration.tenant or "", registration.subject or "",
        "person" if registration.interactive else registration.grant,
        " ".join(sorted(registration.wanted_scopes)),
    )  # fmt: skip
    return sha256("\0".join(parts).encode()).hexdigest()


def _seen(task: asyncio.Task[str]) -> None:
    """No complaint about the failure of a renewal that everybody stopped waiting for."""
    if not task.cancelled():
        task.exception()
