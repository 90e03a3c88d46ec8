"""SASL mechanisms as plain values: challenges in, responses out (RFC 4422, RFC 4954).

SCRAM lives one floor up, since it leans on a library; it has the same interface.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

from smtps.core import grammar
from smtps.core.reply import printable
from smtps.errors import InputError, LoginError


class Mechanism(Protocol):
    """One run of one mechanism.

    ``initial`` is None where the server speaks first. ``finished`` is asked when the server
    says that the login succeeded, and raises LoginError if it has not proven what it must.
    ``listens`` is whether it matters what the server's challenges say.
    """

    @property
    def name(self) -> str: ...
    @property
    def listens(self) -> bool: ...
    def initial(self) -> bytes | None: ...
    def respond(self, challenge: bytes) -> bytes: ...
    def finished(self) -> None: ...
    def explain(self) -> str | None: ...


@dataclass
class _Simple:
    """What the mechanisms without proof from the server share."""

    username: str
    secret: str = field(repr=False)
    host: str = ""
    port: int = 0
    name: ClassVar[str]
    listens: ClassVar[bool] = True

    def initial(self) -> bytes | None:
        return None

    def respond(self, challenge: bytes) -> bytes:
        """Called only when the server asks for more than the mechanism has."""
        raise LoginError(
            "auth.unexpected_challenge",
            f"The server asked for more than {self.name} provides.",
            seen=printable(challenge[:80]),
        )

    def finished(self) -> None:
        """Nothing to prove."""

    def explain(self) -> str | None:
        """What the server said about a failure inside the exchange."""
        return None


@dataclass
class Plain(_Simple):
    """PLAIN (RFC 4616): UTF-8, nothing encrypted but by TLS.

    A server that does not know initial responses asks for what it was given already.
    """

    name: ClassVar[str] = "PLAIN"
    listens: ClassVar[bool] = False
    _asked: bool = False

    def initial(self) -> bytes:
        return _encode(f"\0{_no_nul(self.username)}\0{_no_nul(self.secret)}")

    def respond(self, challenge: bytes) -> bytes:
        if self._asked:
            return super().respond(challenge)
        self._asked = True
        return self.initial()


@dataclass
class Login(_Simple):
    """LOGIN: never standardised; user name, then password, whatever the prompts say."""

    name: ClassVar[str] = "LOGIN"
    listens: ClassVar[bool] = False
    _step: int = 0

    def respond(self, challenge: bytes) -> bytes:
        self._step += 1
        if self._step > 2:
            return super().respond(challenge)
        return _encode(self.username if self._step == 1 else self.secret)


@dataclass
class CramMD5(_Simple):
    """CRAM-MD5 (RFC 2195): the password itself is not sent."""

    name: ClassVar[str] = "CRAM-MD5"

    def respond(self, challenge: bytes) -> bytes:
        digest = hmac.new(_encode(self.secret), challenge, "md5").hexdigest()
        return _encode(f"{self.username} {digest}")


@dataclass
class _Bearer(_Simple):
    """OAuth 2 tokens. A refusal comes as a challenge with JSON, to be acknowledged first."""

    _error: str | None = None
    acknowledgement: ClassVar[bytes]

    def respond(self, challenge: bytes) -> bytes:
        if self._error is not None:
            return super().respond(challenge)
        self._error = decode_bearer_error(challenge)
        return self.acknowledgement

    def explain(self) -> str | None:
        return self._error


@dataclass
class XOAuth2(_Bearer):
    """XOAUTH2: the form Google and Microsoft had before the standard."""

    name: ClassVar[str] = "XOAUTH2"
    acknowledgement: ClassVar[bytes] = b""

    def initial(self) -> bytes:
        user, token = _no_separator(self.username), _no_separator(self.secret)
        return _encode(f"user={user}\x01auth=Bearer {token}\x01\x01")


@dataclass
class OAuthBearer(_Bearer):
    """OAUTHBEARER (RFC 7628)."""

    name: ClassVar[str] = "OAUTHBEARER"
    acknowledgement: ClassVar[bytes] = b"\x01"

    def initial(self) -> bytes:
        # RFC 5801 section 4: , and = are the only characters a GS2 name has to escape.
        name = _no_nul(_no_separator(self.username)).replace("=", "=3D").replace(",", "=2C")
        user = f"a={name}" if name else ""
        host = _no_separator(self.host)
        place = f"\x01host={host}\x01port={self.port}" if host else ""
        token = _no_separator(self.secret)
        return _encode(f"n,{user},{place}\x01auth=Bearer {token}\x01\x01")


@dataclass
class External(_Simple):
    """EXTERNAL (RFC 4422 appendix A): the client certificate says who it is."""

    name: ClassVar[str] = "EXTERNAL"

    def initial(self) -> bytes:
        return _encode(self.username)


SIMPLE: dict[str, type[Plain | Login | CramMD5 | XOAuth2 | OAuthBearer | External]] = {
    cls.name: cls for cls in (Plain, Login, CramMD5, XOAuth2, OAuthBearer, External)
}

PASSWORD_ORDER = (
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
)
"""Strongest first: proof of both sides bound to the channel, proof of both sides, proof of the
client, the password itself."""

TOKEN_ORDER = ("OAUTHBEARER", "XOAUTH2")

TRY_NEXT = frozenset({501, 502, 504})
"""Replies that speak of the mechanism, not of the credentials. A 535 is definite: asking again
another way only counts as another failed login."""


def candidates(offered: Iterable[str], order: Iterable[str]) -> list[str]:
    """The mechanisms to try, best first: those of ``order`` that are offered."""
    available = set(offered)
    return [name for name in order if name in available]


PLAINTEXT = ("PLAIN", "LOGIN")
"""They hand over the password itself, so the server need not keep it in any special form."""


def fits_initial_response(mechanism: str, initial: bytes) -> bool:
    """Whether AUTH with the initial response stays within a command line (RFC 4954 section 4)."""
    encoded = 4 * ((len(initial) + 2) // 3) or 1
    return len(f"AUTH {mechanism} ") + encoded + 2 <= grammar.MAX_COMMAND


def decode_challenge(text: str) -> bytes:
    """The bytes of a 334 (RFC 4954 section 4).

    Raises:
        LoginError: it is not base64.
    """
    try:
        return base64.b64decode(text.strip().encode(), validate=True)
    except (binascii.Error, UnicodeEncodeError) as error:
        raise LoginError(
            "auth.bad_challenge",
            "The server's challenge is not base64, so the login cannot continue.",
            seen=text[:80],
        ) from error


def decode_bearer_error(challenge: bytes) -> str:
    """The server's error JSON (RFC 7628 section 3.2.2) as ``status: 401, scope: …``."""
    try:
        found: Any = json.loads(challenge)
    except (ValueError, RecursionError):
        return printable(challenge[:200])
    if not isinstance(found, dict):
        return printable(str(found)[:200])
    return printable(", ".join(f"{key}: {value}" for key, value in found.items())[:500])


def _encode(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError("credentials", "user name or secret is not Unicode text") from error


def _no_nul(text: str) -> str:
    return _without(text, "\0", "a NUL")


def _no_separator(text: str) -> str:
    return _without(text, "\x01", "the separator U+0001")


def _without(text: str, char: str, name: str) -> str:
    if char in text:
        raise InputError("credentials", f"user name or secret contains {name}")
    return text
