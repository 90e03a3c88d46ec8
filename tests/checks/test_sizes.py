"""Sizes: what was asked for, held against what the server states before and after the login."""

from __future__ import annotations

from typing import Any

import pytest
from tests.checks.made import a_report
from tests.client.hosts import hosts, submission
from tests.net.pki import PKI

import smtps
from smtps.checks.facts import AddressFacts, Asked
from smtps.checks.report import Report
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Reply


def offer(*lines: str) -> Capabilities:
    return Capabilities.of(Reply(250, ("mail.example.com", "AUTH PLAIN", *lines)))


def judged(
    size: int | None,
    before: tuple[str, ...],
    after: tuple[str, ...] | None = None,
    reply: Reply | None = None,
) -> tuple[str, dict[str, str]]:
    """The verdict, and code → what was seen."""

    def change(address: AddressFacts) -> None:
        address.capabilities = offer(*before)
        if after is not None:
            address.mechanism, address.after_login = "PLAIN", offer(*after)
        if reply is not None:
            address.asked = Asked("a@x.test", reply, (), size)

    report: Report = a_report(change, size=size, wanted_login=after is not None)
    return report.verdict.value, {each.code: each.seen for each in report.findings}


TAKEN = Reply(250, ("ok",))


@pytest.mark.parametrize("size", [1, 99_999, 100_000])
def test_what_fits_is_no_finding(size: int) -> None:
    assert judged(size, ("SIZE 100000",)) == ("works", {})


def test_nor_is_a_limit_that_nobody_asked_about() -> None:
    assert judged(None, ("SIZE 100000",)) == ("works", {})


def test_what_does_not_fit_fails_with_both_numbers() -> None:
    verdict, findings = judged(100_001, ("SIZE 100000",))
    assert verdict == "fails"
    assert findings == {
        "send.too_large": "192.0.2.1: 100,001 bytes were requested; the server accepts at most "
        "100,000 bytes before a login"
    }


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (("SIZE 0",), "no fixed limit (SIZE 0)"),
        (("SIZE 000",), "no fixed limit (SIZE 0)"),
        (("SIZE",), "no number (SIZE alone)"),
        ((), "nothing about sizes"),
    ],
)
def test_a_server_without_a_number_cannot_be_judged(lines: tuple[str, ...], words: str) -> None:
    verdict, findings = judged(10**9, lines)
    assert verdict == "works"
    assert findings == {
        "smtp.size_unknown": "192.0.2.1: 1,000,000,000 bytes were requested; the server states "
        + words
    }


def test_unless_it_took_the_number_in_mail() -> None:
    assert judged(10**9, ("SIZE 0",), reply=TAKEN) == ("works", {})
    # Without the keyword the number is not sent, so that it was taken tells nothing.
    assert list(judged(10**9, (), reply=TAKEN)[1]) == ["smtp.size_unknown"]


@pytest.mark.parametrize(
    "words", ["10M", "-5", "unlimited", "1e6", "１００", "100 KB", "1" * 21, "<100000>", "200 300"]
)
def test_nonsense_is_told_and_no_limit_is_made_of_it(words: str) -> None:
    verdict, findings = judged(None, (f"SIZE {words}",))
    assert verdict == "warnings"
    assert findings["smtp.size_malformed"] == f"192.0.2.1: 250-SIZE {words}"


def test_twenty_digits_are_a_number() -> None:
    assert judged(10**18, ("SIZE " + "9" * 20,)) == ("works", {})


def test_a_limit_below_what_each_server_takes_is_told() -> None:
    verdict, findings = judged(None, ("SIZE 25",))
    assert (verdict, list(findings)) == ("warnings", ["smtp.size_too_small"])
    verdict, findings = judged(None, ("SIZE 65535",))
    assert (verdict, list(findings)) == ("works", ["smtp.size_too_small"])
    assert judged(None, ("SIZE 65536",)) == ("works", {})


@pytest.mark.parametrize(
    ("before", "after", "size", "verdict", "codes"),
    [
        ("100000", "200000", 150_000, "works", ["smtp.size_depends_on_login"]),
        ("200000", "100000", 150_000, "fails", ["send.too_large", "smtp.size_depends_on_login"]),
        ("100000", "0", 150_000, "works", ["smtp.size_depends_on_login", "smtp.size_unknown"]),
        ("0", "100000", 150_000, "fails", ["send.too_large", "smtp.size_depends_on_login"]),
        ("100000", "100000", 150_000, "fails", ["send.too_large"]),
        ("67108864", "67107840", None, "works", []),
        ("100000", "200000", None, "works", ["smtp.size_depends_on_login"]),
    ],
)
def test_after_the_login_its_own_limit_counts(
    before: str, after: str, size: int | None, verdict: str, codes: list[str]
) -> None:
    found, findings = judged(size, (f"SIZE {before}",), (f"SIZE {after}",))
    assert (found, sorted(findings)) == (verdict, codes)
    if "smtp.size_depends_on_login" in codes:
        assert findings["smtp.size_depends_on_login"].startswith("192.0.2.1: before the login")
    if "send.too_large" in codes:
        assert "before a login" not in findings["send.too_large"]


async def test_a_check_asks_and_compares(pki: PKI) -> None:
    envelope = smtps.Envelope.of("a@x.test", "b@x.test")
    options: dict[str, Any] = {"username": "u", "password": "secret"}
    async with hosts(pki, {"127.0.0.1": submission(pki)}) as found:
        report = await smtps.check(found.endpoint(**options), envelope=envelope, size=100_001)
        assert found.said("127.0.0.1", "SIZE=100001") == 1
        fits = await smtps.check(found.endpoint(**options), envelope=envelope, size=100_000)
    assert report.verdict == "fails"
    (seen,) = (each.seen for each in report.findings if each.code == "send.too_large")
    assert "100,001" in seen
    assert "100,000" in seen
    assert fits.verdict in ("works", "warnings")
