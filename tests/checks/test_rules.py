"""The judgement: facts in, findings and verdict out; no network."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.checks import made

from smtps.advice import Severity
from smtps.checks.facts import AddressFacts, Asked, Certificate, Facts
from smtps.checks.report import Report
from smtps.checks.rules import judge, network
from smtps.checks.verdict import Verdict, conclude
from smtps.client.login import UNSAID
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Quirk, Reply
from smtps.errors import Failure, Phase
from smtps.net.tls import TLSFacts
from smtps.report.labels import capability_label
from smtps.report.text import render

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
OFFER = ("PIPELINING", "SIZE 35882577", "AUTH PLAIN LOGIN")


def a_certificate(**changed: Any) -> Certificate:
    good = Certificate(
        subject="CN=mail.example.com",
        issuer="CN=Some Authority",
        names=("mail.example.com", "*.example.org"),
        not_before=NOW - timedelta(days=30),
        not_after=NOW + timedelta(days=60),
        fingerprint_sha256="ab" * 32,
        self_signed=False,
        key="EC P-256",
        signature="sha256",
    )
    return replace(good, **changed)


def between(first: float, last: float) -> dict[str, Any]:
    """Validity in days from now."""
    return {"not_before": NOW + timedelta(days=first), "not_after": NOW + timedelta(days=last)}


def offer(*lines: str) -> Capabilities:
    return Capabilities.of(Reply(250, ("mail.example.com hello", *lines)))


def an_address(**changed: Any) -> AddressFacts:
    good = AddressFacts(
        "192.0.2.1",
        timings={"tcp": 10.0, "tls": 20.0, "greeting": 5.0, "ehlo": 5.0},
        tls=TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, (b"",), verified=True),
        chain=(a_certificate(),),
        greeting=Reply(220, ("mail.example.com ESMTP",)),
        capabilities=offer(*OFFER),
        ehlo_name="portofcall",
    )
    return replace(good, **changed)


def facts(*addresses: AddressFacts, **changed: Any) -> Facts:
    found = Facts("mail.example.com", "mail.example.com", 465, "implicit", NOW)
    return replace(found, addresses=list(addresses), **changed)


def asked(mail: Reply, rcpt: Reply) -> Asked:
    return Asked("me@example.com", mail, (("you@example.com", rcpt),))


def untrusted(code: str) -> dict[str, Any]:
    return {
        "failure": Failure(code=code, message="No.", phase=Phase.TLS, address="192.0.2.1"),
        "tls": TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, (b"",)),
    }


CASES: dict[str, tuple[Facts, str, list[str]]] = {
    "a healthy server": (facts(an_address()), "works", []),
    "expires in 13 days": (
        facts(an_address(chain=(a_certificate(**between(-77, 13)),))),
        "warnings",
        ["tls.certificate_expires_soon"],
    ),
    "expires in 15 days": (
        facts(an_address(chain=(a_certificate(**between(-75, 15)),))),
        "works",
        [],
    ),
    "expired, for another name, and OpenSSL tells one of them": (
        facts(
            an_address(
                chain=(a_certificate(not_after=NOW - timedelta(days=3), names=("x.example.net",)),),
                **untrusted("tls.certificate_wrong_host"),
            )
        ),
        "fails",
        ["tls.certificate_expired", "tls.certificate_wrong_host"],
    ),
    "not yet valid": (
        facts(
            an_address(
                chain=(a_certificate(not_before=NOW + timedelta(days=3)),),
                **untrusted("tls.certificate_not_yet_valid"),
            )
        ),
        "fails",
        ["tls.certificate_not_yet_valid"],
    ),
    "self-signed": (
        facts(
            an_address(
                chain=(a_certificate(self_signed=True),),
                **untrusted("tls.certificate_self_signed"),
            )
        ),
        "fails",
        ["tls.certificate_self_signed"],
    ),
    "untrusted root, which only OpenSSL knows": (
        facts(an_address(**untrusted("tls.certificate_untrusted_root"))),
        "fails",
        ["tls.certificate_untrusted_root"],
    ),
    "a certificate that cannot be read": (
        facts(an_address(chain=(), **untrusted("tls.certificate_invalid"))),
        "fails",
        ["tls.certificate_invalid"],
    ),
    "self-signed but pinned": (
        facts(an_address(chain=(a_certificate(self_signed=True, names=("x",)),))),
        "works",
        [],
    ),
    "unverified on purpose": (
        facts(
            an_address(tls=TLSFacts("TLSv1.3"), chain=(a_certificate(names=("x",)),)),
            verify=False,
        ),
        "warnings",
        ["tls.certificate_wrong_host"],
    ),
    "a login over TLS that nobody checked": (
        facts(
            an_address(tls=TLSFacts("TLSv1.3"), mechanism="PLAIN"),
            verify=False,
            wanted_login=True,
        ),
        "warnings",
        ["auth.sent_unverified"],
    ),
    "a failure that no rule knows": (
        facts(an_address(**untrusted("tls.certificate_revoked"))),
        "fails",
        ["tls.certificate_revoked"],
    ),
    "an expired certificate of which this machine sees nothing": (
        facts(an_address(**untrusted("tls.certificate_expired"))),
        "fails",
        ["tls.certificate_expired"],
    ),
    "a sender put off, and what was answered behind": (
        facts(an_address(asked=asked(Reply(451, ("4.3.0 later",)), Reply(503, ("MAIL first",))))),
        "later",
        ["send.deferred"],
    ),
    "a sender refused, and what was answered behind": (
        facts(an_address(asked=asked(Reply(550, ("5.7.1 no",)), Reply(451, ("4.3.0 later",))))),
        "fails",
        ["send.mail_refused"],
    ),
    "one of two addresses is down": (
        facts(
            an_address(),
            AddressFacts("192.0.2.2", failure=Failure(code="net.refused", message="No.")),
        ),
        "warnings",
        ["net.refused", "net.some_addresses_fail"],
    ),
    "the name does not exist": (
        facts(failure=Failure(code="dns.name_not_found", message="No.")),
        "fails",
        ["dns.name_not_found"],
    ),
    "the resolver is silent": (
        facts(failure=Failure(code="dns.timeout", message="No.", retryable=True)),
        "unknown",
        ["dns.timeout"],
    ),
    "rate limited": (
        facts(
            AddressFacts(
                "192.0.2.1",
                failure=Failure(
                    code="smtp.greeting_refused", message="421", retryable=True, smtp_code=421
                ),
            )
        ),
        "later",
        ["smtp.greeting_refused"],
    ),
    "a late greeting": (
        facts(an_address(timings={"greeting": 4500.0})),
        "warnings",
        ["smtp.greeting_late"],
    ),
    "no login offered, and none wanted": (
        facts(an_address(capabilities=offer("SIZE"))),
        "warnings",
        ["auth.not_offered"],
    ),
    "no login offered, but wanted": (
        facts(
            an_address(
                capabilities=offer("SIZE"),
                login_failure=Failure(code="auth.not_offered", message="No.", phase=Phase.AUTH),
            ),
            wanted_login=True,
        ),
        "fails",
        ["auth.not_offered"],
    ),
    "a refused login, though a second address answers": (
        facts(
            an_address(login_failure=Failure(code="auth.rejected", message="535")),
            an_address(address="192.0.2.2"),
            wanted_login=True,
        ),
        "fails",
        ["auth.rejected"],
    ),
    "logins put off": (
        facts(
            an_address(
                login_failure=Failure(
                    code="auth.try_later", message="454", retryable=True, smtp_code=454
                )
            ),
            wanted_login=True,
        ),
        "later",
        ["auth.try_later"],
    ),
    "the client's name is refused": (
        facts(an_address(ehlo_name="[192.0.2.9]", ehlo_name_refused=True)),
        "warnings",
        ["smtp.ehlo_name_replaced"],
    ),
    "STARTTLS inside TLS": (
        facts(an_address(capabilities=offer(*OFFER, "STARTTLS"))),
        "warnings",
        ["tls.starttls_inside_tls"],
    ),
    "strange replies": (
        facts(an_address(quirks=frozenset({Quirk.BARE_LF, Quirk.LONG_LINE}))),
        "warnings",
        ["smtp.nonstandard_replies"],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_findings_and_verdict(name: str) -> None:
    seen, verdict, codes = CASES[name]
    report = Report.of(seen)
    assert [finding.code for finding in report.findings] == codes
    assert report.verdict == verdict


@pytest.mark.parametrize("name", CASES)
def test_the_text_says_what_the_json_says(name: str) -> None:
    report = Report.of(CASES[name][0])
    text = render(report, transcript=True)
    assert "\x1b" not in text
    assert "\x1b[" in render(report, colour=True)
    for finding in report.as_json(transcript=True)["findings"]:
        assert finding["code"] in text
        assert finding["seen"].split()[0] in text


@given(made.facts)
def test_no_failure_is_lost_and_none_is_called_working(seen: Facts) -> None:
    report = Report.of(seen)
    told = judge(seen)
    explained = {finding.explains for finding in told}
    for failure in seen.failures:
        # Two failures that read the same are one finding.
        assert failure in explained or network.finding(seen, failure) in told
    if report.verdict in ("works", "warnings"):
        assert seen.failure is None
        served = [each for each in seen.addresses if each.failure is None]
        assert any(each.tls is not None and each.tls.version for each in served)
        logins = [each.login_failure.code for each in seen.addresses if each.login_failure]
        assert set(logins) <= UNSAID
        assert not logins or any(each.mechanism for each in seen.addresses)
        assert any(each.mechanism for each in seen.addresses) or not seen.wanted_login


@given(made.facts, st.lists(st.sampled_from(Severity)))
def test_findings_only_tell_works_from_warnings(seen: Facts, found: list[Severity]) -> None:
    verdicts = {conclude(seen, found), conclude(seen, [])}
    assert len(verdicts) == 1 or verdicts == {Verdict.WORKS, Verdict.WARNINGS}


def test_of_the_facts_without_anything_nothing_is_known() -> None:
    assert Report.of(facts()).verdict == "unknown"
    assert Report.of(facts(an_address(tls=None))).verdict == "unknown"
    assert Report.of(facts(an_address(greeting=None))).verdict == "unknown"
    assert Report.of(facts(an_address(capabilities=None))).verdict == "unknown"
    assert Report.of(facts(an_address(tls=TLSFacts("TLSv1.3")))).verdict == "unknown"
    assert Report.of(facts(an_address(), wanted_login=True)).verdict == "unknown"


def test_errors_come_before_warnings() -> None:
    seen = facts(
        an_address(
            chain=(a_certificate(names=("x",)),),
            quirks=frozenset({Quirk.BARE_LF}),
            **untrusted("tls.certificate_wrong_host"),
        )
    )
    severities = [finding.severity for finding in judge(seen)]
    assert severities == [Severity.ERROR, Severity.WARNING]


def test_evidence_names_the_address_and_the_server_s_words() -> None:
    (finding,) = judge(
        facts(
            AddressFacts(
                "192.0.2.1",
                failure=Failure(
                    code="tls.failed", message="It failed.", address="192.0.2.1", seen="BAD_ECPOINT"
                ),
            )
        )
    )
    assert finding.seen == "192.0.2.1: It failed. (BAD_ECPOINT)"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("SIZE 35882577", "up to 35.9 MB"),
        ("SIZE 1000", "up to 1 kB"),
        ("SIZE 999", "up to 999 bytes"),
        ("SIZE 2000000000", "up to 2 GB"),
        ("SIZE 0", "any size"),
        ("SIZE", "any size"),
        ("AUTH PLAIN LOGIN", "the login mechanisms that it accepts"),
        ("AUTH", "names no mechanism"),
        ("CHUNKING", "in chunks"),
        ("X-OWN-THING", ""),
    ],
)
def test_each_capability_has_a_word(line: str, words: str) -> None:
    found = capability_label(line.split(maxsplit=1)[0], offer(line))
    assert words in found if words else found == ""


def test_access_denied_before_a_login_means_to_log_in() -> None:
    denied = Reply(554, ("5.7.1 <you@example.com>: Recipient address rejected: Access denied",))
    envelope = asked(Reply(250, ("2.1.0 Ok",)), denied)
    before = Report.of(facts(an_address(asked=envelope)))
    assert [finding.code for finding in before.findings] == ["send.login_required"]
    after = Report.of(facts(an_address(asked=envelope, mechanism="PLAIN"), wanted_login=True))
    assert [finding.code for finding in after.findings] == ["smtp.access_denied"]


def test_a_login_that_was_accepted_is_not_asked_for_again() -> None:
    wanted = Reply(530, ("5.7.0 Authentication required",))
    (finding,) = Report.of(
        facts(an_address(asked=asked(wanted, wanted), mechanism="PLAIN"), wanted_login=True)
    ).findings
    assert finding.code == "send.login_ignored"
    assert "log in" not in finding.fix.lower()


def test_a_mail_exchanger_without_logins_is_in_order() -> None:
    seen = facts(an_address(capabilities=offer("PIPELINING")), port=25, security="starttls")
    (finding,) = Report.of(seen).findings
    assert (finding.code, finding.severity) == ("auth.not_offered", Severity.INFO)
    assert "587" in finding.fix


def test_a_password_beyond_ascii_is_told_of_with_the_refusal() -> None:
    failure = Failure(code="auth.rejected", message="535", smtp_code=535, phase=Phase.AUTH)
    seen = facts(an_address(login_failure=failure), wanted_login=True, password_is_ascii=False)
    assert "UTF-8" in Report.of(seen).findings[0].fix
