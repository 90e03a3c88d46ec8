"""Ways to misbehave. Each shows one failure mode, and names the finding that it must lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from smtps.errors import InputError
from smtps.sandbox.certificates import Authority, Identity, self_signed

NAMES = ("localhost", "127.0.0.1", "::1")

Certify = Callable[[Authority], Identity]


def _good(authority: Authority) -> Identity:
    return authority.issue(NAMES)


def _expired(authority: Authority) -> Identity:
    now = datetime.now(UTC)
    return authority.issue(
        NAMES, not_before=now - timedelta(days=100), not_after=now - timedelta(days=10)
    )


def _self_signed(_authority: Authority) -> Identity:
    return self_signed(NAMES)


def _wrong_host(authority: Authority) -> Identity:
    return authority.issue(["mail.elsewhere.example", "192.0.2.1"])


@dataclass(frozen=True, slots=True)
class Persona:
    """One way to be.

    Attributes:
        name: for ``--persona``.
        summary: what it does.
        finding: code that a check, or a send, must report; None for a server that is well.
        certify: makes the certificate.
        greeting_delay: seconds before the greeting.
        refuses_login: whatever the password.
        drops_after_data: takes the whole message and hangs up instead of answering.
    """

    name: str
    summary: str
    finding: str | None = None
    certify: Certify = _good
    greeting_delay: float = 0.0
    refuses_login: bool = False
    drops_after_data: bool = False


PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        Persona("healthy", "everything is as it should be"),
        Persona(
            "expired", "its certificate ran out ten days ago", "tls.certificate_expired", _expired
        ),
        Persona(
            "self-signed",
            "its certificate is signed by itself",
            "tls.certificate_self_signed",
            _self_signed,
        ),
        Persona(
            "wrong-host",
            "its certificate is for another name",
            "tls.certificate_wrong_host",
            _wrong_host,
        ),
        Persona(
            "late-greeting",
            "greets only after five seconds",
            "smtp.greeting_late",
            greeting_delay=5.0,
        ),
        Persona("bad-password", "refuses every password", "auth.rejected", refuses_login=True),
        Persona(
            "drop-after-data",
            "takes the whole message, then hangs up without an answer",
            "send.uncertain",
            drops_after_data=True,
        ),
    )
}


def persona_named(name: str) -> Persona:
    """Look one up.

    Raises:
        InputError: there is none of that name; lists those that are.
    """
    try:
        return PERSONAS[name]
    except KeyError:
        raise InputError("persona", f"must be one of {', '.join(PERSONAS)}") from None
