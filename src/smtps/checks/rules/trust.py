"""All that is wrong with the server's certificate; OpenSSL names one fault only.

This includes whom and what the certificate is for: host names, constraints, purposes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import pairwise

from smtps.advice import Severity, Who
from smtps.checks.certificate import covers
from smtps.checks.chain import UNTRUSTED, links, why_untrusted
from smtps.checks.facts import AddressFacts, Certificate, Facts, Walk
from smtps.checks.finding import Finding
from smtps.checks.fitness import Unfit, unfit
from smtps.net.hostnames import literal
from smtps.providers import by_host

EXPIRES_SOON = timedelta(days=14)
"""Automatic renewal has failed by then: it is due 30 days before the end of 90."""
EXPIRES_SOON_PART = 0.25
"""The same for certificates of less than 56 days, as a part of their life."""

_BROKEN_HASHES = ("md5", "sha1")
_SMALLEST = {"RSA": 2048, "DSA": 2048, "EC": 224}


def expires_soon(certificate: Certificate) -> timedelta:
    """How long before its end a certificate should have been renewed: a quarter of a short life."""
    return min(EXPIRES_SOON, certificate.lifetime * EXPIRES_SOON_PART)


def shown(facts: Facts) -> Iterator[tuple[AddressFacts, Certificate]]:
    """Addresses that showed a certificate that can be read, with their own one. What is wrong with
    a web server's, or with a default one, follows from what it is.
    """
    for address in facts.addresses:
        if address.chain and not failed(address, *_OF_WEB) and not is_default(facts, address):
            yield address, address.chain[0]


def trusted(address: AddressFacts) -> bool:
    """Whether OpenSSL verified the chain, or the fingerprint is the pinned one."""
    return address.tls is not None and address.tls.verified


def failed(address: AddressFacts, *codes: str) -> bool:
    """Whether the handshake failed by one of these."""
    return address.failure is not None and address.failure.code in codes


def found(
    address: AddressFacts, code: str, seen: str, *, severity: Severity | None = None
) -> Finding:
    """A finding; if the handshake failed with the same code, this is what it failed by."""
    finding = Finding.of(code, f"{address.address}: {seen}", severity=severity)
    return finding.explaining(address.failure) if failed(address, code) else finding


def is_default(facts: Facts, address: AddressFacts) -> bool:
    """Whether the certificate is one that software makes when it is installed."""
    own = address.chain[0]
    refused = address.failure is None or failed(address, *_OF_DEFAULT)
    if trusted(address) or not refused or not own.self_signed or covers(own, facts.host):
        return False
    if somebody_else(facts) is not None or literal(facts.host) is not None:
        return False
    return _MADE_BY.search(own.subject) is not None or all(map(_local, own.names))


_OF_WEB = ("net.portal", "smtp.web_server")
_OF_DEFAULT = (
    "tls.certificate_self_signed",
    "tls.certificate_wrong_host",
    "tls.certificate_expired",
    "tls.certificate_weak",
)
_MADE_BY = re.compile(
    r"plesk|parallels|snake ?oil|someorganization|internet wid\w+ pty|ispconfig|directadmin|webmin"
    r"|zimbra|default (?:company|certificate)|default cert\b|fake certificate"
    r"|\bimap\.example\.com|hmailserver|winnmp|xampp|virtualmin|cyberpanel|vestacp|hestia",
    re.IGNORECASE,
)
"""Names in the certificates that panels, distributions and OpenSSL's own defaults make."""

_LOCAL = (".localdomain", ".local", ".lan", ".internal", ".home", ".arpa")


def _local(name: str) -> bool:
    """Whether a name can only be a machine's own."""
    return "." not in name or name.lower().endswith(_LOCAL)


def default(facts: Facts) -> Iterator[Finding]:
    """A certificate that nobody has chosen."""
    for address in facts.addresses:
        if address.chain and is_default(facts, address):
            own = address.chain[0]
            ended = f"; it expired on {own.not_after:%Y-%m-%d}" if own.not_after < facts.now else ""
            seen = (
                f"{address.address}: {own.subject} is self-signed and for "
                f"{', '.join(own.names[:4]) or 'no name at all'}, not for {facts.host}{ended}"
            )
            yield Finding.of("tls.certificate_default", seen).explaining(address.failure)


def trust(facts: Facts) -> Iterator[Finding]:
    """Who vouches for the certificate."""
    for address, _ in shown(facts):
        if trusted(address):
            if missing := missing_link(address):
                seen = f"{missing.subject} is not sent; this computer happened to have it"
                code = "tls.certificate_incomplete_chain"
                yield found(address, code, seen, severity=Severity.WARNING)
        elif failed(address, *UNTRUSTED) or (address.reached and not facts.verify):
            yield from _untrusted(facts, address)


def _untrusted(facts: Facts, address: AddressFacts) -> Iterator[Finding]:
    reason = why_untrusted(address.walk, address.chain) if address.walk is not None else None
    if reason is None:
        return
    finding = found(address, reason.code, reason.words).with_fix(reason.fix, reason.audience)
    if failed(address, *UNTRUSTED):
        finding = finding.explaining(address.failure)
    elsewhere = somebody_else(facts)
    yield finding.with_fix(elsewhere, Who.NETWORK) if elsewhere else finding


def somebody_else(facts: Facts) -> str | None:
    """What to do where a known provider's host shows what the provider never would."""
    provider = by_host(facts.host) if literal(facts.host) is None else None
    if provider is None:
        return None
    return (
        f"Do not log in: {facts.host} is {provider.name}'s server, but something else answers in "
        "its place (a redirected port, a changed DNS answer, a proxy). Compare from another "
        "network."
    )


def form_of_chain(facts: Facts) -> Iterator[Finding]:
    """Certificates that were sent in the wrong order, or for nothing."""
    for address, _ in shown(facts):
        walk = address.walk
        if walk is None or not trusted(address):
            continue
        if not walk.in_order:
            order = ", ".join(str(link.place + 1) for link in walk.links if link.place is not None)
            yield found(address, "tls.certificate_chain_order", f"the correct order is {order}")
        if walk.foreign:
            names = ", ".join(link.certificate.subject for link in walk.foreign)
            yield found(address, "tls.certificate_chain_foreign", names)


def missing_link(address: AddressFacts) -> Certificate | None:
    """A certificate of the trusted path that the server left out, its end excepted."""
    sent = {certificate.fingerprint_sha256 for certificate in address.chain}
    return next((c for c in address.path[:-1] if c.fingerprint_sha256 not in sent), None)


def strength(facts: Facts) -> Iterator[Finding]:
    """Keys and signatures that strict clients refuse; an error where OpenSSL refused them too."""
    for address in facts.addresses:
        severity = Severity.ERROR if failed(address, "tls.certificate_weak") else Severity.WARNING
        for words in _weak_links(address)[:1]:
            yield found(address, "tls.certificate_weak", words, severity=severity)


def _weak_links(address: AddressFacts) -> list[str]:
    weak = []
    for certificate in links(address):
        smallest = _SMALLEST.get(certificate.key.partition(" ")[0], 0)
        if 0 < certificate.bits < smallest:
            weak.append(f"{certificate.subject} has a key of {certificate.bits} bits")
        if certificate.signature in _BROKEN_HASHES and not certificate.self_signed:
            weak.append(f"{certificate.subject} is signed with {certificate.signature.upper()}")
    return weak


def form(facts: Facts) -> Iterator[Finding]:
    """What is malformed, and what only some clients mind."""
    for address in facts.addresses:
        severity = None if failed(address, "tls.certificate_malformed") else Severity.WARNING
        if words := _malformed(address):
            yield found(
                address, "tls.certificate_malformed", "; ".join(words[:4]), severity=severity
            )
    for address, own in shown(facts):
        if own.common_name_only and not own.self_signed:
            seen = f"{own.subject}, and no subjectAltName"
            yield found(address, "tls.certificate_common_name_only", seen)
        checked = address.path or address.chain
        faults = [f"{c.subject}: {fault}" for c in checked for fault in c.strict_faults]
        # One that is trusted by itself is not held to the rules for what authorities issue.
        if faults and trusted(address) and len(address.path) != 1:
            yield found(address, "tls.certificate_not_strict", "; ".join(faults[:4]))


def _malformed(address: AddressFacts) -> list[str]:
    read = dict.fromkeys((*address.chain, *address.path))
    parts = [f"{each.subject or 'no subject'}: {part}" for each in read for part in each.unread]
    whole = [
        f"certificate {each.place + 1} of the chain: {each.why}" for each in address.unreadable
    ]
    return whole + parts


def _told(own: Certificate) -> str:
    """What tells two certificates apart."""
    names = ", ".join(own.names[:2]) or own.subject
    return f"one for {names} until {own.not_after:%Y-%m-%d} ({own.fingerprint_sha256[:8]}…)"


def difference(facts: Facts) -> Iterator[Finding]:
    """Back ends that were not renewed together."""
    for (one, first), (other, second) in pairwise(shown(facts)):
        if first.fingerprint_sha256 != second.fingerprint_sha256:
            yield Finding.of(
                "tls.certificate_differs",
                f"{one.address} has {_told(first)}; {other.address} has {_told(second)}",
            )
            return


_PINNED = "tls.fingerprint_mismatch"
_OF_THE_NAME = ("tls.certificate_wrong_host", "tls.certificate_no_address")


def names(facts: Facts) -> Iterator[Finding]:
    """Whom the certificate is for."""
    for address, own in shown(facts):
        if trusted(address) or failed(address, _PINNED) or covers(own, facts.host):
            continue
        if own.unread and not failed(address, *_OF_THE_NAME):
            continue  # the name may stand in what cannot be read
        seen = (
            f"the name requested is {facts.host}; the certificate is for "
            f"{', '.join(own.names[:8]) or 'no name at all'}"
        )
        if literal(facts.host) is not None and facts.host in own.names:
            seen += "; the address is listed there as a name, not as an address (iPAddress)"
        if failed(address, "tls.certificate_no_address"):
            yield found(address, "tls.certificate_no_address", seen)
            continue
        finding = found(address, "tls.certificate_wrong_host", seen)
        if (elsewhere := somebody_else(facts)) is not None:
            yield finding.with_fix(elsewhere, Who.NETWORK)
        else:
            yield finding.with_fix(*_name_for(facts, own))


def _name_for(facts: Facts, own: Certificate) -> tuple[str | None, Who | None]:
    """Which name to use, or to have put into the certificate, and who can do that."""
    if (fix := _misshapen(facts.host, own)) is not None:
        return fix, Who.OPERATOR
    same = next((name for name, here in facts.same_server.items() if here), None)
    if same is not None:
        return (
            f"Connect to {same}: it resolves to this server, and the certificate is for it. Have "
            "the server's operator confirm that first. If you operate the server, you can also "
            f"have {facts.host} added to the certificate."
        ), Who.YOU
    close = _close(facts.host, own)
    if (close is not None and close in facts.same_server) or _of_domain(facts.host, own):
        return (
            f"Reissue the certificate with the name {facts.host}, and configure it for the mail "
            "server. None of the names in it is known to lead to this server."
        ), Who.OPERATOR
    return (f"Connect to {close}, if that is the same server." if close else None), None


def _of_domain(host: str, own: Certificate) -> bool:
    """Whether the certificate is for the bare domain of the host: a web site's."""
    domain = host.partition(".")[2]
    return "." in domain and domain in (name.lower() for name in own.names)


def _misshapen(host: str, own: Certificate) -> str | None:
    """What is wrong with the form of a name in the certificate that is meant for the host."""
    for name in own.names:
        bare = _AROUND_A_NAME.sub("", name.lower())
        if bare == host:
            what = f"“{name}” is not written as a host name is: it has to be “{host}” alone"
        elif "*" in name and fnmatchcase(host, name.lower()):
            what = (
                f"“{name}” does not cover {host}: a wildcard has to be the whole first label, "
                "stands for one label only, and needs two more labels behind it"
            )
        else:
            continue
        return f"Reissue the certificate with the name {host}. In this one, {what}."
    return None


_AROUND_A_NAME = re.compile(r"^\s+|^[a-z]+://|(?::\d+)?/*$|\.$|\s+$")


def _close(host: str, own: Certificate) -> str | None:
    """A name to connect to in place of the host, if one of the same domain is almost it."""
    parts = host.split(".")
    domain = "." + ".".join(parts[-2:])
    same = [
        name.lower() for name in own.names
        if literal(name) is None and "*" not in name and f".{name.lower()}".endswith(domain)
    ]  # fmt: skip
    close = get_close_matches(host, same, n=1) if len(parts) > 2 else []
    return close[0] if close else None


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
        for each in firsts(unfit(own, address.walk)):
            yield found(address, each.code, each.words).with_fix(each.fix)


def firsts(faults: Iterable[Unfit]) -> list[Unfit]:
    """The first of each code."""
    return list({each.code: each for each in reversed(list(faults))}.values())


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
        return f"{who} is for {', '.join(own.purposes)}, not for clients (clientAuth)", None
    return None
