"""What a failure about a certificate was, and what else follows from facts; no network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.checks.test_rules import a_certificate, an_address, facts

from smtps.checks.chain import refine
from smtps.checks.clients import KINDS, fare
from smtps.checks.facts import Certificate
from smtps.checks.probes import Probe
from smtps.checks.rules import judge
from smtps.checks.rules.hints import hint
from smtps.errors import Failure, Phase

HOST = "mail.example.com"
REFUSED = Failure(code="tls.protocol_version", message="No.", phase=Phase.TLS)


def first(code: str) -> Failure:
    return Failure(code=code, message="It failed.", phase=Phase.TLS, retryable=True)


INCOMPLETE, ROOT = "tls.certificate_incomplete_chain", "tls.certificate_untrusted_root"
SCANNER = a_certificate(issuer="CN=Avast Web/Mail Shield Root")
ADDRESSED = a_certificate(names=("192.0.2.9",), addresses=("192.0.2.9",))


@pytest.mark.parametrize(
    ("code", "host", "chain", "trust_store", "better"),
    [
        (INCOMPLETE, HOST, (a_certificate(),), True, INCOMPLETE),
        (INCOMPLETE, HOST, (a_certificate(),), False, "tls.no_trust_store"),
        (ROOT, HOST, (a_certificate(),), False, "tls.no_trust_store"),
        (ROOT, HOST, (SCANNER,), True, "tls.intercepted"),
        (ROOT, HOST, (a_certificate(),), True, ROOT),
        ("tls.certificate_expired", HOST, (SCANNER,), False, "tls.certificate_expired"),
        ("tls.certificate_wrong_host", HOST, (a_certificate(),), True,
         "tls.certificate_wrong_host"),
        ("tls.certificate_wrong_host", "192.0.2.1", (a_certificate(),), True,
         "tls.certificate_no_address"),
        ("tls.certificate_wrong_host", "192.0.2.1", (ADDRESSED,), True,
         "tls.certificate_wrong_host"),
        ("tls.certificate_wrong_host", "192.0.2.1", (), True, "tls.certificate_no_address"),
    ],
)  # fmt: skip
def test_certificates(
    code: str, host: str, chain: tuple[Certificate, ...], trust_store: bool, better: str
) -> None:
    seen = an_address(chain=chain)
    assert refine(first(code), host, seen, trust_store=trust_store).code == better


SILENT = Failure(code="net.timeout", message="The connection timed out.", phase=Phase.TCP)


@pytest.mark.parametrize(
    ("control", "code"),
    [(None, "net.timeout"), ("answers", "net.dropped_there"), ("silent", "net.port_blocked_here")],
)
def test_a_silent_control_means_that_the_port_is_blocked(control: str | None, code: str) -> None:
    found = judge(facts(an_address(failure=SILENT, tls=None, chain=()), control=control))
    assert [finding.code for finding in found] == [code]


@pytest.mark.parametrize(
    ("host", "port", "security", "code", "words"),
    [
        ("smtp.office365.com", 465, "implicit", "net.refused", "port 587 with STARTTLS"),
        ("smtp.office365.com", 587, "starttls", "net.refused", None),
        ("smtp.gmail.com", 465, "implicit", "auth.rejected", "app password"),
        ("smtp.gmail.com", 465, "implicit", "smtp.rate_limited", None),
        ("mail.example.com", 465, "implicit", "auth.rejected", None),
        ("127.0.0.1", 465, "implicit", "net.refused", None),
    ],
)
def test_a_provider_s_own_remedy(
    host: str, port: int, security: str, code: str, words: str | None
) -> None:
    found = hint(facts(host=host, port=port, security=security), code)
    assert found is None if words is None else words in (found or "")


def client(**changed: object) -> list[str]:
    fails = {found.name for found in fare(an_address(**changed)) if found.why is not None}
    return [name for name in KINDS if name in fails]


def test_a_good_server_fails_no_client() -> None:
    assert client() == []
    assert len(fare(an_address())) == len(KINDS)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"chain": (a_certificate(strict_faults=("no key identifier",)),)}, "strict"),
        ({"chain": (a_certificate(signature="sha1"),)}, "SHA-1"),
        ({"chain": (a_certificate(common_name_only=True),)}, "subjectAltName"),
        ({"timings": {"greeting": 5001.0}}, "five seconds"),
        ({"looks": {"TLSv1.2": Probe("TLSv1.2", failure=REFUSED)}}, "without TLS 1.3"),
        ({"looks": {"TLSv1.3": Probe("TLSv1.3", failure=REFUSED)}}, "TLS 1.3 only"),
    ],
)
def test_who_else_would_fail(changed: dict[str, object], words: str) -> None:
    (name,) = client(**changed)
    assert words in name


def test_nobody_is_told_about_where_this_client_fails() -> None:
    assert fare(replace(an_address(), failure=SILENT)) == []
