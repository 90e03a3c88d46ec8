"""The judgement: each rule a pure function from facts to findings."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from smtps.advice import Severity
from smtps.diagnosis.facts import Facts
from smtps.diagnosis.finding import Finding
from smtps.diagnosis.rules import certificates, dialogue, envelope, failures, login, names, tls

Rule = Callable[[Facts], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    failures.failures,
    failures.some_addresses,
    failures.many_addresses,
    certificates.validity,
    certificates.names,
    certificates.trust,
    certificates.strength,
    certificates.form,
    certificates.difference,
    tls.old_versions,
    tls.weak_ciphers,
    tls.starttls_inside,
    dialogue.late_greeting,
    dialogue.client_name,
    dialogue.strange_replies,
    login.offer,
    login.in_the_clear,
    login.mechanisms,
    login.password,
    envelope.refusals,
    envelope.open_relay,
    names.vouched,
    names.reverse,
)

_ORDER = list(Severity)


def judge(facts: Facts) -> list[Finding]:
    """All findings, the most important first; the same one at two addresses stays two."""
    found = dict.fromkeys(finding for rule in RULES for finding in rule(facts))
    return sorted(found, key=lambda finding: _ORDER.index(finding.severity))
