"""What a rule says on its border and one step beside it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from tests.checks.test_rules import a_certificate, an_address, facts, untrusted

from smtps.advice import Severity
from smtps.checks.chain import doubt
from smtps.checks.facts import AddressFacts, Certificate
from smtps.checks.report import Report
from smtps.core.reply import Reply

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


def codes(address: AddressFacts, **changed: object) -> list[str]:
    return [finding.code for finding in Report.of(facts(address, **changed)).findings]


@pytest.mark.parametrize("signature", ["sha256", "md5"])
@pytest.mark.parametrize(
    ("kind", "smallest"), [("RSA", 2048), ("DSA", 2048), ("EC P", 224), ("Ed25519", 1)]
)
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_a_key_is_weak_below_the_least_size_of_its_kind_and_a_signature_by_its_hash(
    kind: str, smallest: int, step: int, signature: str
) -> None:
    bits = smallest + step
    own = a_certificate(key=f"{kind} {bits}", bits=bits, signature=signature)
    found = Report.of(facts(an_address(chain=(own,)))).findings
    weak = (step < 0 and smallest > 1) or signature == "md5"
    assert [finding.code for finding in found] == (["tls.certificate_weak"] if weak else [])
    assert all(finding.severity is Severity.WARNING for finding in found)


def test_of_two_certificates_the_weak_one_is_named() -> None:
    issuer = a_certificate(
        subject="CN=Some Authority", authority=True, key="RSA 1024", bits=1024,
        fingerprint_sha256="cd" * 32,
    )  # fmt: skip
    path = (a_certificate(key="RSA 2048", bits=2048), issuer)
    (found,) = Report.of(facts(an_address(chain=path, path=path))).findings
    assert found.code == "tls.certificate_weak"
    assert "CN=Some Authority has a key of 1024 bits" in found.seen


def until(left: timedelta, lifetime: timedelta = 90 * DAY) -> Certificate:
    return a_certificate(not_before=NOW + left - lifetime, not_after=NOW + left)


@pytest.mark.parametrize(
    ("own", "soon"),
    [
        (until(14 * DAY), False),
        (until(14 * DAY - SECOND), True),
        (until(2 * DAY, 8 * DAY), False),
        (until(2 * DAY - SECOND, 8 * DAY), True),
        (until(timedelta(0)), True),
    ],
)
def test_a_certificate_expires_soon_with_less_than_14_days_or_a_quarter_of_its_life(
    own: Certificate, soon: bool
) -> None:
    assert codes(an_address(chain=(own,))) == (["tls.certificate_expires_soon"] if soon else [])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"not_after": NOW}, "tls.certificate_expires_soon"),
        ({"not_after": NOW - SECOND}, "tls.certificate_expired"),
        ({"not_before": NOW}, None),
        ({"not_before": NOW + SECOND}, "tls.certificate_not_yet_valid"),
    ],
)
def test_a_certificate_is_valid_from_its_first_second_to_its_last(
    changed: dict[str, datetime], code: str | None
) -> None:
    own = a_certificate(**changed)
    refused = untrusted(code) if code == "tls.certificate_expired" else {}
    assert codes(an_address(chain=(own,), **refused)) == ([code] if code else [])


@pytest.mark.parametrize(
    ("issued", "days", "long"),
    [
        (datetime(2026, 3, 15, tzinfo=UTC), 200, False),
        (datetime(2026, 3, 15, tzinfo=UTC), 201, True),
        (datetime(2026, 3, 15, tzinfo=UTC) - SECOND, 398, False),
        (datetime(2026, 3, 15, tzinfo=UTC) - SECOND, 399, True),
    ],
)
def test_a_certificate_may_live_as_long_as_was_allowed_on_the_day_of_its_issue(
    issued: datetime, days: int, long: bool
) -> None:
    own = a_certificate(not_before=issued, not_after=issued + timedelta(days=days), public=True)
    issuer = a_certificate(
        subject="CN=Some Authority", not_before=NOW - 1000 * DAY, not_after=NOW + 1000 * DAY,
        fingerprint_sha256="cd" * 32, authority=True,
    )  # fmt: skip
    seen = an_address(chain=(own, issuer), path=(own, issuer))
    found = codes(seen, now=issued + 30 * DAY)
    assert found == (["tls.certificate_overlong"] if long else [])


@pytest.mark.parametrize(("ahead", "wrong"), [(DAY, False), (DAY + SECOND, True)])
def test_a_clock_is_wrong_here_if_the_greeting_is_more_than_a_day_away(
    ahead: timedelta, wrong: bool
) -> None:
    there = NOW - ahead
    own = a_certificate(not_before=there - DAY, not_after=there)
    seen = an_address(
        chain=(own,), greeting=Reply(220, (f"x ESMTP {there:%a, %d %b %Y %H:%M:%S} +0000",))
    )
    found = doubt(seen, NOW)
    assert (found is not None) is wrong


@pytest.mark.parametrize(("waited", "late"), [(3999.9, False), (4000.0, True)])
def test_a_greeting_is_late_from_four_seconds_on(waited: float, late: bool) -> None:
    seen = an_address(timings={"greeting": waited})
    assert codes(seen) == (["smtp.greeting_late"] if late else [])
