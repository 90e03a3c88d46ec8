"""One message over one session: its transactions in turn, and what came of them all; pure."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import lru_cache
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
        self._done: list[Transaction] = []
        self._began = time.perf_counter()
        people = outgoing.envelope.recipients
        room = capabilities.limits.get("RCPTMAX", RECIPIENTS_PER_TRANSACTION)
        self._groups = [people]
        self._unasked = 0
        if len(people) > room:
            self._groups = [people[at : at + room] for at in range(0, len(people), room)]
            self._unasked = len(self._groups) if terms.partial == "abort" else 0

    def next(self) -> Transaction | None:
        """The next transaction; ask when the one before is over. None: there is no more to do."""
        last = self._done[-1] if self._done else None
        if last is not None and (last.error is not None or (last.ask_only and not last.go_on)):
            return None
        if self._unasked:
            # No recipient may get it if one is refused, so all are asked before any is served.
            group = self._groups[-self._unasked]
            self._unasked -= 1
            self._done = [self._transaction(group, ask_only=True)]
            return self._done[0]
        if last is not None and last.ask_only:
            self._done.clear()
        elif last is not None and last.overflow:
            self._groups.insert(0, tuple(last.overflow))
        if not self._groups:
            return None
        self._done.append(self._transaction(self._groups.pop(0)))
        return self._done[-1]

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

    def _transaction(self, people: tuple[Mailbox, ...], *, ask_only: bool = False) -> Transaction:
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
            return _plain_rcpt(who)
        return rcpt(who, notify=dsn.notify, orcpt=who if dsn.orcpt else None)


_plain_rcpt = lru_cache(maxsize=1024)(rcpt)
"""Lists of recipients repeat themselves."""
