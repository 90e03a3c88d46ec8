"""What may become of a message in the outbox, and of each of its recipients."""

from __future__ import annotations

from enum import StrEnum


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
    it may have arrived. Held until somebody decides."""
    CANCELED = "canceled"
    EXPIRED = "expired"


WAITING = frozenset({State.QUEUED, State.SCHEDULED, State.RETRYING})
"""Will be sent when they are due, and may be canceled."""

FINAL = frozenset(State) - WAITING - {State.SENDING}
"""Nothing more happens by itself."""

AGAIN = frozenset({State.FAILED, State.UNCERTAIN, State.EXPIRED, State.CANCELED, State.PARTIAL})
"""May be sent once more when somebody asks for it, to those who have not got it."""


class Standing(StrEnum):
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


OPEN = frozenset({Standing.PENDING, Standing.AGAIN, Standing.DEFERRED})
"""The next attempt is for these."""

GUESS = "interrupted"
"""The outcome of an attempt whose lane was gone when the next one came: that one could not know."""

EVENTS = ("sent", "partial", "delayed", "failed", "uncertain", "expired", "canceled")
"""What is told about a message; ``delayed`` at most once, each of the others ends it."""
