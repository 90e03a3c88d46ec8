"""What DNS says about the server, held against the server."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.diagnosis import dane
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding


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
