"""What the mail server has answered, until it is in the database, however long that takes.

Nothing may be claimed while something waits here, so there is never more of it than was under way
when the database was lost. Meanwhile it is in a file, too, and outlives the process.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import DBAPIError

from smtps.outbox.lane_store import Forsaken, Released, forsake, release
from smtps.outbox.lease import save_limits
from smtps.outbox.records import LaneLease
from smtps.outbox.settlement import AttemptResult, record_results
from smtps.outbox.spool import Record, Spool, as_record, taken
from smtps.outbox.store import Store
from smtps.outbox.writer import MAX_OPERATIONS, Operation, StoreError, first_line

log = logging.getLogger("smtps.outbox")

GATHER = 0.005
"""Seconds that an outcome waits for others, to share a commit with them."""

PAUSE = 0.5
"""Seconds between attempts to write to a database that is away."""


@dataclass(eq=False, slots=True)
class _Entry:
    account: str
    operation: Operation[Any]
    what: Any
    in_file: bool = False


class Outcomes:
    """Writes what lanes know, at once or as soon as it can be written.

    Args:
        store: the database.
        folder: for what waits; None to have it in memory alone.
    """

    def __init__(self, store: Store, folder: Path | None) -> None:
        self._store = store
        self._spool = None if folder is None else Spool(folder, store.name)
        self._entries: list[_Entry] = []
        self._standings: dict[str, LaneLease] = {}
        self._news = asyncio.Event()
        self._waiting: Counter[str] = Counter()  # account → entries
        self._moved = asyncio.Event()  # another one each time that something was written or held
        self._closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None
        self._complained = False
        self.held = False
        """Whether something could not be written yet: nothing may be claimed."""

    def settle(self, settlement: AttemptResult) -> None:
        """What came of an attempt."""
        self._add(settlement.account, record_results, [settlement])

    def release(self, account: str, released: Released) -> None:
        """Messages that were taken on and not begun."""
        self._add(account, release, released)

    def forsake(self, forsaken: Forsaken) -> None:
        """Messages that may have been taken on when the database was lost."""
        self._add(forsaken.account, forsake, forsaken)

    def stand(self, lease: LaneLease) -> None:
        """How an account stands; the last word counts."""
        self._standings[lease.account] = lease
        self._news.set()

    async def written(self, account: str) -> None:
        """Wait until all that is known of an account is in the database, or held."""
        while (self._waiting[account] or account in self._standings) and not self.held:
            await self._moved.wait()

    async def start(self) -> None:
        """Write what the processes before this one have left, and from now on what comes.

        Raises:
            StoreError: it cannot be written now either.
        """
        for path in () if self._spool is None else self._spool.left():
            with taken(path) as outcomes:
                if not outcomes:
                    continue
                left = await self._write([_Entry("", *one) for one in outcomes])
                if left:
                    raise StoreError("outbox.unavailable", f"{path} cannot be written back yet.")
                log.warning("%s: %d outcomes of an earlier process are now in the database",
                            path, len(outcomes))  # fmt: skip
        self._writing = asyncio.create_task(self._write_all())

    async def aclose(self, patience: float) -> None:
        """Write what is left, or leave it to the next start.

        Args:
            patience: seconds.
        """
        if self._writing is None:
            return
        self._closing.set()
        self._news.set()
        _, late = await asyncio.wait([self._writing], timeout=patience)
        for task in late:
            task.cancel()
            await asyncio.wait([task])
        await self._keep()
        if kept := sum(entry.in_file for entry in self._entries):
            log.error("%d outcomes are stored in a file for the next start", kept)
        for entry in self._entries:
            if not entry.in_file:
                log.error("an outcome is lost: %r", _without_words(entry))
        if self._spool is not None:
            self._spool.close()

    def _add(self, account: str, operation: Operation[Any], what: Any) -> None:
        self._entries.append(_Entry(account, operation, what))
        self._waiting[account] += 1
        self._news.set()

    def _pulse(self) -> None:
        before, self._moved = self._moved, asyncio.Event()
        before.set()

    async def _write_all(self) -> None:
        while not self._closing.is_set():
            await self._news.wait()
            self._news.clear()
            await asyncio.sleep(GATHER)
            await self._drain()

    async def _drain(self) -> None:
        """Write all of it; after a failure by ones, twos, fours, as one of them may be to blame."""
        most = MAX_OPERATIONS
        while self._entries or self._standings:
            done = await self._write_entries(most) and await self._write_standings()
            self._pulse()
            if done:
                most = min(most * 2, MAX_OPERATIONS)
            elif await self._hold():
                most = 1
            else:
                return
        if self.held:
            self.held = False
            log.warning("all outcomes have been written to the database again")
            if self._spool is not None:
                self._spool.clear()

    async def _write_entries(self, most: int) -> bool:
        """Write so many, the oldest first; whether the store took them."""
        lot = self._entries[:most]
        left = await self._write(lot)
        done = set(map(id, lot))
        self._entries = [entry for entry in self._entries if id(entry) not in done] + left
        self._waiting = Counter(entry.account for entry in self._entries)
        return not left

    async def _write_standings(self) -> bool:
        """Write how accounts stand; whether the store took it."""
        standings = dict(self._standings)
        left = await self._write([_Entry(name, save_limits, standings[name])
                                  for name in standings])  # fmt: skip
        if not left:
            self._standings = {
                name: lease for name, lease in self._standings.items()
                if standings.get(name) is not lease
            }  # fmt: skip
        return not left

    async def _write(self, lot: Sequence[_Entry]) -> list[_Entry]:
        """Write some; those that the store did not take."""
        found = await asyncio.gather(
            *(self._store.see_through(entry.operation, entry.what) for entry in lot),
            return_exceptions=True,
        )
        left = []
        for entry, result in zip(lot, found, strict=True):
            if isinstance(result, StoreError):
                left.append(entry)
            elif isinstance(result, Exception):
                left += await self._write_less(entry, result)
        return left

    async def _write_less(self, entry: _Entry, why: Exception) -> list[_Entry]:
        """Write what cannot be written as it is without what may be to blame for that."""
        if entry.operation is record_results:
            bare = _Entry(entry.account, record_results, [_bare(one) for one in entry.what])
            try:
                await self._store.see_through(bare.operation, bare.what)
            except StoreError:
                return [bare]
            except Exception as error:  # noqa: BLE001  # there is nothing less to write
                why = error
            else:
                log.warning("an outcome was written without its details: %s", first_line(why))
                return []
        await self._set_aside(entry, why)
        return []

    async def _set_aside(self, entry: _Entry, why: Exception) -> None:
        """Keep in a file what the database will never take."""
        path: Path | None = None
        with suppress(OSError):
            if self._spool is not None:
                record = as_record(entry.operation, entry.what)
                path = await asyncio.to_thread(self._spool.set_aside, [record])
        log.error(
            "an outcome cannot be written (%s); it is kept in %s: %r",
            first_line(why), path or "no file", _without_words(entry),
            # What a database says may quote the row.
            exc_info=None if isinstance(why, DBAPIError) else why,
        )  # fmt: skip

    async def _hold(self) -> bool:
        """Keep it for later, and wait a little; whether to try again."""
        if not self.held:
            self.held = True
            log.error("outcomes are waiting for the database; no mail is sent meanwhile")
        if self._closing.is_set():
            return False
        loop = asyncio.get_running_loop()
        end = loop.time() + PAUSE
        while (left := end - loop.time()) > 0 and not self._closing.is_set():
            self._news.clear()
            await self._keep()
            self._pulse()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        return True

    async def _keep(self) -> None:
        """Have what waits in the file, so that it outlives this process."""
        entries = [entry for entry in self._entries if not entry.in_file]
        if self._spool is None or not entries:
            return
        records = [as_record(entry.operation, entry.what) for entry in entries]
        try:
            await asyncio.to_thread(self._spool.keep, records)
        except OSError as error:
            if not self._complained:
                log.error(  # noqa: TRY400  # where it came from says nothing more
                    "outcomes waiting for the database are only in memory: %s", error
                )
            self._complained = True
            return
        for entry in entries:
            entry.in_file = True


def _bare(settlement: AttemptResult) -> AttemptResult:
    """What came of an attempt, and nothing of what was said."""
    decision = settlement.decision
    people = tuple((standing, None) for standing, _ in decision.people)
    attempt = {**settlement.attempt, "reply": None, "failure": None, "transcript": None}
    return replace(
        settlement, decision=replace(decision, people=people, failure=None), attempt=attempt
    )


def _without_words(entry: _Entry) -> Record:
    """An outcome for the log, without what a server said."""
    what = entry.what
    if entry.operation is record_results:
        what = [_bare(one) for one in what]
    return as_record(entry.operation, what)
