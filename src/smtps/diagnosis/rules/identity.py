"""For whom, and for what, certificates are: host names, constraints, purposes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from difflib import get_close_matches

from smtps.advice import Severity, Who
from smtps.diagnosis.certificate import covers
from smtps.diagnosis.facts import AddressFacts, Certificate, Facts, Walk
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.rules.certificates import (
    failed,
    found,
    shown,
    somebody_else,
    trusted,
)
from smtps.net.names import literal

_PINNED = "tls.fingerprint_mismatch"
_OF_THE_NAME = ("tls.certificate_wrong_host", "tls.certificate_no_address")


def names(facts: Facts) -> Iterator[Finding]:
    """Whom the certificate is for."""
    for address, own in shown(facts):
        if trusted(address) or failed(address, _PINNED) or covers(own, facts.host):
            continue
        if own.unread and not failed(address, *_OF_THE_NAME):
            continue  # the name may stand in what cannot be read
        seen = f"asked for {facts.host}, it is for {', '.join(own.names[:8]) or 'no name at all'}"
        if literal(facts.host) is not None and facts.host in own.names:
            seen += "; the address stands there as a name, and not as an address (iPAddress)"
        if failed(address, "tls.certificate_no_address"):
            yield found(address, "tls.certificate_no_address", seen)
            continue
        finding = found(address, "tls.certificate_wrong_host", seen)
        if (elsewhere := somebody_else(facts)) is not None:
            yield finding.with_fix(elsewhere, Who.NETWORK)
        else:
            yield finding.with_fix(_close(facts.host, own))


def _close(host: str, own: Certificate) -> str | None:
    """A name to connect to in place of the host, if one of the same domain is almost it."""
    parts = host.split(".")
    domain = "." + ".".join(parts[-2:])
    same = [
        name.lower() for name in own.names
        if literal(name) is None and "*" not in name and f".{name.lower()}".endswith(domain)
    ]  # fmt: skip
    close = get_close_matches(host, same, n=1) if len(parts) > 2 else []
    return f"Connect to {close[0]}, if that is the same server." if close else None


def constraints(facts: Facts) -> Iterator[Finding]:
    """What an issuer may issue, where that is why the chain is refused (RFC 5280 section 6.1.4)."""
    for address, own in shown(facts):
        if failed(address, "tls.certificate_constrained") and address.walk is not None:
            for words in (*_too_long(address.walk), *_outside(address.walk, own)):
                yield found(address, "tls.certificate_constrained", words)


def _too_long(walk: Walk) -> Iterator[str]:
    below = 0
    for link in walk.links[1:]:
        issuer = link.certificate
        if issuer.path_length is not None and below > issuer.path_length:
            yield (
                f"{issuer.subject} may have {issuer.path_length} authorities below it "
                f"(path length) and has {below}"
            )
        below += issuer.subject != issuer.issuer


def _outside(walk: Walk, own: Certificate) -> Iterator[str]:
    for link in walk.links[1:]:
        issuer = link.certificate
        if issuer.constraints:
            may, names = ", ".join(issuer.constraints[:6]), ", ".join(own.names[:6])
            yield f"{issuer.subject} may issue {may}; this certificate is for {names}"


def purposes(facts: Facts) -> Iterator[Finding]:
    """Certificates that are not meant for a server, or may not issue."""
    for address, own in shown(facts):
        if trusted(address) or failed(address, _PINNED):
            continue
        for words in _misused(address, own)[:1]:
            yield found(address, "tls.certificate_wrong_purpose", words)


def _misused(address: AddressFacts, own: Certificate) -> list[str]:
    misused = []
    if not _serves(own):
        misused.append(f"{own.subject} is for {', '.join(own.purposes or ())} only")
    elif own.usages is not None and not set(own.usages) & _OF_A_SERVER:
        misused.append(f"{own.subject} may not be used in a handshake (key usage)")
    issuers = address.walk.links[1:] if address.walk is not None else ()
    for link in issuers:
        issuer = link.certificate
        if not issuer.may_issue:
            misused.append(f"{issuer.subject} has issued a certificate and is not allowed to")
        elif not _serves(issuer):
            misused.append(
                f"{issuer.subject} may issue for {', '.join(issuer.purposes or ())} only"
            )
    return misused


_SERVER = frozenset(
    {"serverAuth", "1.3.6.1.4.1.311.10.3.3", "2.16.840.1.113730.4.1"}  # the old "gated" purposes
)
_OF_A_SERVER = frozenset({"digitalSignature", "keyEncipherment", "keyAgreement"})


def _serves(certificate: Certificate) -> bool:
    """By OpenSSL, for which "any purpose" is not the purpose of a server."""
    return certificate.purposes is None or bool(_SERVER & set(certificate.purposes))


def client_certificate(facts: Facts) -> Iterator[Finding]:
    """A client certificate that servers will not take, or that this one did not."""
    own = facts.client_certificate
    reason = _unfit(own, facts.now) if own is not None else None
    if reason is None:
        return
    code, (words, fix) = "tls.client_certificate_unfit", reason
    refused = [a for a in facts.addresses if failed(a, "tls.client_certificate_refused")]
    if not refused:
        yield Finding.of(code, words).with_fix(fix)
    for address in refused:
        said = address.failure.message if address.failure is not None else ""
        finding = Finding.of(code, f"{address.address}: {words}. {said}", severity=Severity.ERROR)
        yield finding.explaining(address.failure).with_fix(fix)


def _unfit(own: Certificate, now: datetime) -> tuple[str, str | None] | None:
    """What is wrong with it, and a better remedy than the general one."""
    who = f"the client certificate {own.subject}"
    if now > own.not_after:
        return f"{who} expired on {own.not_after:%Y-%m-%d}", "Renew the client certificate."
    if now < own.not_before:
        return f"{who} is valid only from {own.not_before:%Y-%m-%d} on", None
    if own.purposes is not None and "clientAuth" not in own.purposes:
        return f"{who} is for {', '.join(own.purposes)}, and not for clients (clientAuth)", None
    return None
