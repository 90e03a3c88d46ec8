"""Signed tokens (RFC 7515, RFC 7519): the issuer's are made here, those of clients read."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An RSA key that signs with RS256.

    Attributes:
        key: the private key.
        key_id: its ``kid``.
    """

    key: rsa.RSAPrivateKey = field(repr=False)
    key_id: str

    def sign(self, claims: Mapping[str, Any], kind: str = "JWT") -> str:
        """The claims as a JWT."""
        header = {"typ": kind, "alg": "RS256", "kid": self.key_id}
        text = ".".join(base64url(_compact(part)) for part in (header, claims))
        signature = self.key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{text}.{base64url(signature)}"

    def pem(self) -> bytes:
        """The private key, in PKCS 8."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517, RFC 7518 section 6.3.1)."""
        numbers = self.key.public_key().public_numbers()
        return {
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.key_id,
            "n": _number(numbers.n), "e": _number(numbers.e),
        }  # fmt: skip


@cache
def signing_key(purpose: str) -> SigningKey:
    """A key, made once: that takes a tenth of a second, and here it guards nothing."""
    key = rsa.generate_private_key(65537, 2048)
    numbers = key.public_key().public_numbers()
    digest = hashlib.sha256(f"{purpose} {numbers.n}".encode()).hexdigest()
    return SigningKey(key, digest[:32])


@dataclass(frozen=True, slots=True)
class Signed:
    """A JWT whose signature has not been verified yet.

    Attributes:
        header, claims: its parts.
        text: what is signed.
        signature: of it.
    """

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    text: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def verified_by(self, key: PublicKey) -> bool:
        """Whether the signature is by this key, with the algorithm that belongs to it."""
        try:
            _VERIFY[str(self.header.get("alg"))](key, self.signature, self.text)
        except (KeyError, InvalidSignature, TypeError, ValueError, AttributeError):
            return False
        return True


def read_signed(token: str) -> Signed | None:
    """Take a JWT apart; None for what is none."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    try:
        header, claims = (json.loads(_decoded(part)) for part in parts[:2])
        signature = _decoded(parts[2])
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict) or not isinstance(claims, dict):
        return None
    return Signed(header, claims, f"{parts[0]}.{parts[1]}".encode(), signature)


def _rs256(key: Any, signature: bytes, data: bytes) -> None:
    key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())


def _ps256(key: Any, signature: bytes, data: bytes) -> None:
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
    key.verify(signature, data, pss, hashes.SHA256())


def _es256(key: Any, signature: bytes, data: bytes) -> None:
    r, s = int.from_bytes(signature[:32]), int.from_bytes(signature[32:])
    key.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))


def _eddsa(key: Any, signature: bytes, data: bytes) -> None:
    key.verify(signature, data)


_VERIFY = {"RS256": _rs256, "PS256": _ps256, "ES256": _es256, "EdDSA": _eddsa}
"""Algorithm (RFC 7518 section 3.1) → how its signatures are verified."""

ALGORITHMS = tuple(_VERIFY)


def _compact(found: Mapping[str, Any]) -> bytes:
    return json.dumps(found, separators=(",", ":")).encode()


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _number(value: int) -> str:
    return base64url(value.to_bytes((value.bit_length() + 7) // 8))
