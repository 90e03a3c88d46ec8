"""The judgement: each rule a pure function from facts to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from smtps.advice import Severity
from smtps.checks.facts import Facts
from smtps.checks.finding import Finding
from smtps.checks.rules import network, protocol, trust, validity


def access_token(facts: Facts) -> Iterator[Finding]:
    """What can be read of an access token; with a password none of it is loaded."""
    if facts.access_token is not None:
        from smtps.checks.rules import bearer  # noqa: PLC0415

        yield from bearer.refusals(facts)
        yield from bearer.prospects(facts)


Rule = Callable[[Facts], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    network.leads_inside,
    network.web_proxies,
    network.passed,
    network.unsteady,
    network.some_addresses,
    network.many_addresses,
    trust.default,
    validity.validity,
    trust.names,
    trust.trust,
    trust.constraints,
    trust.purposes,
    trust.strength,
    trust.form,
    trust.form_of_chain,
    validity.staples,
    validity.lifetime,
    validity.clocks,
    trust.client_certificate,
    trust.difference,
    network.logins,
    network.offers,
    network.sizes,
    network.old_versions,
    network.weak_ciphers,
    network.large_hello,
    network.pipelining,
    protocol.late_greeting,
    protocol.slow_replies,
    protocol.old_form,
    protocol.client_name,
    protocol.only_helo,
    protocol.strange_replies,
    protocol.enough,
    protocol.changed,
    protocol.sensible,
    protocol.refusals,
    protocol.open_relay,
    protocol.tls_not_seen,
    protocol.offer,
    protocol.passwords,
    protocol.unverified,
    protocol.in_the_clear,
    protocol.mechanisms,
    protocol.password,
    protocol.unseen,
    protocol.another_mechanism,
    access_token,
    network.unanswered,
    network.other_targets,
    network.vouched,
    network.reverse,
)

_ORDER = list(Severity)


def judge(facts: Facts) -> list[Finding]:
    """All findings, the most important first; the same one at two addresses stays two.

    A rule may explain a failure. One that no rule has explained is a finding itself, so none is
    ever lost.
    """
    explained = [finding for rule in RULES for finding in rule(facts)]
    found = dict.fromkeys([*explained, *_unexplained(facts, explained)])
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity))


def _unexplained(facts: Facts, found: Iterable[Finding]) -> Iterator[Finding]:
    known = {finding.explains for finding in found}
    return (network.finding(facts, each) for each in facts.failures if each not in known)
