"""The grade: total, and accounted for to the last point."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.checks.made import codes

from smtps.advice import ADVICE, Severity
from smtps.checks.finding import Finding
from smtps.checks.verdict import WHOLE, Grade, Verdict, grade

findings = st.lists(
    st.builds(
        lambda code, severity: Finding.of(code, "seen", severity=severity),
        codes,
        st.none() | st.sampled_from(Severity),
    )
)
graded = st.sampled_from([Verdict.WORKS, Verdict.WARNINGS, Verdict.FAILS])


def made(found: list[Finding], verdict: Verdict) -> Grade:
    given_ = grade(found, verdict)
    assert given_ is not None
    return given_


def warning(*given_: str) -> list[Finding]:
    return [Finding.of(code, "seen", severity=Severity.WARNING) for code in given_]


CASES: dict[str, tuple[list[Finding], Verdict, str, int]] = {
    "nothing wrong": ([], Verdict.WORKS, "A", 100),
    "something worth knowing": (
        [Finding.of("dns.reverse_missing", "seen")], Verdict.WARNINGS, "A", 100,
    ),
    "a small warning": (warning("tls.starttls_inside_tls"), Verdict.WARNINGS, "A", 95),
    "one warning": (warning("smtp.greeting_late"), Verdict.WARNINGS, "B", 88),
    "the same at two addresses counts once": (
        warning("smtp.greeting_late", "smtp.greeting_late"), Verdict.WARNINGS, "B", 88,
    ),
    "a certificate that soon runs out": (
        warning("tls.certificate_expires_soon"), Verdict.WARNINGS, "B", 85,
    ),
    "two warnings": (
        warning("tls.certificate_expires_soon", "smtp.greeting_late"), Verdict.WARNINGS, "C", 73,
    ),
    "passwords in the clear": (warning("auth.offered_in_clear"), Verdict.WARNINGS, "C", 75),
    "one address of two is down": (
        [Finding.of("net.refused", "seen")], Verdict.WARNINGS, "C", 70,
    ),
    "a bad certificate, waived": (
        [Finding.of("tls.certificate_wrong_host", "seen")], Verdict.WARNINGS, "D", 50,
    ),
    "a bad certificate, waived, and a warning": (
        [Finding.of("tls.certificate_wrong_host", "seen"), *warning("smtp.greeting_late")],
        Verdict.WARNINGS, "E", 38,
    ),
    "a bad certificate": (
        [Finding.of("tls.certificate_wrong_host", "seen")], Verdict.FAILS, "F", 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_grades(name: str) -> None:
    found, verdict, letter, points = CASES[name]
    given_ = made(found, verdict)
    assert (given_.letter, given_.points) == (letter, points)


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.LATER])
def test_what_could_not_be_told_has_no_grade(verdict: Verdict) -> None:
    assert grade([Finding.of("dns.timeout", "seen")], verdict) is None


def test_the_json_names_what_each_point_went_for() -> None:
    given_ = made(warning("tls.certificate_expires_soon"), Verdict.WARNINGS)
    assert given_.as_json() == {
        "letter": "B",
        "points": 85,
        "because": [{"code": "tls.certificate_expires_soon", "points": -15}],
    }


@given(findings, graded)
def test_the_deductions_account_for_every_point(found: list[Finding], verdict: Verdict) -> None:
    given_ = made(found, verdict)
    assert given_.points + sum(points for _, points in given_.because) == WHOLE
    assert 0 <= given_.points <= WHOLE
    codes_taken = [code for code, _ in given_.because]
    assert len(set(codes_taken)) == len(codes_taken)
    assert set(codes_taken) <= {finding.code for finding in found}
    assert all(points > 0 for _, points in given_.because)


@given(findings, findings, graded)
def test_one_more_finding_never_makes_it_better(
    found: list[Finding], more: list[Finding], verdict: Verdict
) -> None:
    assert made([*found, *more], verdict).points <= made(found, verdict).points


def of_the_server(code: str) -> bool:
    """Whether it is the server's doing; the account and the message are not."""
    servers = (
        "not_offered server_not_proven channel_binding_mismatch mechanism_refused bad_challenge "
        "unexpected_challenge encryption_required"
    ).split()
    return code.removeprefix("auth.") in servers or not code.startswith(
        ("auth.", "oauth.", "send.", "clock.")
    )


@given(findings)
def test_an_error_of_the_server_that_stops_mail_is_an_f(found: list[Finding]) -> None:
    errors = [finding.code for finding in found if finding.severity is Severity.ERROR]
    assert made(found, Verdict.FAILS).letter == "F" or not any(map(of_the_server, errors))


@pytest.mark.parametrize("severity", [Severity.ERROR, Severity.WARNING])
@pytest.mark.parametrize("code", sorted(filter(of_the_server, ADVICE)))
def test_every_error_and_warning_of_the_server_costs_something(
    code: str, severity: Severity
) -> None:
    found = [Finding.of(code, "seen", severity=severity)]
    assert made(found, Verdict.WARNINGS).points < WHOLE


@pytest.mark.parametrize("code", sorted(code for code in ADVICE if not of_the_server(code)))
def test_a_refused_account_or_message_is_not_the_server_s(code: str) -> None:
    found = [Finding.of(code, "seen", severity=Severity.ERROR)]
    assert made(found, Verdict.FAILS).points == WHOLE


def test_the_table_in_the_documentation_is_true() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reports.md").read_text()
    rows = re.findall(r"^\| (`.*`) \| (\d+) \|$", text, re.MULTILINE)
    stated = {code: int(points) for names, points in rows for code in re.findall("`(.+?)`", names)}
    assert len(stated) == 4
    for code, points in stated.items():
        assert made(warning(code), Verdict.WARNINGS).points == WHOLE - points
