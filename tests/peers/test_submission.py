"""Check, login and send against the real servers; what lands is what was composed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

import smtps
from smtps.core.payload import normalize
from smtps.endpoint import Security
from smtps.message.mime import compose

from .dovecot import version
from .mailhost import MailHost

PORTS: dict[str, tuple[str, Security]] = {
    "postfix": ("postfix_tls_port", "implicit"),
    "postfix-starttls": ("postfix_starttls_port", "starttls"),
    "dovecot": ("dovecot_tls_port", "implicit"),
}
PASSWORD_MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
TOKEN_MECHANISMS = ("XOAUTH2", "OAUTHBEARER")
WAYS = {
    "lock-step": {"pipelining": False, "chunking": False},
    "pipelined": {"pipelining": True, "chunking": False},
    "chunked": {"pipelining": True, "chunking": True},
}
SENDER, RECIPIENT = "from@example.test", "to@example.test"

AWKWARD = (
    b"Subject: awkward\r\nFrom: <from@example.test>\r\nTo: <to@example.test>\r\n"
    b"Message-ID: <awkward@example.test>\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Transfer-Encoding: 8bit\r\n\r\n"
    b".\r\n..\r\n...\r\n. leading\r\n.. leading\r\n\r\n.\r\n"
    b"From the start of a line\r\n\tand a tab \r\n"
    + "Grüße, Привет, 你好 ✓\r\n".encode()
    + b"latin-1: \xe9\xe8\r\n"
    + b"x" * 998
    + b"\r\n."
    + b"y" * 997
    + b"\r\nthe end\r\n.\r\n"
)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailHost]:
    with MailHost(tmp_path_factory.mktemp("submission")) as host:
        yield host


@pytest.fixture
def host(running: MailHost) -> MailHost:
    running.clear()
    return running


def endpoint(host: MailHost, port: str, **options: Any) -> smtps.Endpoint:
    attribute, security = PORTS[port]
    options = {"username": host.username, "password": host.password, **options}
    return smtps.Endpoint(
        host.host, getattr(host, attribute), security=security, ca_file=host.ca_file, **options
    )


def undone(stored: bytes) -> bytes:
    """A stored file as it was sent: without the servers' fields, with CRLF."""
    fields = rb"(?:Return-Path|X-Original-To|Delivered-To|Received):.*\n(?:[ \t].*\n)*"
    return normalize(re.sub(rb"\A(?:" + fields + rb")+", b"", stored))


@pytest.mark.parametrize("port", PORTS)
async def test_check_with_login_finds_nothing_wrong(host: MailHost, port: str) -> None:
    report = await smtps.check(endpoint(host, port))
    assert report.verdict == "works", report.findings
    best = report.facts.best
    assert best is not None
    assert best.mechanism == "SCRAM-SHA-256"
    assert best.capabilities is not None
    assert {"PIPELINING", "CHUNKING", "SIZE", "AUTH"} <= set(best.capabilities.keywords)


EXPERT = {
    # Debian's Postfix is made for opportunistic TLS between servers, and its defaults show it.
    "postfix": ["tls.old_versions_accepted", "tls.weak_cipher_accepted"],
    "postfix-starttls": ["tls.old_versions_accepted", "tls.weak_cipher_accepted"],
    "dovecot": [],
}


@pytest.mark.parametrize("port", PORTS)
async def test_a_deep_check_says_what_an_expert_would(host: MailHost, port: str) -> None:
    ask = smtps.Envelope.of(SENDER, [RECIPIENT])
    report = await smtps.check(endpoint(host, port), deep=True, envelope=ask)
    assert [finding.code for finding in report.findings] == EXPERT[port], report.findings
    (address,) = report.facts.addresses
    old = port != "dovecot"
    assert {name: look.secured for name, look in address.looks.items()} == {
        "TLSv1": old, "TLSv1.1": old, "TLSv1.2": True, "TLSv1.3": True, "broken ciphers": old,
        "old ciphers": False, "resumption": True, "large": False, "staple": False,
        "pipelining": True, "alpn": old or version() < (2, 4),
    }  # fmt: skip
    assert set(address.mechanisms) == set(PASSWORD_MECHANISMS)
    assert set(address.mechanisms.values()) == {None}
    assert address.asked is not None
    assert [reply.code for _, reply in address.asked.recipients] == [250]
    assert not host.messages()


@pytest.mark.parametrize("mechanism", PASSWORD_MECHANISMS + TOKEN_MECHANISMS)
@pytest.mark.parametrize("port", PORTS)
async def test_login_by_each_mechanism_and_send(host: MailHost, port: str, mechanism: str) -> None:
    secret = (
        {"password": None, "access_token": host.access_token}
        if mechanism in TOKEN_MECHANISMS
        else {}
    )
    message = smtps.Message(from_=SENDER, to=RECIPIENT, subject=mechanism, text="x")
    async with smtps.connect(endpoint(host, port, mechanism=mechanism, **secret)) as session:
        assert session.mechanism == mechanism
        result = await session.send(message)
    assert result.outcome == "sent", result
    (stored,) = host.wait_for_messages(1)
    assert f"Subject: {mechanism}".encode() in stored


@pytest.mark.parametrize("mechanism", PASSWORD_MECHANISMS)
async def test_a_wrong_password_is_a_definite_no(host: MailHost, mechanism: str) -> None:
    with pytest.raises(smtps.LoginError) as caught:
        await smtps.Session.open(endpoint(host, "postfix", mechanism=mechanism, password="wrong"))
    failure = caught.value.failure
    assert (failure.code, failure.phase, failure.smtp_code) == ("auth.rejected", "auth", 535)


@pytest.mark.parametrize("mechanism", TOKEN_MECHANISMS)
async def test_an_expired_token_is_explained(host: MailHost, mechanism: str) -> None:
    expired = host.issue_token(-10)
    options = {"password": None, "access_token": expired, "mechanism": mechanism}
    with pytest.raises(smtps.LoginError, match="status: ") as caught:
        await smtps.Session.open(endpoint(host, "postfix", **options))
    assert caught.value.failure.smtp_code == 535
    assert expired not in str(caught.value)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("port", PORTS)
async def test_raw_lands_byte_for_byte(host: MailHost, port: str, way: str) -> None:
    envelope = smtps.Envelope.of(SENDER, RECIPIENT)
    result = await smtps.send(AWKWARD, endpoint(host, port, **WAYS[way]), envelope=envelope)
    assert result.outcome == "sent", result
    assert result.message_id == "<awkward@example.test>"
    (stored,) = host.wait_for_messages(1)
    assert undone(stored) == AWKWARD


@pytest.mark.parametrize("way", WAYS)
async def test_twenty_megabytes_land_byte_for_byte(host: MailHost, way: str) -> None:
    content = bytes(range(256)) * (20 * 1024 * 4)
    message = smtps.Message(
        from_=SENDER,
        to=RECIPIENT,
        subject="Zwanzig Megabyte ✓",
        text="." * 3,
        attachments=[smtps.Attachment(filename="groß.bin", content=content)],
    )
    composed = compose(message).data
    envelope = smtps.Envelope.of(SENDER, RECIPIENT)
    result = await smtps.send(composed, endpoint(host, "postfix", **WAYS[way]), envelope=envelope)
    assert result.outcome == "sent", result
    (stored,) = host.wait_for_messages(1)
    assert undone(stored) == composed


@pytest.mark.parametrize("partial", ["abort", "send"])
async def test_a_thousand_recipients_over_several_transactions(
    host: MailHost, partial: Any
) -> None:
    people = [f"user{number}@example.test" for number in range(1000)]
    message = smtps.Message(from_=SENDER, bcc=people, subject="to all", text="x")
    async with smtps.connect(endpoint(host, "postfix")) as session:
        result = await session.send(message, partial=partial)
        ends = [e for e in session.transcript.entries if e.text.startswith("BDAT")]
    assert result.outcome == "sent"
    assert [person.email for person in result.recipients] == people
    assert {person.status for person in result.recipients} == {"accepted"}
    assert len(ends) == 10
    stored = host.wait_for_messages(1000, timeout=60)
    found = [re.search(rb"^Delivered-To: (.*)$", one, re.MULTILINE) for one in stored]
    assert sorted(m[1].decode() for m in found if m) == sorted(people)
    assert not any(b"user" in undone(one) for one in stored)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("port", PORTS)
async def test_one_refused_recipient_and_nothing_is_sent(
    host: MailHost, port: str, way: str
) -> None:
    people = [RECIPIENT, "stranger@elsewhere.test", "third@example.test"]
    message = smtps.Message(from_=SENDER, to=people, text="x")
    async with smtps.connect(endpoint(host, port, **WAYS[way])) as session:
        result = await session.send(message)
        assert result.outcome == "refused"
        assert result.failure is not None
        assert result.failure.code == "send.recipient_unknown"
        statuses = {person.email: person.status.value for person in result.recipients}
        assert statuses["stranger@elsewhere.test"] == "refused"
        assert statuses[RECIPIENT] == "unsent"
        # The session is still good, and the others get theirs when asked for.
        again = await session.send(message, partial="send")
    assert again.outcome == "partial"
    assert [person.status.value for person in again.recipients] == [
        "accepted", "refused", "accepted",
    ]  # fmt: skip
    assert len(host.wait_for_messages(2)) == 2


async def test_many_messages_over_one_session(host: MailHost) -> None:
    async with smtps.connect(endpoint(host, "dovecot")) as session:
        for number in range(20):
            message = smtps.Message(from_=SENDER, to=RECIPIENT, subject=f"{number}.", text="x")
            assert (await session.send(message)).outcome == "sent"
    found = [re.search(rb"Subject: (\d+)\.", one) for one in host.wait_for_messages(20)]
    assert sorted(int(m[1]) for m in found if m) == list(range(20))


async def test_an_address_in_another_script(host: MailHost) -> None:
    message = smtps.Message(from_=SENDER, to="grüße@example.test", text="x")
    async with smtps.connect(endpoint(host, "postfix")) as session:
        result = await session.send(message)
        assert "SMTPUTF8" in str(session.transcript)
    assert result.outcome == "sent", result
    assert len(host.wait_for_messages(1)) == 1


@pytest.mark.debian12("Dovecot 2.4 has SMTPUTF8")
async def test_a_server_without_smtputf8_is_not_asked(host: MailHost) -> None:
    message = smtps.Message(from_=SENDER, to="grüße@example.test", text="x")
    async with smtps.connect(endpoint(host, "dovecot")) as session:
        with pytest.raises(smtps.CapabilityError, match="SMTPUTF8"):
            await session.send(message)
        assert "MAIL" not in str(session.transcript)
        assert session.usable


@pytest.mark.parametrize("port", PORTS)
async def test_notifications_can_be_asked_for(host: MailHost, port: str) -> None:
    """Dovecot offers DSN only to those who have logged in: it has to be asked again."""
    dsn = smtps.DSN(ret="HDRS", envid="a+b=c", notify=("FAILURE",), orcpt=True)
    message = smtps.Message(from_=SENDER, to=RECIPIENT, text="x")
    async with smtps.connect(endpoint(host, port)) as session:
        result = await session.send(message, dsn=dsn)
        said = str(session.transcript)
    assert result.outcome == "sent", result
    assert "RET=HDRS ENVID=a+2Bb+3Dc" in said
    assert f"NOTIFY=FAILURE ORCPT=rfc822;{RECIPIENT}" in said


async def test_a_message_that_is_too_large_is_not_begun(host: MailHost) -> None:
    message = smtps.Message(from_=SENDER, to=RECIPIENT, text="x" * 70_000_000)
    async with smtps.connect(endpoint(host, "postfix")) as session:
        with pytest.raises(smtps.CapabilityError, match="67108864"):
            await session.send(message)
        assert "MAIL" not in str(session.transcript)


async def test_plain_smtp_on_the_tls_port_is_named(host: MailHost) -> None:
    """The seed's most frequent mistake: STARTTLS port, implicit TLS."""
    report = await smtps.check(host.host, port=host.postfix_starttls_port, ca_file=host.ca_file)
    assert report.verdict == "fails"
    (finding,) = report.findings
    assert finding.code == "tls.plaintext_on_tls_port"
    assert "220 " in finding.seen


async def test_starttls_on_the_tls_port_is_named(host: MailHost) -> None:
    """The reverse mistake ends in silence; a second look with TLS says why."""
    timeouts = smtps.Timeouts(greeting=0.3)
    report = await smtps.check(
        host.host, port=host.postfix_tls_port, security="starttls", timeouts=timeouts
    )
    assert [finding.code for finding in report.findings] == ["tls.implicit_tls_port"]
