"""Keys that encrypt the logins kept in a database: AES-256-GCM, bound to the account.

The name of the account is authenticated along with its login (as associated data, RFC 5116 section
2.1). So whoever can write to the database can delete a login, but can neither read one nor put it
in the place of another account's, which Fernet would let through.

A sealed login begins with the form's number and the first octets of the key's SHA-256, which say
which key it needs; then come 12 random octets, a nonce that is never used again.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Iterable
from hashlib import sha256
from typing import Any, NamedTuple

from smtps.errors import InputError

FORM = b"\x01"
"""Of what is sealed."""

KEY = 32
"""Octets of a key."""

NONCE = 12
_MARK = 4


class UnknownKeyError(Exception):
    """A login was sealed with a key that is not among ours."""


class BrokenSealError(Exception):
    """What is kept was not sealed like this for this account."""


class Opened(NamedTuple):
    """What was sealed.

    Attributes:
        data: as it was.
        old: whether another key than the first had sealed it.
    """

    data: bytes
    old: bool


class LoginKeys:
    """Seals with the first key, and opens with all of them.

    Args:
        keys: of 32 octets each.
    """

    __slots__ = ("_by_mark", "_first")

    def __init__(self, keys: Iterable[bytes]) -> None:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._by_mark = {_mark(key): AESGCM(key) for key in keys}
        self._first = next(iter(self._by_mark))

    def __repr__(self) -> str:
        return f"<{len(self._by_mark)} login keys>"

    def __reduce__(self) -> Any:
        raise TypeError("keys are not pickled")

    def seal(self, account: str, data: bytes) -> bytes:
        """Encrypt the login of an account."""
        nonce = os.urandom(NONCE)
        sealed = self._by_mark[self._first].encrypt(nonce, data, _bound(account))
        return FORM + self._first + nonce + sealed

    def open(self, account: str, sealed: bytes) -> Opened:
        """Decrypt it.

        Raises:
            UnknownKeyError: the key is not among ours.
            BrokenSealError: it is damaged, or another account's.
        """
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415

        mark, rest = sealed[1 : 1 + _MARK], sealed[1 + _MARK :]
        if sealed[:1] != FORM:
            raise BrokenSealError
        if (cipher := self._by_mark.get(mark)) is None:
            raise UnknownKeyError
        try:
            data = cipher.decrypt(rest[:NONCE], rest[NONCE:], _bound(account))
        except (InvalidTag, ValueError):
            raise BrokenSealError from None
        return Opened(data, old=mark != self._first)


def read_keys(text: str, field: str) -> LoginKeys:
    """Keys as people write them: base64, separated by spaces or lines.

    Args:
        text: from wherever it was.
        field: to be named if it cannot be used.

    Raises:
        InputError: it is something else.
    """
    keys = []
    for word in text.split():
        try:
            key = base64.b64decode(word, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if len(key) != KEY:
            raise InputError(
                field, f"must be the base64 of {KEY} random bytes (openssl rand -base64 {KEY}); "
                "several are separated by spaces or lines, and the first encrypts",
            )  # fmt: skip
        keys.append(key)
    if not keys:
        raise InputError(field, "holds no key")
    return LoginKeys(keys)


def _mark(key: bytes) -> bytes:
    return sha256(b"smtps login key\0" + key).digest()[:_MARK]


def _bound(account: str) -> bytes:
    return b"smtps login\0" + FORM + account.encode()
