"""One message over one session: its transactions in turn, and what came of them all; pure."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from smtps.client.outgoing import Outgoing
from smtps.client.refusals import behind_a_login
from smtps.client.result import Result
from smtps.client.transaction import Stray, Transaction
from smtps.client.transcript import Transcript
from smtps.client.verdict import judge
from smtps.client.wording import Phrasebook
from smtps.core.address import Mailbox


class Delivery:
    """A message on its way.

    Args:
        item: what the caller handed over, to tell deliveries apart.
        outgoing: the message, ready.
        phrasebook: how it is put to the server.

    Attributes:
        more: whether it takes more than one transaction.
    """

    __slots__ = (
        "_abort", "_began", "_done", "_groups", "_outgoing", "_phrasebook", "_stray", "_unasked",
        "item", "more",
    )  # fmt: skip

    def __init__(self, item: Any, outgoing: Outgoing, phrasebook: Phrasebook) -> None:
        self.item = item
        self._outgoing = outgoing
        self._phrasebook = phrasebook
        self._done: list[Transaction] = []
        self._stray: Transaction | None = None
        self._began = time.perf_counter_ns()
        people, room = outgoing.envelope.recipients, phrasebook.room
        self._unasked = 0
        self._groups = [people]
        self._abort = phrasebook.terms.partial == "abort"
        self.more = len(people) > room
        if self.more:
            self._groups = [people[at : at + room] for at in range(0, len(people), room)]
            self._unasked = len(self._groups) if self._abort else 0

    def next(self) -> Transaction | None:
        """The next transaction; ask when the one before is over. None: there is no more to do."""
        last = self._done[-1] if self._done else None
        if last is None and not self.more:
            return self._add(self._groups.pop())
        if last is not None:
            if last.error is None and last.again:
                return self._repeat(last)
            self._stray = None
            if self._is_the_end(last):
                return None
        if self._unasked:
            # No recipient may get it if one is refused, so all are asked before any is served.
            group = self._groups[-self._unasked]
            self._unasked -= 1
            self._done.clear()
            return self._add(group, ask_only=True)
        if last is not None and last.ask_only:
            self._done.clear()
        elif last is not None and last.overflow:
            self._groups.insert(0, tuple(last.overflow))
        return self._add(self._groups.pop(0)) if self._groups else None

    def _is_the_end(self, last: Transaction) -> bool:
        """Whether nothing may follow it."""
        if last.error is not None:
            return True
        if last.ask_only:
            return not last.go_on
        return self._abort and not last.taken  # who is left over shall not get what others did not

    def result(self, address: str, transcript: Transcript, *, logged_in: bool) -> Result:
        """What became of it.

        Args:
            address: the server's, for the failure.
            transcript: of the session.
            logged_in: whether the server has accepted a login.
        """
        outgoing, spent = self._outgoing, time.perf_counter_ns() - self._began
        timings = {"send": spent // 1000 / 1000}
        people = outgoing.envelope.recipients
        result = judge(people, self._told(), outgoing.message_id, timings, transcript)
        failure = result.failure
        if failure is None:
            return result
        if logged_in:
            failure = behind_a_login(failure)
        return result._replace(failure=replace(failure, address=failure.address or address))

    def _repeat(self, last: Transaction) -> Transaction:
        """The same once more, in a way that lets nothing but the message decide."""
        self._stray = last
        lockstep = last.lockstep or last.stray is Stray.GROUP
        self._done[-1] = Transaction(
            last.wording, last.content, ask_only=last.ask_only, lockstep=lockstep
        )
        return self._done[-1]

    def _told(self) -> list[Transaction]:
        """The transactions to judge by. If one could not be repeated, what it came to counts."""
        if self._stray is None or self._done[-1].begun:
            return self._done
        self._stray.error = self._done[-1].error
        return [*self._done[:-1], self._stray]

    def _add(self, people: tuple[Mailbox, ...], *, ask_only: bool = False) -> Transaction:
        wording = self._phrasebook.wording(self._outgoing, people)
        transaction = Transaction(wording, self._outgoing.content, ask_only=ask_only)
        self._done.append(transaction)
        return transaction
