"""What became of a message, as a whole and for each recipient."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple, Self

from smtps.client.transcript import Transcript
from smtps.core.reply import Reply
from smtps.errors import Failure, Phase, SMTPSError


class Outcome(StrEnum):
    """Of the whole message."""

    SENT = "sent"
    """The server has taken it for everybody."""
    PARTIAL = "partial"
    """For some recipients, not for others."""
    REFUSED = "refused"
    """For nobody, and trying again is pointless."""
    DEFERRED = "deferred"
    """For nobody so far; it may be tried again without a duplicate."""
    UNCERTAIN = "uncertain"
    """The whole message went out and no answer came: trying again may deliver it twice."""


class Status(StrEnum):
    """Of one recipient."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    UNCERTAIN = "uncertain"
    UNSENT = "unsent"
    """Nothing against this one; the message was not sent for another reason."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """What became of the message for one recipient.

    Attributes:
        email: the mailbox as it was said to the server.
        status: see Status.
        reply: the reply that decided it.
    """

    email: str
    status: Status
    reply: Reply | None = None

    def as_json(self) -> dict[str, Any]:
        """``{"email", "status", "smtp"}``."""
        return {"email": self.email, "status": self.status.value, "smtp": reply_json(self.reply)}


class Result(NamedTuple):
    """What became of a message. Two are equal if they tell the same, in whatever transcript.

    Attributes:
        outcome: see Outcome.
        recipients: one for each, in the order given.
        message_id: with angle brackets, if it has one.
        reply: the server's final reply; its text often holds the queue id.
        failure: why it was not sent for all, if it was not.
        timings: milliseconds for each phase.
        transcript: the dialogue so far, without secrets.
        passed_over: failures at other addresses of the server before one let this client in; only
            ``smtps.send`` tells them.
    """

    outcome: Outcome
    recipients: tuple[Recipient, ...]
    message_id: str | None = None
    reply: Reply | None = None
    failure: Failure | None = None
    timings: Mapping[str, float] = MappingProxyType({})
    transcript: Transcript | None = None
    passed_over: tuple[Failure, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Result) and self._told == other._told

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(tuple(self._told.values()))

    def __repr__(self) -> str:
        return f"Result({', '.join(f'{name}={value!r}' for name, value in self._told.items())})"

    @property
    def _told(self) -> dict[str, Any]:
        """All but the transcript."""
        return {name: value for name, value in self._asdict().items() if name != "transcript"}

    def __reduce__(self) -> Any:
        # A read-only view of a mapping cannot be pickled.
        return Result, tuple(self._replace(timings=dict(self.timings)))

    def raise_for_outcome(self) -> Self:
        """Return the result itself if the message was sent for all.

        Raises:
            SendError: it was not; its ``result`` tells the rest.
        """
        if self.outcome is not Outcome.SENT:
            raise SendError(self)
        return self

    def as_json(self) -> dict[str, Any]:
        """The shape that ``smtps send --json`` prints."""
        return {
            "outcome": self.outcome.value,
            "message_id": self.message_id,
            "recipients": [recipient.as_json() for recipient in self.recipients],
            "reply": str(self.reply) if self.reply else None,
            "timings": dict(self.timings),
            "passed_over": others_json(self.passed_over),
        }


def unsent(error: SMTPSError) -> Result:
    """Of a message that was not even begun, because of ``error``."""
    outcome = Outcome.DEFERRED if error.failure.retryable else Outcome.REFUSED
    return Result(outcome, (), failure=error.failure)


class SendError(SMTPSError):
    """The message was not sent for all; raised only by ``Result.raise_for_outcome``."""

    def __init__(self, result: Result) -> None:
        failure = result.failure or Failure(
            code="send.failed", message=f"The message was {result.outcome}.", phase=Phase.FINAL
        )
        super().__init__(failure.code, failure.message)
        self.failure = failure
        self.result = result


def others_json(failures: tuple[Failure, ...]) -> list[dict[str, Any]]:
    """``{"address", "code", "message"}`` for each address that did not let this client in."""
    return [
        {"address": each.address, "code": each.code, "message": each.message} for each in failures
    ]


def reply_json(reply: Reply | None) -> dict[str, Any] | None:
    """``{"code", "enhanced", "text"}``, or null."""
    if reply is None:
        return None
    enhanced = str(reply.enhanced) if reply.enhanced else None
    return {"code": reply.code, "enhanced": enhanced, "text": "\n".join(reply.lines)}
