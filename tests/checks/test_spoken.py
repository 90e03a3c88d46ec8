"""Servers that say the wrong thing in a session that is otherwise in order."""

from __future__ import annotations

from typing import Any

import pytest
from tests.net.pki import PKI
from tests.net.servers import Peer, Script, secured, server_context, serving

import smtps
from smtps.advice import Severity
from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.client.outgoing import Envelope

OFFER = b"250-mail.example\r\n250 AUTH PLAIN\r\n"
REPLIES = {
    b"EHLO": OFFER,
    b"HELO": b"250 mail.example\r\n",
    b"AUTH": b"235 2.7.0 Welcome\r\n",
    b"MAIL": b"250 2.1.0 Ok\r\n",
    b"RCPT": b"250 2.1.5 Ok\r\n",
    b"QUIT": b"221 2.0.0 Bye\r\n",
}
LOGIN: dict[str, Any] = {"username": "ann@example.com", "password": "secret"}
ENVELOPE = Envelope.of("ann@example.com", ["bob@example.net"])


def speaking(replies: dict[bytes, bytes]) -> Script:
    """Answer each command by its verb."""
    known = REPLIES | replies

    async def script(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        while line := await peer.read():
            await peer.say(known.get(line[:4].upper(), b"500 5.5.1 What?\r\n"))

    return script


async def look_at(pki: PKI, replies: dict[bytes, bytes], **options: Any) -> Report:
    script, security = speaking(replies), options.get("security", "implicit")
    if security == "implicit":
        script = secured(server_context(pki.good.pem), script)
    async with serving(script) as server:
        options = {"ca_file": pki.ca, "timeouts": smtps.Timeouts(quit=0.2), **options}
        return await smtps.check("127.0.0.1", port=server.port, **options)


def only(report: Report) -> Finding:
    (finding,) = (f for f in report.findings if f.code != "tls.certificate_not_strict")
    return finding


@pytest.mark.parametrize("refusal", [b"500 5.5.1 What?\r\n", b"502 Not implemented\r\n"])
async def test_a_server_that_knows_only_helo_is_named(pki: PKI, refusal: bytes) -> None:
    finding = only(await look_at(pki, {b"EHLO": refusal}))
    assert (finding.code, finding.severity) == ("smtp.no_ehlo", Severity.WARNING)
    assert refusal.decode().strip() in finding.seen


@pytest.mark.parametrize("options", [LOGIN, {"security": "starttls"}])
async def test_what_such_a_server_lacks_is_its_fault(pki: PKI, options: dict[str, Any]) -> None:
    report = await look_at(pki, {b"EHLO": b"502 Not implemented\r\n"}, **options)
    finding = only(report)
    assert (finding.code, finding.severity) == ("smtp.no_ehlo", Severity.ERROR)
    assert report.verdict == "fails"


async def test_a_server_that_knows_no_greeting_of_the_client_at_all(pki: PKI) -> None:
    unknown = b"502 5.5.2 Unknown command\r\n"
    finding = only(await look_at(pki, {b"EHLO": unknown, b"HELO": unknown}))
    assert finding.code == "smtp.no_ehlo"
    assert "neither EHLO nor HELO" in finding.seen
    assert "--ehlo-name" not in finding.fix


@pytest.mark.parametrize(
    ("offered", "words"),
    [
        ("EXTERNAL", "client certificate"),
        ("NTLM", "Windows"),
        ("GSSAPI", "Kerberos"),
        ("KERBEROS_V4", "Kerberos"),
        ("DIGEST-MD5", "obsolete"),
        ("XOAUTH2", "access token"),
        ("X-OF-OUR-OWN", "not a login that this client has"),
    ],
)
async def test_logins_that_take_no_password(pki: PKI, offered: str, words: str) -> None:
    offer = {b"EHLO": f"250-mail.example\r\n250 AUTH {offered}\r\n".encode()}
    asked = only(await look_at(pki, offer, **LOGIN))
    assert asked.code == "auth.no_common_mechanism"
    unasked = only(await look_at(pki, offer))
    assert (unasked.code, unasked.severity) == ("auth.no_passwords", Severity.INFO)
    for finding in (asked, unasked):
        assert words in finding.fix
        assert "PLAIN" in finding.fix


async def test_a_token_for_a_server_that_takes_passwords(pki: PKI) -> None:
    finding = only(await look_at(pki, {}, username="ann@example.com", access_token="ya29"))
    assert finding.code == "auth.no_common_mechanism"
    assert "password" in finding.fix


async def test_a_mechanism_that_was_asked_for_and_is_not_offered(pki: PKI) -> None:
    finding = only(await look_at(pki, {}, **LOGIN, mechanism="CRAM-MD5"))
    assert finding.code == "auth.no_common_mechanism"
    assert finding.fix.startswith("Leave out the mechanism CRAM-MD5")


@pytest.mark.parametrize(
    ("verb", "code"), [(b"MAIL", "send.mail_refused"), (b"RCPT", "send.recipient_refused")]
)
async def test_a_bare_503_to_a_command_alone_has_no_cause(pki: PKI, verb: bytes, code: str) -> None:
    finding = only(await look_at(pki, {verb: b"503 No\r\n"}, envelope=ENVELOPE, **LOGIN))
    assert finding.code == code


async def test_commands_were_sent_one_at_a_time_and_that_is_said(pki: PKI) -> None:
    lost = {b"MAIL": b"503 5.5.1 Error: send HELO/EHLO first\r\n"}
    finding = only(await look_at(pki, lost, envelope=ENVELOPE, **LOGIN))
    assert finding.code == "smtp.out_of_sequence"
    assert "one command at a time and waited" in finding.fix


# The same words mean another thing at another moment.


async def test_nobody_can_log_in_before_the_greeting(pki: PKI) -> None:
    async def turned_away(peer: Peer) -> None:
        await peer.say(b"554 No SMTP service here\r\n")

    script = secured(server_context(pki.good.pem), turned_away)
    async with serving(script) as server:
        report = await smtps.check("127.0.0.1", port=server.port, ca_file=pki.ca)
    finding = only(report)
    assert finding.code == "smtp.access_denied"
    assert not finding.fix.startswith("Log in")
    assert "before any login" in finding.fix


@pytest.mark.parametrize(
    ("offered", "words"),
    [("AUTH PLAIN,LOGIN", "separate them by spaces"), ("AUTH", "enable SASL")],
)
async def test_logins_that_are_offered_in_the_wrong_form(
    pki: PKI, offered: str, words: str
) -> None:
    offer = {b"EHLO": f"250-mail.example\r\n250 {offered}\r\n".encode()}
    assert words in only(await look_at(pki, offer, **LOGIN)).fix


def upgrading(pki: PKI, end: str) -> Script:
    """A server that agrees to STARTTLS, and what it does then."""

    async def script(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        await peer.read()
        await peer.say(b"250-mail.example\r\n250 STARTTLS\r\n")
        await peer.read()
        await peer.say(b"220 Go\r\n")
        if end == "refuses EHLO":
            await peer.handshake(server_context(pki.good.pem))
            await peer.read()
            await peer.say(b"503 5.5.1 EHLO was said already\r\n")
        elif end == "stays in the clear":
            await peer.read()
            await peer.say(b"500 5.5.2 What?\r\n")
            await peer.read()
        else:
            peer.hang_up()

    return script


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        ("stays in the clear", "tls.starttls_in_clear", "certificate and key"),
        ("hangs up", "tls.closed", "certificate or key"),
        ("refuses EHLO", "smtp.ehlo_refused", "After STARTTLS, each client says EHLO again"),
    ],
)
async def test_what_goes_wrong_behind_starttls_is_not_the_port(
    pki: PKI, end: str, code: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.checks.follow_up.PAUSE", 0.0)
    async with serving(upgrading(pki, end)) as server:
        report = await smtps.check(
            "127.0.0.1", port=server.port, ca_file=pki.ca, security="starttls",
            timeouts=smtps.Timeouts(quit=0.2),
        )  # fmt: skip
    finding = only(report)
    assert finding.code == code
    assert words in finding.fix


async def test_a_server_that_hangs_up_on_a_login_has_a_service_behind_it(pki: PKI) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        await peer.read()
        await peer.say(OFFER)
        await peer.read()
        await peer.say_goodbye()
        peer.hang_up()

    async with serving(secured(server_context(pki.good.pem), script)) as server:
        report = await smtps.check("127.0.0.1", port=server.port, ca_file=pki.ca, **LOGIN)
    finding = only(report)
    assert finding.code == "net.closed_by_server"
    assert "verifies passwords" in finding.fix


async def test_a_421_is_about_the_session_and_not_about_the_sender(pki: PKI) -> None:
    busy = {b"RCPT": b"421 4.3.0 Temporary system problem\r\n"}
    finding = only(await look_at(pki, busy, envelope=ENVELOPE, **LOGIN))
    assert "The server is closing the session" in finding.seen


def in_one_write(second: bytes | None) -> Script:
    """A server that answers the first of several commands, and perhaps the second otherwise."""

    async def script(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        while line := await peer.read():
            if line.startswith(b"EHLO"):
                await peer.say(b"250-mail.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n")
            elif line.startswith(b"QUIT"):
                await peer.say(b"221 Bye\r\n")
            else:
                await peer.say(b"250 Ok\r\n")
                if line.count(b"\n") > 1 and second is not None:
                    await peer.say(second)

    return script


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (b"250 Ok\r\n", None),
        (b"503 5.5.0 Pipelining is not allowed\r\n", "Pipelining is not allowed"),
        (None, "it gave no reply"),
    ],
)
async def test_pipelining_that_is_offered_and_does_not_work(
    pki: PKI, second: bytes | None, words: str | None
) -> None:
    script = secured(server_context(pki.good.pem), in_one_write(second))
    quick = smtps.Timeouts(mail=0.3, quit=0.1)
    async with serving(script) as server:
        report = await smtps.check(
            "127.0.0.1", port=server.port, ca_file=pki.ca, deep=True, timeouts=quick
        )
    told = [f for f in report.findings if f.code == "smtp.pipelining_refused"]
    assert [f.severity for f in told] == ([] if words is None else [Severity.WARNING])
    assert words is None or words in told[0].seen
    assert report.verdict in ("works", "warnings")


async def test_odd_replies_are_named_in_words(pki: PKI) -> None:
    finding = only(await look_at(pki, {b"EHLO": b"250-mail.example\n250 AUTH PLAIN\n"}))
    assert finding.code == "smtp.nonstandard_replies"
    assert "LF alone" in finding.seen
