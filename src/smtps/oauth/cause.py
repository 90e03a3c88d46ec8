"""What an error of a token endpoint means: the shape of a row, and codes that rows share."""

from __future__ import annotations

from typing import NamedTuple

LOGIN_NEEDED = "oauth.login_needed"
LOGIN_REFUSED = "oauth.login_refused"
INTERRUPTED = "oauth.refresh_interrupted"
UNUSED = "oauth.unused"
TESTING = "oauth.testing"
NO_REFRESH_TOKEN = "oauth.no_refresh_token"  # noqa: S105  # no secret, but a code
SECRET_WRONG = "oauth.secret_wrong"  # noqa: S105  # no secret, but a code

ENDED = frozenset({LOGIN_NEEDED, UNUSED, TESTING})
"""A login is over, and a person has to log in again."""

RENEWING = "{} refuses to renew the login: "
BEGINNING = "{} refuses the login: "
"""The same of a login that is only begun."""


class Cause(NamedTuple):
    """What an error of a token endpoint means.

    Attributes:
        code: of the failure.
        sentence: what happened; ``{}`` stands for the authorization server.
        retryable: whether the same request may succeed later.
    """

    code: str
    sentence: str
    retryable: bool = False


def over(why: str, code: str = LOGIN_NEEDED) -> Cause:
    """A login is over; ``why`` is a clause."""
    return Cause(code, RENEWING + why)
