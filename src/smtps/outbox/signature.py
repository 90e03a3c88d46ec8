"""What signs a notice: Standard Webhooks, symmetric signatures (https://www.standardwebhooks.com)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

from smtps.errors import InputError


def key_of(secret: str) -> bytes:
    """The key that ``whsec_…`` stands for.

    Raises:
        InputError: it is not one.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise InputError("webhook.secret", "must be whsec_ and the base64 of 24 to 64 octets")
    return key


def headers(secret: str, id_: str, seconds: int, body: bytes) -> dict[str, str]:
    """What signs a notice (Standard Webhooks, symmetric signatures)."""
    signed = f"{id_}.{seconds}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(seconds),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }
