"""Stapled OCSP responses: one that is missing, stale, or says that the certificate is revoked."""

from __future__ import annotations

from collections.abc import Iterator

from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.rules.certificates import found, shown
from smtps.diagnosis.staple import read
from smtps.net.serverhello import stapled


def staples(facts: Facts) -> Iterator[Finding]:
    """By the look of TLS 1.2 that asks for one; a server of TLS 1.3 alone cannot be seen."""
    for address, own in shown(facts):
        look = address.looks.get("staple")
        if look is None:
            continue
        der = stapled(look.heard)
        if der is None:
            if own.must_staple and look.flight.whole:
                words = "the certificate has the TLS feature status_request; no response was sent"
                yield found(address, "tls.staple_missing", words)
            continue
        staple = read(der)
        about = staple.serial is None or staple.serial == own.serial
        if staple.status == "revoked" and about:
            when = f" on {staple.revoked_at:%Y-%m-%d}" if staple.revoked_at else ""
            yield found(address, "tls.staple_revoked", f"the response says revoked{when}")
        elif not about:
            yield found(address, "tls.staple_stale", "the response is about another certificate")
        elif staple.status != "good":
            yield found(address, "tls.staple_stale", f"the response says {staple.status!r}")
        elif staple.until is not None and staple.until < facts.now:
            words = f"the response was good until {staple.until:%Y-%m-%d %H:%M} UTC"
            yield found(address, "tls.staple_stale", words)
