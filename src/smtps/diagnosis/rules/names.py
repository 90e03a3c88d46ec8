"""What DNS says about the server, held against the server."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address, ip_network

from smtps.advice import Severity
from smtps.diagnosis import dane
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.diagnosis.finding import Finding
from smtps.errors import Phase
from smtps.net.dns import in_public_dns


def reverse(facts: Facts) -> Iterator[Finding]:
    """Forward-confirmed reverse DNS (RFC 1912 section 2.1)."""
    if facts.dns is None:
        return
    for address, found in facts.dns.reverse.items():
        if not found.names:
            yield Finding.of("dns.reverse_missing", f"{address}: no PTR record")
        elif not found.confirmed:
            names = ", ".join(found.names)
            yield Finding.of("dns.reverse_mismatch", f"{address}: {names} has not this address")


def vouched(facts: Facts) -> Iterator[Finding]:
    """TLSA records, where DNSSEC vouches for them (RFC 7671)."""
    if facts.dns is None or not facts.dns.authenticated:
        return
    records = dane.usable(facts.dns.tlsa)
    for address in facts.addresses:
        tls = address.tls
        known = tls is None or not tls.chain or dane.vouched(records, tls.chain, tls.path)
        if records and not known:
            words = "; ".join(str(record) for record in records)
            yield Finding.of("tls.dane_mismatch", f"{address.address}: TLSA {words}")


def unanswered(facts: Facts) -> Iterator[Finding]:
    """A family of addresses that nobody answers for (RFC 4074)."""
    if facts.unanswered:
        kinds = " and ".join(facts.unanswered)
        yield Finding.of("dns.half_answered", f"{facts.host}: no answer about {kinds} records")


def other_targets(facts: Facts) -> Iterator[Finding]:
    """Targets of SRV records that let nobody in (RFC 2782)."""
    for place, failure in facts.passed_over:
        where = f" ({failure.address})" if failure.address else ""
        yield Finding.of("dns.srv_target_fails", f"{place}{where}: {failure.message}")


def leads_inside(facts: Facts) -> Iterator[Finding]:
    """A name of the public DNS that leads to an address which is not public."""
    if not in_public_dns(facts.host):
        return
    for address in facts.addresses:
        if (inside := _inside(address)) is None:
            continue
        code, severity = inside
        failure = address.failure
        blamed = failure if failure is not None and failure.phase is Phase.TCP else None
        words = "" if blamed is None else f" {blamed.message}"
        seen = f"{address.address}: {facts.host} leads there.{words}"
        yield Finding.of(code, seen, severity=severity).explaining(blamed)


_PRIVATE = tuple(
    ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                 "169.254.0.0/16", "fc00::/7", "fe80::/10")
)  # fmt: skip
"""Of private networks (RFC 1918 and its kin), and link-local ones."""

_NOBODYS = tuple(
    ip_network(text)
    for text in ("0.0.0.0/8", "198.18.0.0/15", "224.0.0.0/4", "240.0.0.0/4", "100::/64", "ff00::/8")
)
"""For benchmarks, multicast, or reserved (RFC 6890, RFC 5771): no server has one. A proxy on this
machine may hand them out all the same, and then the connection works."""


def _inside(address: AddressFacts) -> tuple[str, Severity] | None:
    found = ip_address(address.address.partition("%")[0])
    reached = address.reached
    if found.is_unspecified or found.is_loopback:
        code = "dns.blocked_name" if found.is_unspecified else "dns.loopback_address"
        return code, Severity.WARNING if reached else Severity.ERROR
    cut = address.failure is not None and address.failure.phase is Phase.TCP
    if any(found in network for network in _NOBODYS):
        return ("dns.unusable_address", Severity.ERROR) if cut else None
    if not any(found in network for network in _PRIVATE):
        return None
    if reached:
        return "dns.private_address", Severity.INFO
    return "dns.private_address", Severity.ERROR if cut else Severity.WARNING
