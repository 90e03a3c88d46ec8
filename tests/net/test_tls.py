"""Real handshakes: what each kind of server leads to, and what is known afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import os
import pty
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.net.conftest import Dial, Serve
from tests.net.pki import PKI, Party
from tests.net.servers import (
    OLD,
    V12,
    V13,
    Peer,
    Server,
    read_all,
    says,
    secured,
    server_context,
    settle,
    silence,
    until,
)

from smtps.advice import ADVICE
from smtps.endpoint import Endpoint, Timeouts
from smtps.errors import (
    CertificateError,
    InputError,
    NetworkError,
    Phase,
    PhaseTimeoutError,
    SMTPSError,
    TLSError,
)
from smtps.net import dial as dialling
from smtps.net.tls import TLSFacts, check_fingerprint, context_for
from smtps.net.translate import not_tls
from smtps.net.wire import Wire

VERSIONS = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])
NAME = {V12: "TLSv1.2", V13: "TLSv1.3"}

HANDSHAKE, ALERT, APPLICATION_DATA = 22, 21, 23


def endpoint(server: Server, host: str = "localhost", **options: Any) -> Endpoint:
    options.setdefault("timeouts", Timeouts(tls=5))
    return Endpoint(host, server.port, **options)


async def secure(wire: Wire, to: Endpoint, deadline: float | None = None) -> TLSFacts:
    """The facts of a handshake, with the decision."""
    verified = await dialling.secure(wire, to, deadline)
    return replace(wire.facts(), verified=verified)


async def refused(wire: Wire, to: Endpoint) -> SMTPSError:
    """The error of a handshake that has to fail."""
    with pytest.raises(SMTPSError) as caught:
        await secure(wire, to)
    error = caught.value
    assert error.phase is Phase.TLS
    assert error.failure.address == wire.address == "127.0.0.1"
    assert error.code in ADVICE
    assert not wire.facts().verified
    return error


def records(raw: bytes) -> Iterator[tuple[int, bytes]]:
    """What was sent, as TLS records and nothing besides."""
    while raw:
        assert raw[0] in (20, 21, 22, 23), raw[:50]
        assert raw[1] == 3
        size = int.from_bytes(raw[3:5])
        assert len(raw) >= 5 + size
        yield raw[0], raw[5 : 5 + size]
        raw = raw[5 + size :]


def server_hellos(first_bytes: bytes) -> int:
    # With its length: an encrypted record may begin with any octet.
    return sum(
        body[0] == 2 and int.from_bytes(body[1:4]) + 4 <= len(body)
        for kind, body in _whole_records(first_bytes)
        if kind == HANDSHAKE and body
    )


def _whole_records(data: bytes) -> Iterator[tuple[int, bytes]]:
    while len(data) >= 5:
        size = int.from_bytes(data[3:5])
        yield data[0], data[5 : 5 + size]
        data = data[5 + size :]


# Good ones.


@VERSIONS
async def test_a_good_server(serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion) -> None:
    context = server_context(pki.good.pem, minimum=version, maximum=version)
    server = await serve(secured(context))
    wire = await dial(server)
    facts = await secure(wire, endpoint(server, ca_file=pki.ca))
    assert facts == wire.facts()
    assert (facts.version, facts.verified, facts.chain) == (NAME[version], True, (pki.good.der,))
    peer = await server.peer()
    assert peer.tls is not None
    assert peer.tls.cipher() is not None
    assert (facts.cipher, NAME[version], facts.bits) == peer.tls.cipher()
    assert facts.bits in (128, 256)
    assert facts.first_bytes[0] == HANDSHAKE
    wire.write(b"EHLO x\r\n")
    assert await peer.heard(8) == b"EHLO x\r\n"


@VERSIONS
async def test_a_chain_comes_as_it_was_sent(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion
) -> None:
    context = server_context(pki.chained.pem, minimum=version, maximum=version)
    server = await serve(secured(context))
    facts = await secure(await dial(server), endpoint(server, ca_file=pki.ca))
    assert facts.verified
    assert len(facts.chain) == 2
    assert facts.chain[0] == pki.chained.der


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "[127.0.0.1]", "::1", "[::1]"]
)
async def test_a_host_may_be_spelt_in_every_way(
    serve: Serve, dial: Dial, pki: PKI, host: str
) -> None:
    server = await serve(secured(server_context(pki.good.pem)))
    assert (await secure(await dial(server), endpoint(server, host, ca_file=pki.ca))).verified


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("localhost", "localhost"),
        ("münchen.test", "xn--mnchen-3ya.test"),
        ("127.0.0.1", None),
        ("::1", None),
    ],
)
async def test_the_server_is_told_the_name_but_no_address(
    serve: Serve, dial: Dial, pki: PKI, host: str, name: str | None
) -> None:
    told: list[Any] = []
    context = server_context(pki.good.pem)
    context.sni_callback = lambda _tls, asked, _context: told.append(asked)
    server = await serve(secured(context))
    assert (await secure(await dial(server), endpoint(server, host, ca_file=pki.ca))).verified
    assert told == [name]


async def test_an_address_with_a_zone_is_checked_without_it(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    """The zone is this machine's own affair; no certificate carries it."""
    server = await serve(secured(server_context(pki.good.pem)))
    assert (await secure(await dial(server), endpoint(server, "::1%1", ca_file=pki.ca))).verified


async def test_without_verification_nothing_is_called_verified(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    for party in (pki.good, pki.expired, pki.self_signed, pki.elsewhere):
        server = await serve(secured(server_context(party.pem)))
        facts = await secure(await dial(server), endpoint(server, verify=False, ca_file=pki.ca))
        assert not facts.verified
        assert facts.chain[0] == party.der
        assert facts.version == "TLSv1.3"


# Certificates that are not to be trusted.

BAD = [
    ("expired", "localhost", "expired"),
    ("not_yet", "localhost", "not_yet_valid"),
    ("elsewhere", "localhost", "wrong_host"),
    ("elsewhere", "127.0.0.1", "wrong_host"),
    ("good", "other.test", "wrong_host"),
    ("good", "sub.localhost", "wrong_host"),
    ("good", "127.0.0.2", "wrong_host"),
    ("self_signed", "localhost", "self_signed"),
    ("foreign", "localhost", "untrusted_root"),
    ("unchained", "localhost", "incomplete_chain"),
    ("weak", "localhost", "weak"),
    ("client", "client.test", "wrong_purpose"),
    ("no_authority", "localhost", "wrong_purpose"),
]


@VERSIONS
@pytest.mark.parametrize(("party", "host", "code"), BAD)
async def test_a_bad_certificate(
    serve: Serve,
    dial: Dial,
    pki: PKI,
    version: ssl.TLSVersion,
    party: str,
    host: str,
    code: str,
) -> None:
    shown: Party = getattr(pki, party)
    context = server_context(shown.pem, minimum=version, maximum=version)
    server = await serve(secured(context))
    wire = await dial(server)
    error = await refused(wire, endpoint(server, host, ca_file=pki.ca))
    assert isinstance(error, CertificateError)
    assert error.code == f"tls.certificate_{code}"
    assert error.failure.seen
    assert not error.failure.retryable
    # What is known all the same
    facts = wire.facts()
    assert facts.chain[0] == shown.der
    assert facts.group is not None
    assert facts.first_bytes[0] == HANDSHAKE
    # What the server got: a handshake, the reason, and not one byte inside
    peer = await server.finished()
    assert isinstance(peer.error, ssl.SSLError)
    assert "ALERT" in peer.error.reason
    wire.abort()
    await until(peer.gone.is_set)
    assert peer.text == b""
    kinds = [kind for kind, _ in records(bytes(peer.raw))]
    assert kinds[0] == HANDSHAKE
    assert APPLICATION_DATA not in kinds or (
        version is V13 and kinds.count(APPLICATION_DATA) == 1  # its alert looks like that
    )


@pytest.mark.parametrize(
    ("party", "trusting", "code", "words"),
    [
        ("expired", "ca", "certificate_expired", "The certificate has expired"),
        ("old_middle", "ca", "certificate_expired", "An issuer in the server's chain has expired"),
        (
            "old_root",
            "old_ca",
            "certificate_root_expired",
            "A certificate authority that is trusted here has expired",
        ),
    ],
)
async def test_the_certificate_that_has_expired_is_named(
    serve: Serve, dial: Dial, pki: PKI, party: str, trusting: str, code: str, words: str
) -> None:
    shown: Party = getattr(pki, party)
    server = await serve(secured(server_context(shown.pem)))
    ca: Path = getattr(pki, trusting)
    error = await refused(await dial(server), endpoint(server, "localhost", ca_file=ca))
    assert error.code == f"tls.{code}"
    assert str(error).startswith(words)


@VERSIONS
async def test_what_was_agreed_is_known_after_a_bad_certificate(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion
) -> None:
    """Both stand in the ServerHello, whether Python tells them or not."""
    context = server_context(pki.expired.pem, minimum=version, maximum=version)
    server = await serve(secured(context))
    wire = await dial(server)
    await refused(wire, endpoint(server, ca_file=pki.ca))
    good = await secure(await dial(server), endpoint(server, verify=False))
    bad = wire.facts()
    assert (bad.version, bad.cipher, bad.bits) == (NAME[version], good.cipher, good.bits)


async def test_what_was_agreed_is_known_after_a_later_error(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    server = await serve(secured(server_context(pki.good.pem), break_off))
    wire = await dial(server)
    facts = await secure(wire, endpoint(server, ca_file=pki.ca))
    with pytest.raises(ssl.SSLError):
        await wire.receive()
    assert wire.facts().version == facts.version == "TLSv1.3"


async def break_off(peer: Peer) -> None:
    """A record that was never encrypted."""
    await peer.say_raw(b"\x17\3\3\0\x20" + bytes(32))


async def test_the_systems_authorities_do_not_know_ours(serve: Serve, dial: Dial, pki: PKI) -> None:
    server = await serve(secured(server_context(pki.good.pem)))
    error = await refused(await dial(server), endpoint(server))
    assert error.code == "tls.certificate_incomplete_chain"


# Client certificates.


@VERSIONS
async def test_a_client_certificate_is_shown_where_one_is_wanted(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion
) -> None:
    context = server_context(pki.good.pem, minimum=version, maximum=version, clients=pki.ca)
    server = await serve(secured(context, says(b"220 hello\r\n")))
    wire = await dial(server)
    to = endpoint(server, ca_file=pki.ca, client_certificate=pki.client.pem)
    assert (await secure(wire, to)).verified
    assert await wire.receive() == b"220 hello\r\n"
    peer = await server.peer()
    assert peer.tls is not None
    assert peer.tls.getpeercert(binary_form=True) == pki.client.der


async def test_a_client_certificate_may_be_two_files(
    serve: Serve, dial: Dial, pki: PKI, tmp_path: Path
) -> None:
    key, _, certificate = pki.client.pem.read_text().partition("-----BEGIN CERTIFICATE")
    (tmp_path / "key").write_text(key)
    (tmp_path / "certificate").write_text("-----BEGIN CERTIFICATE" + certificate)
    context = server_context(pki.good.pem, clients=pki.ca)
    server = await serve(secured(context, says(b"220 hello\r\n")))
    wire = await dial(server)
    files = (str(tmp_path / "certificate"), tmp_path / "key")
    await secure(wire, endpoint(server, ca_file=pki.ca, client_certificate=files))
    assert await wire.receive() == b"220 hello\r\n"


CLIENTS = [
    (None, "tls.client_certificate_required"),
    ("client_expired", "tls.client_certificate_refused"),
    ("client_foreign", "tls.client_certificate_refused"),
]


@pytest.mark.parametrize(("party", "code"), CLIENTS)
async def test_tls_13_refuses_a_client_after_the_handshake(
    serve: Serve, dial: Dial, pki: PKI, party: str | None, code: str
) -> None:
    """The client is done before the server has looked: the refusal comes in place of a greeting."""
    server = await serve(secured(server_context(pki.good.pem, minimum=V13, clients=pki.ca)))
    wire = await dial(server)
    shown = getattr(pki, party).pem if party else None
    facts = await secure(wire, endpoint(server, ca_file=pki.ca, client_certificate=shown))
    assert facts.verified
    with pytest.raises(ssl.SSLError) as caught:
        await wire.receive()
    error = wire.explain(caught.value, Phase.GREETING)
    assert isinstance(error, TLSError)
    assert (error.code, error.phase) == (code, Phase.GREETING)
    assert wire.facts().chain == facts.chain
    assert facts.chain[0] == pki.good.der


@pytest.mark.parametrize(("party", "code"), CLIENTS)
async def test_tls_12_refuses_a_client_in_the_handshake(
    serve: Serve, dial: Dial, pki: PKI, party: str | None, code: str
) -> None:
    server = await serve(secured(server_context(pki.good.pem, maximum=V12, clients=pki.ca)))
    wire = await dial(server)
    shown = getattr(pki, party).pem if party else None
    to = endpoint(server, ca_file=pki.ca, client_certificate=shown)
    assert (await refused(wire, to)).code == code
    assert wire.facts().chain[0] == pki.good.der


# Versions, ciphers, groups.


async def test_a_server_with_old_versions_only(serve: Serve, dial: Dial, pki: PKI) -> None:
    context = server_context(pki.good.pem, minimum=ssl.TLSVersion.MINIMUM_SUPPORTED, maximum=OLD)
    server = await serve(secured(context))
    wire = await dial(server)
    error = await refused(wire, endpoint(server, ca_file=pki.ca))
    assert (type(error), error.code) == (TLSError, "tls.protocol_version")
    facts = wire.facts()
    assert (facts.version, facts.cipher, facts.group, facts.chain) == (None, None, None, ())
    assert facts.first_bytes[0] == ALERT


async def test_a_server_that_takes_up_an_old_version(serve: Serve, dial: Dial) -> None:
    """As one does that ignores what the client offers; no client offers the cipher."""
    server = await serve(says(_server_hello(b"\3\1", 0x0001), first=False))
    wire = await dial(server)
    error = await refused(wire, endpoint(server))
    assert error.code == "tls.protocol_version"
    assert (wire.facts().version, wire.facts().cipher, wire.facts().bits) == ("TLSv1", None, None)


async def test_a_server_without_secure_renegotiation(serve: Serve, dial: Dial) -> None:
    server = await serve(says(_server_hello(b"\3\3", 0xC02F), first=False))
    error = await refused(await dial(server), endpoint(server))
    assert error.code == "tls.legacy_renegotiation"


def _server_hello(version: bytes, cipher: int) -> bytes:
    body = version + bytes(range(32)) + b"\0" + cipher.to_bytes(2) + b"\0"
    message = b"\2" + len(body).to_bytes(3) + body
    return b"\x16" + version + len(message).to_bytes(2) + message


@pytest.mark.parametrize(("minimum", "code"), [("TLSv1.2", None), ("TLSv1.3", "protocol_version")])
async def test_the_minimum_is_kept(
    serve: Serve, dial: Dial, pki: PKI, minimum: Literal["TLSv1.2", "TLSv1.3"], code: str | None
) -> None:
    server = await serve(secured(server_context(pki.good.pem, maximum=V12)))
    to = endpoint(server, ca_file=pki.ca, tls_minimum=minimum)
    if code is None:
        assert (await secure(await dial(server), to)).version == "TLSv1.2"
    else:
        assert (await refused(await dial(server), to)).code == f"tls.{code}"


async def test_no_cipher_in_common(serve: Serve, dial: Dial, pki: PKI) -> None:
    context = server_context(pki.good.pem, maximum=V12, ciphers="ECDHE-ECDSA-ARIA128-GCM-SHA256")
    server = await serve(secured(context))
    wire = await dial(server)
    error = await refused(wire, endpoint(server, ca_file=pki.ca))
    assert (type(error), error.code) == (TLSError, "tls.handshake_refused")
    assert wire.facts().first_bytes[0] == ALERT


async def test_a_short_diffie_hellman_prime(serve: Serve, dial: Dial, pki: PKI) -> None:
    context = server_context(
        pki.rsa.pem, maximum=V12, ciphers="DHE-RSA-AES128-GCM-SHA256", dh=pki.dh_1024
    )
    server = await serve(secured(context))
    wire = await dial(server)
    error = await refused(wire, endpoint(server, ca_file=pki.ca))
    assert error.code == "tls.weak_key_exchange"
    assert (wire.facts().group, wire.facts().chain) == (None, (pki.rsa.der,))


async def test_a_name_that_the_server_does_not_know(serve: Serve, dial: Dial, pki: PKI) -> None:
    context = server_context(pki.good.pem)
    context.sni_callback = lambda *_: ssl.AlertDescription.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    server = await serve(secured(context))
    error = await refused(await dial(server), endpoint(server, ca_file=pki.ca))
    assert error.code == "tls.unrecognized_name"


GROUPS = [
    ("X25519", "X25519"),
    ("X448", "X448"),
    ("prime256v1", "P-256"),
    ("secp384r1", "P-384"),
    ("secp521r1", "P-521"),
]


@VERSIONS
@pytest.mark.parametrize(("group", "name"), GROUPS)
async def test_the_group(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion, group: str, name: str
) -> None:
    context = server_context(pki.rsa.pem, minimum=version, maximum=version, group=group)
    server = await serve(secured(context))
    facts = await secure(await dial(server), endpoint(server, ca_file=pki.ca))
    assert (facts.version, facts.group) == (NAME[version], name)
    # The client guesses X25519; any other costs a HelloRetryRequest in TLS 1.3.
    retried = version is V13 and name != "X25519"
    assert server_hellos(facts.first_bytes) == (2 if retried else 1)


async def test_the_group_behind_a_long_chain(serve: Serve, dial: Dial, pki: PKI) -> None:
    """In TLS 1.2 it comes after the certificates."""
    parts = pki.rsa.pem.read_bytes() + pki.rsa.pem.read_bytes().partition(b"PRIVATE KEY-----\n")[2]
    pem = pki.rsa.pem.with_name("long.pem")
    certificate = pki.root.pem.read_bytes().partition(b"-----END PRIVATE KEY-----\n")[2]
    pem.write_bytes(parts + certificate * 15)
    server = await serve(secured(server_context(pem, maximum=V12, group="X25519")))
    facts = await secure(await dial(server), endpoint(server, verify=False))
    assert len(facts.chain) > 15
    assert facts.group == "X25519"
    assert len(facts.first_bytes) <= 16384


# What is no TLS.

PLAIN = [
    (b"220 mail.example ESMTP\r\n", "tls.plaintext_on_tls_port", "220 mail.example ESMTP"),
    (b"220-one\r\n220 two\r\n", "tls.plaintext_on_tls_port", "220-one"),
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "smtp.web_server", "HTTP/1.1 400 Bad Request"),
    (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "smtp.other_service", "SSH-2.0-OpenSSH_9.2p1 Debian-2"),
    (b"* OK IMAP4rev1\r\n", "smtp.incoming_mail_server", "* OK IMAP4rev1"),
    (b"\xff\xfe\x00\x01\x02\x03", "tls.not_tls", "\\xff\\xfe\\x00\\x01\\x02\\x03"),
    (bytes(600), "tls.not_tls", "\\x00" * 200),
]


@pytest.mark.parametrize("first", [True, False], ids=["first", "after the ClientHello"])
@pytest.mark.parametrize(("data", "code", "seen"), PLAIN)
async def test_what_is_no_tls(
    serve: Serve, dial: Dial, data: bytes, code: str, seen: str, first: bool
) -> None:
    server = await serve(says(data, first=first))
    wire = await dial(server)
    if first:
        await until(lambda: wire.has_unread)
    error = await refused(wire, endpoint(server))
    assert (type(error), error.code, error.failure.seen) == (TLSError, code, seen)
    assert repr(seen) in str(error)
    assert wire.facts() == TLSFacts(first_bytes=data)


async def test_a_plain_greeting_in_pieces(serve: Serve, dial: Dial) -> None:
    async def script(peer: Peer) -> None:
        for piece in (b"2", b"20", b" go ", b"away\r\n"):
            await peer.say(piece)
            await asyncio.sleep(0.005)
        await peer.listen()

    server = await serve(script)
    error = await refused(await dial(server), endpoint(server))
    assert error.code == "tls.plaintext_on_tls_port"
    assert str(error.failure.seen).startswith("220 g")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"554\n", "tls.plaintext_on_tls_port"),
        (b"+OK\n", "smtp.incoming_mail_server"),
        (b"?", "tls.not_tls"),
    ],
)
async def test_less_than_a_record_and_an_end_is_quoted(
    serve: Serve, dial: Dial, data: bytes, code: str
) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.say(data)
        peer.hang_up()
        await peer.listen()

    server = await serve(script)
    assert (await refused(await dial(server), endpoint(server))).code == code


@pytest.mark.parametrize("then", ["hang_up", "reset"])
async def test_a_plain_greeting_and_an_end_is_quoted(serve: Serve, dial: Dial, then: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.say(b"220 busy\r\n")
        getattr(peer, then)()
        await peer.listen()

    server = await serve(script)
    error = await refused(await dial(server), endpoint(server))
    assert (error.code, error.failure.seen) == ("tls.plaintext_on_tls_port", "220 busy")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\3\3\xff\xff" + bytes(100),  # longer than a record can be
        b"\x16\3\3\0\4\x0e\0\0\0",  # ServerHelloDone before ServerHello
        b"\x16\3\3\0\4\2\0\0\0",  # an empty ServerHello
        b"\x17\3\3\0\5hello",  # data before the handshake
        b"\x14\3\3\0\1\1",  # ChangeCipherSpec alone, then the end
        b"\x16\3\3\0\0" * 40,  # empty records
    ],
)
async def test_broken_tls(serve: Serve, dial: Dial, data: bytes) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.say(data)
        peer.hang_up()
        await peer.listen()

    server = await serve(script)
    wire = await dial(server)
    error = await refused(wire, endpoint(server))
    assert error.code in {"tls.failed", "tls.closed"}
    assert wire.facts() == TLSFacts(first_bytes=data)


ALERTS = {
    70: "tls.protocol_version",
    71: "tls.no_common_cipher",
    80: "tls.server_error",
    112: "tls.unrecognized_name",
    116: "tls.client_certificate_required",
}


@pytest.mark.parametrize(
    "number", [*ALERTS, 10, 20, 22, 40, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 60, 86, 90, 99]
)
async def test_an_alert_alone(serve: Serve, dial: Dial, number: int) -> None:
    data = bytes([ALERT, 3, 3, 0, 2, 2, number])
    server = await serve(says(data, first=False))
    wire = await dial(server)
    error = await refused(wire, endpoint(server))
    left_open = "tls.failed" if number == 99 else "tls.handshake_refused"  # 99 is none
    assert (type(error), error.code) == (TLSError, ALERTS.get(number, left_open))
    assert wire.facts() == TLSFacts(first_bytes=data)


async def test_a_goodbye_in_place_of_a_handshake(serve: Serve, dial: Dial) -> None:
    server = await serve(says(bytes([ALERT, 3, 3, 0, 2, 1, 0]), first=False))
    error = await refused(await dial(server), endpoint(server, timeouts=Timeouts(tls=0.2)))
    assert (type(error), error.code) == (NetworkError, "tls.closed")


# Silence, and the end.


async def test_silence(serve: Serve, dial: Dial) -> None:
    server = await serve(silence)
    wire = await dial(server)
    start = time.perf_counter()
    error = await refused(wire, endpoint(server, timeouts=Timeouts(tls=0.1)))
    assert time.perf_counter() - start > 0.09
    assert (type(error), error.code) == (PhaseTimeoutError, "tls.timeout")
    assert "0.1 seconds" in str(error)
    assert wire.facts() == TLSFacts()
    assert (await server.peer()).raw[:1] == bytes([HANDSHAKE])


async def test_silence_meets_the_deadline(serve: Serve, dial: Dial) -> None:
    server = await serve(silence)
    wire = await dial(server)
    with pytest.raises(PhaseTimeoutError) as caught:
        await secure(wire, endpoint(server), asyncio.get_running_loop().time() + 0.1)
    assert (caught.value.code, caught.value.failure.address) == ("tls.timeout", "127.0.0.1")


async def test_the_server_closes_after_the_client_hello(serve: Serve, dial: Dial) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()

    server = await serve(script)
    wire = await dial(server)
    error = await refused(wire, endpoint(server))
    assert (type(error), error.code) == (NetworkError, "tls.closed")
    assert error.failure.retryable
    assert wire.facts() == TLSFacts()


async def test_the_server_resets_after_the_client_hello(serve: Serve, dial: Dial) -> None:
    async def script(peer: Peer) -> None:
        await peer.hear()
        peer.reset()

    server = await serve(script)
    error = await refused(await dial(server), endpoint(server))
    assert (type(error), error.code) == (NetworkError, "net.reset")
    assert error.failure.retryable


async def test_the_server_resets_before_the_client_hello(serve: Serve, dial: Dial) -> None:
    async def script(peer: Peer) -> None:
        peer.reset()

    server = await serve(script)
    wire = await dial(server)
    await until(lambda: wire.has_unread)
    error = await refused(wire, endpoint(server, timeouts=Timeouts(tls=0.3)))
    assert (type(error), error.code) == (NetworkError, "net.reset")


async def test_the_server_ends_its_side_before_the_client_hello(serve: Serve, dial: Dial) -> None:
    """An end that came before TLS is an end; waiting for more would be in vain."""

    async def script(peer: Peer) -> None:
        peer.hang_up()
        await peer.listen()

    server = await serve(script)
    wire = await dial(server)
    await until(lambda: wire.has_unread)
    error = await refused(wire, endpoint(server, timeouts=Timeouts(tls=0.3)))
    assert (type(error), error.code) == (NetworkError, "tls.closed")


@VERSIONS
async def test_the_server_closes_halfway(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion
) -> None:
    """What had come is kept: in TLS 1.2 all but the end, in 1.3 what is not encrypted yet."""
    context = server_context(pki.good.pem, minimum=version, maximum=version, group="X25519")
    flight = await _first_flight(context, pki)

    async def script(peer: Peer) -> None:
        await peer.hear()
        await peer.say(flight)

    server = await serve(script)
    wire = await dial(server)
    error = await refused(wire, endpoint(server, ca_file=pki.ca))
    assert error.code in {"tls.closed", "tls.failed"}
    facts = wire.facts()
    assert facts.first_bytes == flight
    assert facts.group == "X25519"


async def _first_flight(context: ssl.SSLContext, pki: PKI) -> bytes:
    """What a server says to some client's first words."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.load_verify_locations(pki.ca)
    ours = client.wrap_bio(to_client, to_server, server_hostname="localhost")
    theirs = context.wrap_bio(to_server, to_client, server_side=True)
    for side in (ours, theirs):
        with pytest.raises(ssl.SSLWantReadError):
            side.do_handshake()
    return to_client.read()


# A pinned certificate.


def pin(party: Party) -> str:
    return hashlib.sha256(party.der).hexdigest()


@VERSIONS
@pytest.mark.parametrize("party", ["self_signed", "expired", "elsewhere", "good"])
async def test_a_pinned_certificate_needs_nothing_else(
    serve: Serve, dial: Dial, pki: PKI, party: str, version: ssl.TLSVersion
) -> None:
    shown: Party = getattr(pki, party)
    context = server_context(shown.pem, minimum=version, maximum=version)
    server = await serve(secured(context))
    facts = await secure(await dial(server), endpoint(server, fingerprint=pin(shown)))
    assert facts.verified
    assert facts.chain == (shown.der,)


async def test_a_pin_counts_for_the_servers_own_certificate_only(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    server = await serve(secured(server_context(pki.foreign.pem)))
    to = endpoint(server, fingerprint=pin(pki.other))
    assert (await refused(await dial(server), to)).code == "tls.fingerprint_mismatch"


@VERSIONS
async def test_another_certificate_than_the_pinned_one(
    serve: Serve, dial: Dial, pki: PKI, version: ssl.TLSVersion
) -> None:
    context = server_context(pki.good.pem, minimum=version, maximum=version)
    server = await serve(secured(context))
    wire = await dial(server)
    to = endpoint(server, fingerprint=pin(pki.self_signed), ca_file=pki.ca)
    error = await refused(wire, to)
    assert (type(error), error.code) == (CertificateError, "tls.fingerprint_mismatch")
    assert error.failure.seen == pin(pki.good)
    facts = wire.facts()
    assert (facts.chain, facts.version) == ((pki.good.der,), NAME[version])
    wire.abort()
    peer = await server.peer()
    await until(peer.gone.is_set)
    assert peer.text == b""
    assert list(records(bytes(peer.raw)))


def test_a_pin_without_any_certificate() -> None:
    with pytest.raises(CertificateError) as caught:
        check_fingerprint((), "0" * 64)
    assert caught.value.failure.seen == "no certificate"


# Contexts.


@pytest.mark.parametrize("field", ["ca_file", "client_certificate"])
def test_a_file_that_is_not_there_is_named(field: str, tmp_path: Path) -> None:
    path = tmp_path / "nothing.pem"
    with pytest.raises(InputError, match="cannot be read: No such file") as caught:
        context_for(Endpoint("x", **{field: path}))  # type: ignore[arg-type]
    assert (caught.value.field, caught.value.code) == (field, "input.invalid")
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("field", ["ca_file", "client_certificate"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"garbage",
        bytes(range(256)),
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n",
    ],
)
def test_a_file_that_holds_no_certificate_is_named(
    field: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "garbage.pem"
    path.write_bytes(content)
    for _ in range(2):  # a failure is not kept
        with pytest.raises(InputError, match=r"no usable PEM .*garbage\.pem") as caught:
            context_for(Endpoint("x", **{field: str(path)}))  # type: ignore[arg-type]
        assert caught.value.field == field


@pytest.mark.parametrize("field", ["ca_file", "client_certificate"])
def test_a_directory_is_no_file(field: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        context_for(Endpoint("x", **{field: tmp_path}))  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize("field", ["ca_file", "client_certificate"])
def test_a_path_that_no_file_can_have_is_named(field: str) -> None:
    with pytest.raises(InputError) as caught:
        context_for(Endpoint("x", **{field: "a\0b"}))  # type: ignore[arg-type]
    assert caught.value.field == field


def test_a_key_that_does_not_fit_is_named(pki: PKI) -> None:
    with pytest.raises(InputError) as caught:
        context_for(Endpoint("x", client_certificate=(pki.client.pem, pki.good.pem)))
    assert caught.value.field == "client_certificate"


def test_a_key_that_is_missing_is_named(pki: PKI, tmp_path: Path) -> None:
    for second in (pki.ca, tmp_path / "nothing"):
        with pytest.raises(InputError) as caught:
            context_for(Endpoint("x", client_certificate=(pki.client.pem, second)))
        assert caught.value.field == "client_certificate"


ASK = """
import os, sys
os.open(sys.argv[1], os.O_RDWR)  # becomes the terminal of this process
from smtps.errors import InputError
from smtps.net.tls import context_for
from smtps.endpoint import Endpoint
try:
    context_for(Endpoint("x", client_certificate=sys.argv[2]))
except InputError as error:
    print(error.field)
"""


def test_the_password_of_a_key_is_not_asked_for_at_the_terminal(pki: PKI, tmp_path: Path) -> None:
    """A service has nobody there to answer, and would stand still."""
    path = tmp_path / "locked.pem"
    path.write_bytes(pki.client.locked())
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", ASK, os.ttyname(theirs), str(path)],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
            timeout=2,
            check=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.stdout == "client_certificate\n"


def test_a_context_is_made_once_for_the_same_trust(pki: PKI) -> None:
    first = context_for(Endpoint("a.test", 465, ca_file=pki.ca))
    assert context_for(Endpoint("b.test", 587, ca_file=str(pki.ca), security="starttls")) is first
    others = [
        Endpoint("a.test", ca_file=pki.other_ca),
        Endpoint("a.test", ca_file=pki.ca, verify=False),
        Endpoint("a.test", ca_file=pki.ca, tls_minimum="TLSv1.3"),
        Endpoint("a.test", ca_file=pki.ca, client_certificate=pki.client.pem),
        Endpoint("a.test"),
    ]
    contexts = [context_for(other) for other in others]
    assert len({id(context) for context in [first, *contexts]}) == 6
    assert context_for(Endpoint("z.test")) is contexts[-1]


def test_a_pin_and_no_verification_share_a_context() -> None:
    pinned = context_for(Endpoint("a.test", fingerprint="0" * 64))
    assert pinned is context_for(Endpoint("a.test", verify=False))
    assert (pinned.verify_mode, pinned.check_hostname) == (ssl.CERT_NONE, False)


async def test_a_file_that_changes_is_read_again(
    serve: Serve, dial: Dial, pki: PKI, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes(pki.other_ca.read_bytes())
    os.utime(path, ns=(0, 1_000_000_000))
    server = await serve(secured(server_context(pki.good.pem)))
    before = context_for(endpoint(server, ca_file=path))
    await refused(await dial(server), endpoint(server, ca_file=path))
    path.write_bytes(pki.ca.read_bytes())
    os.utime(path, ns=(0, 1_000_000_001))
    assert context_for(endpoint(server, ca_file=path)) is not before
    assert (await secure(await dial(server), endpoint(server, ca_file=path))).verified
    path.unlink()
    with pytest.raises(InputError):
        await secure(await dial(server), endpoint(server, ca_file=path))


def test_one_verdict_holds_for_all_versions_of_python() -> None:
    context = context_for(Endpoint("a.test"))
    assert context.minimum_version is V12
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


async def test_facts_of_a_wire_without_tls(serve: Serve, dial: Dial) -> None:
    server = await serve(says(b"220 hello\r\n"))
    wire = await dial(server)
    assert await read_all(wire, 11) == b"220 hello\r\n"
    assert wire.facts() == TLSFacts(first_bytes=b"220 hello\r\n")
    wire.abort()
    await settle()
    assert wire.facts().first_bytes == b"220 hello\r\n"


@pytest.mark.parametrize(
    ("said", "code", "retryable"),
    [
        (b"421 Too many concurrent SMTP connections from this IP address\r\n",
         "smtp.rate_limited", True),
        (b"554 5.7.1 192.0.2.1 listed at zen.spamhaus.org\r\n", "smtp.blocklisted", False),
        (b"554 No\r\n", "smtp.greeting_refused", False),
        (b"220 x ESMTP\r\n", "tls.plaintext_on_tls_port", False),
        (b"554 SMTP synchronization error\r\n", "tls.plaintext_on_tls_port", False),
        (b"500 5.5.1 Command unrecognized\r\n", "tls.plaintext_on_tls_port", False),
    ],
)  # fmt: skip
def test_a_refusal_in_the_clear_says_nothing_of_how_tls_begins(
    said: bytes, code: str, retryable: bool
) -> None:
    error = not_tls(said)
    assert error is not None
    assert (error.failure.code, error.failure.retryable) == (code, retryable)
