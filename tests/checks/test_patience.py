"""Servers that never end what they begin: the phase is named, and no check outlasts its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from tests.client.hosts import Hosts, hosts, submission
from tests.net.pki import PKI
from tests.net.servers import Peer, Script, attention, server_context

import smtps
from smtps.checks.report import Report
from smtps.checks.scope import PHASES, WHOLE, WHOLE_DEEP, patient
from smtps.errors import Phase, PhaseTimeoutError
from smtps.net.timing import spell

ONE = "127.0.0.1"
STEP = 0.02
"""Seconds between two octets, or lines, of a server that has time."""

Talk = Callable[[Peer], Awaitable[None]]


def drips(words: bytes) -> Talk:
    async def talk(peer: Peer) -> None:
        for octet in words:
            await peer.say(bytes([octet]))
            await asyncio.sleep(STEP)
        await attention(peer)

    return talk


def for_ever(line: bytes, pause: float = STEP) -> Talk:
    async def talk(peer: Peer) -> None:
        for number in count():
            await peer.say(line % number)
            await asyncio.sleep(pause)

    return talk


def answers(*replies: bytes, then: Talk = attention) -> Talk:
    """Greets and answers so, one reply for each time that the client speaks; then that."""

    async def talk(peer: Peer) -> None:
        greeting, *others = replies
        await peer.say(greeting)
        for reply in others:
            await peer.read()
            await peer.say(reply)
        await peer.read()
        await then(peer)

    return talk


def inside(pki: PKI, talk: Talk) -> Script:
    async def script(peer: Peer) -> None:
        await peer.handshake(server_context(pki.good.pem))
        await talk(peer)

    return script


async def drip_hello(peer: Peer) -> None:
    """A ServerHello that never ends."""
    await peer.hear()
    for octet in b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03" + bytes(60):
        await peer.say_raw(bytes([octet]))
        await asyncio.sleep(STEP)
    await peer.listen()


GREETING, EHLO = b"220 strict\r\n", b"250-strict\r\n250 SIZE 100000\r\n"

SLOW: dict[str, tuple[str, Callable[[PKI], Script], str, Phase, str]] = {
    "a greeting, octet by octet": (
        "implicit", lambda pki: inside(pki, drips(b"220 mail.example.com ESMTP of great length")),
        "smtp.reply_unfinished", Phase.GREETING,
        "The server's greeting was incomplete after {}: ",
    ),
    "a greeting of many lines, one by one": (
        "implicit", lambda pki: inside(pki, for_ever(b"220-line %d\r\n")),
        "smtp.reply_unfinished", Phase.GREETING, "beginning with '220-line 0'",
    ),
    "a greeting without an end, all at once": (
        "implicit", lambda pki: inside(pki, for_ever(b"220-line %d\r\n" * 100 % tuple([7] * 100)
                                                     + b"220-%d\r\n", 0.0)),
        "smtp.reply_too_long", Phase.GREETING, "exceeds the size limit",
    ),
    "an answer to EHLO, line by line": (
        "implicit", lambda pki: inside(pki, answers(GREETING, then=for_ever(b"250-X%d\r\n"))),
        "smtp.reply_unfinished", Phase.EHLO,
        "The server's reply (EHLO) was incomplete after {}: ",
    ),
    "no answer to EHLO": (
        "implicit", lambda pki: inside(pki, answers(GREETING)),
        "smtp.timeout", Phase.EHLO, "The server did not answer EHLO within {}.",
    ),
    "no answer to STARTTLS": (
        "starttls", lambda _: answers(GREETING, b"250-strict\r\n250 STARTTLS\r\n"),
        "tls.starttls_unanswered", Phase.TLS, "The server did not answer STARTTLS within {}.",
    ),
    "half an answer to STARTTLS": (
        "starttls",
        lambda _: answers(GREETING, b"250-strict\r\n250 STARTTLS\r\n", then=drips(b"220 go")),
        "smtp.reply_unfinished", Phase.TLS, "6 bytes had arrived, beginning with '220 go'",
    ),
    "a handshake, octet by octet": (
        "implicit", lambda _: drip_hello, "tls.handshake_stalled", Phase.TLS,
        "The TLS handshake was incomplete after {}: ",
    ),
    "no answer to RCPT": (
        "implicit", lambda pki: inside(pki, answers(GREETING, EHLO, b"250 ok\r\n")),
        "smtp.timeout", Phase.RCPT, "The server did not answer RCPT within {}.",
    ),
}  # fmt: skip


async def check(found: Hosts, security: str, timeouts: smtps.Timeouts) -> tuple[Report, float]:
    now = asyncio.get_running_loop().time
    start = now()
    report = await smtps.check(
        found.endpoint(security=security, timeouts=timeouts),
        envelope=smtps.Envelope.of("a@x.test", "b@x.test"),
    )
    return report, now() - start


@pytest.mark.parametrize("name", SLOW)
async def test_the_slow_phase_is_named_with_its_seconds_and_what_had_arrived(
    pki: PKI, name: str
) -> None:
    security, script, code, phase, words = SLOW[name]
    seconds = 0.4
    timeouts = smtps.Timeouts(
        tls=seconds, greeting=seconds, command=seconds, mail=seconds, rcpt=seconds, total=3.0
    )
    async with hosts(pki, {ONE: script(pki)}) as found:
        report, spent = await check(found, security, timeouts)
    (address,) = report.facts.addresses
    assert address.failure is not None
    assert (address.failure.code, address.failure.phase) == (code, phase)
    assert words.format(spell(seconds)) in address.failure.message
    wrong = {each.code for each in report.findings if each.severity == "error"} - {code}
    assert wrong == set()
    assert spent < 3.5
    assert report.verdict == "fails"


@pytest.mark.parametrize("name", SLOW)
async def test_the_time_for_everything_holds_for_each_of_them(pki: PKI, name: str) -> None:
    security, script, code, phase, _ = SLOW[name]
    async with hosts(pki, {ONE: script(pki)}) as found:
        report, spent = await check(found, security, smtps.Timeouts(total=1.0))
    assert spent < 1.6
    (address,) = report.facts.addresses
    assert address.failure is not None
    assert (address.failure.code, address.failure.phase) == (code, phase)


@pytest.mark.parametrize("name", [name for name in SLOW if "end" not in name])
async def test_nor_does_it_take_longer_to_send(pki: PKI, name: str) -> None:
    security, script, code, phase, _ = SLOW[name]
    now = asyncio.get_running_loop().time
    async with hosts(pki, {ONE: script(pki)}) as found:
        start = now()
        endpoint = found.endpoint(security=security, timeouts=smtps.Timeouts(total=0.6))
        envelope = smtps.Envelope.of("a@x.test", "b@x.test")
        try:
            result = await smtps.send(b"Subject: x\r\n\r\n", endpoint, envelope=envelope)
        except PhaseTimeoutError as error:
            failure = error.failure
        else:
            assert result.failure is not None
            failure = result.failure
        spent = now() - start
    assert (failure.code, failure.phase) == (code, phase)
    assert spent < 1.2
    assert failure.retryable


def test_a_check_waits_less_than_a_message_unless_it_is_told_to() -> None:
    usual = patient(smtps.Timeouts(), deep=False)
    assert usual.total == WHOLE
    assert {name: getattr(usual, name) for name in PHASES} == PHASES
    assert (usual.tcp, usual.tls, usual.greeting) == (15.0, 20.0, 60.0)
    assert patient(smtps.Timeouts(), deep=True).total == WHOLE_DEEP
    given = smtps.Timeouts(rcpt=200.0, command=5.0, total=900.0)
    told = patient(given, deep=False)
    assert (told.rcpt, told.command, told.total) == (200.0, 5.0, 900.0)
    assert patient(told, deep=False) == told


async def test_a_deep_look_that_is_cut_short_tells_nothing(pki: PKI) -> None:
    calls: list[Peer] = []
    healthy = submission(pki)

    async def script(peer: Peer) -> None:
        calls.append(peer)
        await (healthy if len(calls) == 1 else attention)(peer)

    async with hosts(pki, {ONE: script}) as found:
        endpoint = found.endpoint(timeouts=smtps.Timeouts(total=1.0))
        report = await smtps.check(endpoint, deep=True)
    (address,) = report.facts.addresses
    assert address.reached
    assert len(calls) == 2
    assert address.looks == {}


async def test_a_greeting_that_has_begun_is_no_other_service(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.checks.listening.SUSPICIOUS", 0.1)
    monkeypatch.setattr("smtps.checks.visit.SUSPICIOUS", 0.1)
    talk = drips(b"220 late but whole\r\n")
    async with hosts(pki, {ONE: inside(pki, talk)}) as found:
        report = await smtps.check(found.endpoint(timeouts=smtps.Timeouts(command=0.2, total=3.0)))
    (address,) = report.facts.addresses
    assert str(address.greeting) == "220 late but whole"
    assert "say EHLO" not in address.looks
