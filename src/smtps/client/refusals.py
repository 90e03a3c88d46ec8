"""The error that a server's no is, with the cause that ``replies`` finds in its words."""

from __future__ import annotations

from dataclasses import replace

from smtps import replies
from smtps.core.reply import Reply
from smtps.errors import Failure, LoginError, Phase, RefusedError, SMTPSError

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
    "smtp.rate_limited": "The server limits how much it takes at a time",
    "smtp.ehlo_name_refused": "The server refused the name that this client gave in EHLO",
    "smtp.out_of_sequence": "The server and this client are out of step",
    "smtp.synchronization": "The server says that this client spoke too early",
    "smtp.starttls_required": "The server wants TLS first",
    "send.login_required": "The server wants a login first",
    "send.quota_exceeded": "The account has reached its sending limit",
    "send.account_blocked": "The server does not let the account send",
    "auth.try_later": "The server cannot take the login now",
    "auth.unavailable": "The server cannot take the login now",
    "auth.locked": "The server has locked the account for a while",
    "auth.too_many_tries": "The server limits how often this client may log in",
}
"""Causes that mean the same in whatever phase they are told."""


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
        _OF_CAUSE[failure.code], "The server accepted the login and wants one all the same", 1
    )
    return replace(failure, code=BEHIND_A_LOGIN[failure.code], message=message)


def refusal(
    phase: Phase, reply: Reply, *, remark: str = "", code: str | None = None
) -> RefusedError:
    """The error that a negative reply makes in a phase.

    Args:
        phase: what was being done.
        reply: 4yz or 5yz.
        remark: goes behind the sentence, such as the mechanism of a login.
        code: where more is known than the reply says.
    """
    found = replies.meaning(phase, reply.code, reply.lines)
    sentence = _OF_CAUSE.get(code or found.code, _SENTENCES[phase]) + remark
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
    )
