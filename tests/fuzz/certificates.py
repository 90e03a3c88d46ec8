"""What comes with TLS: a server's first flight, certificates, chains, stapled responses."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tests.fuzz.target import CORPUS, Cursor, Target

from smtps.checks import evidence
from smtps.checks.certificate import covers, explain
from smtps.checks.chain import UNTRUSTED, walk, why_untrusted
from smtps.checks.facts import Certificate, Unreadable
from smtps.net.server_hello import flight, stapled
from smtps.net.translate import not_tls

# The first flight.


def server_hello(data: bytes) -> None:
    """Any first flight is read as far as it can be, and raises nothing."""
    found = flight(data)
    assert found.alert is None or 0 <= found.alert <= 255
    response = stapled(data)
    assert response is None or len(response) <= len(data)
    not_tls(data)


def _record(kind: int, body: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(body).to_bytes(2) + body


def _message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + len(body).to_bytes(3) + body


def _hello(extensions: bytes) -> bytes:
    body = (
        b"\3\3" + b"r" * 32 + b"\0" + b"\x13\1" + b"\0" + len(extensions).to_bytes(2) + extensions
    )
    return _record(22, _message(2, body))


def many_records(size: int) -> bytes:
    return _record(22, b"\1") * size


def many_messages(size: int) -> bytes:
    return b"".join([_record(22, _message(11, b"") * 100)] * (size // 100 + 1))


def many_extensions(size: int) -> bytes:
    return _hello(b"\0\1\0\0" * min(size, 16_000))


def many_warnings(size: int) -> bytes:
    return _record(23, b"") * size


# Certificates.


def certificates(data: bytes) -> None:
    """Anything in DER is a certificate with what could be read of it, or Unreadable."""
    cursor = Cursor(data)
    host = cursor.pick(("mail.x.test", "192.0.2.1", "*.x.test", "x" * 255, ""))
    facts = explain.__wrapped__(cursor.rest())
    if isinstance(facts, Unreadable):
        assert facts.why
        return
    covers(facts, host)
    for part in dataclasses.astuple(facts):
        _printable(part)


def _printable(part: Any) -> None:
    if isinstance(part, tuple):
        for each in part:
            _printable(each)
    elif isinstance(part, str):
        part.encode("utf-8")  # what is read goes into JSON


def chains(data: bytes) -> None:
    """Any certificates in a row are a walk that ends somewhere, with a reason."""
    cursor = Cursor(data)
    known = _known()
    sent: list[bytes] = []
    while not cursor.ended and len(sent) < 40:
        der = bytearray(cursor.pick(known))
        place, new = cursor.byte() << 8 | cursor.byte(), cursor.byte()
        if place < len(der) and place:
            der[place] = new
        sent.append(bytes(der))
    found = walk(sent, _anchors())
    if found is None:
        return
    assert found.links
    facts = (explain(der) for der in sent)
    reason = why_untrusted(found, tuple(each for each in facts if isinstance(each, Certificate)))
    assert (reason is None) == (found.end == "trusted")
    assert reason is None or reason.code in UNTRUSTED


@cache
def _known() -> tuple[bytes, ...]:
    folder = CORPUS / "certificates"
    ders = (path.read_bytes()[1:] for path in sorted(folder.glob("chain-*")))
    return tuple(ders)


@cache
def _anchors() -> tuple[bytes, ...]:
    return _known()[:1]


def long_chain(size: int) -> bytes:
    return b"\1\0\0\0" * size


def staples(data: bytes) -> None:
    """Any octets are a response with a status."""
    assert evidence.read_staple(data).status


def nested(size: int) -> bytes:
    """One sequence in another."""
    der = b""
    for _ in range(size):
        der = b"\x30\x82" + len(der).to_bytes(2) + der if len(der) < 65_536 else der
    return b"\0" + der


def many_names(size: int) -> bytes:
    """A certificate for so many names."""
    key = _key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x.test")])
    names = x509.SubjectAlternativeName([x509.DNSName(f"x{each}.test") for each in range(size)])
    start = datetime(2026, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + timedelta(days=90))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    return b"\0" + made.public_bytes(serialization.Encoding.DER)


@cache
def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


TARGETS = (
    Target(
        "server_hello",
        server_hello,
        {
            "records": many_records,
            "messages": many_messages,
            "extensions": many_extensions,
            "other records": many_warnings,
        },
        unit=100,
        words=(b"\x16\3\3", b"\x15\3\3\0\2\2", b"\2\0\0\x46\3\3", b"\0\x2b\0\2\3\4", b"\0\x33\0\2"),
    ),
    Target(
        "certificates",
        certificates,
        {"sequences in sequences": nested, "names": many_names},
        unit=10,
        words=(b"\x30\x82", b"\x06\x03U\x1d\x11", b"\xa0\3\2\1\2", b"\xa3\x82", b"\x17\x0d"),
    ),
    Target("chains", chains, {"certificates": long_chain}, unit=3),
    Target(
        "staples",
        staples,
        {"octets": lambda size: b"\x30\x82\xff\xff" + b"\x30\0" * size},
        unit=100,
        words=(b"\x30\x82", b"\x0a\1\0", b"\x18\x0f20260101000000Z"),
    ),
)
