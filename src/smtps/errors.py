"""Every error of the project, and the one record that each of them carries.

    SMTPSError                     carries .failure, the record below
     ├── LocalError                us: nothing of it went on the wire
     │    ├── InputError           an argument is wrong; .field names it (also a ValueError)
     │    ├── CapabilityError      the message needs what the server does not offer
     │    ├── ForbiddenError       policy does not allow this target
     │    └── SessionError         the session is over, broken, or not ready for this
     ├── RemoteError               the server
     │    ├── ProtocolError        it broke the protocol; the session is of no more use
     │    └── RefusedError         it said no (4yz or 5yz)
     │         └── LoginError      it said no to the credentials
     │              └── TokenError the authorization server gave no access token for it
     ├── NetworkError              names, routes, connections
     ├── TLSError                  the handshake
     │    └── CertificateError     the certificate is not to be trusted
     └── PhaseTimeoutError         nothing came in time (also a TimeoutError)

Retry, exit codes, HTTP status, page and advice read the record, never the class or the text.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from smtps.phase import BEFORE_MAIL as BEFORE_MAIL
from smtps.phase import Phase as Phase


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong: the record that everything else is decided by.

    Attributes:
        code: stable name, such as ``tls.certificate_expired``.
        message: one plain sentence.
        phase: where it happened; None until the place is known.
        retryable: the same attempt may succeed later and cannot deliver a message twice.
        retry_after: seconds that the server asks to wait before it, if it does.
        field: the argument to blame, for an InputError.
        address: the network address talked to, such as ``192.0.2.1``.
        smtp_code: the reply code, such as 550.
        enhanced: the enhanced status code, such as ``5.7.1`` (RFC 3463).
        lines: the server's reply lines without their code, verbatim.
        seen: other evidence, such as the server's first bytes, made printable.
        others: failures at other addresses of the server that were tried for the same, in turn.
    """

    code: str
    message: str
    phase: Phase | None = None
    retryable: bool = False
    retry_after: int | None = None
    field: str | None = None
    address: str | None = None
    smtp_code: int | None = None
    enhanced: str | None = None
    lines: tuple[str, ...] = ()
    seen: str | None = None
    others: tuple[Failure, ...] = ()


class SMTPSError(Exception):
    """Base of all errors of the project.

    Args:
        code: see Failure.code.
        message: see Failure.message.
        **details: any other field of Failure.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        details.setdefault("retryable", self.retryable)
        self.failure = Failure(code=code, message=message, **details)

    @property
    def code(self) -> str:
        """The stable name of what went wrong."""
        return self.failure.code

    @property
    def phase(self) -> Phase | None:
        """Where it happened."""
        return self.failure.phase

    def locate(self, *, phase: Phase | None = None, address: str | None = None) -> Self:
        """Fill in the place where it is not known yet; returns the error itself."""
        self.failure = replace(
            self.failure,
            phase=self.failure.phase or phase,
            address=self.failure.address or address,
        )
        return self

    def redact(self, clean: Any) -> Self:
        """Pass all text of the record through ``clean`` (str → str); returns the error itself."""
        failure = self.failure
        self.failure = replace(
            failure,
            message=clean(failure.message),
            lines=tuple(clean(line) for line in failure.lines),
            seen=failure.seen and clean(failure.seen),
        )
        self.args = (self.failure.message,)
        return self

    def apart(self) -> Self:
        """The same, to keep or to raise elsewhere: a traceback holds on to all that its frames
        knew, and an object that keeps it to itself.
        """
        other = _remade(type(self), self.args, self.__dict__)
        assert isinstance(other, type(self))
        return other

    def __reduce__(self) -> Any:
        # An exception is pickled and copied by calling its class with ``args``, which takes more.
        return _remade, (type(self), self.args, self.__dict__)

    def __str__(self) -> str:
        return self.failure.message


def _remade(kind: type[SMTPSError], args: tuple[Any, ...], facts: dict[str, Any]) -> SMTPSError:
    """An error as it was: from another process, or a copy."""
    error = kind.__new__(kind, *args)
    error.args = args  # which an OSError does not take from its class
    error.__dict__.update(facts)
    return error


class LocalError(SMTPSError):
    """The caller's doing; nothing of it went on the wire."""


class InputError(LocalError, ValueError):
    """An argument is malformed.

    Args:
        field: the name of the argument.
        problem: what is wrong with it and what to write instead.
        code: a more telling code than ``input.invalid``.
    """

    def __init__(self, field: str, problem: str, *, code: str = "input.invalid") -> None:
        super().__init__(code, f"{field}: {problem}", field=field, phase=Phase.INPUT)
        self.field = field
        self.problem = problem


def did_you_mean(name: str, known: Iterable[str], most: int = 1) -> str:
    """What to add to the problem with a name that is not known; empty if none comes near."""
    from difflib import get_close_matches  # late: few mistype  # noqa: PLC0415

    near = ", ".join(get_close_matches(name, list(known), most))
    return near and f"; did you mean {near}?"


class CapabilityError(LocalError):
    """The message needs an SMTP extension that the server does not offer."""


class ForbiddenError(LocalError):
    """Policy does not allow a connection to this target."""


class SessionError(LocalError):
    """The session is over, out of step, or not ready for what was asked."""


class RemoteError(SMTPSError):
    """The server's doing."""


class ProtocolError(RemoteError):
    """The server broke the protocol; what it says next cannot be trusted."""

    retryable = True


class RefusedError(RemoteError):
    """The server answered with a negative reply."""


class LoginError(RefusedError):
    """The server did not accept the credentials, or there is no way to hand them over."""


class TokenError(LoginError):
    """There is no access token to log in with; the mail server was not asked."""


class NetworkError(SMTPSError):
    """A name, a route or a connection failed."""

    retryable = True


class TLSError(SMTPSError):
    """The TLS handshake failed."""


class CertificateError(TLSError):
    """The server's certificate is not to be trusted for this name."""


class PhaseTimeoutError(SMTPSError, TimeoutError):
    """A phase took longer than its time-out."""

    retryable = True
