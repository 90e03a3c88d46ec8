"""Stapled OCSP responses, from a server made by hand and from OpenSSL's."""

from __future__ import annotations

import asyncio
import shutil
import ssl
from asyncio.subprocess import DEVNULL, PIPE
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given
from hypothesis import strategies as st
from tests.checks.test_rules import a_certificate, an_address, facts
from tests.net.servers import Peer, Script, serving

import smtps
from smtps.checks.evidence import read_staple
from smtps.checks.prober import Prober
from smtps.checks.probes import Probe
from smtps.checks.report import Report
from smtps.net.resolve import Address
from smtps.net.server_hello import stapled
from smtps.sandbox.pki import Authority, Identity, Kind

CA = Authority("Example CA")
STAPLED = CA.issue(["127.0.0.1", "localhost"], Kind(must_staple=True))
PLAIN = CA.issue(["127.0.0.1", "localhost"])
ASKS = bytes.fromhex("000500050100000000")
"""The extension status_request."""


def response(
    identity: Identity, status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD, days: float = 3
) -> bytes:
    """What the authority's responder says, in force since a week ago, for so many days from now."""
    now = datetime.now(UTC).replace(microsecond=0)
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=identity.certificate,
        issuer=CA.certificate,
        algorithm=hashes.SHA256(),
        cert_status=status,
        this_update=now - timedelta(days=7),
        next_update=now + timedelta(days=days),
        revocation_time=now - timedelta(days=8) if revoked else None,
        revocation_reason=x509.ReasonFlags.key_compromise if revoked else None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, CA.certificate)
    return builder.sign(CA.identity.key, hashes.SHA256()).public_bytes(Encoding.DER)


GOOD = response(STAPLED)
REVOKED = response(STAPLED, ocsp.OCSPCertStatus.REVOKED)
STALE = response(STAPLED, days=-1)
OF_ANOTHER = response(PLAIN)
TRY_LATER = ocsp.OCSPResponseBuilder.build_unsuccessful(
    ocsp.OCSPResponseStatus.TRY_LATER
).public_bytes(Encoding.DER)


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def flight(staple: bytes | None, *, whole: bool = True) -> bytes:
    """A first flight of TLS 1.2, in records of any size; the certificate does not matter."""
    said = message(2, b"\3\3" + bytes(32) + b"\0\xc0\x2b\0\0\0") + message(11, bytes(3))
    if staple is not None:
        said += message(22, b"\1" + len(staple).to_bytes(3) + staple)
    if whole:
        said += message(14, b"")
    pieces = [said[at : at + 700] for at in range(0, len(said), 700)]
    return b"".join(b"\x16\3\3" + len(piece).to_bytes(2) + piece for piece in pieces)


def stapling(context: ssl.SSLContext, staple: bytes | None) -> Script:
    """A mail server; to a hello that asks for an OCSP response it says a flight made by hand."""

    async def script(peer: Peer) -> None:
        hello = await peer.hear()
        if ASKS in hello:
            await peer.say(flight(staple))
            return
        peer._feed(hello)
        await peer.handshake(context)
        await peer.say(b"220 x ESMTP\r\n")
        while line := await peer.read():
            quits = line.upper().startswith(b"QUIT")
            await peer.say(b"221 bye\r\n" if quits else b"250-x\r\n250 AUTH PLAIN\r\n")

    return script


@pytest.mark.parametrize(
    ("identity", "staple", "code", "words"),
    [
        (STAPLED, GOOD, None, ""),
        (STAPLED, None, "missing", "no response was sent"),
        (STAPLED, REVOKED, "revoked", "revoked on"),
        (STAPLED, STALE, "stale", "good until"),
        (STAPLED, OF_ANOTHER, "stale", "about another certificate"),
        (STAPLED, TRY_LATER, "stale", "try later"),
        (STAPLED, b"junk", "stale", "cannot be read"),
    ],
)
async def test_a_certificate_that_asks_for_a_staple_is_looked_at_again(
    identity: Identity, staple: bytes | None, code: str | None, words: str, tmp_path: Path
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(identity.write(tmp_path, "server"))
    async with serving(stapling(context, staple)) as server:
        report = await smtps.check(
            "127.0.0.1", port=server.port, security="implicit", ca_file=CA.write(tmp_path / "ca")
        )
    assert [f.code for f in report.findings] == ([f"tls.staple_{code}"] if code else [])
    assert report.verdict == ("warnings" if code else "works")
    assert all(words in finding.seen for finding in report.findings)
    assert report.as_json()["addresses"][0]["looks"][0]["name"] == "staple"


def seen(identity_asks: bool, heard: bytes) -> Report:
    own = a_certificate(must_staple=identity_asks, serial=STAPLED.certificate.serial_number)
    look = Probe("staple", heard=heard)
    return Report.of(facts(an_address(chain=(own,), looks={"staple": look})))


@pytest.mark.parametrize(
    ("asks", "heard", "codes"),
    [
        (False, flight(None), []),
        (False, flight(REVOKED), ["tls.staple_revoked"]),
        (False, b"", []),
        (True, b"", []),  # nothing came: nobody knows
        (True, flight(None, whole=False), []),
        (True, bytes.fromhex("15030300020246"), []),  # the server knows TLS 1.3 only
    ],
)
def test_what_was_not_seen_is_not_missing(asks: bool, heard: bytes, codes: list[str]) -> None:
    assert [f.code for f in seen(asks, heard).findings] == codes


@given(st.binary(max_size=300), st.integers(0, len(REVOKED)))
def test_any_response_is_read(junk: bytes, at: int) -> None:
    for der in (junk, REVOKED[:at] + junk + REVOKED[at:]):
        assert read_staple(der).status
        seen(True, flight(der))


@pytest.mark.parametrize("staple", [GOOD, None])
async def test_openssl_s_server_is_understood(staple: bytes | None, tmp_path: Path) -> None:
    program = shutil.which("openssl")
    assert program is not None
    own, file = STAPLED.write(tmp_path, "server"), tmp_path / "response"
    file.write_bytes(staple or b"")
    extra = ["-status_file", str(file)] if staple else []
    server = await asyncio.create_subprocess_exec(
        program, "s_server", "-accept", "127.0.0.1:0", "-cert", str(own), "-key", str(own), *extra,
        stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
    )  # fmt: skip
    try:
        look = await _look_at(server)
    finally:
        server.kill()
        await server.wait()
    assert look.flight.whole
    assert stapled(look.heard) == staple


async def _look_at(server: asyncio.subprocess.Process) -> Probe:
    output: Any = server.stdout
    async with asyncio.timeout(10):
        while not (line := await output.readline()).startswith(b"ACCEPT 127"):
            assert line
    port = int(line.rpartition(b":")[2])
    endpoint = smtps.Endpoint("localhost", port, security="implicit")
    return await Prober(endpoint, Address("127.0.0.1", port)).look("staple")
