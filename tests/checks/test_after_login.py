"""What a check says of a login that the server accepted: whether mail can follow it."""

from __future__ import annotations

from typing import Any

import pytest
from tests.checks.made import a_report
from tests.checks.mail import BESIDE, HOST, ZONE
from tests.nameserver import name_server
from tests.net.pki import PKI
from tests.net.servers import Peer, Script, secured, server_context, serving

import smtps
from smtps.checks.facts import AddressFacts
from smtps.checks.report import Report
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Reply

PLAIN = b"250-mail.example.com\r\n250 AUTH PLAIN\r\n"


def server(pki: PKI, answers: dict[bytes, list[bytes]]) -> Script:
    """Verb → its answers in turn, the last of which stays; an empty one hangs up."""

    async def dialogue(peer: Peer) -> None:
        left = {verb: list(each) for verb, each in answers.items()}
        await peer.say(b"220 mail.example.com ESMTP\r\n")
        while line := await peer.read():
            verb = line[:4].upper()
            due = left.get(verb) or [b"221 Bye\r\n" if verb == b"QUIT" else b"250 Ok\r\n"]
            answer = due.pop(0) if len(due) > 1 else due[0]
            if not answer:
                peer.hang_up()
                return
            await peer.say(answer)

    return secured(server_context(pki.named.pem), dialogue)


async def log_in(pki: PKI, answers: dict[bytes, list[bytes]], **options: Any) -> Report:
    script = server(pki, {b"AUTH": [b"235 Welcome\r\n"], **answers})
    async with serving(script, "0.0.0.0") as peer, name_server(ZONE) as names:
        return await smtps.check(
            HOST, port=peer.port, ca_file=pki.ca, resolver=names.place, username="me",
            password="secret", **options,
        )  # fmt: skip


def codes(report: Report) -> list[str]:
    return [each.code for each in report.findings if each.code not in BESIDE]


async def test_a_server_that_hangs_up_behind_the_login_does_not_work(pki: PKI) -> None:
    report = await log_in(pki, {b"EHLO": [PLAIN, b""]})
    assert report.verdict == "fails"
    assert codes(report)[0] == "smtp.closed_after_login"
    found = next(each for each in report.findings if each.code == "smtp.closed_after_login")
    assert found.audience == "operator"


async def test_a_session_that_ends_with_421_behind_the_login_says_why(pki: PKI) -> None:
    words = b"421 4.4.0 Failed to connect to relay server\r\n"
    report = await log_in(pki, {b"EHLO": [PLAIN, words]})
    assert report.verdict == "later"
    assert codes(report)[0] == "smtp.proxy_failed"


async def test_silence_behind_the_login_is_a_failure(pki: PKI) -> None:
    timeouts = smtps.Timeouts(command=0.3, quit=0.1)
    report = await log_in(pki, {b"EHLO": [PLAIN, b"250-half\r\n"]}, timeouts=timeouts)
    assert report.verdict == "fails"
    assert codes(report)[0] == "smtp.reply_unfinished"


async def test_a_second_ehlo_may_be_refused(pki: PKI) -> None:
    report = await log_in(pki, {b"EHLO": [PLAIN, b"503 5.5.1 Duplicate EHLO\r\n"]})
    assert report.failure is None
    assert codes(report) == []


async def test_logins_in_the_old_form_alone_are_a_warning(pki: PKI) -> None:
    old = b"250-mail.example.com\r\n250 AUTH=PLAIN LOGIN\r\n"
    report = await log_in(pki, {b"EHLO": [old]})
    assert codes(report) == ["auth.old_form"]
    both = b"250-mail.example.com\r\n250-AUTH=PLAIN\r\n250 AUTH PLAIN\r\n"
    report = await log_in(pki, {b"EHLO": [both]})
    assert codes(report) == []


def test_the_old_form_is_told_without_a_login_too() -> None:
    def change(address: AddressFacts) -> None:
        address.capabilities = Capabilities.of(Reply(250, ("mail.example.com", "AUTH=LOGIN")))

    assert codes(a_report(change)) == ["auth.old_form"]


@pytest.mark.parametrize(
    ("phase", "milliseconds", "code"),
    [
        ("auth", 25_000.0, "auth.slow"),
        ("auth", 9_999.0, None),
        ("ehlo", 11_000.0, "smtp.slow"),
        ("rcpt", 11_000.0, "smtp.slow"),
    ],
)
def test_slow_replies_are_a_warning(phase: str, milliseconds: float, code: str | None) -> None:
    def change(address: AddressFacts) -> None:
        address.mechanism = "PLAIN"
        address.timings[phase] = milliseconds

    report = a_report(change, wanted_login=True)
    assert codes(report) == ([code] if code else [])
    assert report.verdict == ("warnings" if code else "works")


def test_a_slow_network_is_not_a_slow_server() -> None:
    def change(address: AddressFacts) -> None:
        address.mechanism = "PLAIN"
        address.timings |= {"tcp": 2_500.0, "auth": 12_000.0}

    assert codes(a_report(change, wanted_login=True)) == []


def test_a_login_that_was_refused_late_was_not_slow_but_refused() -> None:
    def change(address: AddressFacts) -> None:
        address.timings["auth"] = 25_000.0

    assert a_report(change).verdict == "works"
