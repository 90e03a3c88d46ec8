"""What a second look makes of a first failure; no network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.checks.test_rules import an_address
from tests.net.test_serverhello import hello, record

from smtps.checks.inference import at_last, infer, known
from smtps.checks.prober import PATIENCE
from smtps.checks.probes import DEEP_LOOKS, LOOKS, MADE_BY_HAND, Probe
from smtps.checks.suspects import SUSPECTS, Case, second_looks, worth_it
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Reply
from smtps.errors import Failure, Phase
from smtps.net.rejection import Rejection
from smtps.net.services import PROMPTS
from smtps.net.tls import TLSFacts

HOST = "mail.example.com"
OLD = TLSFacts("TLSv1.1", "AES128-SHA")
DATED = TLSFacts("TLSv1.2", "AES128-SHA")
USUAL = TLSFacts("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256")
NEW = TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", hello_size=300)
DSA = TLSFacts("TLSv1.2", "DHE-DSS-AES256-GCM-SHA384")
ARIA = TLSFacts("TLSv1.2", "ECDHE-ECDSA-ARIA256-GCM-SHA384")
ANONYMOUS = TLSFacts("TLSv1.2", "ADH-AES256-GCM-SHA384")
NO_TLS = Failure(code="tls.protocol_version", message="No.", phase=Phase.TLS)
LATER = Failure(code="smtp.rate_limited", message="Later.", phase=Phase.GREETING, smtp_code=421)
CLOSED = Failure(code="net.closed_by_server", message="Closed.", phase=Phase.GREETING)
MUTE = Failure(code="smtp.greeting_timeout", message="Nothing.", phase=Phase.GREETING)
GREETING = Reply(220, ("mail.example.com ESMTP",))
BUSY = Reply(421, ("4.3.2 No system resources",))
ML_KEM = record(hello((43, b"\3\4"), (51, b"\x11\xec")))
BRAINPOOL = bytes([12, 0, 0, 4, 3, 0, 0x1A, 0])
RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


def retry(group: bytes) -> bytes:
    """A HelloRetryRequest for a group."""
    plain = record(hello((43, b"\3\4"), (51, group)))
    return plain[:11] + RETRY + plain[43:]


def case(code: str, phase: Phase = Phase.TLS, **changed: Any) -> Case:
    failure = Failure(code=code, message="It failed.", phase=phase, retryable=True)
    security, host = changed.pop("security", "implicit"), changed.pop("host", HOST)
    seen = an_address(**{"greeting": None, "tls": None, "capabilities": None, **changed})
    return Case(failure, seen, security, host)


@pytest.mark.parametrize(
    ("code", "look", "better"),
    [
        ("tls.handshake_refused", Probe("old", tls=OLD), "tls.protocol_version"),
        ("tls.closed", Probe("old", tls=OLD), "tls.protocol_version"),
        ("tls.closed", Probe("old", tls=DATED), "tls.old_ciphers_only"),
        ("tls.handshake_refused", Probe("old", tls=DATED), "tls.old_ciphers_only"),
        ("tls.handshake_refused", Probe("old", tls=USUAL), "tls.old_ciphers_only"),
        ("tls.protocol_version", Probe("old", tls=OLD), "tls.protocol_version"),
        ("tls.protocol_version", Probe("old", tls=USUAL), "tls.minimum_not_met"),
        ("tls.weak_key_exchange", Probe("old", tls=DATED), "tls.weak_key_exchange"),
        ("tls.legacy_renegotiation", Probe("old", tls=USUAL), "tls.legacy_renegotiation"),
        ("tls.handshake_refused", Probe("anonymous", tls=ANONYMOUS), "tls.no_server_certificate"),
        ("tls.handshake_refused", Probe("anonymous", tls=TLSFacts("TLSv1.2", "NULL-SHA256")),
         "tls.no_common_cipher"),
        ("tls.handshake_refused", Probe("pre-shared key", heard=record(hello(cipher=0xA8))),
         "tls.no_common_cipher"),
        ("tls.handshake_refused", Probe("old", tls=DSA), "tls.no_common_certificate"),
        ("tls.handshake_refused", Probe("old", tls=ARIA), "tls.no_common_cipher"),
        ("tls.handshake_refused", Probe("rare ciphers", heard=record(hello(cipher=0x9A))),
         "tls.no_common_cipher"),
        ("tls.handshake_refused",
         Probe("rare ciphers", heard=record(hello((43, b"\3\4"), cipher=0x1304))),
         "tls.no_common_cipher"),
        ("tls.handshake_refused", Probe("rare ciphers", heard=record(hello(cipher=0xC102))),
         "tls.no_common_certificate"),
        ("tls.handshake_refused",
         Probe("groups of TLS 1.2", heard=record(hello()) + record(BRAINPOOL)),
         "tls.no_common_group"),
        ("smtp.greeting_timeout", Probe("TLS inside", heard=record(hello())), "tls.twice"),
        ("net.timeout", Probe("other port", reached=587), "net.other_port_open"),
        ("smtp.ehlo_refused", Probe("say LHLO", heard=b"220 x\r\n250-x\r\n250 SIZE\r\n"),
         "smtp.other_service"),
        ("smtp.greeting_timeout", Probe("say HTTP", heard=b"HTTP/1.0 200 ok\r\n"),
         "smtp.web_server"),
        ("tls.plaintext_on_tls_port",
         Probe("say FEAT in the clear", heard=b"220 x\r\n211-Features:\r\n"),
         "smtp.other_service"),
        ("net.unreachable", Probe("icmp", rejection=Rejection("192.0.2.9", 3, 0, False)),
         "net.host_unreachable"),
        ("tls.handshake_refused", Probe("groups", heard=retry(b"\x11\xec")),
         "tls.post_quantum_only"),
        ("tls.handshake_refused", Probe("groups", heard=retry(b"\0\x1a")), "tls.no_common_group"),
        ("tls.closed", Probe("modest", tls=DATED), "tls.version_intolerant"),
        ("tls.handshake_refused", Probe("modest", tls=USUAL), "tls.version_intolerant"),
        ("tls.handshake_refused",
         Probe("modest", tls=TLSFacts("TLSv1.2", "DHE-RSA-AES256-GCM-SHA384")),
         "tls.no_common_group"),
        ("tls.timeout", Probe("modest", tls=DATED), "tls.version_intolerant"),
        ("tls.timeout", Probe("small", tls=NEW), "tls.large_hello"),
        ("net.reset", Probe("small", tls=NEW), "tls.large_hello"),
        ("tls.timeout", Probe("small segments", tls=NEW), "net.path_mtu"),
        ("tls.closed", Probe("nameless", tls=NEW), "tls.unrecognized_name"),
        ("tls.server_error", Probe("nameless", tls=NEW), "tls.unrecognized_name"),
        ("tls.timeout", Probe("clear", greeting=GREETING), "tls.plaintext_on_tls_port"),
        ("tls.closed", Probe("proxy", tls=NEW, greeting=GREETING), "smtp.proxy_header_wanted"),
        ("smtp.greeting_timeout", Probe("proxy inside", tls=NEW, greeting=GREETING),
         "smtp.proxy_header_wanted"),
        ("smtp.greeting_timeout", Probe("implicit", tls=NEW, greeting=GREETING),
         "tls.implicit_tls_port"),
        ("smtp.greeting_timeout", Probe("say EHLO", heard=b"HTTP/1.1 400 Bad Request\r\n"),
         "smtp.web_server"),
        ("smtp.greeting_timeout", Probe("say EHLO inside", heard=b"HTTP/1.1 400 Bad\r\n"),
         "smtp.web_server"),
        ("smtp.greeting_timeout", Probe("say LDAP", heard=bytes.fromhex("300c02010161070a0100")),
         "smtp.other_service"),
        ("smtp.greeting_timeout", Probe("say EHLO", heard=b"who are you?\r\n"),
         "smtp.not_a_reply"),
        ("smtp.ehlo_refused", Probe("say FEAT", heard=b"220 hi\r\n211-Features:\r\n"),
         "smtp.other_service"),
        ("net.host_unreachable", Probe("icmp", rejection=Rejection("192.0.2.9", 3, 10, True)),
         "net.prohibited"),
        ("net.refused", Probe("icmp", rejection=Rejection("192.0.2.9", 3, 3, True)),
         "net.prohibited"),
        ("net.host_unreachable", Probe("icmp", rejection=Rejection("192.0.2.9", 3, 1, False)),
         "net.host_unreachable"),
    ],
)  # fmt: skip
def test_a_look_that_tells(code: str, look: Probe, better: str) -> None:
    found = infer(case(code), look)
    assert found is not None
    assert found.code == better
    assert found.message != "It failed."


@pytest.mark.parametrize(
    ("code", "look"),
    [
        ("tls.closed", Probe("old", failure=NO_TLS)),
        ("tls.closed", Probe("old", tls=OLD, failure=NO_TLS)),
        ("tls.timeout", Probe("modest", failure=NO_TLS)),
        ("tls.timeout", Probe("small segments", failure=NO_TLS)),
        ("tls.timeout", Probe("clear")),
        ("tls.server_error", Probe("nameless", failure=NO_TLS)),
        ("tls.handshake_refused", Probe("groups", heard=retry(b"\0\x1d"))),  # we have X25519
        ("tls.handshake_refused", Probe("groups", heard=b"\x15\3\3\0\2\2\x28")),
        ("tls.handshake_refused", Probe("anonymous", failure=NO_TLS)),
        ("smtp.greeting_timeout", Probe("implicit")),
        ("smtp.greeting_timeout", Probe("implicit", tls=NEW, failure=MUTE)),  # whose TLS is it?
        ("smtp.greeting_timeout", Probe("say EHLO", failure=CLOSED)),
        ("smtp.greeting_timeout", Probe("say EHLO", heard=b"220 late\r\n")),
        ("smtp.greeting_timeout", Probe("proxy inside", greeting=BUSY)),
        ("smtp.ehlo_refused", Probe("say FEAT", heard=b"220 x ESMTP\r\n500 unrecognized\r\n")),
        ("smtp.ehlo_refused", Probe("say LHLO", heard=b"220 x ESMTP\r\n500 unrecognized\r\n")),
        ("smtp.greeting_timeout", Probe("TLS inside", heard=b"500 no\r\n")),
        ("tls.handshake_refused", Probe("pre-shared key", heard=b"\x15\3\3\0\2\2\x28")),
        ("tls.handshake_refused", Probe("groups of TLS 1.2", heard=record(hello()))),
        ("tls.handshake_refused", Probe("rare ciphers", heard=record(hello()))),  # a usual cipher
        ("tls.handshake_refused", Probe("rare ciphers", heard=b"\x15\3\3\0\2\2\x28")),
        ("net.timeout", Probe("other port", failure=CLOSED)),
        ("net.refused", Probe("icmp")),
        ("tls.closed", Probe("TLSv1.2", tls=NEW)),  # a look for another purpose
    ],
)
def test_a_look_that_tells_nothing(code: str, look: Probe) -> None:
    assert infer(case(code), look) is None


@pytest.mark.parametrize(
    ("code", "said", "better"),
    [
        ("smtp.not_a_reply", {"seen": "* OK IMAP4rev1 ready"}, "smtp.incoming_mail_server"),
        ("smtp.not_a_reply", {"seen": "+OK POP3 ready"}, "smtp.incoming_mail_server"),
        ("smtp.not_a_reply", {"seen": "HTTP/1.1 400 Bad Request"}, "smtp.web_server"),
        ("smtp.ehlo_refused", {"smtp_code": 530, "lines": ("Please login with USER and PASS.",)},
         "smtp.other_service"),
        ("smtp.not_a_reply", {"seen": "hello"}, None),
        ("smtp.ehlo_refused", {"smtp_code": 550, "lines": ("5.7.1 Not you",)}, None),
    ],
)  # fmt: skip
def test_what_is_known_without_a_look(code: str, said: dict[str, Any], better: str | None) -> None:
    failure = Failure(code=code, message="It failed.", phase=Phase.EHLO, **said)
    found = known(Case(failure, an_address(greeting=None), "implicit", HOST))
    assert (found and found.code) == better


def test_a_greeting_of_a_file_server_counts_once_ehlo_was_refused() -> None:
    failure = Failure(code="smtp.ehlo_refused", message="No.", phase=Phase.EHLO, smtp_code=500,
                      lines=("Unknown command.",))  # fmt: skip
    seen = an_address(greeting=Reply(220, ("(vsFTPd 3.0.3)",)))
    found = known(Case(failure, seen, "implicit", HOST))
    assert found is not None
    assert found.code == "smtp.other_service"


@pytest.mark.parametrize(("shown", "better"), [(True, "refused"), (False, "required")])
@pytest.mark.parametrize("code", ["tls.closed", "net.reset"])
def test_a_server_that_asked_for_a_certificate_and_hung_up(
    code: str, shown: bool, better: str
) -> None:
    asked = record(hello()) + record(bytes([13, 0, 0, 4]) + bytes(4))
    wanting = replace(case(code, tls=TLSFacts(first_bytes=asked)), certificate=shown)
    found = known(wanting)
    assert found is not None
    assert found.code == f"tls.client_certificate_{better}"
    assert known(case(code, tls=TLSFacts(first_bytes=record(hello())))) is None


@pytest.mark.parametrize("seen", ["500 5.5.2 Error: command not recognized", None])
def test_a_refusal_of_what_was_never_said(seen: str | None) -> None:
    failure = Failure(code="smtp.unexpected_reply", message="It failed.", phase=Phase.EHLO,
                      seen=seen, smtp_code=None if seen else 502)  # fmt: skip
    early = Case(failure, an_address(capabilities=None), "implicit", HOST)
    found = known(early)
    assert found is not None
    assert found.code == "smtp.proxy_header_refused"
    assert known(Case(failure, an_address(), "implicit", HOST)) is None  # later it is another's


@pytest.mark.parametrize(
    ("greeting", "lines", "masked"),
    [
        ("220 ************************************", (), True),
        ("220 mail.example ESMTP", ("XXXXXXXA",), True),
        ("220 mail.example ESMTP ***", ("XCLIENT NAME ADDR", "8BITMIME"), False),
    ],
)
def test_a_firewall_that_writes_over_the_dialogue(
    greeting: str, lines: tuple[str, ...], masked: bool
) -> None:
    code, words = greeting.split(" ", 1)
    seen = case(
        "tls.starttls_not_offered",
        greeting=Reply(int(code), (words,)),
        capabilities=Capabilities.of(Reply(250, ("mail.example", *lines))),
    )
    found = known(seen)
    assert (found and found.code) == ("tls.starttls_masked" if masked else None)


def test_what_stays_open_is_said_as_it_is() -> None:
    assert at_last(case("tls.handshake_refused")).code == "tls.handshake_refused"
    assert at_last(case("tls.timeout")) == case("tls.timeout").failure
    hung_up = case("smtp.greeting_timeout", Phase.GREETING,
                   looks={"say EHLO": Probe("say EHLO", failure=CLOSED)})  # fmt: skip
    assert at_last(hung_up).code == "smtp.greeting_timeout"
    assert "closed the connection on EHLO" in at_last(hung_up).message
    secured = {"implicit": Probe("implicit", tls=NEW, failure=MUTE)}
    found = at_last(case("smtp.greeting_timeout", Phase.GREETING, looks=secured))
    assert found.code == "tls.implicit_tls_port"


@pytest.mark.parametrize("code", ["net.closed_by_server", "net.reset"])
def test_an_end_before_the_greeting_says_whether_there_was_tls(code: str) -> None:
    through = at_last(case(code, Phase.GREETING, tls=NEW))
    plain = at_last(case(code, Phase.GREETING, security="starttls"))
    assert through.code == plain.code == "smtp.closed_before_greeting"
    assert "TLS" in through.message
    assert "TLS" not in plain.message


@pytest.mark.parametrize(
    ("code", "better"),
    [
        ("tls.unrecognized_name", "tls.name_needed"),
        ("tls.server_error", "tls.server_error"),
        ("tls.closed", "tls.closed"),
        ("net.reset", "net.reset"),
    ],
)
def test_to_an_address_no_name_is_sent(code: str, better: str) -> None:
    found = at_last(case(code, host="192.0.2.1"))
    assert found.code == better
    assert "No name (SNI) was sent" in found.message
    assert at_last(case(code)).message == "It failed."


def test_a_name_is_left_out_only_where_one_was_sent() -> None:
    assert "nameless" in second_looks(case("tls.server_error"))
    assert "nameless" not in second_looks(case("tls.server_error", host="192.0.2.1"))


def test_a_small_hello_is_tried_where_the_first_may_have_been_too_large() -> None:
    large, usual = TLSFacts(hello_size=1550), TLSFacts(hello_size=517)
    for tls in (large, usual):
        looks = second_looks(case("tls.timeout", tls=tls))
        assert looks[:2] == ["small segments", "small"]  # the path first, then whoever is on it
    assert "small" in second_looks(case("tls.handshake_refused", tls=large))
    assert "small" not in second_looks(case("tls.handshake_refused", tls=usual))


@pytest.mark.parametrize(
    ("words", "name"),
    [("4.3.2 No system resources", "proxy inside"), ("4.3.2 Shutting down", None)],
)
def test_a_server_that_says_421_is_left_alone_unless_it_speaks_of_a_proxy(
    words: str, name: str | None
) -> None:
    failure = Failure(code="smtp.shutting_down", message="No.", phase=Phase.GREETING,
                      smtp_code=421, lines=(words,))  # fmt: skip
    found = second_looks(Case(failure, an_address(), "implicit", HOST))
    assert found == (["proxy", name] if name else [])


def test_every_look_of_the_table_is_one_that_can_be_taken() -> None:
    others = {
        "clear",
        "implicit",
        "proxy",
        "proxy inside",
        "icmp",
        "other port",
        "port 25",
        "small segments",
    }
    known_ = {*LOOKS, *MADE_BY_HAND, *PROMPTS, *others}
    assert {suspect.look for suspect in SUSPECTS} <= known_
    assert set(DEEP_LOOKS) <= known_ | {"resumption"}


def test_who_was_silent_to_words_is_asked_no_more_of_them() -> None:
    hung_up, mute = Probe("say EHLO", failure=CLOSED), Probe("say EHLO", failure=MUTE)
    assert worth_it("say LDAP", {"say EHLO": hung_up})
    assert worth_it("say LDAP", {"say EHLO": mute})  # it waits for the end of what it takes for one
    assert worth_it("say MQTT", {"say EHLO": hung_up})
    assert not worth_it("say MQTT", {"say EHLO": mute})
    assert not worth_it("say EHLO inside", {"implicit": Probe("implicit", failure=NO_TLS)})
    assert worth_it("say EHLO inside", {"implicit": Probe("implicit", tls=NEW)})
    assert not worth_it("say EHLO", {"implicit": Probe("implicit", tls=NEW)})


def test_a_handshake_counts_although_the_server_turns_away_later() -> None:
    assert Probe("old", tls=OLD, failure=LATER).secured
    assert Probe("old", tls=OLD, failure=LATER).unwelcome


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (Probe("old", tls=OLD), "TLSv1.1, AES128-SHA"),
        (Probe("implicit", tls=NEW, failure=MUTE), "TLSv1.3, TLS_AES_256_GCM_SHA384, Nothing"),
        (Probe("clear", greeting=GREETING), "220 mail.example.com ESMTP"),
        (Probe("groups", heard=ML_KEM), "ServerHello, TLSv1.3, X25519MLKEM768"),
        (Probe("groups", heard=b"\x15\3\3\0\2\2\x28"), "handshake failure (alert 40)"),
        (Probe("groups", heard=b"hello"), "no TLS"),
        (Probe("say EHLO", heard=b"HTTP/1.1 400 Bad\r\nmore"), "HTTP/1.1 400 Bad"),
        (Probe("icmp", rejection=Rejection("192.0.2.9", 3, 10, True)),
         "ICMP type 3 code 10 from 192.0.2.9"),
        (Probe("icmp"), "nothing"),
        (Probe("modest", failure=NO_TLS), "No"),
    ],
)  # fmt: skip
def test_what_came_of_it_in_a_few_words(look: Probe, words: str) -> None:
    assert look.outcome == words


def test_no_step_of_a_look_waits_longer_than_people_do() -> None:
    assert PATIENCE <= 5
