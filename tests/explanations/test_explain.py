"""What words mean: the table, held against real messages (``messages.toml`` beside this)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from scripts import tables

import smtps
from smtps.advice import ADVICE
from smtps.errors import InputError
from smtps.explanations.explaining import LONGEST, SHOWN, explain
from smtps.explanations.explanation import CERTAIN
from smtps.explanations.own_names import ALERTS
from smtps.explanations.wordings import table
from smtps.net import translate
from smtps.replies import UNKNOWN
from smtps.sandbox.personas import PERSONAS

ROOT = Path(__file__).parent.parent.parent
UNKNOWN_CODES = {code for pair in UNKNOWN.values() for code in pair}


@cache
def corpus() -> list[dict[str, Any]]:
    path = Path(__file__).with_name("messages.toml")
    found: list[dict[str, Any]] = tomllib.loads(path.read_text(encoding="utf-8"))["message"]
    return found


def first(text: str) -> str | None:
    best = explain(text).best
    return best and best.code


def test_every_message_has_the_code_that_an_expert_gives() -> None:
    wrong = []
    for message in corpus():
        best = explain(message["text"]).best
        if message["code"] == "unknown":
            right = best is None or best.score < CERTAIN
        else:
            right = best is not None and best.code == message["code"]
        if not right:
            wrong.append(f"{message['text'][:200]}: {best and best.code}, not {message['code']}")
    assert wrong == []


def test_the_corpus_is_large_and_every_message_has_a_source() -> None:
    assert len(corpus()) >= 180
    assert len({message["text"] for message in corpus()}) == len(corpus())
    assert [message["text"] for message in corpus() if not message["source"]] == []
    assert {message["code"] for message in corpus()} <= {*ADVICE, "unknown"}


def test_every_code_of_the_table_has_advice() -> None:
    found = table()
    codes = {name.partition(" ")[0] for name in found["words"]}
    codes |= {code for listed in found["codes"].values() for code in listed}
    codes |= {code for _, values, _ in found["numbers"] for one in values.values() for code in one}
    assert codes <= set(ADVICE)
    assert len(codes) > 80


def test_every_program_of_the_table_has_a_source() -> None:
    path = tables.SOURCE / "explanations" / "wordings.toml"
    programs = tomllib.loads(path.read_text(encoding="utf-8"))["program"]
    assert [program["name"] for program in programs if not program["source"]] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("wrong version number", "tls.plaintext_on_tls_port"),
        ("SSL: WRONG_VERSION_NUMBER", "tls.plaintext_on_tls_port"),
        ("Connection refused", "net.refused"),
        ("errno 111", "net.refused"),
        ("[Errno 61]", "net.refused"),
        ("WinError 10060", "net.timeout"),
        ("WSAECONNREFUSED 10061", "net.refused"),
        ("Socket Error # 10054", "net.reset"),
        ("0x800CCC0E", "net.refused"),
        ("AADSTS50126", "auth.rejected"),
        ("X509_V_ERR 20", "tls.certificate_incomplete_chain"),
        ("verify error:num=10:whatever", "tls.certificate_expired"),
        ("SEC_ERROR_EXPIRED_CERTIFICATE", "tls.certificate_expired"),
        ("CFNetwork SSLHandshake failed (-9807)", "tls.certificate_untrusted_root"),
        ("alert 70", "program.tls_too_old"),
        ("curl: (67) no", "auth.rejected"),
        ("tls.certificate_expired", "tls.certificate_expired"),
        ("MailCertificateExpiresSoon", "tls.certificate_expires_soon"),
        ("535 5.7.8 Error: authentication failed", "auth.rejected"),
        ("host mx.test said: 550 5.1.1 no such user (in reply to RCPT TO command)",
         "send.recipient_unknown"),
        ("The server response was: 5.7.60 SMTP; Client does not have permissions to send as x",
         "send.sender_refused"),
        ("(535, b'5.7.8 Username and Password not accepted')", "auth.rejected"),
        ("Remote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'",
         "send.recipient_unknown"),
        ("da der Zielcomputer die Verbindung verweigerte 127.0.0.1:25", "net.refused"),
        ("Aucune connexion n’a pu être établie car l’ordinateur cible l’a expressément refusée",
         "net.refused"),
        ("Se ha forzado la interrupción de una conexión existente por el host remoto", "net.reset"),
        ("接続済みの呼び出し先が一定の時間を過ぎても正しく応答しなかったため", "net.timeout"),
    ],
)  # fmt: skip
def test_words_numbers_replies_and_names_are_known(text: str, code: str) -> None:
    assert first(text) == code


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_each_code_explains_itself(code: str) -> None:
    best = smtps.explain(f"smtps said {code}: why?").best
    assert best is not None
    assert (best.code, best.why) == (code, (code,))
    assert (best.meaning, best.fix) == (ADVICE[code].meaning, ADVICE[code].fix)
    assert best.audience == ADVICE[code].audience


@pytest.mark.parametrize("name", [name for name, one in PERSONAS.items() if one.findings])
def test_a_persona_s_name_explains_what_it_shows(name: str) -> None:
    assert {match.code for match in explain(name).matches} == set(PERSONAS[name].findings)


def test_each_alert_rule_is_explained() -> None:
    groups = yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text())["groups"]
    names = {rule["alert"] for group in groups for rule in group["rules"]}
    assert names == set(ALERTS)
    for name in names:
        best = explain(f"[FIRING:1] {name}").best
        assert best is not None
        assert best.code == (ALERTS[name].code or name)
        assert best.meaning.endswith(".")
        assert best.fix.endswith(".")


def test_every_error_of_the_tls_library_that_a_check_names_is_named_the_same() -> None:
    for number, (code, _) in translate._VERIFY.items():
        assert first(f"verify error:num={number}") in (code, "tls.certificate_no_address", None)
    for reason, (code, _) in translate._REASON.items():
        assert first(f"[SSL: {reason}] (_ssl.c:1)") == code


def test_a_handshake_that_a_log_shows_as_text_is_known() -> None:
    assert first("<= \ufffd\ufffd\x16\x03\ufffd\ufffd\n=> 502 Invalid command") == (
        "tls.plaintext_on_tls_port"
    )


def test_words_of_a_server_are_known_without_their_code() -> None:
    found = explain("The mailbox is over its quota")
    assert [match.code for match in found.matches] == ["send.mailbox_full"]


def test_of_a_stack_trace_the_innermost_cause_counts() -> None:
    trace = (
        "javax.mail.MessagingException: Connection refused\n"
        "\tat com.sun.mail.smtp.SMTPTransport.openServer(SMTPTransport.java:2118)\n"
        "Caused by: javax.net.ssl.SSLHandshakeException: PKIX path building failed\n"
        "\tat sun.security.ssl.Alert.connectionRefused(Alert.java:131)\n"
    )
    assert first(trace) == "tls.certificate_untrusted_root"


def test_a_match_says_which_words_led_to_it_and_how_well_they_fit() -> None:
    found = explain("Oops: SSL routines::WRONG   version\nnumber, port 465")
    assert found.best is not None
    assert found.best.why == ("WRONG version number",)
    assert found.best.score == 0.9
    assert found.next == ""
    assert found.as_json()["matches"][0]["for"] == "you"


def test_where_words_fit_several_causes_all_are_named_and_none_is_certain() -> None:
    found = explain("SMTP connect() failed.")
    assert {"net.timeout", "net.refused"} <= {match.code for match in found.matches}
    assert all(match.score < CERTAIN for match in found.matches)
    assert "smtps check" in found.next


@pytest.mark.parametrize("text", ["hello world", "250 2.0.0 OK", "port 465", "lorem ipsum 550 men"])
def test_of_what_is_not_known_nothing_is_claimed(text: str) -> None:
    found = explain(text)
    assert found.matches == ()
    assert "smtps check" in found.next


@pytest.mark.parametrize("text", ["", "  \n", "x" * (LONGEST + 1), "é" * (LONGEST // 2 + 1)])
def test_no_text_and_too_much_of_it_are_errors_of_the_caller(text: str) -> None:
    with pytest.raises(InputError, match="text") as caught:
        explain(text)
    assert caught.value.field == "text"


@given(st.text(min_size=1).filter(str.strip))
def test_any_text_is_taken(text: str) -> None:
    found = explain(text)
    assert len(found.matches) <= SHOWN
    scores = [match.score for match in found.matches]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score < 1 for score in scores)
    assert all(match.code in ADVICE or match.code in ALERTS for match in found.matches)


PIECES = """535 5.7.8|550-|said:|Caused by:|--->|(#5.1.1)|\\n|…|<|0x80|CERT_HAS_EXPIRED|'|AUTH PLAIN
wrong version number|日本|İ|at a.b(|5.7.1|://|password=|334""".replace("\n", "|").split("|")


@given(st.lists(st.sampled_from([*PIECES, "\n", " "]), min_size=1, max_size=30).map("".join))
def test_pieces_of_messages_in_any_order_are_taken(text: str) -> None:
    if text.strip():
        explain(text)


def test_a_long_text_is_explained_too() -> None:
    text = ("Dec  1 10:00:00 mail postfix/smtp[1]: connect to mx.test[192.0.2.1]:25: ok\n" * 870)[
        :-40
    ]
    assert len(text) > 60_000
    assert first(text[:30_000] + "\nerror: certificate has expired\n" + text[30_000:60_000]) == (
        "tls.certificate_expired"
    )
