"""The judgement: each rule a pure function from facts to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from smtps.advice import Severity
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.rules import (
    backends,
    certificates,
    dates,
    dialogue,
    envelope,
    failures,
    identity,
    login,
    names,
    sizes,
    staples,
    tls,
)

Rule = Callable[[Facts], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    names.leads_inside,
    failures.passed,
    failures.unsteady,
    failures.some_addresses,
    failures.many_addresses,
    dates.validity,
    identity.names,
    certificates.trust,
    identity.constraints,
    identity.purposes,
    certificates.strength,
    certificates.form,
    certificates.form_of_chain,
    staples.staples,
    dates.lifetime,
    dates.clocks,
    identity.client_certificate,
    certificates.difference,
    backends.logins,
    backends.offers,
    backends.sizes,
    tls.old_versions,
    tls.weak_ciphers,
    tls.large_hello,
    tls.starttls_inside,
    dialogue.late_greeting,
    dialogue.client_name,
    dialogue.strange_replies,
    sizes.enough,
    sizes.changed,
    sizes.sensible,
    envelope.refusals,
    envelope.open_relay,
    login.offer,
    login.unverified,
    login.in_the_clear,
    login.mechanisms,
    login.password,
    login.unseen,
    login.another_mechanism,
    names.unanswered,
    names.other_targets,
    names.vouched,
    names.reverse,
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
    return (failures.finding(facts, each) for each in facts.failures if each not in known)
