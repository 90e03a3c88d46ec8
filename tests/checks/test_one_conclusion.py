"""Where several things that were seen have one cause, that cause alone is said."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.checks.made import a_report
from tests.checks.mail import BESIDE, HOST, ZONE
from tests.checks.test_rules import NOW, a_certificate, an_address, facts, offer, untrusted
from tests.nameserver import name_server
from tests.net.pki import PKI
from tests.net.servers import Peer, secured, server_context, serving

import smtps
from smtps.advice import Severity, Who
from smtps.checks.facts import AddressFacts
from smtps.checks.finding import Finding
from smtps.checks.inference import at_last
from smtps.checks.probes import FIRST, Probe
from smtps.checks.report import Report
from smtps.checks.suspects import Case
from smtps.errors import Failure, Phase


def findings(*addresses: AddressFacts, **changed: Any) -> list[Finding]:
    return list(Report.of(facts(*addresses, **changed)).findings)


def codes(*addresses: AddressFacts, **changed: Any) -> list[str]:
    return [each.code for each in findings(*addresses, **changed)]


def refused(code: str, **certificate: Any) -> AddressFacts:
    return an_address(chain=(a_certificate(**certificate),), **untrusted(code))


SNAKEOIL = {"subject": "CN=debian", "issuer": "CN=debian", "names": ("debian",)}
PLESK = {"subject": "CN=Plesk,O=Plesk", "issuer": "CN=Plesk,O=Plesk", "names": ()}


@pytest.mark.parametrize("made", [SNAKEOIL, PLESK])
@pytest.mark.parametrize("code", ["tls.certificate_self_signed", "tls.certificate_wrong_host"])
def test_a_default_certificate_is_one_finding(code: str, made: dict[str, Any]) -> None:
    expired = NOW - timedelta(days=900)
    for more in ({}, {"not_after": expired}):
        (found,) = findings(refused(code, self_signed=True, **made, **more))
        assert (found.code, found.audience) == ("tls.certificate_default", Who.OPERATOR)


@pytest.mark.parametrize(
    "made",
    [
        {"names": ("mail.example.com",)},  # its own name: somebody wanted it so
        {"names": ("mx.example.net",)},
        {"names": ("debian",), "self_signed": False},
    ],
)
def test_a_certificate_that_somebody_chose_is_none_by_default(made: dict[str, Any]) -> None:
    seen = refused("tls.certificate_self_signed", **{"self_signed": True, **made})
    assert "tls.certificate_default" not in codes(seen)


def test_a_provider_has_no_default_certificate() -> None:
    seen = refused("tls.certificate_self_signed", self_signed=True, **SNAKEOIL)
    found = findings(seen, host="smtp.gmail.com")
    assert found[0].code == "tls.certificate_wrong_host"
    assert "Do not log in" in found[0].fix


HIDDEN = offer("PIPELINING", "STARTTLS")


def test_starttls_and_no_login_inside_tls_is_one_finding() -> None:
    (found,) = findings(an_address(capabilities=HIDDEN))
    assert (found.code, found.severity) == ("auth.encryption_required", Severity.WARNING)
    lacking = Failure(code="auth.not_offered", message="No login.", phase=Phase.AUTH)
    (found,) = findings(an_address(capabilities=HIDDEN, login_failure=lacking), wanted_login=True)
    assert (found.code, found.severity) == ("auth.encryption_required", Severity.ERROR)
    assert "enable SASL" not in found.fix


def test_between_servers_nobody_logs_in() -> None:
    found = codes(an_address(capabilities=HIDDEN), port=25, security="starttls")
    assert "auth.encryption_required" not in found
    assert "tls.starttls_inside_tls" in found


def test_an_address_of_a_web_proxy_carries_no_mail() -> None:
    silent = Failure(code="net.timeout", message="Timed out.", phase=Phase.TCP)
    there = an_address(address="104.21.5.6", tls=None, chain=(), failure=silent)
    (found,) = findings(there)
    assert (found.code, found.audience) == ("dns.web_proxy", Who.OPERATOR)
    assert codes(an_address(address="104.21.5.6")) == []  # a tunnel for mail, say
    assert codes(replace(there, address="192.0.2.1")) == ["net.timeout"]


def test_one_of_several_certificates_is_named() -> None:
    expired = Failure(
        code="tls.certificate_expired", message="The certificate has expired.", phase=Phase.TLS
    )
    seen = an_address(passed=expired, looks={FIRST: Probe(FIRST, failure=expired)})
    report = Report.of(facts(seen))
    (found,) = report.findings
    assert report.verdict == "warnings"
    assert (found.code, found.audience) == ("tls.certificate_expired", Who.OPERATOR)
    assert "each one" in found.fix


def cut(code: str, name: str = "small", **seen: Any) -> Probe:
    return Probe(name, failure=Failure(code=code, message="Cut.", phase=Phase.TLS), **seen)


@pytest.mark.parametrize("code", ["tls.closed", "net.reset"])
def test_a_server_that_cuts_every_hello_most_likely_has_no_certificate(code: str) -> None:
    failure = Failure(code=code, message="Cut.", phase=Phase.TLS)
    names = ("small", "nameless", "modest", "old", "groups")
    seen = an_address(tls=None, chain=(), looks={name: cut(code, name) for name in names})
    case = Case(failure, seen, "implicit", "mail.example.com")
    found = at_last(case)
    assert found.code == "tls.closed"
    assert "every ClientHello" in found.message
    assert "certificate" in Finding.from_failure(found).meaning
    seen.looks["old"] = Probe("old", failure=None)
    assert at_last(case) == failure


@pytest.mark.parametrize(
    ("port", "security", "who"),
    [(465, "implicit", Who.OPERATOR), (587, "starttls", Who.OPERATOR), (587, "implicit", Who.YOU)],
)
def test_silence_is_for_the_operator_where_the_port_is_used_as_it_is_meant(
    port: int, security: str, who: Who
) -> None:
    silent = Failure(code="tls.timeout", message="Silence.", phase=Phase.TLS)
    (found,) = findings(
        an_address(tls=None, chain=(), failure=silent), port=port, security=security
    )
    assert found.audience is who
    assert ("port 465" in found.fix.lower()) is False


async def test_a_web_server_behind_another_certificate_is_a_portal(pki: PKI) -> None:
    async def portal(peer: Peer) -> None:
        words = await peer.read()
        assert not words or words.startswith(b"GET / ")
        await peer.say(b"HTTP/1.1 302 Found\r\nLocation: https://login.example/\r\n\r\n")
        peer.hang_up()

    script = secured(server_context(pki.elsewhere.pem), portal)
    async with serving(script, "0.0.0.0") as place, name_server(ZONE) as names:
        report = await smtps.check(
            HOST, port=place.port, ca_file=pki.ca, resolver=names.place,
            username="me", password="secret", timeouts=smtps.Timeouts(greeting=0.3, quit=0.1),
        )  # fmt: skip
    (found,) = (each for each in report.findings if each.code not in BESIDE)
    assert (found.code, found.audience) == ("net.portal", Who.YOU)
    assert "302" in found.seen


def test_a_healthy_server_has_none_of_these() -> None:
    assert codes(an_address()) == []
    assert a_report().findings == ()
