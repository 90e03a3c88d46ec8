"""Signed assertions: a client proves itself, or acts for a mailbox, by a key (RFC 7523).

The key is a PEM file, with its certificate if the provider knows the client by that (Microsoft), or
Google's JSON file of a service account.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from smtps.errors import InputError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

LIFE = 300
"""Seconds that an assertion of a client is good for: it is used at once."""

LONGEST_LIFE = 3600
"""The same for a service account; Google accepts no more."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, and what is known about it.

    Attributes:
        key: the private key.
        algorithm: that it signs with (RFC 7518 section 3.1).
        key_id: its ``kid``, or None.
        thumbprint: SHA-256 of its certificate, or None.
        client_id: of the client that it belongs to, where its file says so.
    """

    key: PrivateKey = field(repr=False)
    algorithm: str
    key_id: str | None = None
    thumbprint: bytes | None = None
    client_id: str | None = None

    @classmethod
    def of_file(cls, path: str | Path, field_name: str = "client_key_file") -> Signer:
        """Read the file.

        Raises:
            InputError: it cannot be read, or holds no such key.
        """
        try:
            data = Path(path).expanduser().read_bytes()
        except OSError as error:
            raise InputError(field_name, f"cannot be read: {error.strerror}") from error
        google: dict[str, Any] = {}
        if data.lstrip().startswith(b"{"):
            google, data = _service_account(data, field_name)
        try:
            key = serialization.load_pem_private_key(data, None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            problem = "holds no private key in PEM without a password"
            raise InputError(field_name, problem) from None
        thumbprint = _thumbprint(data)
        return cls(
            _supported(key, field_name),
            _algorithm(key, certified=thumbprint is not None),
            google.get("private_key_id"),
            thumbprint,
            google.get("client_email"),
        )

    def sign(self, claims: dict[str, Any]) -> str:
        """The claims as a signed JWT (RFC 7515 section 3.1)."""
        header: dict[str, Any] = {"alg": self.algorithm, "typ": "JWT"}
        if self.key_id is not None:
            header["kid"] = self.key_id
        if self.thumbprint is not None:
            header["x5t#S256"] = base64url(self.thumbprint)
        text = ".".join(base64url(json.dumps(part).encode()) for part in (header, claims))
        return f"{text}.{base64url(self._signature(text.encode()))}"

    def _signature(self, data: bytes) -> bytes:
        key = self.key
        if isinstance(key, rsa.RSAPrivateKey):
            if self.algorithm == "PS256":
                pss = padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)
                return key.sign(data, pss, hashes.SHA256())
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if isinstance(key, ec.EllipticCurvePrivateKey):
            r, s = decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")  # RFC 7518 section 3.4
        return key.sign(data)


def client_assertion(signer: Signer, client_id: str, audience: str, now: float) -> str:
    """Proves who a client is (RFC 7523 section 3).

    Args:
        signer: its key.
        client_id: of the client.
        audience: the token endpoint.
        now: seconds since 1970.
    """
    return signer.sign({
        "iss": client_id, "sub": client_id, "aud": audience, "jti": secrets.token_urlsafe(16),
        "iat": int(now), "nbf": int(now), "exp": int(now) + LIFE,
    })  # fmt: skip


def grant_assertion(
    signer: Signer, client_id: str, audience: str, now: float, *, subject: str, scope: str
) -> str:
    """Lets a service account act for a mailbox (RFC 7523 section 2.1).

    Args:
        signer: the account's key.
        client_id: the account.
        audience: the token endpoint.
        now: seconds since 1970.
        subject: the mailbox.
        scope: to ask for.
    """
    return signer.sign({
        "iss": client_id, "sub": subject, "aud": audience, "scope": scope,
        "iat": int(now), "exp": int(now) + LONGEST_LIFE, "jti": secrets.token_urlsafe(16),
    })  # fmt: skip


def _service_account(data: bytes, field_name: str) -> tuple[dict[str, Any], bytes]:
    """Google's file: what it says, and the key in it."""
    try:
        found = json.loads(data)
        return found, str(found["private_key"]).encode()
    except (ValueError, KeyError, TypeError, RecursionError):
        problem = "is JSON, but not the key of a Google service account"
        raise InputError(field_name, problem) from None


def _thumbprint(data: bytes) -> bytes | None:
    """Of the first certificate in a PEM file."""
    if b"-----BEGIN CERTIFICATE-----" not in data:
        return None
    try:
        certificate = x509.load_pem_x509_certificates(data)[0]
    except ValueError:
        return None
    return hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest()


def _supported(key: object, field_name: str) -> PrivateKey:
    small = isinstance(key, rsa.RSAPrivateKey) and key.key_size < 2048
    other = isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name != "secp256r1"
    if not isinstance(key, PrivateKey) or small or other:
        raise InputError(
            field_name, "must hold an RSA key of 2048 bits or more, an EC key on P-256, or Ed25519"
        )
    return key


def _algorithm(key: object, *, certified: bool) -> str:
    """PS256 with a certificate, as Microsoft wants it; else what every server knows."""
    if isinstance(key, rsa.RSAPrivateKey):
        return "PS256" if certified else "RS256"
    return "ES256" if isinstance(key, ec.EllipticCurvePrivateKey) else "EdDSA"


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
