"""A first failure seen in the light of a second look; pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from smtps.diagnosis.facts import AddressFacts, Certificate
from smtps.diagnosis.looks import Look
from smtps.errors import Failure
from smtps.net.names import literal

SECOND_LOOKS: dict[tuple[str, str], tuple[str, ...]] = {
    ("implicit", "tls.protocol_version"): ("old",),
    ("implicit", "tls.no_common_cipher"): ("old",),
    ("implicit", "tls.weak_key_exchange"): ("old",),
    ("implicit", "tls.legacy_renegotiation"): ("old",),
    ("implicit", "tls.timeout"): ("modest", "clear"),
    ("implicit", "tls.closed"): ("modest", "old", "nameless"),
    ("implicit", "tls.server_error"): ("nameless",),
    ("starttls", "tls.protocol_version"): ("old",),
    ("starttls", "tls.no_common_cipher"): ("old",),
    ("starttls", "tls.weak_key_exchange"): ("old",),
    ("starttls", "smtp.greeting_timeout"): ("implicit",),
    ("starttls", "net.closed_by_server"): ("implicit",),
}
"""How TLS was to begin and how it failed → what to look at, until something comes of it."""

INTERCEPTORS = re.compile(
    r"avast|\bavg\b|kaspersky|bitdefender|\beset\b|norton|mcafee|sophos|zscaler|fortinet|fortigate"
    r"|netskope|palo alto|umbrella|blue ?coat|checkpoint|check point|websense|forcepoint|mitmproxy"
    r"|charles proxy|fiddler|burp",
    re.IGNORECASE,
)
"""Names in the issuers of software and appliances that open TLS on the way."""


def refine(failure: Failure, host: str, seen: AddressFacts, *, trust_store: bool = True) -> Failure:
    """The failure with what is known by now.

    Args:
        failure: as it came.
        host: the name that was asked for.
        seen: chain and second looks of the address.
        trust_store: whether any authority is trusted at all.
    """
    if failure.code.startswith("tls.certificate_"):
        return _certificate(failure, host, seen.chain, trust_store=trust_store)
    for name, look in seen.looks.items():
        if (found := _BY_LOOK.get(name)) is not None and (better := found(failure, look)):
            return better
    return failure


def _old(failure: Failure, look: Look) -> Failure | None:
    if not look.secured or look.tls is None:
        return None
    spoken = f"{look.tls.version} with {look.tls.cipher}"
    if failure.code == "tls.closed" and look.tls.version in ("TLSv1", "TLSv1.1"):
        failure = replace(failure, code="tls.protocol_version", retryable=False)
    if failure.code in ("tls.no_common_cipher", "tls.closed"):
        message = f"The server has only old ciphers; it agrees to {spoken}."
        return replace(failure, code="tls.old_ciphers_only", message=message, retryable=False)
    return replace(failure, message=f"{failure.message} The server agrees to {spoken}.")


def _modest(failure: Failure, look: Look) -> Failure | None:
    if not look.secured:
        return None
    return replace(
        failure,
        code="tls.version_intolerant",
        message="A ClientHello with TLS 1.3 in it gets no answer; one with TLS 1.2 alone does.",
        retryable=False,
    )


def _clear(failure: Failure, look: Look) -> Failure | None:
    if look.greeting is None:
        return None
    words = str(look.greeting)
    return replace(
        failure,
        code="tls.plaintext_on_tls_port",
        message=f"This port does not start with TLS: the server said {words!r} in the clear.",
        seen=words,
        retryable=False,
    )


def _nameless(failure: Failure, look: Look) -> Failure | None:
    if not look.secured:
        return None
    return replace(
        failure,
        code="tls.unrecognized_name",
        message=f"{failure.message} Without a server name (SNI) the handshake succeeds.",
        retryable=False,
    )


def _implicit(failure: Failure, look: Look) -> Failure | None:
    if not look.secured:
        return None
    return replace(
        failure,
        code="tls.implicit_tls_port",
        message="This port speaks TLS from the first byte, so there is no greeting in the clear.",
        retryable=False,
    )


_BY_LOOK: dict[str, Callable[[Failure, Look], Failure | None]] = {
    "old": _old,
    "modest": _modest,
    "clear": _clear,
    "nameless": _nameless,
    "implicit": _implicit,
}


def _certificate(
    failure: Failure, host: str, chain: tuple[Certificate, ...], *, trust_store: bool
) -> Failure:
    unknown = failure.code in ("tls.certificate_incomplete_chain", "tls.certificate_untrusted_root")
    if unknown and not trust_store:
        return replace(
            failure,
            code="tls.no_trust_store",
            message="This computer has no certificate authorities to check against.",
        )
    issuers = [certificate.issuer for certificate in chain]
    if unknown and (name := next((i for i in issuers if INTERCEPTORS.search(i)), None)):
        return replace(
            failure,
            code="tls.intercepted",
            message=f"The certificate was issued on the way, by {name}.",
        )
    if failure.code == "tls.certificate_incomplete_chain" and any(
        certificate.authority for certificate in chain[1:]
    ):
        return replace(
            failure,
            code="tls.certificate_untrusted_root",
            message=f"The chain leads to {issuers[-1]}, which is not trusted here.",
        )
    if failure.code == "tls.certificate_wrong_host" and _is_address(host):
        names = chain[0].names if chain else ()
        if not any(_is_address(name) for name in names):
            return replace(failure, code="tls.certificate_no_address")
    return failure


def _is_address(name: str) -> bool:
    return literal(name) is not None
