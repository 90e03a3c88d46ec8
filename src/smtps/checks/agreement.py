"""What a server agrees to where it refused the usual ClientHello; pure.

The difference between the two says what was missing: a version, a cipher, a key-exchange group, or
a certificate that clients take.
"""

from __future__ import annotations

import re
from dataclasses import replace

from smtps.checks.certificate import explain
from smtps.checks.facts import Certificate
from smtps.checks.probes import Probe
from smtps.checks.suspects import Case
from smtps.errors import Failure
from smtps.net.client_hello import PSK_SUITES, RARE_CERTIFICATES, RARE_SUITES
from smtps.net.server_hello import own_certificate
from smtps.net.tls import ciphers

OFFERED_ANYWAY = frozenset({"X25519", "P-256", "P-384", "P-521", "X448"})
"""What every OpenSSL since 1.1.1 offers by itself."""


def groups(case: Case, look: Probe) -> Failure | None:
    """A hand-made hello with every group."""
    flight = look.flight
    if flight.group is None or flight.group in OFFERED_ANYWAY:
        return _odd_key(case, look)
    new = "MLKEM" in flight.group
    return replace(
        case.failure,
        code="tls.post_quantum_only" if new else "tls.no_common_group",
        message=f"The server accepts only the key-exchange group {flight.group}, which this "
        "client's TLS library does not offer.",
        retryable=False,
    )


def _odd_key(case: Case, look: Probe) -> Failure | None:
    """A certificate whose key is on a curve that clients do not take."""
    der = own_certificate(look.heard)
    found = explain(der) if der is not None else None
    if not isinstance(found, Certificate) or not found.key.startswith("EC "):
        return None
    curve = found.key.removeprefix("EC ")
    if curve in OFFERED_ANYWAY:
        return None
    return replace(
        case.failure,
        code="tls.no_common_certificate",
        message=f"The server's certificate has a key on the curve {curve}, which clients do not "
        "accept.",
        retryable=False,
    )


def modest(case: Case, look: Probe) -> Failure | None:
    """TLS 1.2 alone, with the usual ciphers."""
    if not look.secured or look.tls is None:
        return None
    without_curve = (look.tls.cipher or "").startswith("DHE-")
    if case.failure.code == "tls.handshake_refused" and without_curve:
        return replace(
            case.failure,
            code="tls.no_common_group",
            message="The server has no elliptic curve in common with this client. It agrees to "
            f"TLS 1.2 with {look.tls.cipher}, which needs none.",
            retryable=False,
        )
    return replace(
        case.failure,
        code="tls.version_intolerant",
        message="A ClientHello that offers TLS 1.3 fails; one with TLS 1.2 alone succeeds.",
        retryable=False,
    )


def old(case: Case, look: Probe) -> Failure | None:
    """Anything but TLS 1.3."""
    failure, tls = case.failure, look.tls
    if not look.secured or tls is None:
        return None
    spoken = f"{tls.version} with {tls.cipher}"
    if failure.code in ("tls.weak_key_exchange", "tls.legacy_renegotiation"):
        return replace(failure, message=f"{failure.message} The server agrees to {spoken}.")
    if tls.version in ("TLSv1", "TLSv1.1"):
        return replace(
            failure,
            code="tls.protocol_version",
            message="The server supports no TLS version later than "
            f"1.{tls.version == 'TLSv1.1':d}; it agrees to {spoken}.",
            retryable=False,
        )
    if failure.code == "tls.protocol_version":
        return replace(
            failure,
            code="tls.minimum_not_met",
            message=f"The server agrees to {spoken}, but TLS 1.3 is required.",
            retryable=False,
        )
    rare = _rare(case, str(tls.cipher), str(tls.version))
    return rare if rare is not None else _weak(failure, str(tls.cipher), spoken)


def _weak(failure: Failure, cipher: str, spoken: str) -> Failure:
    words = f"The server supports only old ciphers; it agrees to {spoken}."
    if cipher in ciphers():
        words = (
            f"The server agrees to {spoken} only when short keys and SHA-1 signatures are allowed "
            "too."
        )
    return replace(failure, code="tls.old_ciphers_only", message=words, retryable=False)


_RARE = re.compile(r"ARIA|CAMELLIA|CCM|SEED|IDEA|SM4")
"""In the names of ciphers that may be sound, and that few clients have."""


def _rare(case: Case, cipher: str, version: str) -> Failure | None:
    """What it means that the server chose a cipher which common clients do not offer."""
    kind = next((kind for kind in ("DSS", "GOST") if kind in cipher), None)
    if kind is not None:
        return _no_certificate_for(case, kind.replace("DSS", "DSA"), f"{version} with {cipher}")
    if not _RARE.search(cipher):
        return None
    return replace(
        case.failure,
        code="tls.no_common_cipher",
        message="The server accepts only ciphers that common clients do not offer, such as "
        f"{cipher} in {version}.",
        retryable=False,
    )


def _no_certificate_for(case: Case, kind: str, agreed: str) -> Failure:
    return replace(
        case.failure,
        code="tls.no_common_certificate",
        message=f"The server has only a {kind} certificate, which clients do not accept: it agrees "
        f"to {agreed}.",
        retryable=False,
    )


def rare(case: Case, look: Probe) -> Failure | None:
    """A hand-made hello with ciphers that hardly any client offers."""
    suite, version = look.flight.suite, look.flight.version
    if suite is None or version is None:
        return None
    kind = next((kind for kind, suites in RARE_CERTIFICATES.items() if suite in suites), None)
    if kind is not None:
        return _no_certificate_for(case, kind, f"{version} with the cipher 0x{suite:04x}")
    return _rare(case, RARE_SUITES.get(suite, ""), version)


def anonymous(case: Case, look: Probe) -> Failure | None:
    """Ciphers for a server without a certificate, or without encryption."""
    if not look.secured or look.tls is None:
        return None
    if "NULL" in (look.tls.cipher or ""):
        return replace(
            case.failure,
            code="tls.no_common_cipher",
            message=f"The server agrees only to ciphers that do not encrypt ({look.tls.cipher}).",
            retryable=False,
        )
    return replace(
        case.failure,
        code="tls.no_server_certificate",
        message="The server has no certificate to present: it agrees only to ciphers that need "
        f"none ({look.tls.cipher}).",
        retryable=False,
    )


def pre_shared(case: Case, look: Probe) -> Failure | None:
    """Ciphers for a key that both sides had before."""
    if look.flight.suite not in PSK_SUITES:
        return None
    return replace(
        case.failure,
        code="tls.no_common_cipher",
        message="The server agrees only to ciphers with a pre-shared key (PSK), which no mail "
        "client has.",
        retryable=False,
    )
