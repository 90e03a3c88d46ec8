"""What each code means in plain words, what to do about it, and who can: one table.

The check's findings, the HTTP error document and the shell all read it; a test makes sure that
every code of the project is in it.
"""

from __future__ import annotations

from smtps.advice import local, oauth, programs, smtp, transport, x509
from smtps.advice.row import Advice, Severity, Who

__all__ = ["ADVICE", "Advice", "Severity", "Who", "advice_for"]

ADVICE: dict[str, Advice] = {
    **local.LOCAL,
    **transport.NETWORK,
    **transport.TLS,
    **x509.CERTIFICATES,
    **smtp.SMTP,
    **smtp.AUTH,
    **oauth.OAUTH,
    **oauth.TOKENS,
    **local.SENDING,
    **local.OUTBOX,
    **local.WEB,
    **programs.PROGRAMS,
}


def advice_for(code: str) -> Advice:
    """The row of a code.

    Raises:
        KeyError: the code is not one of the project's.
    """
    return ADVICE[code]
