"""The outbox: takes mail in, has it delivered, answers questions about it."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

from smtps.client.attempts import Learned
from smtps.client.pool import Pool
from smtps.endpoint import Endpoint
from smtps.errors import InputError, LocalError, Phase, SMTPSError
from smtps.oauth.standing import Standing
from smtps.outbox import control, intake, login_events, notices, reading
from smtps.outbox.account import Account
from smtps.outbox.clock import Clock
from smtps.outbox.intake import Accepted, accept
from smtps.outbox.lane import Lane
from smtps.outbox.lease import add_accounts
from smtps.outbox.login_events import LoginNote
from smtps.outbox.logins import LOOK, Logins
from smtps.outbox.notices import NoticeFilter
from smtps.outbox.outcomes import Outcomes
from smtps.outbox.reading import Filter
from smtps.outbox.records import Key, Submission, new_id
from smtps.outbox.retry import LIFETIME, MINUTE
from smtps.outbox.shutdown import Shutdown
from smtps.outbox.store import PATIENCE, Lanes, Readiness, Store, backend
from smtps.outbox.webhooks import WebhookSender
from smtps.outbox.writer import StoreError

log = logging.getLogger("smtps.outbox")

SWEEP = 0.5
"""Seconds between looks for what is due."""

NUDGE = 0.02
"""Seconds between such looks while mail comes in."""

TIDY = 60.0
"""Seconds between looks for what is old."""

LAST = 5.0
"""Seconds that outcomes have to be written at the end, before they are left in a file."""

DAY = 24 * 60 * MINUTE

SHORT_ID = re.compile(r"[0-9a-f]{4,32}")
"""As much of an id as may stand for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """How much is kept, and for how long.

    Attributes:
        octets: of the whole outbox.
        bodies, records: milliseconds after the end of a message.
        keys: milliseconds that a repeated request is known.
    """

    octets: int = 10 * 1024**3
    bodies: int = 7 * DAY
    records: int = 90 * DAY
    keys: int = 7 * DAY


class Outbox:
    """One outbox.

    Args:
        place: a file, or ``postgresql://…``.
        accounts: name → account.
        deliver: run lanes here, too.
        bounds: how much is kept.
        clock: the time.
        grace: seconds that messages on the wire have when it is closed.
        patience: seconds that whoever asks waits for the database.
        state: folder for what cannot be written to the database when this ends; None for that of a
            file, and for nothing on PostgreSQL.
        count: told of each outcome: account, state, and seconds since it was accepted.
        hurry: set when that is not to be waited for.

    Raises:
        InputError: it cannot be used; a file that another service delivers from, for one.
        StoreError: the database is away.
    """

    def __init__(
        self,
        place: str,
        accounts: Mapping[str, Account],
        *,
        deliver: bool = True,
        bounds: Bounds | None = None,
        clock: Clock | None = None,
        grace: float = 60.0,
        patience: float = PATIENCE,
        state: Path | None = None,
        count: Callable[[str, str, float], None] = lambda *_: None,
        hurry: asyncio.Event | None = None,
    ) -> None:
        self.accounts = accounts
        self.bounds = bounds or Bounds()
        self.clock = clock or Clock()
        self.store = Store(backend(place, own=deliver, patience=patience), patience)
        self._readiness = Readiness(self.store, lambda: self._octets > self.bounds.octets)
        self._outcomes = Outcomes(self.store, state or self.store.behind.place)
        self._count = count
        self._lanes: Lanes | None = self.store.behind.lanes(self._run) if deliver else None
        self._teller = WebhookSender(self.store, accounts, self.clock)
        self._pools: dict[str, tuple[Endpoint, Pool]] = {}
        self._learned: dict[tuple[str, int], Learned] = {}
        self._writing: set[tuple[str, str]] = set()
        self._landing = Shutdown(grace, hurry or asyncio.Event())
        self._stopping = self._landing.begun
        self._ending: asyncio.Task[None] | None = None
        self._nudged = asyncio.Event()
        self._chores: list[asyncio.Task[None]] = []
        self._octets = 0
        self._went_back = 0

    async def __aenter__(self) -> Self:
        await self._measure()
        if self._lanes is None:
            self._chores = [asyncio.create_task(self._measure_again())]
        else:
            await self.store.write(add_accounts, tuple(self.accounts))
            if (await self._look_at_the_clock(back=True)).long_ago:  # or it has been set forward
                self.clock.distrust()
            await self._outcomes.start()
            await self._lanes.start()
            await self._lanes.wake(self.accounts)  # for what the last process left half sent
            self._chores = [
                asyncio.create_task(self._chore(SWEEP, self._sweep, self._nudged)),
                asyncio.create_task(self._chore(SWEEP * 2, self._tell)),
                asyncio.create_task(self._chore(TIDY, self._tidy)),
            ]
            logins = Logins(self.accounts, self.account_states, self.resume, self._note_login)
            if logins.any:
                self._chores.append(asyncio.create_task(self._chore(LOOK, logins.look)))
        return self

    def stop(self) -> None:
        """Take nothing new on from now on; closing it waits for what is on the wire."""
        if self._ending is not None:
            return
        self._stopping.set()
        self._nudged.set()
        if self._lanes is not None:
            self._lanes.rest()
        pools = [pool for _, pool in self._pools.values()]
        self._ending = asyncio.create_task(self._landing.land(pools))

    async def __aexit__(self, *_: object) -> None:
        self.stop()
        assert self._ending is not None
        await self._ending
        await self._outcomes.aclose(LAST)
        if self._lanes is not None:
            await self._lanes.aclose()
        if self._chores:  # one that is cancelled leaves its question to the database behind
            await asyncio.wait(self._chores, timeout=1.0)
        for chore in self._chores:
            chore.cancel()
        await asyncio.gather(*self._chores, return_exceptions=True)
        await asyncio.gather(*(pool.aclose() for _, pool in self._pools.values()))
        await self._teller.aclose()
        await asyncio.to_thread(self.store.close)

    def account(self, name: str) -> Account:
        """An account by its name.

        Raises:
            InputError: there is none.
        """
        if (found := self.accounts.get(name)) is None:
            raise InputError("account", f"there is no account {name!r}", code="outbox.no_account")
        return found

    def new_id(self) -> str:
        """A name for a message that is made now."""
        return new_id(self.clock.now())

    async def accept(self, submission: Submission) -> Accepted:
        """Take a message in; when this returns, it is on the disk.

        Raises:
            StoreError: the disk is full, or the database away.
            LocalError: its key is being written just now, or belongs to another request.
        """
        key = submission.key
        if self._octets > self.bounds.octets:
            # What was kept before must not be refused now: its caller would go elsewhere with it.
            known = await self.known(key)
            if known is not None:
                return known
            raise StoreError(
                "outbox.full", "The outbox is full; nothing was stored.", phase=Phase.INPUT
            )
        name = None if key is None else (key.scope, key.key)
        if name in self._writing:
            raise LocalError(
                "outbox.key_in_use", "A request with this Idempotency-Key is still in progress.",
                phase=Phase.INPUT, retryable=True,
            )  # fmt: skip
        try:
            if name is not None:
                self._writing.add(name)
            accepted: Accepted = await self.store.write(accept, submission)
        finally:
            if name is not None:
                self._writing.discard(name)
        if not accepted.replayed:
            self._octets += submission.outgoing.content.size
        self._nudged.set()
        return accepted

    async def known(self, key: Key | None) -> Accepted | None:
        """The answer to a request that was kept before, or None.

        Raises:
            KeyReusedError: the key belongs to another.
            StoreError: the database is away.
        """
        return None if key is None else await self.store.read(intake.known, key)

    async def page(self, wanted: Filter) -> list[dict[str, Any]]:
        """A page of messages, the newest first."""
        return await self.store.read(reading.page, wanted)

    async def whole_id(self, prefix: str) -> str:
        """The id that begins so, as far as it is the only one.

        Raises:
            InputError: several do, or this is no beginning of an id.
            ControlError: none does.
        """
        if not SHORT_ID.fullmatch(prefix):
            raise InputError("id", f"{prefix!r} is not an id, nor at least 4 digits of one")
        ids = await self.store.read(reading.named, prefix)
        if len(ids) > 1:
            more = ", ".join(ids[:2]) + (", …" if len(ids) > 2 else "")
            raise InputError("id", f"{prefix} begins several: {more}; give more digits")
        return cast(str, _found(ids[0] if ids else None, prefix))

    async def show(self, id_: str) -> Any:
        """A message, its recipients and attempts.

        Raises:
            ControlError: there is none of that name.
        """
        return _found(await self.store.read(reading.show, id_), id_)

    async def transcript(self, id_: str) -> Any:
        """What was said in each attempt."""
        return _found(await self.store.read(reading.transcript, id_), id_)

    async def body(self, id_: str) -> bytes | None:
        """A message as it goes out, if it is still kept."""
        return await self.store.read(reading.body, id_)

    async def cancel(self, id_: str) -> None:
        """Do not send it (any more).

        Raises:
            ControlError: it is too late, or there is none of that name.
        """
        await self.store.write(control.cancel, await self._order(id_))

    async def retry(self, id_: str) -> None:
        """Send it now, or once more to those who have not got it.

        Raises:
            ControlError: it is sent, or being sent; its body is gone; there is none of that name.
        """
        await self.store.write(control.retry, await self._order(id_))
        self._nudged.set()

    async def notify(self, id_: str) -> None:
        """Have its account's webhook told (once more) what has become of a message.

        Raises:
            ControlError: the account has no webhook; nothing has become of it yet; there is none of
                that name.
        """
        await self.store.write(control.notify, await self._order(id_))

    async def notices(self, wanted: NoticeFilter) -> list[dict[str, Any]]:
        """Notices that no webhook has heard, those of the newest messages first."""
        return await self.store.read(notices.page, wanted)

    async def resume(self, account: str) -> None:
        """Let an account that waits send again at once.

        Raises:
            InputError: there is none of that name.
        """
        if not await self.store.write(control.resume, account):
            raise InputError(
                "account", f"there is no account {account!r}", code="outbox.no_account"
            )
        self._nudged.set()

    async def account_states(self) -> list[dict[str, Any]]:
        """How each account stands."""
        return await self.store.read(reading.account_states, self.clock.now())

    async def login_notices(self) -> dict[str, Any]:
        """Account → how the notice of its login stands; None where there was none."""
        names = [name for name, account in self.accounts.items() if account.login is not None]
        return await self.store.read(login_events.notices_of, names) if names else {}

    async def depth(self) -> dict[tuple[str, str], tuple[int, int]]:
        """See ``reading.depth``."""
        return await self.store.read(reading.depth)

    async def trouble(self) -> str | None:
        """Why no mail can be taken in, or None."""
        return await self._readiness.trouble()

    async def _order(self, id_: str) -> control.Order:
        message = await self.show(id_)
        account = self.accounts.get(message["account"])
        lifetime = account.lifetime if account else LIFETIME
        notify = account is not None and account.webhook is not None
        return control.Order(id_, self.clock.now(), lifetime, notify)

    # What goes on by itself.

    async def _run(self, name: str) -> None:
        if (account := self.accounts.get(name)) is None or self._stopping.is_set():
            return
        # What is known of its messages comes first, or this lane would take them for orphans.
        await self._outcomes.written(name)
        if self._outcomes.held or self._stopping.is_set():
            return
        lane = Lane(
            account, self.store, self._outcomes, self.clock, self._pool,
            stopping=self._stopping, count=self._count,
        )  # fmt: skip
        task = asyncio.create_task(lane.run())
        self._landing.lanes[task] = lane
        try:
            await asyncio.wait([task])
        finally:
            self._landing.lanes.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, StoreError):
            log.warning("the lane of %s ends: %s", name, error)
        elif error is not None:
            log.error("the lane of %s failed", name, exc_info=error)

    def _pool(self, account: Account, endpoint: Endpoint) -> Pool:
        """The account's warm sessions; others, when its server or secret has been changed."""
        before, pool = self._pools.get(account.name, (None, None))
        if pool is None or before != endpoint:
            if pool is not None:
                self._chores.append(asyncio.create_task(pool.aclose()))
            learned = self._learned.setdefault((endpoint.host, endpoint.port), Learned())
            pool = Pool(endpoint, size=account.concurrency, learned=learned)
            self._pools[account.name] = endpoint, pool
        return pool

    async def _chore(
        self, seconds: float, work: Callable[[], Awaitable[None]], bell: asyncio.Event | None = None
    ) -> None:
        """Do something again and again, whatever becomes of it."""
        while not self._stopping.is_set():
            try:
                await work()
            except StoreError:
                pass  # the store has told of it, once
            except SMTPSError as error:
                log.warning("the outbox: %s", error)
            except Exception:
                log.exception("the outbox: a background task failed")
            with suppress(TimeoutError):
                await asyncio.wait_for((bell or self._stopping).wait(), seconds)
                if bell is not None:
                    bell.clear()
                    await asyncio.sleep(NUDGE)

    async def _note_login(self, name: str, standing: Standing) -> None:
        notify = self.accounts[name].webhook is not None
        seen = LoginNote.of(name, standing, notify=notify, now=self.clock.now())
        if seen is not None and await self.store.write(login_events.note, seen):
            log.warning("the login of %s: %s", name, standing.reason or "there is another one")

    async def _sweep(self) -> None:
        assert self._lanes is not None
        if self._outcomes.held:
            return
        now = self.clock.now()
        due = await self.store.read(reading.due_accounts, now)
        await self._lanes.wake([name for name in due if name in self.accounts])

    async def _tell(self) -> None:
        await self._teller.round()

    async def _tidy(self) -> None:
        went_back, self._went_back = self._went_back, self.clock.went_back
        await self._look_at_the_clock(back=self.clock.went_back > went_back)
        if (sure := self.clock.surely()) is not None:
            await self._end_what_is_old(sure)
        await self.store.write(self.store.behind.tidy, None)
        await self._measure()

    async def _end_what_is_old(self, now: int) -> None:
        bounds = self.bounds
        while await self.store.write(control.expire, now) >= control.PURGED_AT_ONCE:
            pass
        age = control.Retention(now - bounds.bodies, now - bounds.records, now - bounds.keys)
        while await self.store.write(control.purge, age) >= control.PURGED_AT_ONCE:
            pass

    async def _look_at_the_clock(self, *, back: bool) -> control.Seen:
        sight = control.Sight(self.clock.now(), back)
        seen: control.Seen = await self.store.write(control.look, sight)
        if seen.moved:
            by = seen.moved // 1000
            log.warning("the clock was set back: waiting messages were moved by %d seconds", by)
            self._nudged.set()
        return seen

    async def _measure_again(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), TIDY)
        await self._chore(TIDY, self._measure)

    async def _measure(self) -> None:
        self._octets = await self.store.read(self.store.behind.octets)


def _found(found: Any, id_: str) -> Any:
    if found is None:
        raise control.ControlError("outbox.not_found", f"There is no message {id_}.")
    return found
