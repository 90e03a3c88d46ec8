"""Chains made up: any number of faults at any place, and hosts to ask for."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import strategies as st

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_NOW = datetime.now(UTC)
"""Days are far enough from it that the length of a run does not matter."""


@cache
def key(number: int) -> Key:
    """Keys are the costly part; the last is too weak."""
    if number == WEAK:
        return rsa.generate_private_key(65537, 1024)
    return ec.generate_private_key(ec.SECP256R1())


WEAK = 9


@dataclass(frozen=True)
class Plan:
    """One certificate.

    Attributes:
        name: common name; None for an empty subject.
        number: of its key.
        days: validity, from now.
        authority: may issue; None: says nothing about it.
        path_length: how many may follow.
        permitted, excluded: domains.
        dns, ips: subjectAltName.
        purpose: extended key usage; None: no word of it.
        identifiers: subject and authority key identifiers.
        usage: key usage; for an authority, whether it may sign certificates.
    """

    name: str | None
    number: int
    days: tuple[int, int] = (-5, 60)
    authority: bool | None = True
    path_length: int | None = None
    permitted: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    dns: tuple[str, ...] = ()
    ips: tuple[str, ...] = ()
    purpose: x509.ObjectIdentifier | None = None
    identifiers: bool = True
    usage: bool | None = True


def make(plan: Plan, issuer: Plan, signer: int | None = None) -> x509.Certificate:
    """The certificate, signed by its issuer or by another key."""
    public, issuing = key(plan.number), key(issuer.number)
    builder = (
        x509.CertificateBuilder()
        .subject_name(_name(plan.name))
        .issuer_name(_name(issuer.name))
        .public_key(public.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOW + timedelta(days=plan.days[0]))
        .not_valid_after(_NOW + timedelta(days=plan.days[1]))
    )
    for extension, critical in _extensions(plan, public, issuing):
        builder = builder.add_extension(extension, critical=critical)
    return builder.sign(issuing if signer is None else key(signer), hashes.SHA256())


def _name(common: str | None) -> x509.Name:
    attributes = [] if common is None else [x509.NameAttribute(NameOID.COMMON_NAME, common)]
    return x509.Name(attributes)


def _extensions(plan: Plan, own: Key, issuing: Key) -> list[tuple[x509.ExtensionType, bool]]:
    found: list[tuple[x509.ExtensionType, bool]] = []
    if plan.authority is not None:
        length = plan.path_length if plan.authority else None
        found.append((x509.BasicConstraints(plan.authority, length), True))
    if plan.usage is not None:
        signs = bool(plan.authority) and plan.usage
        found.append(
            (x509.KeyUsage(True, False, True, False, False, signs, signs, False, False), True)
        )
    if plan.identifiers:
        found.append((x509.SubjectKeyIdentifier.from_public_key(own.public_key()), False))
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuing.public_key())
        found.append((authority, False))
    if plan.permitted or plan.excluded:
        permitted = [x509.DNSName(each) for each in plan.permitted] or None
        excluded = [x509.DNSName(each) for each in plan.excluded] or None
        found.append((x509.NameConstraints(permitted, excluded), True))
    names: list[x509.GeneralName] = [x509.DNSName(each) for each in plan.dns]
    names += [x509.IPAddress(ip_address(each)) for each in plan.ips]
    if names:
        found.append((x509.SubjectAlternativeName(names), False))
    if plan.purpose is not None:
        found.append((x509.ExtendedKeyUsage([plan.purpose]), False))
    return found


@dataclass(frozen=True)
class Case:
    """A server's chain, who is trusted, and who is asked for.

    Attributes:
        host: to connect to.
        own: number of the server's key.
        sent: its chain.
        trusted: the client's CA file.
        forged: the server's certificate is signed by a key that nobody knows.
        made_of: how it was made, for the message of a failing test.
    """

    host: str
    own: int
    sent: tuple[x509.Certificate, ...]
    trusted: tuple[x509.Certificate, ...]
    forged: bool = False
    made_of: tuple[Plan, ...] = field(default=())

    @property
    def has_namesakes(self) -> bool:
        """Whether two keys go by one name, or a key signed that nobody knows."""
        whole = (*self.sent, *self.trusted)
        known = {(each.subject, each.public_key().public_bytes(_DER, _SPKI)) for each in whole}
        names = [subject for subject, _ in known]
        return self.forged or len(set(names)) < len(names)

    def write(self, directory: Path) -> tuple[Path, Path]:
        """Files for the server and for the client."""
        private = key(self.own).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        server, ca = directory / "server.pem", directory / "ca.pem"
        server.write_bytes(private + _pem(self.sent))
        ca.write_bytes(_pem(self.trusted))
        return server, ca


_DER = serialization.Encoding.DER
_SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


def _pem(certificates: Sequence[x509.Certificate]) -> bytes:
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


HOSTS = (
    "mail.x.test", "my_host.x.test", "a.b.x.test", "x.test", "test", "127.0.0.1",
    "xn--mnchen-3ya.x.test", "MAIL.X.TEST", "mail.xn--mnchen-3ya.test", "mail.x.test.",
)  # fmt: skip
PATTERNS = (
    "mail.x.test", "*.x.test", "my_host.x.test", "*.b.x.test", "ma*.x.test", "*l.x.test", "*.test",
    "mail.*.test", "x.test", "xn--mnchen-3ya.x.test", "xn--*.x.test", "MAIL.X.test", "*", "test",
    "mail.x.test.", "*.x.test.", "127.0.0.1", "*.xn--mnchen-3ya.test", "mail.y.test", ".x.test",
)  # fmt: skip

_days = st.sampled_from([(-5, 60)] * 8 + [(-60, -5), (5, 60), (-60, 2), (-1, 900)])
_purpose = st.sampled_from(
    [None, ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.SERVER_AUTH,
     ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, ExtendedKeyUsageOID.CLIENT_AUTH]
)  # fmt: skip
_mostly = st.sampled_from([True] * 7 + [False])
_authority = st.sampled_from([True] * 12 + [False, None])
_usage = st.sampled_from([True] * 9 + [False, None])
_path_length = st.sampled_from([None] * 5 + [0, 1])
_domains = st.sampled_from([()] * 8 + [("x.test",), ("y.test",), ("test",), (".x.test",)])


def _issuers(number: int) -> st.SearchStrategy[Plan]:
    return st.builds(
        Plan,
        name=st.just(f"Authority {number}"),
        number=st.sampled_from([number] * 15 + [WEAK]),
        days=_days,
        authority=_authority,
        path_length=_path_length,
        permitted=_domains,
        excluded=_domains,
        purpose=st.sampled_from([None] * 6 + [ExtendedKeyUsageOID.CLIENT_AUTH]),
        identifiers=_mostly,
        usage=_usage,
    )


_servers = st.builds(
    Plan,
    name=st.sampled_from(["mail.x.test", "Server", None, "127.0.0.1", "*.x.test", "mün.x.test"]),
    number=st.sampled_from([0] * 9 + [WEAK]),
    days=_days,
    authority=st.sampled_from([False, False, False, None, True]),
    dns=st.one_of(
        st.just(("mail.x.test",)), st.lists(st.sampled_from(PATTERNS), max_size=2).map(tuple)
    ),
    ips=st.sampled_from([()] * 3 + [("127.0.0.1",), ("192.0.2.1",)]),
    purpose=_purpose,
    identifiers=_mostly,
    usage=st.sampled_from([True, None]),
)  # fmt: skip


_SOUND = st.just(Plan("Server", 0, authority=False, dns=("mail.x.test", "*.x.test", "*.b.x.test"),
                      ips=("127.0.0.1",), purpose=ExtendedKeyUsageOID.SERVER_AUTH))  # fmt: skip


def _as_it_is(strategy: st.SearchStrategy[Plan]) -> st.SearchStrategy[Plan]:
    return strategy


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Up to three authorities above the server, the last of them the root; what is sent of them,
    in which order and with what else, and which of them are trusted.
    """
    plans = [draw(st.sampled_from([_SOUND, _SOUND, _servers]).flatmap(_as_it_is))]
    for number in range(1, 1 + draw(st.integers(0, 3))):
        sound = st.just(Plan(f"Authority {number}", number))
        plans.append(
            draw(st.sampled_from([sound, sound, sound, _issuers(number)]).flatmap(_as_it_is))
        )
    signed = draw(st.sampled_from([None] * 14 + [8]))  # by a key that nobody knows
    chain = [
        make(plan, plans[min(place + 1, len(plans) - 1)], signed if place == 0 else None)
        for place, plan in enumerate(plans)
    ]
    stranger = Plan(f"Authority {draw(st.integers(1, 4))}", 7)
    foreign = make(stranger, stranger)
    behind = draw(
        st.one_of(
            st.just(chain[1:-1]),
            st.just(chain[1:]),
            st.lists(st.sampled_from([*chain[1:], foreign]), max_size=4),
        )
    )
    trusted = draw(
        st.one_of(
            st.just([chain[-1]]),
            st.lists(st.sampled_from([*chain, foreign]), min_size=1, max_size=3, unique=True),
        )
    )
    host = draw(st.one_of(st.just("mail.x.test"), st.sampled_from(HOSTS)))
    sent, forged = (chain[0], *behind), signed is not None
    return Case(host, plans[0].number, sent, tuple(trusted), forged, tuple(plans))


def server_context(file: Path) -> ssl.SSLContext:
    """TLS of a server that takes any certificate for its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    context.load_cert_chain(file)
    return context
