"""One place that maps what happened to an exit code.

``check`` follows the Nagios plug-in convention, ``send`` the sysexits of sendmail, which shell
scripts and mail programs have known for decades.
"""

from __future__ import annotations

from typing import Final

from smtps.errors import Failure, Phase

OK: Final = 0

CHECK: Final = {"works": 0, "warnings": 1, "fails": 2, "unknown": 3, "later": 3}
"""By verdict."""

SEVERITY: Final = (0, 1, 3, 2)
"""Exit codes of ``check``, the mildest first: of several targets the worst counts."""

INTERRUPTED: Final = 130
USAGE: Final = 64
DATA: Final = 65
NO_HOST: Final = 68
REFUSED: Final = 69
BUG: Final = 70
"""EX_SOFTWARE: a mistake of ours. ``check`` ends with 3, as it could not tell."""
UNCERTAIN: Final = 74
"""EX_IOERR: the connection broke at the one moment that leaves the message's fate unknown."""
TRY_AGAIN: Final = 75
LOGIN: Final = 77
CONFIG: Final = 78
"""EX_CONFIG: the service would not start with these settings."""

SEND_SEVERITY: Final = (OK, NO_HOST, DATA, REFUSED, LOGIN, TRY_AGAIN, UNCERTAIN)
"""Exit codes of ``send``: of several messages the one that most needs a look counts."""

_BY_OUTCOME: Final = {
    "sent": OK,
    "partial": REFUSED,  # never "try again": some would get it twice
    "uncertain": UNCERTAIN,
    "deferred": TRY_AGAIN,
}
"""Other outcomes leave it to the failure."""

_BY_CODE: Final = {
    "dns.name_not_found": NO_HOST,
    "dns.no_address": NO_HOST,
    "dns.invalid_name": NO_HOST,
    "send.too_large": DATA,
}


def of_send(failure: Failure | None, outcome: str = "") -> int:
    """The exit code of ``send``.

    Args:
        failure: what went wrong, if something did.
        outcome: of the message, if it came to one.
    """
    if outcome in _BY_OUTCOME or failure is None:
        return _BY_OUTCOME.get(outcome, REFUSED)
    if failure.code in _BY_CODE:
        return _BY_CODE[failure.code]
    if failure.phase is Phase.INPUT:
        return DATA
    if failure.retryable:
        return TRY_AGAIN
    return LOGIN if failure.code.startswith(_OF_LOGIN) else REFUSED


def of_error(failure: Failure) -> int:
    """The exit code of any command that could not do what it was asked."""
    if failure.retryable:
        return TRY_AGAIN
    return LOGIN if failure.code.startswith(_OF_LOGIN) and failure.phase in _LOGGING_IN else USAGE


def of_bug(command: str) -> int:
    """The exit code of a mistake of ours: ``check`` could not tell."""
    return CHECK["unknown"] if command == "check" else BUG


_OF_LOGIN: Final = ("auth.", "oauth.")
_LOGGING_IN: Final = (Phase.TOKEN, Phase.AUTH)
