"""When certificates hold, by whose clock, and for how long they may."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.checks.test_rules import a_certificate, an_address, between, facts, untrusted

from smtps.advice import Severity
from smtps.checks.chain import greeted_at
from smtps.checks.facts import AddressFacts, Certificate, Link, Walk
from smtps.checks.report import Report
from smtps.core.reply import Reply

EXPIRED, EARLY = "tls.certificate_expired", "tls.certificate_not_yet_valid"


@pytest.mark.parametrize("lifetime", [0.5, 1, 3, 6, 10, 20, 45, 47, 64, 90, 200, 398])
@pytest.mark.parametrize("left", [0.02, 0.1, 0.2, 0.24, 0.26, 0.34, 0.5, 0.9])
def test_it_expires_soon_when_a_client_would_have_renewed_it(lifetime: float, left: float) -> None:
    """ACME clients renew with a third of the lifetime left."""
    days = lifetime * left
    own = a_certificate(**between(days - lifetime, days))
    codes = [finding.code for finding in Report.of(facts(an_address(chain=(own,)))).findings]
    due = days < min(14, lifetime / 4)
    assert codes == (["tls.certificate_expires_soon"] if due else [])
    if due:
        assert left < 1 / 3


def issuer(subject: str = "CN=Some Authority", **changed: Any) -> Certificate:
    return a_certificate(**{
        "subject": subject, "authority": True, "names": (), "fingerprint_sha256": "cd" * 32,
        **between(-1000, 1000), **changed,
    })  # fmt: skip


def walked(*chain: Certificate) -> Walk:
    links = tuple(Link(each, place) for place, each in enumerate(chain))
    return Walk(links, "trusted")


def refused(code: str, *chain: Certificate, **changed: Any) -> AddressFacts:
    seen = an_address(chain=chain, walk=walked(*chain), **untrusted(code))
    return replace(seen, **changed)


def test_an_issuer_that_ran_out_is_named_and_the_chain_is_what_to_renew() -> None:
    report = Report.of(facts(refused(EXPIRED, a_certificate(), issuer(**between(-90, -3)))))
    (found,) = report.findings
    assert (report.verdict, found.code) == ("fails", EXPIRED)
    assert "the issuer CN=Some Authority expired on" in found.seen
    assert "intermediate certificate" in found.fix


def test_an_issuer_near_its_end_is_told_although_the_certificate_is_new() -> None:
    path = (a_certificate(), issuer(**between(-1000, 5)))
    (found,) = Report.of(facts(an_address(chain=path, path=path))).findings
    assert found.code == "tls.certificate_expires_soon"
    assert "the issuer CN=Some Authority is valid until" in found.seen


GREETING = Reply(220, ("mail.example.com ESMTP Exim 4.96 Mon, 23 Nov 2026 12:00:05 +0000",))
AHEAD, BEHIND = datetime(2036, 11, 20, tzinfo=UTC), datetime(2019, 1, 1, tzinfo=UTC)


def test_ten_years_ahead_is_this_computer_s_clock_by_the_greeting() -> None:
    seen = refused(EXPIRED, a_certificate(), issuer(), greeting=GREETING)
    report = Report.of(facts(seen, now=AHEAD))
    (found,) = report.findings
    assert (report.verdict, found.code) == ("fails", "clock.wrong_here")
    assert "2036-11-20" in found.seen
    assert "2026-11-23 12:00" in found.seen
    assert "Renew" not in found.fix


def test_ten_years_ahead_is_suspected_by_dates_that_were_good_together() -> None:
    seen = refused(EXPIRED, a_certificate(), issuer(), greeting=None)
    (found,) = Report.of(facts(seen, now=AHEAD)).findings
    assert found.code == "clock.suspected"


def test_before_the_release_no_computer_can_run_this() -> None:
    (found,) = Report.of(facts(refused(EARLY, a_certificate()), now=BEHIND)).findings
    assert found.code == "clock.wrong_here"
    assert "was released" in found.seen


@pytest.mark.parametrize(
    "seen",
    [
        refused(EXPIRED, a_certificate(**between(-90, -10)), greeting=None),
        # The greeting agrees with this computer.
        refused(EXPIRED, a_certificate(**between(-90, -10)), issuer(**between(-90, -1)),
                greeting=GREETING),
        # One script made both on the same day.
        refused(EXPIRED, a_certificate(**between(-90, -10)), issuer(**between(-90, -10)),
                greeting=None),
        # They were never valid together.
        refused(EXPIRED, a_certificate(**between(-90, -10)), issuer(**between(-900, -100)),
                greeting=None),
    ],
)  # fmt: skip
def test_what_has_simply_expired_is_not_put_on_the_clock(seen: AddressFacts) -> None:
    codes = {finding.code for finding in Report.of(facts(seen)).findings}
    assert codes == {EXPIRED}


def test_a_server_whose_clock_differs_is_worth_a_note() -> None:
    words = "mail.example.com ESMTP Postfix; Thu, 1 Jan 2015 00:00:00 GMT"
    report = Report.of(facts(an_address(greeting=Reply(220, (words,)))))
    (found,) = report.findings
    assert (report.verdict, found.code, found.severity) == ("works", "clock.differs", Severity.INFO)


def at(hour: int) -> datetime:
    return datetime(2026, 11, 30, hour, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("a ESMTP Exim 4.96 Mon, 30 Nov 2026 12:00:00 +0100", at(11)),
        ("a ESMTP Sendmail 8.17.1; Mon, 30 Nov 2026 12:00:00 GMT", at(12)),
        ("a Microsoft ESMTP MAIL Service ready at Mon, 30 Nov 2026 12:00:00 +0000",
         at(12)),
        ("a ESMTP Mon, 31 Feb 2026 12:00:00 +0000", None),
        ("a ESMTP 30 Nov 2026 99:00:00", None),
        ("a ESMTP Postfix", None),
    ],
)  # fmt: skip
def test_the_date_in_a_greeting(words: str, moment: datetime | None) -> None:
    assert greeted_at(Reply(220, (words,))) == moment


ROOT = issuer("CN=Root", self_signed=True, **between(-4000, 4000))


@pytest.mark.parametrize(
    ("issued", "days", "told"),
    [
        ((2018, 2, 28), 1000, False),
        ((2018, 3, 1), 825, False),
        ((2018, 3, 1), 826, True),
        ((2020, 9, 1), 399, True),
        ((2026, 3, 14), 398, False),
        ((2026, 3, 15), 200, False),
        ((2026, 3, 15), 201, True),
        ((2027, 3, 15), 101, True),
        ((2029, 3, 15), 47, False),
        ((2029, 3, 15), 48, True),
    ],
)
def test_longer_than_was_allowed(issued: tuple[int, int, int], days: int, told: bool) -> None:
    start = datetime(*issued, tzinfo=UTC)
    own = a_certificate(not_before=start, not_after=start + timedelta(days=days), public=True)
    seen = an_address(chain=(own,), path=(own, ROOT))
    now = start + timedelta(days=1)
    codes = [f.code for f in Report.of(facts(seen, now=now)).findings]
    assert [code for code in codes if not code.startswith("clock.")] == (
        ["tls.certificate_overlong"] if told else []
    )
    own_ca = facts(seen, now=now, own_authorities=True)
    assert "tls.certificate_overlong" not in [f.code for f in Report.of(own_ca).findings]


def test_without_the_marks_of_a_public_authority_it_is_a_note() -> None:
    for days, severities in ((700, []), (800, [Severity.INFO])):
        own = a_certificate(**between(-100, days))
        report = Report.of(facts(an_address(chain=(own,), path=(own, ROOT))))
        assert [f.severity for f in report.findings] == severities
    assert report.verdict == "works"
