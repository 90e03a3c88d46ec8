"""DNS, addresses that differ, TLS versions, and what ended the look-up or the dialogue."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TypeVar

from smtps.advice import Severity, Who
from smtps.checks import evidence
from smtps.checks.certificate import explain
from smtps.checks.facts import AddressFacts, Certificate, Facts
from smtps.checks.finding import Finding
from smtps.checks.probes import FIRST, PIPELINING, PIPELINING_REFUSED, UNCHANGED
from smtps.checks.rules.actors import Case, assigned, place_of
from smtps.checks.rules.hints import hint, provided_at
from smtps.checks.steadiness import about_certificate
from smtps.client.login import UNSAID
from smtps.core.capabilities import Capabilities
from smtps.errors import Failure, Phase
from smtps.net.dial import MOST_ADDRESSES
from smtps.net.dns import in_public_dns
from smtps.net.egress import embedded

_OLD = {"TLSv1": "TLS 1.0", "TLSv1.1": "TLS 1.1"}
_WEAK = ("broken ciphers", "old ciphers")


def old_versions(facts: Facts) -> Iterator[Finding]:
    """TLS 1.0 and 1.1 (RFC 8996)."""
    for address in facts.addresses:
        taken = [name for name in _OLD if name in address.looks and address.looks[name].secured]
        if taken and address.reached:
            words = " and ".join(_OLD[name] for name in taken)
            yield Finding.of("tls.old_versions_accepted", f"{address.address}: accepts {words}")


def weak_ciphers(facts: Facts) -> Iterator[Finding]:
    """Ciphers that should not be used any more (RFC 9325 section 4.2)."""
    for address in facts.addresses:
        looks = (address.looks[name] for name in _WEAK if name in address.looks)
        taken = [look.tls.cipher for look in looks if look.secured and look.tls is not None]
        if taken and address.reached:
            words = ", ".join(str(cipher) for cipher in taken)
            yield Finding.of("tls.weak_cipher_accepted", f"{address.address}: accepts {words}")


def pipelining(facts: Facts) -> Iterator[Finding]:
    """PIPELINING that is offered and does not work (RFC 2920)."""
    for address in facts.addresses:
        look = address.looks.get(PIPELINING)
        failure = look.failure if look is not None else None
        if failure is not None and failure.code == PIPELINING_REFUSED:
            seen = f"{address.address}: {failure.message}"
            yield Finding.of(failure.code, seen, severity=Severity.WARNING).with_fix(
                "If you operate the server, stop offering PIPELINING, or look for a firewall or "
                "proxy that inspects SMTP and drops commands. Until then, programs that send "
                "several commands at once wait in vain or fail."
            )


def large_hello(facts: Facts) -> Iterator[Finding]:
    """A ClientHello of the size that new clients send, and that does not get through."""
    for address in facts.addresses:
        look = address.looks.get("large")
        if look is None or not address.reached or look.unwelcome or look.flight.version is not None:
            continue
        if (alert := look.flight.alert) is None and not look.hung_up and not look.silent:
            continue
        how = "is refused" if alert is not None else "gets no answer"
        yield Finding.of(
            "tls.large_hello",
            f"{address.address}: a ClientHello of 1,500 bytes with a post-quantum key share {how} "
            f"({look.outcome})",
            severity=Severity.WARNING,
        )


def reverse(facts: Facts) -> Iterator[Finding]:
    """Forward-confirmed reverse DNS (RFC 1912 section 2.1)."""
    if facts.dns is None:
        return
    for address, found in facts.dns.reverse.items():
        if not found.names:
            yield Finding.of("dns.reverse_missing", f"{address}: no PTR record")
        elif not found.confirmed:
            names = ", ".join(found.names)
            yield Finding.of(
                "dns.reverse_mismatch", f"{address}: {names} does not resolve to this address"
            )


def vouched(facts: Facts) -> Iterator[Finding]:
    """TLSA records, where DNSSEC vouches for them (RFC 7671)."""
    if facts.dns is None or not facts.dns.authenticated:
        return
    records = evidence.usable_tlsa(facts.dns.tlsa)
    for address in facts.addresses:
        tls = address.tls
        known = (
            tls is None or not tls.chain or evidence.vouched_by_dane(records, tls.chain, tls.path)
        )
        if records and not known:
            words = "; ".join(str(record) for record in records)
            yield Finding.of("tls.dane_mismatch", f"{address.address}: TLSA {words}")


def unanswered(facts: Facts) -> Iterator[Finding]:
    """A family of addresses whose DNS queries get no answer (RFC 4074)."""
    if facts.unanswered:
        kinds = " and ".join(facts.unanswered)
        yield Finding.of("dns.half_answered", f"{facts.host}: no answer for {kinds} records")


def other_targets(facts: Facts) -> Iterator[Finding]:
    """Targets of SRV records that no connection reached (RFC 2782)."""
    for place, failure in facts.passed_over:
        where = f" ({failure.address})" if failure.address else ""
        yield Finding.of("dns.srv_target_fails", f"{place}{where}: {failure.message}")


def leads_inside(facts: Facts) -> Iterator[Finding]:
    """A name of the public DNS that leads to an address which is not public."""
    if not in_public_dns(facts.host):
        return
    for address in facts.addresses:
        found = ip_address(address.address.partition("%")[0])
        inner = embedded(found)
        if (inside := _inside(address, inner or found)) is None and inner is None:
            continue
        code, severity = inside or _misplaced(address, found)
        if code is None:
            continue
        failure = address.failure
        blamed = failure if failure is not None and failure.phase is Phase.TCP else None
        words = "" if blamed is None else f" {blamed.message}"
        meant = f", which stands for {inner}" if inner is not None else ""
        seen = f"{address.address}: {facts.host} resolves to this address{meant}.{words}"
        found_here = Finding.of(code, seen, severity=severity).explaining(blamed)
        if inside is not None and inner is not None:
            found_here = found_here.with_fix(_CORRECT, Who.OPERATOR)
        yield found_here


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


_CORRECT = (
    "If you operate the domain, correct the AAAA record: it holds an IPv4 address in IPv6 "
    "notation. If another resolver gives another address, look for the name in the hosts file and "
    "in your blocker."
)


def _misplaced(
    address: AddressFacts, found: IPv4Address | IPv6Address
) -> tuple[str | None, Severity]:
    """Of an IPv6 address that stands for a public IPv4 one: a translator's is in order."""
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        severity = Severity.WARNING if address.reached else Severity.ERROR
        return "dns.mapped_address", severity
    return None, Severity.INFO


def _inside(address: AddressFacts, found: IPv4Address | IPv6Address) -> tuple[str, Severity] | None:
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


Kind = TypeVar("Kind", bound=Hashable)

_ON_THEIR_OWN = frozenset({"AUTH", "AUTH=", "SIZE", "STARTTLS"})
"""Keywords that have a rule of their own, or that depend on where TLS begins."""


def logins(facts: Facts) -> Iterator[Finding]:
    """A login that is taken at one address and not at another, or is not even offered there."""
    taken = [a for a in facts.addresses if a.mechanism is not None]
    refused = {
        a.address: a.login_failure
        for a in facts.addresses
        if a.mechanism is None and a.login_failure is not None
    }
    if taken and refused:
        unsaid = all(failure.code in UNSAID for failure in refused.values())
        words = "; ".join(f"{ip} does not: {each.message}" for ip, each in refused.items())
        yield Finding.of(
            "auth.addresses_differ",
            f"{_names(taken)} accepts the login; {words}",
            severity=Severity.WARNING if unsaid else Severity.ERROR,
        )
    elif groups := _groups(facts, lambda offer: frozenset(offer.auth)):
        parts = [
            f"{_names(found)} offers {' '.join(sorted(names)) or 'no login'}"
            for names, found in groups.items()
        ]
        severity = Severity.WARNING if frozenset() in groups else Severity.INFO
        yield Finding.of("auth.addresses_differ", "; ".join(parts), severity=severity)


def offers(facts: Facts) -> Iterator[Finding]:
    """Extensions that one address offers and another does not."""
    if groups := _groups(facts, lambda offer: frozenset(offer.keywords) - _ON_THEIR_OWN):
        everywhere = frozenset.intersection(*groups)
        parts = [
            f"{_names(found)} offers {' '.join(sorted(names - everywhere)) or 'none of these'}"
            for names, found in groups.items()
        ]
        yield Finding.of("smtp.addresses_differ", "; ".join(parts), severity=Severity.INFO)


def sizes(facts: Facts) -> Iterator[Finding]:
    """A message that one address takes may be too large for another."""
    if groups := _groups(facts, lambda offer: offer.size):
        parts = [
            f"{_names(found)} accepts {'any size' if size is None else f'{size:,} bytes'}"
            for size, found in groups.items()
        ]
        yield Finding.of("smtp.addresses_differ", "; ".join(parts))


def _groups(
    facts: Facts, kind: Callable[[Capabilities], Kind]
) -> dict[Kind, list[AddressFacts]] | None:
    """Kind of offer before any login → addresses, if they differ."""
    groups: dict[Kind, list[AddressFacts]] = {}
    for address in facts.addresses:
        if address.reached and address.capabilities is not None:
            groups.setdefault(kind(address.capabilities), []).append(address)
    return groups if len(groups) > 1 else None


def _names(found: list[AddressFacts]) -> str:
    return ", ".join(address.address for address in found)


NO_ROUTE = "net.unreachable"


def finding(facts: Facts, failure: Failure) -> Finding:
    """The finding that a failure is, as long as no rule knows better."""
    if failure.code == "net.timeout" and facts.control == "silent":
        where = f"{failure.address}: " if failure.address else ""
        return Finding.of(
            "net.port_blocked_here",
            f"{where}{failure.message} Another mail server does not answer on port {facts.port} "
            "either.",
        ).explaining(failure)
    if failure.code == "net.timeout" and facts.control == "answers":
        where = f"{failure.address}: " if failure.address else ""
        return Finding.of(
            "net.dropped_there",
            f"{where}{failure.message} Another mail server answers on port {facts.port}.",
        ).explaining(failure)
    found = Finding.from_failure(failure)
    if _no_ipv6(failure) and any(other.reached for other in facts.addresses):
        # This network's lack, and not a fault of a server that works.
        return found.with_severity(Severity.INFO)
    if _no_ipv6(failure):
        return found.with_fix(_WITHOUT_IPV6[any(":" not in a.address for a in facts.addresses)])
    if failure.code in _AT_THE_PORT and (place := provided_at(facts)) is not None:
        address = place_of(facts, failure)
        other = address.looks.get("other port") if address is not None else None
        silent = other is not None and other.reached is None
        more = " Its other port did not answer from here either." if silent else ""
        seen = f"{found.seen}{more}"
        return replace(Finding.of("net.port_not_offered", seen), fix=place).explaining(failure)
    found = found.with_fix(hint(facts, failure.code))
    return assigned(found, Case(facts, place_of(facts, failure), failure))


_AT_THE_PORT = ("net.refused", "net.timeout")


_WITHOUT_IPV6 = {
    False: "The server has IPv6 addresses only, and your network has no IPv6. Connect from a "
    "network or through a VPN that has it. If you operate the server, publish an IPv4 address (an "
    "A record) as well: many networks have no IPv6.",
    True: "Your network has no IPv6. The server also has an IPv4 address: see what is said about "
    "that one.",
}
"""Whether the server has an IPv4 address, too → what to do."""


def _no_ipv6(failure: Failure) -> bool:
    """Whether this network has no IPv6."""
    return failure.code == NO_ROUTE and ":" in (failure.address or "")


_WEB_PROXIES = {
    "Cloudflare": tuple(
        ip_network(text)
        for text in ("103.21.244.0/22", "103.22.200.0/22", "103.31.4.0/22", "104.16.0.0/13",
                     "104.24.0.0/14", "108.162.192.0/18", "131.0.72.0/22", "141.101.64.0/18",
                     "162.158.0.0/15", "172.64.0.0/13", "173.245.48.0/20", "188.114.96.0/20",
                     "190.93.240.0/20", "197.234.240.0/22", "198.41.128.0/17", "2400:cb00::/32",
                     "2405:8100::/32", "2405:b500::/32", "2606:4700::/32", "2803:f800::/32",
                     "2a06:98c0::/29", "2c0f:f248::/32")
    )
}  # fmt: skip
"""Who proxies web sites → its addresses, as published (https://www.cloudflare.com/ips/)."""


def web_proxies(facts: Facts) -> Iterator[Finding]:
    """A name that leads to a proxy for web sites, where no connection was made."""
    for address in facts.addresses:
        failure = address.failure
        if failure is None or failure.phase is not Phase.TCP:
            continue
        found = ip_address(address.address.partition("%")[0])
        for who, networks in _WEB_PROXIES.items():
            if any(found in network for network in networks):
                seen = f"{address.address} is an address of {who}'s proxy. {failure.message}"
                yield Finding.of("dns.web_proxy", seen).explaining(failure)


def many_addresses(facts: Facts) -> Iterator[Finding]:
    """More addresses than anybody would try."""
    if facts.left_out:
        yield Finding.of(
            "net.many_addresses",
            f"{facts.host} has {MOST_ADDRESSES + facts.left_out} addresses; "
            f"only the first {MOST_ADDRESSES} were considered.",
        )


def passed(facts: Facts) -> Iterator[Finding]:
    """A failure that was there at first and not when the same was tried again."""
    for address in facts.addresses:
        if (failure := address.passed) is not None and about_certificate(failure):
            yield _one_of_several(address, failure)
        elif failure is not None:
            failed = sum(look.name in (FIRST, UNCHANGED) for look in address.looks.values())
            yield Finding.of(
                "net.intermittent",
                f"{address.address}: {failed} of {failed + 1} identical attempts failed; the last "
                f"one worked. The first: {failure.message}",
            )


def _one_of_several(address: AddressFacts, failure: Failure) -> Finding:
    """A bad certificate that only some connections get."""
    tls = address.looks[FIRST].tls if FIRST in address.looks else None
    own = explain(tls.chain[0]) if tls is not None and tls.chain else None
    what = ""
    if isinstance(own, Certificate):
        names = ", ".join(own.names[:3]) or own.subject
        what = f" That one is for {names}, valid until {own.not_after:%Y-%m-%d}."
    seen = (
        f"{address.address}: the first connection received a different certificate from a later "
        f"one: {failure.message}{what}"
    )
    return Finding.of(failure.code, seen, severity=Severity.WARNING).with_fix(
        "Several servers answer at this address, and not all of them have the same certificate. If "
        "you operate them, install the current certificate on each one and reload it.",
        Who.OPERATOR,
    )


def unsteady(facts: Facts) -> Iterator[Finding]:
    """Further connections that failed and should not have."""
    for address in facts.addresses:
        if address.unsteady:
            looks = "; ".join(f"{look.name}: {look.outcome}" for look in address.unsteady)
            yield Finding.of(
                "net.intermittent",
                f"{address.address}: further connections failed on some attempts but not on others "
                f"({looks})",
            )


def some_addresses(facts: Facts) -> Iterator[Finding]:
    """Addresses that fail beside others that work."""
    failing = [a for a in facts.addresses if a.failure is not None and not _no_ipv6(a.failure)]
    working = [a for a in facts.addresses if a.reached]
    if failing and working:
        names = ", ".join(address.address for address in failing)
        yield Finding.of(
            "net.some_addresses_fail",
            f"{len(failing)} of {len(facts.addresses)} addresses do not work: {names}",
        )
