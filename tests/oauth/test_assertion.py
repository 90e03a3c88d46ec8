"""Signed assertions: the right form for each key, and nothing of the key anywhere else."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from tests.net.pki import PKI

from smtps.errors import InputError
from smtps.oauth.assertion import Signer, client_assertion, grant_assertion


def pem(key: Any) -> bytes:
    return bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )


def parts(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes, bytes]:
    header, claims, signature = token.split(".")
    raw = [base64.urlsafe_b64decode(p + "=" * (-len(p) % 4)) for p in (header, claims, signature)]
    return json.loads(raw[0]), json.loads(raw[1]), f"{header}.{claims}".encode(), raw[2]


@pytest.fixture
def saved(tmp_path: Path) -> Any:
    def save(data: bytes) -> Path:
        file = tmp_path / "key.pem"
        file.write_bytes(data)
        return file

    return save


def test_an_rsa_key_with_a_certificate_signs_as_microsoft_wants_it(pki: PKI) -> None:
    signer = Signer.of_file(pki.rsa.pem)
    token = client_assertion(signer, "client", "https://a.test/token", 1000.0)
    header, claims, signed, signature = parts(token)
    thumbprint = hashlib.sha256(pki.rsa.der).digest()
    assert header["alg"] == "PS256"
    assert base64.urlsafe_b64decode(header["x5t#S256"] + "=") == thumbprint
    assert claims["iss"] == claims["sub"] == "client"
    assert (claims["aud"], claims["exp"]) == ("https://a.test/token", 1300)
    key = pki.rsa.key
    assert isinstance(key, rsa.RSAPrivateKey)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.DIGEST_LENGTH)
    key.public_key().verify(signature, signed, pss, hashes.SHA256())


def test_no_two_assertions_of_a_client_are_the_same(pki: PKI) -> None:
    signer = Signer.of_file(pki.rsa.pem)
    made = {parts(client_assertion(signer, "c", "a", 1.0))[1]["jti"] for _ in range(20)}
    assert len(made) == 20


def test_other_keys_sign_by_what_suits_them(saved: Any) -> None:
    private = rsa.generate_private_key(65537, 2048)
    header, _, signed, signature = parts(Signer.of_file(saved(pem(private))).sign({"a": 1}))
    assert header == {"alg": "RS256", "typ": "JWT"}
    private.public_key().verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
    curve = ec.generate_private_key(ec.SECP256R1())
    header, _, signed, signature = parts(Signer.of_file(saved(pem(curve))).sign({"a": 1}))
    assert header["alg"] == "ES256"
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    curve.public_key().verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    edwards = ed25519.Ed25519PrivateKey.generate()
    header, _, signed, signature = parts(Signer.of_file(saved(pem(edwards))).sign({"a": 1}))
    assert header["alg"] == "EdDSA"
    edwards.public_key().verify(signature, signed)


def test_the_file_of_a_google_service_account_is_read(saved: Any) -> None:
    private = rsa.generate_private_key(65537, 2048)
    file = saved(json.dumps({
        "type": "service_account", "private_key_id": "k1", "private_key": pem(private).decode(),
        "client_email": "robot@project.test",
    }).encode())  # fmt: skip
    signer = Signer.of_file(file)
    assert signer.client_id == "robot@project.test"
    header, claims, _, _ = parts(
        grant_assertion(signer, "robot@project.test", "https://t.test", 5.0,
                        subject="ann@example.com", scope="mail")
    )  # fmt: skip
    assert (header["alg"], header["kid"]) == ("RS256", "k1")
    assert (claims["sub"], claims["scope"], claims["exp"]) == ("ann@example.com", "mail", 3605)
    assert "PRIVATE" not in repr(signer)
    assert "rsa" not in repr(signer).lower()


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"nothing", "holds no private key in PEM without a password"),
        (b'{"type": "service_account"}', "not the key of a Google service account"),
        (b'{"private_key": "x"}', "holds no private key"),
        (pem(rsa.generate_private_key(65537, 1024)), "RSA key of 2048 bits"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "EC key on P-256"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_remedy(
    saved: Any, data: bytes, problem: str
) -> None:
    with pytest.raises(InputError, match=problem) as caught:
        Signer.of_file(saved(data))
    assert caught.value.field == "client_key_file"
    assert "PRIVATE" not in str(caught.value)


def test_a_key_behind_a_password_and_a_missing_file_are_refused(pki: PKI, saved: Any) -> None:
    with pytest.raises(InputError, match="without a password"):
        Signer.of_file(saved(pki.rsa.locked()))
    with pytest.raises(InputError, match="cannot be read: No such file"):
        Signer.of_file("/nowhere/key.pem")
