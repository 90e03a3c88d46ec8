"""One message over one session: its transactions in turn, and what came of them all; pure."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from smtps.client.envelope import DSN
from smtps.client.outgoing import Outgoing
from smtps.client.result import Result
from smtps.client.transaction import Transaction, Way
from smtps.client.transcript import Transcript
from smtps.client.verdict import judge
from smtps.core.address import Mailbox
from smtps.core.capabilities import Capabilities
from smtps.core.command import Command, mail, rcpt
from smtps.options import Partial

RECIPIENTS_PER_TRANSACTION = 100
"""What every server has to take (RFC 5321 section 4.5.3.1.8); RCPTMAX of LIMITS goes before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What is asked of the server beyond taking the message.

    Attributes:
        partial: ``abort``: one refused recipient and nothing is sent. ``send``: the others get it.
        dsn: delivery status notifications to ask for.
        require_tls: ask for TLS on the whole way (RFC 8689).
    """

    partial: Partial = "abort"
    dsn: DSN | None = None
    require_tls: bool = False


class Delivery:
    """A message on its way.

    Args:
        item: what the caller handed over, to tell deliveries apart.
        outgoing: the message, ready.
        terms: how to send it.
        capabilities: of the server.
        way: how the server can be sent to.
    """

    def __init__(
        self, item: Any, outgoing: Outgoing, terms: Terms, capabilities: Capabilities, way: Way
    ) -> None:
        self.item = item
        self._outgoing = outgoing
        self._terms = terms
        self._way = way
        self._sender = self._mail(capabilities)
        self._room = capabilities.limits.get("RCPTMAX", RECIPIENTS_PER_TRANSACTION)
        self._done: list[Transaction] = []
        self._plan = self._transactions()
        self._began = time.perf_counter()

    def next(self) -> Transaction | None:
        """The next transaction; ask when the one before is over. None: there is no more to do."""
        return next(self._plan, None)

    def result(self, address: str, transcript: Transcript) -> Result:
        """What became of it.

        Args:
            address: the server's, for the failure.
            transcript: of the session.
        """
        spent = round((time.perf_counter() - self._began) * 1000, 3)
        outgoing = self._outgoing
        result = judge(
            outgoing.envelope.recipients,
            self._done,
            message_id=outgoing.message_id,
            timings={"send": spent},
            transcript=transcript,
        )
        failure = result.failure
        if failure is None or failure.address:
            return result
        return replace(result, failure=replace(failure, address=address))

    def _transactions(self) -> Iterator[Transaction]:
        people = self._outgoing.envelope.recipients
        groups = [list(people[at : at + self._room]) for at in range(0, len(people), self._room)]
        if self._terms.partial == "abort" and len(groups) > 1:
            # No recipient may get it if one is refused, so all are asked before any is served.
            for group in groups:
                asked = self._transaction(group, ask_only=True)
                yield asked
                if asked.error is not None or not asked.go_on:
                    self._done = [asked]
                    return
        while groups:
            current = self._transaction(groups.pop(0))
            self._done.append(current)
            yield current
            if current.error is not None:
                return
            if current.overflow:
                groups.insert(0, current.overflow)

    def _transaction(self, people: list[Mailbox], *, ask_only: bool = False) -> Transaction:
        return Transaction(
            self._sender,
            {who: self._rcpt(who) for who in people},
            self._outgoing.content,
            self._terms.partial,
            self._way,
            ask_only=ask_only,
        )

    def _mail(self, capabilities: Capabilities) -> Command:
        outgoing, dsn = self._outgoing, self._terms.dsn
        return mail(
            outgoing.envelope.sender,
            size=outgoing.content.size if "SIZE" in capabilities else None,
            body="8BITMIME" if outgoing.eight_bit else None,
            smtputf8=outgoing.smtputf8,
            requiretls=self._terms.require_tls,
            ret=dsn.ret if dsn else None,
            envid=dsn.envid if dsn else None,
        )

    def _rcpt(self, who: Mailbox) -> Command:
        dsn = self._terms.dsn
        if dsn is None:
            return rcpt(who)
        return rcpt(who, notify=dsn.notify, orcpt=who if dsn.orcpt else None)
