"""The verdict, the whole report in a word, and the grade, A to F.

The verdict follows from the facts; a finding can only cast doubt on it. A finding accounts for each
point that the grade loses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from smtps.advice import Severity
from smtps.checks.facts import OUT_OF_STEP, AddressFacts, Facts, too_large
from smtps.checks.finding import Finding
from smtps.client.login import UNSAID
from smtps.client.result import heals, meaning
from smtps.core.reply import Reply
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


_UNKNOWN = frozenset(
    {
        "dns.lookup_failed",
        "dns.timeout",
        "net.blocked_here",
        "net.out_of_sockets",
        "net.unreachable",
    }
)
"""Failures on this side, which leave open what the server would have done."""

_LASTING = frozenset({"smtp.reverse_name_missing"})
"""Causes that no waiting changes, although servers refuse by a 4yz for them. To send again costs
nothing; to say that it is enough to wait would be wrong.
"""


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
    if unasked or not all(map(_heals, refused)):
        return Verdict.FAILS
    if not works(facts):
        return _why_not(facts)
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


def _heals(refusal: tuple[Phase, str, Reply]) -> bool:
    phase, _, reply = refusal
    return heals(phase, reply) and meaning(phase, reply) not in _LASTING


def _why_not(facts: Facts) -> Verdict:
    """By the failures that tell something of the server."""
    telling = [each for each in facts.failures if not _on_this_side(facts, each)]
    if not telling:
        return Verdict.UNKNOWN
    return Verdict.LATER if all(map(_put_off, telling)) else Verdict.FAILS


def _on_this_side(facts: Facts, failure: Failure) -> bool:
    blocked = failure.code == "net.timeout" and facts.control == "silent"
    return failure.code in _UNKNOWN or blocked


def _put_off(failure: Failure) -> bool:
    """Whether the server itself asks for another try.

    A bare 454 to STARTTLS says so too, but stands for TLS that is not set up (RFC 3207 section 4).
    """
    said = failure.smtp_code is not None and failure.code != "tls.starttls_refused"
    lasts = failure.code in OUT_OF_STEP or failure.code in _LASTING
    return said and failure.retryable and not lasts


WHOLE = 100

_LETTERS = ((90, "A"), (80, "B"), (65, "C"), (50, "D"), (20, "E"), (0, "F"))
"""Least points → letter."""


class Row(NamedTuple):
    """What a finding costs.

    Attributes:
        family: the code, or how it begins.
        severity: of the finding.
        points: taken off; once for a code, at however many addresses it was seen.
    """

    family: str
    severity: Severity
    points: int


# The first row that fits counts. An error here is one that mail gets past: at another address, or
# with the check of the certificate waived. One that stops mail costs everything.
#
# A login or an envelope that is refused is about the account, and what this computer gets wrong is
# its own; only what the server itself breaks in a login counts.
_ROWS: tuple[Row, ...] = (
    Row("auth.not_offered", Severity.ERROR, 30),
    Row("auth.server_not_proven", Severity.ERROR, 30),
    Row("auth.channel_binding_mismatch", Severity.ERROR, 30),
    Row("auth.bad_challenge", Severity.ERROR, 30),
    Row("auth.unexpected_challenge", Severity.ERROR, 30),
    Row("auth.encryption_required", Severity.ERROR, 30),
    Row("auth.mechanism_refused", Severity.ERROR, 30),
    Row("auth.sent_unverified", Severity.WARNING, 0),
    Row("auth.", Severity.ERROR, 0),
    Row("oauth.", Severity.ERROR, 0),
    Row("send.", Severity.ERROR, 0),
    Row("clock.", Severity.ERROR, 0),
    Row("tls.certificate_", Severity.ERROR, 50),
    Row("", Severity.ERROR, 30),
    Row("auth.offered_in_clear", Severity.WARNING, 25),
    Row("oauth.", Severity.WARNING, 0),
    Row("tls.dane_mismatch", Severity.WARNING, 20),
    Row("tls.starttls_inside_tls", Severity.WARNING, 5),
    Row("smtp.ehlo_name_replaced", Severity.WARNING, 5),
    Row("tls.", Severity.WARNING, 15),
    Row("", Severity.WARNING, 12),
    Row("", Severity.INFO, 0),
)

_STOPPED = "fails"
_OPEN = frozenset({"unknown", "later"})


class Deduction(NamedTuple):
    """Points that a finding cost."""

    code: str
    points: int


@dataclass(frozen=True, slots=True)
class Grade:
    """How well it works.

    Attributes:
        letter: A, B, C, D, E or F.
        points: 0 to 100.
        because: what was taken off, in the order of the findings; with ``points`` it makes 100.
    """

    letter: str
    points: int
    because: tuple[Deduction, ...]

    def as_json(self) -> dict[str, Any]:
        """``{"letter", "points", "because": [{"code", "points"}]}``, the latter negative."""
        because = [{"code": code, "points": -points} for code, points in self.because]
        return {"letter": self.letter, "points": self.points, "because": because}


def grade(findings: Iterable[Finding], verdict: str) -> Grade | None:
    """Judge findings by the table.

    Args:
        findings: the most important first.
        verdict: of the report they belong to.

    Returns:
        None where the verdict leaves open whether it works: there is nothing to grade.
    """
    if verdict in _OPEN:
        return None
    costs: dict[str, int] = {}
    for finding in findings:
        points = _cost(finding)
        if points and verdict == _STOPPED and finding.severity is Severity.ERROR:
            points = WHOLE
        costs[finding.code] = max(points, costs.get(finding.code, 0))
    left, because = WHOLE, []
    for code, points in costs.items():
        if taken := min(points, left):
            because.append(Deduction(code, taken))
            left -= taken
    letter = next(letter for least, letter in _LETTERS if left >= least)
    return Grade(letter, left, tuple(because))


def _cost(finding: Finding) -> int:
    return next(
        row.points
        for row in _ROWS
        if row.severity is finding.severity and finding.code.startswith(row.family)
    )
