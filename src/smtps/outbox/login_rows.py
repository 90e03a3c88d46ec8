"""Where logins are kept by workers on several machines: a row of PostgreSQL for each account.

A login is encrypted (``login_keys``). One worker at a time renews it: whoever holds the row's
lease. A new holder gets a number that is one higher, and each write says "and the number is still
mine", so a holder that was cut off or suspended cannot overwrite what another has done since.

    worker 1   take (7) ─ beat ─ beat ─ killed
    worker 2   waits ─ sees 7, beat 2 ─ … unchanged for LEASE seconds ─ take (8) ─ renews

A holder beats: it counts up in the row. One that waits takes over when the count has not changed
while it watched, by its own clock that only goes forward. So no clocks are compared, and an outage
of the database, during which nothing can be seen, brings nobody the lease of a holder that lives.
"""

from __future__ import annotations

import asyncio
import json
import time
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import NamedTuple

from sqlalchemy import Connection, and_, not_, select, update
from sqlalchemy.exc import DBAPIError

from smtps.credentials import without_password
from smtps.errors import Phase, SMTPSError, TokenError
from smtps.oauth.token_store import LONGEST_WAIT, parsed
from smtps.oauth.tokens import StoredLogin
from smtps.outbox import tables
from smtps.outbox.login_keys import BrokenSealError, LoginKeys, UnknownKeyError
from smtps.outbox.store import Backend, backend, check_place, prepare
from smtps.outbox.tables import insert_new
from smtps.outbox.writer import Blame, blame, first_line

LEASE = 15.0
"""Seconds without a beat after which a holder is taken for dead."""

BEATS = 5
"""In that time."""

PAUSE = 0.1
"""Seconds between looks of one that waits for the lease."""

PATIENCE = 10.0
"""Seconds that a statement may take."""

STUBBORN = 60.0
"""Seconds for which new tokens are written again and again while the database does not answer: the
refresh token among them may be the only one that is good."""

_L = tables.logins.c


class Sight(NamedTuple):
    """What a lease looks like.

    Attributes:
        lease: number of the holder.
        beat: how often it has beaten.
    """

    lease: int
    beat: int


class Watch:
    """Says when a holder has shown no sign of life for so long that it counts as dead.

    Args:
        patience: seconds.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._sight: Sight | None = None
        self._since = 0.0

    def saw(self, sight: Sight | None, now: float) -> None:
        """Note what the row says; None if it could not be read."""
        if sight is None or sight != self._sight:
            self._sight, self._since = sight, now

    def dead(self, now: float) -> Sight | None:
        """The holder that is dead, or None."""
        return self._sight if now - self._since >= self._patience else None


class LoginRows:
    """Rows in the outbox's database.

    Args:
        place: ``postgresql://…``.
        keys: for the logins.
        lease: seconds; the same for all workers.
        patience: seconds that a statement may take.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        place: str,
        keys: LoginKeys,
        *,
        lease: float = LEASE,
        patience: float = PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = place
        self._keys = keys
        self._lease = lease
        self._beat = lease / BEATS
        self._clock = clock
        self._behind: Backend = backend(place, own=False, patience=patience)
        self._prepared = False
        weakref.finalize(self, self._behind.close)

    @property
    def where(self) -> str:
        """The database."""
        return without_password(self._place)

    def read(self, account: str) -> StoredLogin | None:
        """See ``TokenStore.read``. A login that an older key has sealed is sealed again."""
        with self._asking() as connection:
            sealed = connection.execute(
                select(_L.data).where(_L.account == account)
            ).scalar_one_or_none()  # fmt: skip
        if sealed is None:
            return None
        try:
            opened = self._keys.open(account, sealed)
        except UnknownKeyError:
            raise TokenError(
                "oauth.key_unknown",
                f"The login of {account} in {self.where} was encrypted with a key that this "
                "process does not have.",
                phase=Phase.TOKEN,
            ) from None
        except BrokenSealError:
            raise TokenError(
                "oauth.store_damaged",
                f"The login in {self.where} is damaged or belongs to another account. Log in "
                f"again: smtps login --account {account}",
                phase=Phase.TOKEN,
            ) from None
        login = parsed(opened.data, account, self.where)
        if opened.old:
            self._seal_again(account, sealed, opened.data)
        return login

    def write(self, account: str, login: StoredLogin, lease: int = 0) -> None:
        """See ``TokenStore.write``."""
        sealed = self._keys.seal(account, json.dumps(login.as_json()).encode())
        new = login.refresh_begun is None  # or nothing is lost that is not there already
        end = self._clock() + (STUBBORN if new else 0.0)
        while True:
            try:
                return self._put(account, sealed, lease)
            except TokenError as error:
                if error.code != "oauth.store_unavailable" or self._clock() >= end:
                    raise
            time.sleep(PAUSE)

    def forget(self, account: str, lease: int = 0) -> bool:
        """See ``TokenStore.forget``."""
        with self._asking() as connection:
            there = connection.execute(
                select(_L.account).where(_L.account == account, _L.data.is_not(None))
            ).first()
        if there is not None:
            self._put(account, None, lease)
        return there is not None

    @asynccontextmanager
    async def locked(self, account: str) -> AsyncIterator[int]:
        """See ``TokenStore.locked``.

        Raises:
            TokenError: another worker held the lease for LONGEST_WAIT seconds, or the database is
                not available.
        """
        lease = await self._acquire(account)
        beating = asyncio.create_task(self._go_on_beating(account, lease))
        try:
            yield lease
        finally:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating
            with suppress(SMTPSError):  # it is free after a while in any case
                await asyncio.to_thread(self._update, account, lease, {"held": False})

    async def _acquire(self, account: str) -> int:
        watch, end = Watch(self._lease), self._clock() + LONGEST_WAIT
        while True:
            now = self._clock()
            try:
                found = await asyncio.to_thread(self._take, account, watch.dead(now))
            except TokenError as error:
                if not error.failure.retryable or now >= end:
                    raise
                watch.saw(None, now)
            else:
                if isinstance(found, int):
                    return found
                watch.saw(found, now)
            if now >= end:
                raise TokenError(
                    "oauth.timeout",
                    f"Another worker has been renewing the login of {account} for "
                    f"{LONGEST_WAIT:g} seconds.",
                    phase=Phase.TOKEN,
                    retryable=True,
                )
            await asyncio.sleep(PAUSE)

    def _take(self, account: str, dead: Sight | None) -> int | Sight:
        """The number of our lease; or what that of another looks like."""
        free = not_(_L.held)
        if dead is not None:
            free = free | and_(_L.lease == dead.lease, _L.beat == dead.beat)
        with self._asking() as connection:
            check_place(connection)
            for _ in range(2):
                taken = connection.execute(
                    update(tables.logins)
                    .where(_L.account == account, free)
                    .values(lease=_L.lease + 1, beat=0, held=True)
                    .returning(_L.lease)
                ).scalar_one_or_none()
                if taken is not None:
                    return int(taken)
                row = connection.execute(
                    select(_L.lease, _L.beat).where(_L.account == account)
                ).first()  # fmt: skip
                if row is not None:
                    break
                new = {"account": account, "data": None, "lease": 0, "beat": 0, "held": False}
                insert_new(connection, tables.logins, [new])
            assert row is not None
            return Sight(row.lease, row.beat)

    async def _go_on_beating(self, account: str, lease: int) -> None:
        while True:
            await asyncio.sleep(self._beat)
            with suppress(SMTPSError):
                await asyncio.to_thread(self._update, account, lease, {"beat": _L.beat + 1})

    def _put(self, account: str, sealed: bytes | None, lease: int) -> None:
        """Write it, if the lease is still ours.

        Raises:
            TokenError: it is not, or the database is not available.
        """
        if not self._update(account, lease, {"data": sealed, "beat": _L.beat + 1}):
            raise TokenError(
                "oauth.lease_lost",
                f"Another worker has taken over the login of {account}, because this one did not "
                f"show that it was alive for {self._lease:g} seconds.",
                phase=Phase.TOKEN,
                retryable=True,
            )

    def _update(self, account: str, lease: int, values: dict[str, object]) -> bool:
        """Write into the row; whether the lease is ours."""
        with self._asking() as connection:
            check_place(connection)
            done = connection.execute(
                update(tables.logins)
                .where(_L.account == account, _L.lease == lease, _L.held)
                .values(values)
            )
            return bool(done.rowcount)

    def _seal_again(self, account: str, before: bytes, data: bytes) -> None:
        """With the first key, unless it has been replaced meanwhile."""
        after = self._keys.seal(account, data)
        with suppress(SMTPSError), self._asking() as connection:
            connection.execute(
                update(tables.logins)
                .where(_L.account == account, _L.data == before)
                .values(data=after)
            )

    @contextmanager
    def _asking(self) -> Iterator[Connection]:
        """A transaction.

        Raises:
            TokenError: the database is not available.
        """
        try:
            if not self._prepared:
                prepare(self._behind.writing)
                self._prepared = True
            with self._behind.writing.begin() as connection:
                yield connection
        except Exception as error:
            if blame(error) is Blame.OPERATION:
                raise
            self._behind.writing.dispose()  # those that are open may lead to the old primary
            why = first_line(error) if isinstance(error, DBAPIError) else type(error).__name__
            raise TokenError(
                "oauth.store_unavailable",
                f"The database with the login cannot be used: {why}.",
                phase=Phase.TOKEN,
                retryable=True,
            ) from error
