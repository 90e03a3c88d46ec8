"""What became of a message, as a whole and for each recipient, and the error of a refusal.

The cause of a refusal comes from ``replies``. Some replies say only that a command came at the
wrong moment. To a command that was sent alone they mean what they say. To one that was pipelined
they show that the server cannot cope with pipelining, and nothing about the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Self

from smtps import replies
from smtps.client.transcript import Transcript
from smtps.core.reply import Reply
from smtps.errors import Failure, LoginError, Phase, RefusedError, SMTPSError
from smtps.replies import may_mean


class Outcome(StrEnum):
    """Of the whole message."""

    SENT = "sent"
    """The server has taken it for everybody."""
    PARTIAL = "partial"
    """For some recipients, not for others."""
    REFUSED = "refused"
    """Not sent to anyone; trying again is pointless."""
    DEFERRED = "deferred"
    """Not sent to anyone yet; it can be tried again without a duplicate."""
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


_NO_TIMINGS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Result:
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
    timings: Mapping[str, float] = field(default_factory=lambda: _NO_TIMINGS, hash=False)
    transcript: Transcript | None = field(default=None, compare=False, repr=False)
    passed_over: tuple[Failure, ...] = ()

    def __reduce__(self) -> Any:
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        values["timings"] = dict(self.timings)  # a read-only view of one cannot be pickled
        return Result, tuple(values.values())

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


_SENTENCES = {
    Phase.GREETING: "The server refused the connection",
    Phase.EHLO: "The server refused EHLO",
    Phase.TLS: "The server refused STARTTLS",
    Phase.AUTH: "The server refused the login",
    Phase.MAIL: "The server refused the sender",
    Phase.RCPT: "The server refused a recipient",
    Phase.DATA: "The server refused to take the message",
    Phase.FINAL: "The server refused the message",
}

BEHIND_A_LOGIN = {"send.login_required": "send.login_ignored"}
"""Causes that are others once the server has accepted a login."""

_OF_CAUSE = {
    "smtp.shutting_down": "The server is closing the session",
    "smtp.rate_limited": "The server limits how much it accepts at a time",
    "smtp.ehlo_name_refused": "The server refused the name that this client gave in EHLO",
    "smtp.out_of_sequence": "The server and this client are out of step",
    "smtp.synchronization": "The server says that this client sent data too early",
    "smtp.starttls_required": "The server requires TLS first",
    "send.login_required": "The server requires a login first",
    "send.quota_exceeded": "The account has reached its sending limit",
    "send.account_blocked": "The server does not allow the account to send",
    "auth.try_later": "The server cannot process the login at the moment",
    "auth.unavailable": "The server cannot process the login at the moment",
    "auth.locked": "The server has temporarily locked the account",
    "auth.too_many_tries": "The server limits how often this client may log in",
}
"""Causes that mean the same in every phase."""


def meaning(phase: Phase, reply: Reply) -> str:
    """The code of the cause of a negative reply in a phase."""
    return replies.meaning(phase, reply.code, reply.lines).code


def heals(phase: Phase, reply: Reply) -> bool:
    """Whether a negative reply may be a positive one later: some 5yz are, and some 4yz never."""
    return replies.meaning(phase, reply.code, reply.lines).retryable


def explained(error: SMTPSError) -> SMTPSError:
    """A refusal that nobody had asked for, such as a 421 between two commands, with its cause.

    It is the same whether it comes just before a command or just behind it.
    """
    failure = error.failure
    if isinstance(error, RefusedError) and failure.smtp_code and failure.code in _UNASKED:
        phase = failure.phase or Phase.MAIL
        found = replies.meaning(phase, failure.smtp_code, failure.lines)
        error.failure = replace(
            failure, code=found.code, retryable=found.retryable, retry_after=found.asked
        )
    return error


_UNASKED = frozenset({"smtp.shutting_down", "send.message_refused"})
"""What the protocol calls them, which knows no words."""


def behind_a_login(failure: Failure) -> Failure:
    """A refusal as it is to be read once the server has accepted a login."""
    if failure.code not in BEHIND_A_LOGIN:
        return failure
    message = failure.message.replace(
        _OF_CAUSE[failure.code], "The server accepted the login but still asks for one", 1
    )
    return replace(failure, code=BEHIND_A_LOGIN[failure.code], message=message)


def refusal(
    phase: Phase,
    reply: Reply,
    *,
    remark: str = "",
    code: str | None = None,
    seen: str | None = None,
) -> RefusedError:
    """The error that a negative reply makes in a phase.

    Args:
        phase: what was being done.
        reply: 4yz or 5yz.
        remark: goes behind the sentence, such as the mechanism of a login.
        code: where more is known than the reply says.
        seen: other evidence.
    """
    found = replies.meaning(phase, reply.code, reply.lines)
    usual = _CLOSING if reply.code == 421 and phase in _MIDWAY else _SENTENCES[phase]
    sentence = _OF_CAUSE.get(code or found.code, usual) + remark
    kind = LoginError if phase is Phase.AUTH else RefusedError
    return kind(
        code or found.code,
        f"{sentence}: {reply}",
        phase=phase,
        retryable=found.retryable,
        retry_after=found.asked,
        smtp_code=reply.code,
        enhanced=str(reply.enhanced) if reply.enhanced else None,
        lines=reply.lines,
        seen=seen,
    )


_CLOSING = "The server is closing the session"
_MIDWAY = (Phase.MAIL, Phase.RCPT, Phase.DATA)
"""Where a 421 is about the session, whichever command it happened to answer."""

_CODES = frozenset({500, 502, 503})
"""Unknown, not implemented, out of sequence (RFC 5321 section 4.2.2). A server that drops what came
too early may take the second half of a line for a command of its own."""

_CAUSES = frozenset({"smtp.out_of_sequence", "smtp.synchronization"})
"""The same from servers that say it with another code."""


def out_of_sequence(reply: Reply) -> bool:
    """Whether a negative reply may be about the order of commands alone."""
    if reply.positive:
        return False
    invalid_command = reply.enhanced is not None and reply.enhanced[1:] == (5, 1)  # RFC 3463
    known = reply.code in _CODES or invalid_command
    return known or may_mean(_CAUSES, Phase.MAIL, reply.code, reply.lines)
