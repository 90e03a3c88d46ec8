"""What the certificates of a chain may be used for, link by link; pure.

OpenSSL says that a chain is unfit and not which certificate makes it so (RFC 5280 sections 4.2.1.3,
4.2.1.9, 4.2.1.12 and 6.1.5).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from smtps.checks.facts import Certificate, Walk

_SERVER = frozenset(
    {"serverAuth", "1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"}  # the old "gated" purposes
)
_OF_A_SERVER = frozenset({"digitalSignature", "keyEncipherment", "keyAgreement"})

WRONG_PURPOSE = "tls.certificate_wrong_purpose"
CRITICAL_EXTENSION = "tls.certificate_critical_extension"


class Unfit(NamedTuple):
    """A certificate that may not be where it is.

    Attributes:
        code: WRONG_PURPOSE or CRITICAL_EXTENSION.
        words: which one, and why.
        fix: what to do about it.
    """

    code: str
    words: str
    fix: str


def unfit(own: Certificate, walk: Walk | None) -> Iterator[Unfit]:
    """The unfit certificates, the server's own first.

    Args:
        own: the server's certificate.
        walk: the way from there upwards, if it could be walked.
    """
    yield from _of_the_server(own)
    for link in walk.links[1:] if walk is not None else ():
        issuer = link.certificate
        if (words := _of_an_issuer(issuer)) is not None:
            yield Unfit(WRONG_PURPOSE, f"{issuer.subject} {words}", _other_issuer(issuer))
        yield from _critical(issuer, _other_issuer(issuer))


def _of_the_server(own: Certificate) -> Iterator[Unfit]:
    if not serves(own):
        words = f"{own.subject} is for {', '.join(own.purposes or ())} only"
        yield Unfit(
            WRONG_PURPOSE, words, "Get a certificate for TLS servers (extended key usage "
            "serverAuth), as every public authority issues them."
        )  # fmt: skip
    elif own.usages is not None and not set(own.usages) & _OF_A_SERVER:
        words = f"{own.subject} may not be used in a handshake (key usage)"
        yield Unfit(WRONG_PURPOSE, words, "Reissue it with the key usage digitalSignature.")
    yield from _critical(own, "Get a certificate without this extension, from a public authority.")


def _of_an_issuer(issuer: Certificate) -> str | None:
    if not issuer.may_issue:
        lacks_right = issuer.usages is not None and "keyCertSign" not in issuer.usages
        if issuer.authority and lacks_right:
            return "has issued a certificate, but its key usage lacks keyCertSign"
        return "has issued a certificate, but is not a CA certificate (CA:TRUE)"
    if not serves(issuer):
        return f"may issue for {', '.join(issuer.purposes or ())} only"
    return None


def _critical(certificate: Certificate, fix: str) -> Iterator[Unfit]:
    if certificate.unknown_critical:
        names = ", ".join(certificate.unknown_critical[:4])
        words = f"{certificate.subject} has a critical extension that clients do not know: {names}"
        yield Unfit(CRITICAL_EXTENSION, words, fix)


def _other_issuer(issuer: Certificate) -> str:
    return (
        f"Get a certificate and its chain from another issuer; renewing it from {issuer.subject} "
        "does not help. If that authority is your own, reissue its certificate so that it may "
        "issue for TLS servers (CA:TRUE, keyCertSign, no narrower extended key usage, no critical "
        "extension that clients do not know)."
    )


def serves(certificate: Certificate) -> bool:
    """By OpenSSL, for which "any purpose" is not the purpose of a server."""
    return certificate.purposes is None or bool(_SERVER & set(certificate.purposes))
