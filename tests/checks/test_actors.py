"""Who has to act follows from where the fault is, and no fix advises what is done already."""

from __future__ import annotations

from typing import Any

import pytest
from tests.checks.test_rules import OFFER, a_certificate, an_address, asked, facts, offer, untrusted

from smtps.advice import Who
from smtps.checks.facts import AddressFacts
from smtps.checks.finding import Finding
from smtps.checks.inference import infer
from smtps.checks.probes import Probe
from smtps.checks.report import Report
from smtps.checks.suspects import Case, second_looks
from smtps.core.reply import Reply
from smtps.errors import Failure, Phase

OK = Reply(250, ("Ok",))


def first(*addresses: AddressFacts, **changed: Any) -> Finding:
    return Report.of(facts(*addresses, **changed)).findings[0]


def answered(reply: Reply, **changed: Any) -> Finding:
    seen = an_address(mechanism="PLAIN", asked=asked(OK, reply))
    return first(seen, wanted_login=True, **changed)


def failed(code: str, phase: Phase, address: str = "192.0.2.1", **changed: Any) -> AddressFacts:
    failure = Failure(code=code, message="No.", phase=phase, address=address)
    return an_address(address=address, failure=failure, **{"tls": None, "chain": (), **changed})


@pytest.mark.parametrize(
    ("code", "words", "finding"),
    [
        (554, "5.7.1 <you@example.com>: Relay access denied", "send.relaying_denied"),
        (554, "5.7.1 Client host [192.0.2.9] blocked using zen.spamhaus.org", "smtp.blocklisted"),
        (450, "4.2.0 Greylisted, try again later", "send.greylisted"),
    ],
)
def test_what_a_server_holds_against_a_client_that_has_logged_in_is_its_operator_s(
    code: int, words: str, finding: str
) -> None:
    found = answered(Reply(code, (words,)))
    assert (found.code, found.audience) == (finding, Who.OPERATOR)
    assert "Log in" not in found.fix
    assert "nothing is wrong" not in found.fix


@pytest.mark.parametrize("code", ["smtp.blocklisted", "smtp.access_denied"])
def test_a_refusal_before_any_login_is_the_operator_s_on_a_port_for_logins(code: str) -> None:
    refused = failed(code, Phase.GREETING)
    assert first(refused, port=465).audience is Who.OPERATOR
    assert first(refused, port=25, security="starttls").audience is Who.YOU


@pytest.mark.parametrize(
    ("code", "phase"),
    [("net.refused", Phase.TCP), ("smtp.access_denied", Phase.GREETING)],
)
def test_an_address_that_fails_beside_one_that_works_is_the_operator_s(
    code: str, phase: Phase
) -> None:
    found = first(an_address(), failed(code, phase, "2001:db8::1"))
    assert (found.code, found.audience) == (code, Who.OPERATOR)
    assert "remove the address from DNS" in found.fix


def beside(*, reached: int | None, name: str = "other port") -> dict[str, Probe]:
    return {name: Probe(name, reached=reached)}


def test_no_port_is_advised_that_was_just_found_closed() -> None:
    found = first(failed("net.refused", Phase.TCP, looks=beside(reached=None)))
    assert "use port" not in found.fix.lower()
    assert "STARTTLS" not in found.fix
    clear = failed("tls.starttls_not_offered", Phase.TLS, looks=beside(reached=None))
    found = first(clear, port=587, security="starttls")
    assert "465" not in found.fix
    assert "smtpd_tls" in found.fix
    clear = failed("tls.starttls_not_offered", Phase.TLS, looks=beside(reached=465))
    assert "465" in first(clear, port=587, security="starttls").fix


def test_a_server_with_port_25_alone_receives_mail() -> None:
    failure = Failure(code="net.refused", message="Refused.", phase=Phase.TCP)
    seen = an_address(tls=None, chain=(), looks=beside(reached=None))
    case = Case(failure, seen, "implicit", "mx.example.com", port=465)
    assert second_looks(case) == ["icmp", "other port", "port 25"]
    found = infer(case, Probe("port 25", reached=25))
    assert found is not None
    assert found.code == "net.receiving_only"
    assert infer(case, Probe("port 25")) is None
    seen.looks.clear()
    assert infer(case, Probe("port 25", reached=25)) is None


@pytest.mark.parametrize("code", ["net.refused", "net.timeout"])
def test_a_port_that_a_provider_does_not_offer_is_yours_to_change(code: str) -> None:
    found = first(failed(code, Phase.TCP), host="smtp.office365.com")
    assert (found.code, found.audience) == ("net.port_not_offered", Who.YOU)
    assert "587" in found.fix
    usual = first(failed(code, Phase.TCP), host="smtp.office365.com", port=587, security="starttls")
    assert usual.code == code


def test_a_mail_domain_is_no_server() -> None:
    nowhere = Failure(code="dns.no_address", message="It has no address.", phase=Phase.DNS)
    assert first(failure=nowhere, mail_hosts=("mx.example.com",)).audience is Who.YOU
    assert first(failure=nowhere).audience is Who.OPERATOR


def wrong_host(*names: str, same: dict[str, bool]) -> Finding:
    seen = an_address(
        chain=(a_certificate(names=names),), **untrusted("tls.certificate_wrong_host")
    )
    return first(seen, same_server=same)


def test_a_name_that_leads_here_is_the_one_to_connect_to() -> None:
    found = wrong_host("*.hoster.example", same={"cp12.hoster.example": True})
    assert "Connect to cp12.hoster.example" in found.fix
    assert found.audience is Who.YOU


@pytest.mark.parametrize("same", [{}, {"example.com": False, "www.example.com": False}])
def test_a_name_that_leads_elsewhere_is_not(same: dict[str, bool]) -> None:
    found = wrong_host("example.com", "www.example.com", same=same)
    assert "Connect to" not in found.fix
    assert "Reissue" in found.fix
    assert found.audience is Who.OPERATOR


def test_a_misshapen_name_is_the_operator_s() -> None:
    found = wrong_host("https://mail.example.com", same={})
    assert (found.audience, "Reissue" in found.fix) == (Who.OPERATOR, True)


def test_nobody_is_sent_anywhere_by_a_server_that_works() -> None:
    assert Report.of(facts(an_address(capabilities=offer(*OFFER)))).findings == ()
