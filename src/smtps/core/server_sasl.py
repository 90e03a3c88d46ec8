"""A login as the server sees it: responses in, challenges out, then what the client claims.

Whether a claim is true, the caller decides (RFC 4422, RFC 4954).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from smtps.core.server_commands import Refused

_MALFORMED = "501 5.5.2 The response is not what the mechanism says"


class Claim(NamedTuple):
    """What a client says about itself.

    Attributes:
        user: whose mailbox.
        password: as it was given; never shown.
        acts_for: another user that is to be acted for (RFC 4616); empty for none.
        proven: whether the mechanism has proven that the client knows the password.
    """

    user: str
    password: str
    acts_for: str = ""
    proven: bool = False

    def __repr__(self) -> str:
        return f"Claim(user={self.user!r})"


class Exchange(Protocol):
    """One run of one mechanism.

    ``step`` takes the initial response, None where there is none, and then each response; it gives
    the next challenge, or the claim. It raises Refused with the reply where a response is
    malformed.
    """

    def step(self, response: bytes | None) -> bytes | Claim: ...


class PlainExchange:
    """PLAIN (RFC 4616)."""

    def step(self, response: bytes | None) -> bytes | Claim:
        """Ask for the response, or read it."""
        if response is None:
            return b""
        acts_for, user, password = _fields(response)
        return Claim(user, password, "" if acts_for == user else acts_for)


def _fields(response: bytes) -> tuple[str, str, str]:
    parts = _text(response).split("\0")
    if len(parts) != 3 or not parts[1]:
        raise Refused(_MALFORMED)
    return parts[0], parts[1], parts[2]


class LoginExchange:
    """LOGIN: never standardized. User name, then password; the prompts are those that the oldest
    clients look for.
    """

    def __init__(self) -> None:
        self._user: str | None = None

    def step(self, response: bytes | None) -> bytes | Claim:
        """Ask for the one, then the other."""
        if response is None:
            return b"Username:"
        if self._user is None:
            self._user = _text(response)
            return b"Password:"
        return Claim(self._user, _text(response))


def _text(response: bytes) -> str:
    try:
        return response.decode()
    except UnicodeDecodeError:
        raise Refused(_MALFORMED) from None


EXCHANGES: dict[str, type[PlainExchange | LoginExchange]] = {
    "PLAIN": PlainExchange,
    "LOGIN": LoginExchange,
}
