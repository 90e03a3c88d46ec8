"""Why a chain is not trusted, in words; pure."""

from __future__ import annotations

import re
from typing import NamedTuple

from smtps.advice import Who
from smtps.diagnosis.facts import Certificate, Walk

SELF_SIGNED = "tls.certificate_self_signed"
UNTRUSTED_ROOT = "tls.certificate_untrusted_root"
INCOMPLETE = "tls.certificate_incomplete_chain"
BAD_SIGNATURE = "tls.certificate_bad_signature"
UNTRUSTED = (SELF_SIGNED, UNTRUSTED_ROOT, INCOMPLETE, BAD_SIGNATURE)
"""Codes of a chain that leads to nobody who is trusted; which of them it is, the walk tells."""


class Reason(NamedTuple):
    """Why.

    Attributes:
        code: one of UNTRUSTED.
        words: what was seen.
        fix: better than the general one, or None.
        audience: who can do it, if another than usual.
    """

    code: str
    words: str
    fix: str | None = None
    audience: Who | None = None


def why_untrusted(walk: Walk, chain: tuple[Certificate, ...]) -> Reason | None:
    """The reason, or None if the walk ends at a trusted authority.

    Args:
        walk: of the chain.
        chain: as it was sent.
    """
    last = walk.links[-1].certificate
    if walk.end == "trusted":
        return None
    if walk.end == "missing":
        return _missing(walk)
    if len(walk.links) > 1:
        words = f"The chain ends in {last.subject}, which signs itself and is not trusted here"
        if walk.namesake:
            words += "; the trusted authority of that name has another key"
        return Reason(UNTRUSTED_ROOT, words)
    words = f"{last.subject} is signed by itself, SHA-256 {last.fingerprint_sha256}"
    if more := len(chain) - 1:
        words += f"; {_count(more)} sent behind it and cannot vouch for it"
    return Reason(SELF_SIGNED, words)


def _count(number: int) -> str:
    return "another certificate is" if number == 1 else f"{number} other certificates are"


def _missing(walk: Walk) -> Reason:
    link = walk.links[-1]
    last = link.certificate
    words = f"{last.subject} was issued by {last.issuer}, which "
    if walk.namesake:
        words += "is here by name only: that certificate has another key and did not sign it"
    else:
        words += "was not sent and is not trusted here"
    if walk.foreign:
        names = ", ".join(link.certificate.subject for link in walk.foreign)
        words += f"; sent as well, but not part of the chain: {names}"
    if link.place is None:
        fix = f"Add {last.issuer} to the CA file: it has {last.subject}, which is not a root."
        return Reason(INCOMPLETE, words, fix, Who.YOU)
    if last.issuer_urls:
        words += f"; it is published at {last.issuer_urls[0]}"
    if _is_root(walk):
        return Reason(UNTRUSTED_ROOT, words)
    if walk.namesake:
        return Reason(BAD_SIGNATURE, words)
    fix = (
        f"Have the server send {last.issuer} as well (fullchain.pem has it). If that is the root "
        "of an authority of your own, trust it with --ca-file instead."
    )
    return Reason(INCOMPLETE, words, fix)


_ROOT = re.compile(r"\broot\b", re.IGNORECASE)


def _is_root(walk: Walk) -> bool:
    """Whether the missing issuer is a root, which need not be sent, rather than a link.

    The certificate below it may say so, else its name may. Where neither does, nobody can tell, and
    the remedy names both.
    """
    last = walk.links[-1].certificate
    if last.issuer_is_root is not None:
        return last.issuer_is_root
    return _ROOT.search(last.issuer) is not None
