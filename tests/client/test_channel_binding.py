"""Logins that are tied to the TLS connection: by which binding, with which flag, and what then."""

from __future__ import annotations

import base64
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID
from scramp import ScramException, ScramMechanism
from scramp.core import CBindData
from tests.net.pki import PKI
from tests.net.servers import Peer, serving

import smtps
from smtps.net.tls import server_end_point
from smtps.sandbox.pki import Authority, Kind

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN")


@dataclass
class MailServer:
    """Knows SCRAM, by the library's other half.

    Attributes:
        pki: whose ``good`` certificate it has.
        offers: in its answer to EHLO.
        knows: type of the channel binding that it knows, or None.
        data: of its end of the connection, in place of the real one.
        tells: says the library's error in a challenge; else it refuses without a reason.
        version: of TLS.
        firsts: what each login began with: mechanism and client-first-message.
    """

    pki: PKI
    offers: tuple[str, ...] = BOTH
    knows: str | None = "tls-server-end-point"
    data: bytes | None = None
    tells: bool = True
    version: ssl.TLSVersion = V13
    firsts: list[tuple[str, str]] = field(default_factory=list)

    async def script(self, peer: Peer) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.maximum_version = self.version
        context.load_cert_chain(self.pki.good.pem)
        await peer.handshake(context)
        await peer.say(b"220 x ESMTP\r\n")
        while line := (await peer.read()).decode().strip():
            verb, *words = line.split()
            if verb == "AUTH":
                await self._login(peer, words[0], _text(words[1]))
            elif verb == "EHLO":
                await peer.say(f"250-x\r\n250 AUTH {' '.join(self.offers)}\r\n".encode())
            else:
                await peer.say(b"221 bye\r\n" if verb == "QUIT" else b"250 ok\r\n")

    async def _login(self, peer: Peer, name: str, first: str) -> None:
        self.firsts.append((name, first))
        scram = ScramMechanism(name.removesuffix("-PLUS"))
        known = scram.make_auth_info("secret")
        server: Any = scram.make_server(lambda user: {"me": known}[user], self._binding(peer))
        try:
            server.set_client_first(first)
        except (ScramException, KeyError):
            await peer.say(b"535 5.7.8 Authentication failed\r\n")
            return
        final = await self._ask(peer, server.get_server_first())
        try:
            server.set_client_final(final)
        except ScramException:
            if self.tells:
                await self._ask(peer, server.get_server_final())
            await peer.say(b"535 5.7.8 Authentication failed\r\n")
            return
        await self._ask(peer, server.get_server_final())
        await peer.say(b"235 2.7.0 welcome\r\n")

    def _binding(self, peer: Peer) -> tuple[str, bytes] | None:
        if self.knows is None:
            return None
        assert peer.tls is not None
        if self.knows == "tls-unique":
            return self.knows, self.data or peer.tls.get_channel_binding("tls-unique") or b""
        return self.knows, self.data or bytes(CBindData.from_der(self.pki.good.der))

    async def _ask(self, peer: Peer, challenge: str) -> str:
        await peer.say(b"334 " + base64.b64encode(challenge.encode()) + b"\r\n")
        return _text((await peer.read()).decode().strip())


def _text(encoded: str) -> str:
    return base64.b64decode(encoded).decode()


async def log_in(server: MailServer, **options: Any) -> str | None:
    """The mechanism that was used."""
    given = {"username": "me", "password": "secret", **options}
    async with (
        serving(server.script) as place,
        smtps.connect(
            "127.0.0.1", port=place.port, security="implicit", ca_file=server.pki.ca, **given
        ) as session,
    ):
        return session.mechanism


async def test_tls_13_binds_to_the_certificate(pki: PKI) -> None:
    server = MailServer(pki)
    assert await log_in(server) == "SCRAM-SHA-256-PLUS"
    assert server.firsts[0][1].startswith("p=tls-server-end-point,,")


async def test_tls_12_binds_to_the_connection(pki: PKI) -> None:
    server = MailServer(pki, knows="tls-unique", version=V12)
    assert await log_in(server) == "SCRAM-SHA-256-PLUS"
    assert server.firsts[0][1].startswith("p=tls-unique,,")


async def test_a_type_that_the_server_does_not_know_is_left_for_the_same_without(pki: PKI) -> None:
    """It refuses what holds nothing of the password, so the password is not to blame."""
    server = MailServer(pki, offers=("SCRAM-SHA-1-PLUS", *BOTH), knows="tls-unique-for-telnet")
    assert await log_in(server) == "SCRAM-SHA-256"
    assert [name for name, _ in server.firsts] == ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"]
    assert server.firsts[1][1].startswith("n,,")


@pytest.mark.parametrize("tells", [True, False])
async def test_another_channel_at_the_server_is_told_and_nothing_else_tried(
    pki: PKI, tells: bool
) -> None:
    server = MailServer(pki, data=b"another", tells=tells)
    with pytest.raises(smtps.LoginError) as caught:
        await log_in(server)
    assert len(server.firsts) == 1
    assert (caught.value.code == "auth.channel_binding_mismatch") is tells


async def test_an_offer_taken_out_on_the_way_is_noticed_by_the_server(pki: PKI) -> None:
    server = MailServer(pki, offers=("SCRAM-SHA-256",))
    with pytest.raises(smtps.LoginError):
        await log_in(server)
    assert [first[:3] for _, first in server.firsts] == ["y,,"]


async def test_a_server_without_binding_hears_that_this_client_could(pki: PKI) -> None:
    server = MailServer(pki, offers=("SCRAM-SHA-256",), knows=None)
    assert await log_in(server) == "SCRAM-SHA-256"
    assert server.firsts[0][1].startswith("y,,")


async def test_without_by_choice_where_it_is_offered(pki: PKI) -> None:
    server = MailServer(pki)
    assert await log_in(server, mechanism="SCRAM-SHA-256") == "SCRAM-SHA-256"
    assert server.firsts[0][1].startswith("n,,")


async def test_a_wrong_password_is_tried_once(pki: PKI) -> None:
    server = MailServer(pki)
    with pytest.raises(smtps.LoginError):
        await log_in(server, password="wrong")
    assert len(server.firsts) == 1


async def test_the_wanted_mechanism_is_not_left_for_another(pki: PKI) -> None:
    server = MailServer(pki, knows="tls-unique-for-telnet")
    with pytest.raises(smtps.LoginError):
        await log_in(server, mechanism="SCRAM-SHA-256-PLUS")
    assert len(server.firsts) == 1


def certificate(key: Any, algorithm: Any, scheme: padding.PSS | None = None) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x.test")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    made = builder.sign(key, algorithm, rsa_padding=scheme)
    return made.public_bytes(serialization.Encoding.DER)


RSA, EC = rsa.generate_private_key(65537, 2048), ec.generate_private_key(ec.SECP384R1())


def pss(kind: Any) -> padding.PSS:
    return padding.PSS(padding.MGF1(kind), 32)


@pytest.mark.parametrize(
    "der",
    [
        certificate(RSA, hashes.SHA256()),
        certificate(RSA, hashes.SHA512()),
        certificate(RSA, hashes.SHA224()),
        certificate(EC, hashes.SHA256()),
        certificate(EC, hashes.SHA384()),
        certificate(EC, hashes.SHA512()),
        certificate(RSA, hashes.SHA256(), pss(hashes.SHA256())),
        certificate(RSA, hashes.SHA512(), pss(hashes.SHA512())),
    ],
)
def test_the_certificate_s_hash_is_the_one_that_the_library_makes(der: bytes) -> None:
    assert server_end_point(der) == bytes(CBindData.from_der(der))


def test_of_a_signature_with_sha_1_it_is_sha_256() -> None:
    authority = Authority().intermediate(Kind(rsa_bits=2048))
    der = authority.issue(["x.test"], Kind(sha1=True)).certificate.public_bytes(
        serialization.Encoding.DER
    )
    assert server_end_point(der) == sha256(der).digest()


def test_without_a_hash_in_the_signature_there_is_no_such_binding() -> None:
    der = certificate(ed25519.Ed25519PrivateKey.generate(), None)
    assert server_end_point(der) is None
    for end in range(0, len(der), 7):
        assert server_end_point(der[:end]) is None or end > len(der) - 80
