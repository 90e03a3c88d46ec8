"""One account's lane: sends its due messages over open sessions and records each outcome.

A message goes out only after its row says ``sending``, and only as many rows say so as are about to
go out. After a crash, those are the messages whose outcome is unknown. Messages are claimed a
little ahead, so that no session waits for the database.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Any

from smtps.chance import fraction
from smtps.client.commands import SendOptions
from smtps.client.deadlines import not_begun
from smtps.client.outgoing import Outgoing
from smtps.client.pool import Pool
from smtps.client.result import Outcome, Result, reply_json
from smtps.client.source import END, End, Source
from smtps.endpoint import Endpoint
from smtps.errors import Failure, Phase, SMTPSError
from smtps.outbox.account import Account
from smtps.outbox.clock import Clock
from smtps.outbox.decision import decide, failure_text
from smtps.outbox.lane_store import Forsaken, LaneLostError, Released, claim_due
from smtps.outbox.lease import LeaseRequest, acquire
from smtps.outbox.outcomes import Outcomes
from smtps.outbox.records import ClaimedMessage, ClaimRequest, LaneLease
from smtps.outbox.retry import CircuitBreaker, RateLimit, account_failure, uncertain_failure
from smtps.outbox.settlement import AttemptResult, attempt_log
from smtps.outbox.store import Store
from smtps.outbox.writer import StoreError


class Prefetch(Source[Outgoing]):
    """One source for all rounds of a lane; a round is a run of messages with the same terms.

    Args:
        take_on: writes of some messages that they are being sent; an empty list is the end.

    Attributes:
        under_way: messages handed out, by the identity of what was handed out.
        ahead: take more on while fewer than so many are still to go.
        halted: hand nothing more out.
    """

    def __init__(self, take_on: Callable[[], Awaitable[list[ClaimedMessage]]]) -> None:
        self.under_way: dict[int, ClaimedMessage] = {}
        self.ahead = 0
        self.halted = False
        self._take_on = take_on
        self._ready: deque[ClaimedMessage] = deque()
        self._coming: asyncio.Future[list[ClaimedMessage]] | None = None
        self._terms: SendOptions | None = None

    async def round(self) -> SendOptions | None:
        """Begin a round; None when there is nothing more."""
        if not self._ready and not self.halted:
            await self._refill()
        if self.halted or not self._ready:
            return None
        self.over = False
        self._terms = self._ready[0].terms
        return self._terms

    def take(self) -> Outgoing | End:
        """See ``Source.take``."""
        if self.halted or not self._ready:
            return END
        claim = self._ready[0]
        if claim.terms is not self._terms and claim.terms != self._terms:
            self.over = True
            return END
        self._ready.popleft()
        self.under_way[id(claim.outgoing)] = claim
        if len(self._ready) < self.ahead:
            self._begin_refill()
        return claim.outgoing

    async def next(self, *, wait: bool) -> Outgoing | End:
        """See ``Source.next``."""
        if (outgoing := self.take()) is not END or self.over:
            return outgoing
        if not self.halted:
            if not self._begin_refill().done() and not wait:
                return END
            await self._refill()
        self.over = self.halted or not self._ready
        return self.take()

    def put_back(self, item: Outgoing) -> None:
        """See ``Source.put_back``."""
        self._ready.appendleft(self.under_way.pop(id(item)))

    def _begin_refill(self) -> asyncio.Future[list[ClaimedMessage]]:
        if self._coming is None:
            self._coming = asyncio.ensure_future(self._take_on())
        return self._coming

    async def _refill(self) -> None:
        # Who waits may be cancelled; what has been written of messages may not be forgotten.
        await asyncio.wait([self._begin_refill()])
        coming, self._coming = self._coming, None
        if coming is not None:
            self._ready.extend(coming.result())

    @property
    def waiting(self) -> int:
        """Messages taken on and not handed out."""
        return len(self._ready)

    async def unbegun(self) -> list[ClaimedMessage]:
        """What was taken on and not handed out."""
        self.halted = True
        if self._coming is not None:
            await asyncio.wait([self._coming])
            if self._coming.exception() is None:
                self._ready.extend(self._coming.result())
        return list(self._ready)


log = logging.getLogger("smtps.outbox")

SLICE = 30.0
"""Seconds after which a lane ends, so that others have their turn."""

MAX_CLAIMED_AT_ONCE = 64
"""Messages taken on at once, at most; a lane begins with one."""

HORIZON = 0.1
"""Seconds that what is taken on beyond the windows lasts: no more than keeps the sessions busy, as
after a crash nobody can know what became of it."""

AHEAD = 16
"""Messages still to go, at most, when more are taken on."""

OCTETS = 8 * 1024 * 1024
"""Of all messages taken on at once."""

_MOMENT = 0.02
"""Seconds that tell something about the pace."""


class Lane:
    """Sends for one account until nothing is due.

    Args:
        account: which.
        store: where its messages are.
        outcomes: writes what comes of them.
        clock: the time.
        pool: makes or finds an account's warm sessions at a server.
        stopping: set when the service ends.
        count: told of each outcome, and how many seconds after it was accepted.

    Attributes:
        doubtful: messages of which nobody knows whether they arrived, as no answer came.
    """

    def __init__(
        self,
        account: Account,
        store: Store,
        outcomes: Outcomes,
        clock: Clock,
        pool: Callable[[Account, Endpoint], Pool],
        *,
        stopping: asyncio.Event,
        count: Callable[[str, str, float], None] = lambda *_: None,
    ) -> None:
        self._account = account
        self._store = store
        self._outcomes = outcomes
        self._clock = clock
        self._pool = pool
        self._stopping = stopping
        self._count = count
        self._lease = LaneLease(account.name, 0, RateLimit(), CircuitBreaker())
        self._supply = Prefetch(self._take_on)
        self._pace = 0.0
        self._answers = 0
        self._paced_at = 0.0
        self._answered = asyncio.Event()
        self._wished = 0
        self._given_back: list[ClaimedMessage] = []
        self.doubtful = 0

    async def run(self) -> None:
        """Until nothing is due, the slice is over, or the account has to wait."""
        loop = asyncio.get_running_loop()
        self._end = loop.time() + SLICE
        self._paced_at = loop.time()
        account = self._account
        self._lease = await self._store.see_through(
            acquire,
            LeaseRequest(account.name, account.per_minute, account.per_day,
                     account.uncertain == "retry", account.webhook is not None, self._clock.now()),
        )  # fmt: skip
        self._taken = self._lease
        if self._lease.orphans:
            now = "are sent again" if account.uncertain == "retry" else "are uncertain"
            orphans = self._lease.orphans
            log.warning(
                "%s: messages that were being sent when a lane ended %s: %d",
                account.name,
                now,
                orphans,
            )
        if self._lease.circuit.not_before > self._clock.now():
            return
        try:
            # Elsewhere, as a command may have to be run for its secret.
            pool = self._pool(account, await asyncio.to_thread(account.endpoint))
        except SMTPSError as error:  # its secret cannot be read
            await self._stop(replace(error.failure, phase=Phase.AUTH, retryable=False))
            return
        if self._stopping.is_set():
            return
        before = pool.leases
        try:
            await self._rounds(pool)
        except (LaneLostError, StoreError) as error:
            log.warning("the lane of %s ends: %s", account.name, error)
        finally:
            # Where no session came about, nothing was begun.
            begun = pool.leases > before
            await self._wind_up([] if begun else list(self._supply.under_way.values()))

    def halt(self) -> None:
        """Take nothing more on, and give back what is not begun; its pool is halted with it."""
        self._supply.halted = True
        self._answered.set()

    @property
    def given_back(self) -> int:
        """How many messages were taken on and not begun."""
        return len(self._given_back)

    async def _rounds(self, pool: Pool) -> None:
        """One round for each run of messages with the same terms."""
        supply = self._supply
        while (terms := await supply.round()) is not None:
            many = pool.send_many(
                supply,
                window=self._account.window,
                partial=terms.partial,
                dsn=terms.dsn,
                require_tls=terms.require_tls,
            )
            async with aclosing(many) as results:
                async for outgoing, result in results:
                    self._take(supply.under_way.pop(id(outgoing)), result)

    async def _take_on(self) -> list[ClaimedMessage]:
        """Write of some messages that they are being sent."""
        if self._supply.under_way and not self._answered.is_set():
            await self._answered.wait()  # whether the server is of any use is not known yet
        if not await self._may_go_on():
            return []
        now, allowance = max(self._clock.now(), self._wished + 1), self._lease.allowance
        room = allowance.room(now)
        most = self._wanted() if room is None else min(self._wanted(), room)
        name, token = self._account.name, self._lease.token
        self._wished = now
        try:
            claims: list[ClaimedMessage] = await self._store.see_through(
                claim_due, ClaimRequest(name, token, now, most, OCTETS)
            )
        except StoreError:  # it may have been done
            self._outcomes.forsake(Forsaken(name, token, now))
            raise
        if claims and room is not None:
            self._lease = replace(self._lease, allowance=allowance.spend(len(claims), now))
        return claims

    def _wanted(self) -> int:
        """How many messages to take on: what the windows have room for, and a moment's more."""
        if not self._answers and not self._pace:
            return 1  # whether the server is of any use is not known yet
        now = asyncio.get_running_loop().time()
        if (spent := now - self._paced_at) > _MOMENT:
            self._pace = self._answers / spent
            self._answers, self._paced_at = 0, now
        soon = self._pace * HORIZON
        self._supply.ahead = min(AHEAD, int(soon))
        capacity = self._account.concurrency * self._account.window
        free = capacity - len(self._supply.under_way) - self._supply.waiting
        return max(1, min(MAX_CLAIMED_AT_ONCE, free + int(soon)))

    async def _may_go_on(self) -> bool:
        """Wait for the account's allowance, if that is soon."""
        loop = asyncio.get_running_loop()
        while not self._halted and loop.time() < self._end:
            wait = self._lease.allowance.wait(self._clock.now())
            if not wait:
                return True
            if loop.time() + wait / 1000 > self._end:
                until = CircuitBreaker(not_before=self._clock.now() + wait)
                self._lease = replace(self._lease, circuit=until)
                return False
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), wait / 1000)
        return False

    @property
    def _halted(self) -> bool:
        """Whether nothing more may be taken on."""
        return self._supply.halted or self._stopping.is_set() or self._outcomes.held

    def _take(self, claim: ClaimedMessage, result: Result) -> None:
        """What came of one message."""
        if not_begun(result):
            self._given_back.append(claim)
            return
        self.doubtful += result.outcome is Outcome.UNCERTAIN
        now = self._clock.now()
        failure = account_failure(result) or uncertain_failure(result)
        if failure is not None and not self._supply.halted:
            circuit = self._lease.circuit.after(failure, now, fraction())
            self._lease = replace(self._lease, circuit=circuit)
            self._supply.halted = True
            log.warning("%s waits: %s", self._account.name, failure.message)
        elif failure is None and not self._supply.halted:  # else it was on its way before
            self._lease = replace(self._lease, circuit=CircuitBreaker())
        self._answers += 1
        self._answered.set()
        decision = decide(result, claim, now, self._account.policy, fraction())
        attempt = _attempt(result, claim, now)
        self._outcomes.settle(
            AttemptResult(self._account.name, self._lease.token, claim, decision, now, attempt,
                       self._account.webhook is not None)
        )  # fmt: skip
        if self._lease.allowance.limited:
            self._outcomes.stand(self._lease)
        self._count(self._account.name, decision.state.value, (now - claim.created) / 1000)

    async def _wind_up(self, unbegun: list[ClaimedMessage]) -> None:
        self._answered.set()
        self._given_back += unbegun + await self._supply.unbegun()
        unbegun = self._given_back
        if unbegun:
            self._outcomes.release(self._account.name, Released(self._lease.token, unbegun))
            allowance = self._lease.allowance.spend(-len(unbegun), self._clock.now())
            self._lease = replace(self._lease, allowance=allowance)
        if self._lease != self._taken:
            self._outcomes.stand(self._lease)
        await self._outcomes.written(self._account.name)

    async def _stop(self, failure: Failure) -> None:
        circuit = self._lease.circuit.after(failure, self._clock.now(), fraction())
        self._lease = replace(self._lease, circuit=circuit)
        log.error("%s is stopped: %s", self._account.name, failure.message)
        self._outcomes.stand(self._lease)
        await self._outcomes.written(self._account.name)


def _attempt(result: Result, claim: ClaimedMessage, now: int) -> dict[str, Any]:
    reply = reply_json(result.reply)
    return {
        "ms": float(now - claim.begun),
        "outcome": result.outcome.value,
        "address": result.failure.address if result.failure else None,
        "reply": None if reply is None else json.dumps(reply),
        "failure": failure_text(result.failure),
        "transcript": attempt_log(claim, result),
    }
