"""A message in the outbox: its states, its rows in the tables, and what a lane reads of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from smtps.chance import token
from smtps.client.commands import SendOptions
from smtps.client.outgoing import DSN, Envelope, Outgoing
from smtps.core.address import Mailbox
from smtps.message.content import Content
from smtps.outbox.retry import CircuitBreaker, RateLimit


class State(StrEnum):
    """Of a message."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    """Not to be sent before its ``send_at``."""
    SENDING = "sending"
    """Written before the first byte goes out, so that a crash cannot make it look untouched."""
    RETRYING = "retrying"
    """Begun at least once; waiting for the next attempt."""
    SENT = "sent"
    PARTIAL = "partial"
    """For some recipients; the others are refused, expired or canceled."""
    FAILED = "failed"
    UNCERTAIN = "uncertain"
    """The whole message went out and no answer came, or the process ended while it was on its way:
    it may have arrived. Held for a decision."""
    CANCELED = "canceled"
    EXPIRED = "expired"


WAITING = frozenset({State.QUEUED, State.SCHEDULED, State.RETRYING})
"""Will be sent when they are due, and may be canceled."""

FINAL = frozenset(State) - WAITING - {State.SENDING}
"""Nothing more happens by itself."""

AGAIN = frozenset({State.FAILED, State.UNCERTAIN, State.EXPIRED, State.CANCELED, State.PARTIAL})
"""May be sent again on request, to the recipients who have not received it."""


class RecipientStatus(StrEnum):
    """Of one recipient."""

    PENDING = "pending"
    AGAIN = "again"
    """Pending, though it may have arrived: somebody, or the account, wants it sent again."""
    DEFERRED = "deferred"
    """Refused for now; pending too."""
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"
    UNSENT = "unsent"
    """Nothing against this one; the message was not sent for another reason."""


OPEN = frozenset({RecipientStatus.PENDING, RecipientStatus.AGAIN, RecipientStatus.DEFERRED})
"""The next attempt is for these."""

GUESS = "interrupted"
"""The outcome of an attempt whose lane was gone when the next one came: that one could not know."""

EVENTS = ("sent", "partial", "delayed", "failed", "uncertain", "expired", "canceled")
"""What is told about a message; ``delayed`` at most once, each of the others ends it."""


def when(time: int | None) -> str | None:
    """A time as RFC 3339 writes it.

    Args:
        time: milliseconds since 1970.
    """
    if time is None:
        return None
    moment = datetime.fromtimestamp(time / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


MAX_SUBJECT = 200
"""Characters kept for lists."""


def new_id(now: int) -> str:
    """A name for a message: 32 hexadecimal digits that grow with the time.

    Args:
        now: milliseconds since 1970.
    """
    return f"{now:012x}{token()[:20]}"


@dataclass(frozen=True, slots=True)
class Key:
    """An ``Idempotency-Key``.

    Attributes:
        scope: whose it is: two callers may use the same.
        key: as it was given.
        digest: of the request that came with it.
    """

    scope: str
    key: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """A message on its way in, ready to be sent as it stands.

    Attributes:
        id: its name.
        account: through which it goes out.
        outgoing: the message and its envelope.
        terms: what is asked of the server.
        created, send_at, expires: milliseconds since 1970.
        subject: for lists.
        tags, metadata: the caller's own.
        key: the caller's name for the request.
    """

    id: str
    account: str
    outgoing: Outgoing
    created: int
    expires: int
    terms: SendOptions = field(default_factory=lambda: SendOptions(partial="send"))
    send_at: int | None = None
    subject: str = ""
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    key: Key | None = None

    @property
    def state(self) -> State:
        """What it begins with."""
        later = self.send_at is not None and self.send_at > self.created
        return State.SCHEDULED if later else State.QUEUED

    def as_row(self) -> dict[str, Any]:
        """For ``messages``."""
        outgoing = self.outgoing
        return {
            "id": self.id,
            "account": self.account,
            "state": self.state.value,
            "due": max(self.send_at or 0, self.created),
            "created": self.created,
            "expires": self.expires,
            "tries": 0,
            "step": 0,
            "told": False,
            "kept": True,
            "sender": str(outgoing.envelope.sender or ""),
            "message_id": outgoing.message_id,
            "subject": self.subject[:MAX_SUBJECT],
            "size": outgoing.content.size,
            "terms": _terms_text(self.terms, outgoing),
            "tags": _EMPTY_LIST if not self.tags else json.dumps(self.tags),
            "metadata": _EMPTY if not self.metadata else json.dumps(dict(self.metadata)),
        }

    def answer(self) -> dict[str, Any]:
        """What the caller is told once it is on the disk."""
        return {
            "id": self.id,
            "message_id": self.outgoing.message_id,
            "status": self.state.value,
            "account": self.account,
            "created_at": when(self.created),
            "send_at": when(self.send_at),
            "expires_at": when(self.expires),
        }


_EMPTY, _EMPTY_LIST = "{}", "[]"
_USUAL = SendOptions(partial="send")


def _terms_text(terms: SendOptions, outgoing: Outgoing) -> str:
    if terms == _USUAL and not outgoing.smtputf8 and not outgoing.eight_bit:
        return _EMPTY
    found: dict[str, Any] = {
        "partial": terms.partial,
        "require_tls": terms.require_tls,
        "smtputf8": outgoing.smtputf8,
        "eight_bit": outgoing.eight_bit,
    }
    if (dsn := terms.dsn) is not None:
        found["dsn"] = {"ret": dsn.ret, "envid": dsn.envid, "notify": dsn.notify,
                        "orcpt": dsn.orcpt}  # fmt: skip
    return json.dumps(found)


def terms_of(text: str) -> SendOptions:
    """What was written by ``as_row``."""
    if text == _EMPTY:
        return _USUAL
    found = json.loads(text)
    dsn = found.get("dsn")
    if dsn is not None:
        notify = tuple(dsn["notify"]) if dsn["notify"] is not None else None
        dsn = DSN(ret=dsn["ret"], envid=dsn["envid"], notify=notify, orcpt=dsn["orcpt"])
    return SendOptions(partial=found["partial"], dsn=dsn, require_tls=found["require_tls"])


def outgoing_of(row: Mapping[str, Any], data: bytes, people: list[str]) -> Outgoing:
    """The message as it goes out, to those who are still to get it."""
    flags = {} if row["terms"] == _EMPTY else json.loads(row["terms"])
    sender = Mailbox.parse(row["sender"]) if row["sender"] else None
    return Outgoing(
        Content(data),
        Envelope(sender, tuple(Mailbox.parse(who) for who in people)),
        row["message_id"],
        smtputf8=flags.get("smtputf8", False),
        eight_bit=flags.get("eight_bit", False),
    )


@dataclass(frozen=True, slots=True, eq=False)
class ClaimedMessage:
    """A message that a lane is about to send; it says ``sending`` in the table.

    Attributes:
        id: its name.
        number: of this attempt, from 1.
        step: attempts that counted for the schedule.
        created, expires, begun: milliseconds since 1970.
        told: whether its delay has been reported.
        outgoing: the message, for those who are still to get it.
        people: their numbers, in the same order.
        doubtful: those of them to whom it may have come already.
        others: how the recipients stand that an earlier attempt was enough for.
        failure: of an earlier attempt, as JSON.
        terms: what is asked of the server.
    """

    id: str
    number: int
    step: int
    created: int
    expires: int
    begun: int
    told: bool
    outgoing: Outgoing
    people: tuple[int, ...]
    doubtful: frozenset[int]
    others: frozenset[RecipientStatus]
    failure: str | None
    terms: SendOptions


@dataclass(frozen=True, slots=True)
class Tried:
    """Of a claim, what has to be known to write what came of it; see ``Claim``."""

    id: str
    number: int
    begun: int
    told: bool
    people: tuple[int, ...]
    doubtful: frozenset[int]


@dataclass(frozen=True, slots=True)
class LaneLease:
    """A lane's right to send for an account, until another takes it.

    Attributes:
        account: its name.
        token: what it signs with.
        allowance: how much the account may send.
        circuit: whether its server is known to be of no use.
        orphans: messages that the lane before it left half sent.
    """

    account: str
    token: int
    allowance: RateLimit
    circuit: CircuitBreaker
    orphans: int = 0


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """What a lane wants to send next.

    Attributes:
        account, token: who asks.
        now: milliseconds since 1970.
        most: messages.
        octets: of them all, but one message in any case.
    """

    account: str
    token: int
    now: int
    most: int
    octets: int
