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
LOGIN = {"username": "ann@example.com", "password": "secret"}
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
