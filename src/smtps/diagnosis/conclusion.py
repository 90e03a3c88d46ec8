"""The whole report in a word. It follows from the facts: a finding can only cast doubt on it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from smtps.advice import Severity
from smtps.client.login import UNSAID
from smtps.client.refusals import heals
from smtps.diagnosis.facts import OUT_OF_STEP, AddressFacts, Facts
from smtps.diagnosis.limits import too_large
from smtps.errors import Failure, Phase


class Verdict(StrEnum):
    """The whole report in a word."""

    WORKS = "works"
    WARNINGS = "warnings"
    FAILS = "fails"
    UNKNOWN = "unknown"
    """Something on this side, such as the resolver, left it open."""
    LATER = "later"
    """The server asked to come back later."""


_UNKNOWN = frozenset({"dns.lookup_failed", "dns.timeout", "net.out_of_sockets"})


def conclude(facts: Facts, severities: Iterable[Severity]) -> Verdict:
    """The verdict on the facts.

    Args:
        facts: what was seen.
        severities: of the findings. They tell ``works`` from ``warnings`` and nothing else.
    """
    refused = [refusal for a in facts.addresses if a.asked for refusal in a.asked.refusals]
    unasked = any(a.asked is not None and a.asked.failure is not None for a in facts.addresses)
    if any(too_large(facts, address) for address in facts.addresses):
        return Verdict.FAILS
    if unasked or not all(heals(phase, reply) for phase, _, reply in refused):
        return Verdict.FAILS
    if not works(facts):
        return _why_not(facts.failures)
    if refused:
        return Verdict.LATER
    doubts = {Severity.ERROR, Severity.WARNING} & set(severities)
    passed = any(each.passed is not None or each.unsteady for each in facts.addresses)
    return Verdict.WARNINGS if doubts or passed else Verdict.WORKS


def works(facts: Facts) -> bool:
    """Whether everything that was asked for was seen to happen, at one address at least."""
    if facts.failure is not None or not any(_served(facts, each) for each in facts.addresses):
        return False
    logged_in = any(each.mechanism for each in facts.addresses)
    for each in facts.addresses:
        # Where nothing was said of the credentials, ``send`` goes to the address that takes them.
        unsaid = each.login_failure is not None and each.login_failure.code in UNSAID
        if each.login_failure is not None and not (unsaid and logged_in):
            return False
    return logged_in or not facts.wanted_login


def _served(facts: Facts, address: AddressFacts) -> bool:
    """TLS that ``send`` would trust, a greeting, and an answer to EHLO."""
    tls, greeting = address.tls, address.greeting
    secured = tls is not None and tls.version is not None and (tls.verified or not facts.verify)
    greeted = greeting is not None and greeting.positive and address.capabilities is not None
    return address.failure is None and secured and greeted


def _why_not(failures: tuple[Failure, ...]) -> Verdict:
    if not failures or all(failure.code in _UNKNOWN for failure in failures):
        return Verdict.UNKNOWN
    if all(map(_put_off, failures)):
        return Verdict.LATER
    return Verdict.FAILS


def _put_off(failure: Failure) -> bool:
    """Whether the server itself asks for another try.

    The 454 to STARTTLS says so too, but stands for TLS that is not set up (RFC 3207 section 4).
    """
    said = failure.smtp_code is not None and failure.phase is not Phase.TLS
    return said and failure.retryable and failure.code not in OUT_OF_STEP
