"""What a second look makes of a first failure; no network."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.diagnosis.test_rules import a_certificate, an_address, facts

from smtps.core.reply import Reply
from smtps.diagnosis.clients import KINDS, fare
from smtps.diagnosis.facts import Certificate
from smtps.diagnosis.looks import Look
from smtps.diagnosis.refine import SECOND_LOOKS, refine
from smtps.diagnosis.rules import judge
from smtps.diagnosis.rules.hints import hint
from smtps.errors import Failure, Phase
from smtps.net.tls import TLSFacts

HOST = "mail.example.com"
OLD = TLSFacts("TLSv1.1", "AES128-SHA")
DATED = TLSFacts("TLSv1.2", "AES128-SHA")
NEW = TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384")
REFUSED = Failure(code="tls.protocol_version", message="No.", phase=Phase.TLS)
LATER = Failure(code="smtp.rate_limited", message="Later.", phase=Phase.GREETING, smtp_code=421)
GREETING = Reply(220, ("mail.example.com ESMTP",))


def first(code: str) -> Failure:
    return Failure(code=code, message="It failed.", phase=Phase.TLS, retryable=True)


@pytest.mark.parametrize(
    ("code", "look", "better"),
    [
        ("tls.protocol_version", Look("old", tls=OLD), "tls.protocol_version"),
        ("tls.closed", Look("old", tls=OLD), "tls.protocol_version"),
        ("tls.closed", Look("old", tls=DATED), "tls.old_ciphers_only"),
        ("tls.no_common_cipher", Look("old", tls=DATED), "tls.old_ciphers_only"),
        ("tls.closed", Look("modest", tls=DATED), "tls.version_intolerant"),
        ("tls.timeout", Look("modest", tls=DATED), "tls.version_intolerant"),
        ("tls.closed", Look("nameless", tls=NEW), "tls.unrecognized_name"),
        ("tls.server_error", Look("nameless", tls=NEW), "tls.unrecognized_name"),
        ("tls.timeout", Look("clear", greeting=GREETING), "tls.plaintext_on_tls_port"),
        ("smtp.greeting_timeout", Look("implicit", tls=NEW), "tls.implicit_tls_port"),
        # Nothing came of it: the failure stays what it was.
        ("tls.closed", Look("old", failure=REFUSED), "tls.closed"),
        ("tls.closed", Look("old", tls=OLD, failure=REFUSED), "tls.closed"),
        ("tls.timeout", Look("modest", failure=REFUSED), "tls.timeout"),
        ("tls.timeout", Look("clear"), "tls.timeout"),
        ("tls.server_error", Look("nameless", failure=REFUSED), "tls.server_error"),
        ("smtp.greeting_timeout", Look("implicit"), "smtp.greeting_timeout"),
        ("tls.closed", Look("TLSv1.2", tls=NEW), "tls.closed"),  # a look for another purpose
    ],
)
def test_a_second_look(code: str, look: Look, better: str) -> None:
    found = refine(first(code), HOST, an_address(looks={look.name: look}))
    assert found.code == better
    assert (found == first(code)) == (
        (better == code and not look.secured) or look.name == "TLSv1.2"
    )


def test_a_handshake_counts_although_the_server_turns_away_later() -> None:
    assert Look("old", tls=OLD, failure=LATER).secured
    assert Look("old", tls=OLD, failure=LATER).unwelcome


def test_every_second_look_is_one_that_is_understood() -> None:
    for looks in SECOND_LOOKS.values():
        for name in looks:
            secured = Look(name, tls=NEW, greeting=GREETING)
            assert refine(first("tls.x"), HOST, an_address(looks={name: secured})).message != (
                "It failed."
            )


INCOMPLETE, ROOT = "tls.certificate_incomplete_chain", "tls.certificate_untrusted_root"
SCANNER = a_certificate(issuer="CN=Avast Web/Mail Shield Root")
ISSUER = a_certificate(subject="CN=Some Authority", authority=True, names=())


@pytest.mark.parametrize(
    ("code", "host", "chain", "trust_store", "better"),
    [
        (INCOMPLETE, HOST, (a_certificate(),), True, INCOMPLETE),
        (INCOMPLETE, HOST, (a_certificate(), ISSUER), True, ROOT),
        (INCOMPLETE, HOST, (a_certificate(),), False, "tls.no_trust_store"),
        (ROOT, HOST, (a_certificate(),), False, "tls.no_trust_store"),
        (ROOT, HOST, (SCANNER,), True, "tls.intercepted"),
        (ROOT, HOST, (a_certificate(),), True, ROOT),
        ("tls.certificate_expired", HOST, (SCANNER,), False, "tls.certificate_expired"),
        ("tls.certificate_wrong_host", HOST, (a_certificate(),), True,
         "tls.certificate_wrong_host"),
        ("tls.certificate_wrong_host", "192.0.2.1", (a_certificate(),), True,
         "tls.certificate_no_address"),
        ("tls.certificate_wrong_host", "192.0.2.1", (a_certificate(names=("192.0.2.9",)),), True,
         "tls.certificate_wrong_host"),
        ("tls.certificate_wrong_host", "192.0.2.1", (), True, "tls.certificate_no_address"),
    ],
)  # fmt: skip
def test_certificates(
    code: str, host: str, chain: tuple[Certificate, ...], trust_store: bool, better: str
) -> None:
    seen = an_address(chain=chain)
    assert refine(first(code), host, seen, trust_store=trust_store).code == better


SILENT = Failure(code="net.timeout", message="No connection came about.", phase=Phase.TCP)


@pytest.mark.parametrize(
    ("control", "code"),
    [(None, "net.timeout"), ("answers", "net.timeout"), ("silent", "net.port_blocked_here")],
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
        ({"looks": {"TLSv1.2": Look("TLSv1.2", failure=REFUSED)}}, "without TLS 1.3"),
        ({"looks": {"TLSv1.3": Look("TLSv1.3", failure=REFUSED)}}, "TLS 1.3 only"),
    ],
)
def test_who_else_would_fail(changed: dict[str, object], words: str) -> None:
    (name,) = client(**changed)
    assert words in name


def test_nobody_is_told_about_where_this_client_fails() -> None:
    assert fare(replace(an_address(), failure=SILENT)) == []
