"""For whom, and for what, certificates are; facts made by hand."""

from __future__ import annotations

from typing import Any

import pytest
from tests.checks.test_rules import a_certificate, an_address, between, facts, untrusted

from smtps.checks.facts import AddressFacts, Certificate, Link, Walk
from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.errors import Failure, Phase

REFUSED = Failure(
    code="tls.client_certificate_refused", message="Alert 46.", phase=Phase.TLS, address="192.0.2.1"
)


def own(**changed: Any) -> Certificate:
    return a_certificate(**{"subject": "CN=robot", "purposes": ("clientAuth",), **changed})


@pytest.mark.parametrize(
    ("certificate", "words", "fix"),
    [
        (own(purposes=("serverAuth",)), "not for clients", "clientAuth"),
        (own(purposes=("any",)), "not for clients", "clientAuth"),  # by name, for OpenSSL
        (own(**between(-90, -2)), "expired on 2026-11-21", "Renew"),
        (own(**between(2, 90)), "valid only from", ""),
    ],
)
def test_a_client_certificate_that_is_unfit(certificate: Certificate, words: str, fix: str) -> None:
    for seen, verdict, severity in (
        (an_address(), "warnings", "warning"),
        (an_address(failure=REFUSED), "fails", "error"),
    ):
        report = Report.of(facts(seen, client_certificate=certificate))
        (found,) = report.findings
        assert (report.verdict, found.code) == (verdict, "tls.client_certificate_unfit")
        assert found.severity == severity
        assert words in found.seen
        assert fix in found.fix


@pytest.mark.parametrize("certificate", [own(), own(purposes=None), None])
def test_a_client_certificate_that_is_fit(certificate: Certificate | None) -> None:
    assert Report.of(facts(an_address(), client_certificate=certificate)).findings == ()
    report = Report.of(facts(an_address(failure=REFUSED), client_certificate=certificate))
    assert [found.code for found in report.findings] == [REFUSED.code]


def wrong_host(host: str, *names: str) -> Finding:
    certificate = a_certificate(names=names)
    seen = an_address(chain=(certificate,), **untrusted("tls.certificate_wrong_host"))
    codes = {found.code: found for found in Report.of(facts(seen, host=host)).findings}
    return codes["tls.certificate_wrong_host"]


def test_no_remedy_leads_from_a_provider_s_host_to_another_name() -> None:
    found = wrong_host("smtp.gmail.com", "relay.isp.example", "smtp.gmai1.com", "smtp2.gmail.com")
    assert found.fix.startswith("Do not log in")
    assert (found.audience, "Connect" in found.fix) == ("network", False)


@pytest.mark.parametrize(
    ("names", "better"),
    [
        (("mx.example.com", "mai1.example.com"), "mai1.example.com"),
        (("mail.example.org", "mail.exarnple.com"), None),  # somebody else's domain
        (("*.example.com",), None),
    ],
)
def test_only_a_name_of_the_same_domain_is_suggested(
    names: tuple[str, ...], better: str | None
) -> None:
    fix = wrong_host("mail.example.com" if better else "mail.a.example.com", *names).fix
    assert ("Connect to" in fix) == (better is not None)
    assert better is None or better in fix


def chain(leaf: Certificate, *issuers: Certificate, code: str) -> AddressFacts:
    whole = (leaf, *issuers)
    links = tuple(Link(each, place) for place, each in enumerate(whole))
    return an_address(chain=whole, walk=Walk(links, "trusted"), **untrusted(code))


def issuer(**changed: Any) -> Certificate:
    return a_certificate(**{
        "subject": "CN=Issuer", "authority": True, "names": (), "fingerprint_sha256": "cd" * 32,
        **changed,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("leaf", "above", "words"),
    [
        (a_certificate(purposes=("clientAuth",)), (), "is for clientAuth only"),
        (a_certificate(purposes=("any",)), (), "is for any only"),
        (a_certificate(usages=("cRLSign",)), (), "may not be used in a handshake"),
        (a_certificate(), (issuer(may_issue=False),), "CN=Issuer has issued"),
        (
            a_certificate(),
            (issuer(may_issue=False, usages=("cRLSign",)),),
            "key usage lacks keyCertSign",
        ),
        (
            a_certificate(),
            (issuer(purposes=("clientAuth",)),),
            "CN=Issuer may issue for clientAuth",
        ),
    ],
)
def test_who_is_not_meant_for_this(
    leaf: Certificate, above: tuple[Certificate, ...], words: str
) -> None:
    seen = chain(leaf, *above, code="tls.certificate_wrong_purpose")
    (found,) = Report.of(facts(seen)).findings
    assert found.code == "tls.certificate_wrong_purpose"
    assert words in found.seen


def test_the_limits_of_an_issuer_are_named() -> None:
    code = "tls.certificate_constrained"
    tight = issuer(constraints=("only example.org", "not example.com"))
    (found,) = Report.of(facts(chain(a_certificate(), tight, code=code))).findings
    assert "CN=Issuer may issue only example.org, not example.com" in found.seen
    short = issuer(subject="CN=Top", path_length=0, fingerprint_sha256="ef" * 32)
    (found,) = Report.of(facts(chain(a_certificate(), issuer(), short, code=code))).findings
    assert "CN=Top may have 0 authorities below it (path length) and has 1" in found.seen


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("mail.example.com.", "not written as a host name"),
        ("https://mail.example.com", "not written as a host name"),
        ("mail.example.com:465", "not written as a host name"),
        (" mail.example.com", "not written as a host name"),
        ("*", "whole first label"),
        ("m*.example.com", "whole first label"),
        ("*.com", "one label only"),
        ("mail.*.com", "whole first label"),
    ],
)
def test_a_name_of_the_wrong_form_is_not_one_to_connect_to(name: str, words: str) -> None:
    own = a_certificate(names=(name,))
    seen = an_address(chain=(own,), **untrusted("tls.certificate_wrong_host"))
    (found,) = Report.of(facts(seen)).findings
    assert found.code == "tls.certificate_wrong_host"
    assert words in found.fix
    assert "Reissue" in found.fix
