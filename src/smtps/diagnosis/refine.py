"""What a failure about a certificate was, by the chain that was sent; pure."""

from __future__ import annotations

import re
from dataclasses import replace

from smtps.diagnosis.facts import AddressFacts, Certificate, Walk
from smtps.diagnosis.trust import UNTRUSTED, why_untrusted
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
    if failure.code == "tls.certificate_wrong_host" and literal(host) is not None:
        own = seen.chain[0] if seen.chain else None
        if own is None or not own.addresses:
            return replace(failure, code="tls.certificate_no_address")
    if failure.code not in UNTRUSTED:
        return failure
    if not trust_store:
        return replace(
            failure,
            code="tls.no_trust_store",
            message="This computer has no certificate authorities to check against.",
        )
    issuers = [certificate.issuer for certificate in seen.chain]
    if name := next((i for i in issuers if INTERCEPTORS.search(i)), None):
        return replace(
            failure,
            code="tls.intercepted",
            message=f"The certificate was issued on the way, by {name}.",
        )
    return _by_walk(failure, seen.walk, seen.chain) if seen.walk is not None else failure


def _by_walk(failure: Failure, walk: Walk, chain: tuple[Certificate, ...]) -> Failure:
    if (reason := why_untrusted(walk, chain)) is not None:
        return replace(failure, code=reason.code, message=f"{reason.words}.")
    # Of these OpenSSL says only that it finds no issuer.
    for place, link in enumerate(walk.links):
        certificate = link.certificate
        if certificate.unread:
            message = f"{certificate.subject} is malformed ({certificate.unread[0]})."
            return replace(failure, code="tls.certificate_malformed", message=message)
        if place and not certificate.may_issue:
            message = f"{certificate.subject} is not allowed to issue certificates."
            return replace(failure, code="tls.certificate_wrong_purpose", message=message)
    return failure
