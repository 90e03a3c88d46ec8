"""What a failure about a certificate was, by the chain that was sent; pure."""

from __future__ import annotations

import re
from dataclasses import replace

from smtps.diagnosis.facts import AddressFacts, Certificate
from smtps.errors import Failure
from smtps.net.names import literal

INTERCEPTORS = re.compile(
    r"avast|\bavg\b|kaspersky|bitdefender|\beset\b|norton|mcafee|sophos|zscaler|fortinet|fortigate"
    r"|netskope|palo alto|umbrella|blue ?coat|checkpoint|check point|websense|forcepoint|mitmproxy"
    r"|charles proxy|fiddler|burp",
    re.IGNORECASE,
)
"""Names in the issuers of software and appliances that open TLS on the way."""


def refine(failure: Failure, host: str, seen: AddressFacts, *, trust_store: bool = True) -> Failure:
    """A failure about a certificate with what is known by now.

    Args:
        failure: as it came.
        host: the name that was asked for.
        seen: chain of the address.
        trust_store: whether any authority is trusted at all.
    """
    if failure.code.startswith("tls.certificate_"):
        return _certificate(failure, host, seen.chain, trust_store=trust_store)
    return failure


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
