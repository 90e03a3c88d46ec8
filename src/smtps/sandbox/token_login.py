"""How a client hands over an access token by SASL, and how it is refused (RFC 7628, XOAUTH2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from smtps.core.server_commands import Refused
from smtps.core.server_sasl import Claim
from smtps.sandbox.issuer.issuer import Issuer

MECHANISMS = ("XOAUTH2", "OAUTHBEARER")

_TOKEN = re.compile(r"auth=bearer ([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)
"""RFC 6750 section 2.1."""

_XOAUTH2 = re.compile(r"user=([^\x01]*)")
_GS2 = re.compile(r"[ny],(?:a=([^,]*))?,")
"""The head of OAUTHBEARER (RFC 7628 section 3.1, RFC 5801 section 4)."""

_SAFE = {"=2C": ",", "=3D": "="}


@dataclass(frozen=True, slots=True)
class Bearer:
    """What came.

    Attributes:
        user: that logs in.
        token: for it.
    """

    user: str
    token: str = field(repr=False)


def read_bearer(mechanism: str, data: bytes) -> Bearer | None:
    """Read a client's first message; None if it is malformed."""
    try:
        head, *fields = data.decode().split("\x01")
    except UnicodeDecodeError:
        return None
    if fields[-2:] != ["", ""]:
        return None
    tokens = [found[1] for each in fields if (found := _TOKEN.fullmatch(each))]
    found = (_XOAUTH2 if mechanism == "XOAUTH2" else _GS2).fullmatch(head)
    if found is None or len(tokens) != 1:
        return None
    user = found[1] or ""
    if mechanism == "OAUTHBEARER":
        user = re.sub("=2C|=3D", lambda code: _SAFE[code[0]], user)
    return Bearer(user, tokens[0])


class TokenExchange:
    """One run of a mechanism that takes access tokens.

    Args:
        mechanism: one of MECHANISMS.
        issuer: that judges the tokens.
    """

    def __init__(self, mechanism: str, issuer: Issuer) -> None:
        self._mechanism = mechanism
        self._issuer = issuer
        self._refused = False

    def step(self, response: bytes | None) -> bytes | Claim:
        """Judge the token. A refusal is a challenge, which the client acknowledges before the 535
        (RFC 7628 section 3.2.3).
        """
        if response is None:
            return b""
        if self._refused:
            raise Refused(self._issuer.form.refusal)
        bearer = read_bearer(self._mechanism, response)
        if bearer is None:
            raise Refused("501 5.5.2 The response is malformed")
        problem = self._issuer.problem_with(bearer.token, bearer.user)
        if problem is None:
            return Claim(bearer.user, "", proven=True)
        said = self._issuer.said_of(problem)
        if said is None:
            raise Refused(self._issuer.form.refusal)
        self._refused = True
        return said.encode()
