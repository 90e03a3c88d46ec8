"""API tokens: several, each with a name, kept only as hashes."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping

_PREFIX = "sha256:"


def new_token() -> str:
    """A fresh token of 256 random bits."""
    return f"smtps_{secrets.token_urlsafe(32)}"


def hash_token(token: str) -> str:
    """What the configuration holds. A plain hash will do: the token itself is random."""
    return _PREFIX + hashlib.sha256(token.encode()).hexdigest()


def is_hash(text: str) -> bool:
    """Whether the configuration's value has the right form."""
    digits = text.removeprefix(_PREFIX)
    return (
        text.startswith(_PREFIX) and len(digits) == 64 and not set(digits) - set("0123456789abcdef")
    )


def find(tokens: Mapping[str, str], header: str) -> str | None:
    """The name of the token in an Authorization header, or None.

    Every known hash is compared, and each in constant time.
    """
    scheme, _, token = header.partition(" ")
    presented = hash_token(token.strip()).encode()
    found = None
    for name, known in tokens.items():
        if hmac.compare_digest(known.encode(), presented) and scheme.lower() == "bearer":
            found = name
    return found


def needed(path: str) -> bool:
    """Whether a path needs a token: all do that do something or tell something."""
    open_paths = ("/web/", "/docs", "/openapi.json", "/healthz", "/readyz", "/favicon.ico")
    return path != "/" and not path.startswith(open_paths)
