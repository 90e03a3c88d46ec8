"""Every dialogue whole, byte by byte and cut in two at every offset; and with a reply too many."""

from __future__ import annotations

from typing import Any

import pytest
from tests.dialogues.scripted import ScriptedWire, server_runs
from tests.dialogues.scripts import DIALOGUES, RAW, Dialogue

import smtps
from smtps.client.handshake import Access
from smtps.client.result import Result
from smtps.client.session import Session
from smtps.core.payload import stuff

TIMEOUTS = smtps.Timeouts()
SILENT = {"ehlo": "command", "auth": "command", None: "quit"}
"""Phase of the failure → the time-out that has to run out; others have that of their name."""


def timeouts_for(dialogue: Dialogue) -> smtps.Timeouts:
    """Short where the server falls silent, and nowhere else: no other phase can be cut off."""
    if "silence" not in dialogue.script:
        return TIMEOUTS
    return smtps.Timeouts(**{SILENT.get(dialogue.phase, dialogue.phase or ""): 0.002})


LETTERS = {"a": "accepted", "r": "refused", "d": "deferred", "x": "uncertain", "u": "unsent"}


def test_there_are_enough_of_them() -> None:
    assert len(DIALOGUES) >= 40


async def play(
    dialogue: Dialogue, wire: ScriptedWire, window: int | None = None
) -> tuple[Session, Result | Exception]:
    """Greet, log in, send, quit; as ``Session.open`` does after TLS.

    With a window the message is sent as one of many, though there is only one.
    """
    timeouts = timeouts_for(dialogue)
    endpoint = smtps.Endpoint("mail.x.test", timeouts=timeouts, **dialogue.options)
    session = Session(Access(wire, endpoint))
    session._access.learned.proven = dialogue.proven
    envelope = smtps.Envelope.of("a@x.test", dialogue.to)
    try:
        await session._access.greet()
        await session._access.hello()
        if endpoint.wants_login:
            await session._access.login()
        if window is None:
            return session, await session.send(RAW, envelope, **dialogue.send)
        many = session.send_many([(RAW, envelope)], window=window, **dialogue.send)
        (result,) = [result async for _, result in many]
        return session, result
    except smtps.SMTPSError as error:
        return session, error


def describe(session: Session, found: Result | Exception) -> dict[str, Any]:
    """The end, as the dialogues state it."""
    if isinstance(found, Result):
        failure = found.failure
        end = {"end": found.outcome.value, "statuses": [p.status.value for p in found.recipients]}
    else:
        assert isinstance(found, smtps.SMTPSError)
        failure = found.failure
        end = {"end": failure.code, "statuses": []}
    return end | {
        "code": failure.code if failure else None,
        "phase": failure.phase.value if failure and failure.phase else None,
        "usable": session.usable and isinstance(found, Result),
    }


async def check(dialogue: Dialogue, wire: ScriptedWire, window: int | None = None) -> None:
    session, found = await play(dialogue, wire, window)
    assert describe(session, found) == {
        "end": dialogue.end,
        "statuses": [LETTERS[letter] for letter in dialogue.statuses],
        "code": dialogue.code,
        "phase": dialogue.phase,
        "usable": session.usable if dialogue.usable is None else dialogue.usable,
    }, str(session.transcript)
    await session.quit()
    assert wire.finished, str(session.transcript)
    assert wire.closed
    assert not session.usable
    for message in wire.messages:
        assert message + b"\r\n" in (stuff(RAW), RAW + b"\r\n", b"\r\n"), message


@pytest.mark.parametrize("name", DIALOGUES)
async def test_whole(name: str) -> None:
    await check(DIALOGUES[name], ScriptedWire(DIALOGUES[name].script))


@pytest.mark.parametrize("window", [1, 2, 16, 64])
@pytest.mark.parametrize("name", DIALOGUES)
async def test_as_one_of_many(name: str, window: int) -> None:
    await check(DIALOGUES[name], ScriptedWire(DIALOGUES[name].script), window)


@pytest.mark.parametrize("name", DIALOGUES)
async def test_byte_by_byte(name: str) -> None:
    await check(DIALOGUES[name], ScriptedWire(DIALOGUES[name].script, byte_by_byte=True))


@pytest.mark.parametrize("name", DIALOGUES)
async def test_cut_in_two_at_every_offset(name: str) -> None:
    dialogue = DIALOGUES[name]
    size = sum(map(len, server_runs(dialogue.script)))
    for cut in range(1, size):
        await check(dialogue, ScriptedWire(dialogue.script, cut=cut))


@pytest.mark.parametrize("name", DIALOGUES)
async def test_a_reply_too_many_never_makes_a_message_sent(name: str) -> None:
    """Behind each reply in turn: the session is over, and only the true final 250 counts."""
    dialogue = DIALOGUES[name]
    runs = server_runs(dialogue.script)
    for number, run in enumerate(runs):
        if not run.endswith(b"\n"):
            continue  # half a reply would become a whole one
        wire = ScriptedWire(dialogue.script, surplus_after=number)
        session, found = await play(dialogue, wire)
        ended = isinstance(found, Result) and found.outcome in ("sent", "partial")
        truly = dialogue.end in ("sent", "partial") or dialogue.proven
        assert not ended or (truly and wire.messages)
        if dialogue.proven:
            await session.quit()
            continue  # it was the reply that was due
        if not dialogue.script.endswith("close") or not run.startswith(b"221"):
            assert not session.usable or run.startswith(b"221"), str(session.transcript)
        await session.quit()


async def test_a_hundred_recipients_at_most_in_one_transaction() -> None:
    people = [f"u{number}@x.test" for number in range(250)]
    script = "S 220 x\nC EHLO portofcall\nS 250 x\n"
    for start in (0, 100, 200):
        script += "C MAIL FROM:<a@x.test>\nS 250 ok\n"
        script += "".join(f"C RCPT TO:<{who}>\nS 250 ok\n" for who in people[start : start + 100])
        script += "C DATA\nS 354 go\nC <message>\nS 250 ok\n"
    dialogue = Dialogue(script + "C QUIT\nS 221 bye\nclose", "sent", "a" * 250, usable=True,
                        to=tuple(people), send={"partial": "send"})  # fmt: skip
    await check(dialogue, ScriptedWire(dialogue.script))


async def test_with_abort_all_groups_are_asked_before_any_is_served() -> None:
    """RCPTMAX of LIMITS (RFC 9422) decides how many go together."""
    people = ("b@x.test", "c@x.test", "d@x.test")
    ask = "C MAIL FROM:<a@x.test>\nS 250 ok\n"
    script = "S 220 x\nC EHLO portofcall\nS 250-x\nS 250 LIMITS RCPTMAX=2\n"
    script += ask + "".join(f"C RCPT TO:<{who}>\nS 250 ok\n" for who in people[:2])
    script += "C RSET\nS 250 ok\n" + ask + "C RCPT TO:<d@x.test>\nS 550 no\n"
    dialogue = Dialogue(script + "C QUIT\nS 221 bye\nclose", "refused", "uur",
                        "send.recipient_refused", "rcpt", usable=True, to=people)  # fmt: skip
    await check(dialogue, ScriptedWire(dialogue.script))


@pytest.mark.parametrize(
    ("message", "options", "code"),
    [
        (RAW, {"dsn": smtps.DSN(ret="HDRS")}, "send.dsn_not_offered"),
        (RAW, {"require_tls": True}, "send.requiretls_not_offered"),
        (b"Subject: x\r\n\r\n\xff\r\n", {}, "send.8bitmime_not_offered"),
        (b"Subject: \xc3\xa9\r\n\r\n", {}, "send.smtputf8_not_offered"),
        (b"Subject: x\r\n\r\n" + b"x\r\n" * 100, {}, "send.too_large"),
    ],
)
async def test_what_the_server_cannot_take_is_refused_before_mail(
    message: bytes, options: dict[str, Any], code: str
) -> None:
    wire = ScriptedWire(
        "S 220 x\nC EHLO portofcall\nS 250-x\nS 250 SIZE 100\nC QUIT\nS 221 b\nclose"
    )
    session = Session(Access(wire, smtps.Endpoint("x", timeouts=TIMEOUTS)))
    await session._access.greet()
    await session._access.hello()
    with pytest.raises(smtps.CapabilityError) as caught:
        await session.send(message, smtps.Envelope.of("a@x.test", "b@x.test"), **options)
    assert caught.value.code == code
    assert session.usable
    await session.quit()
    assert wire.finished


async def test_what_is_offered_is_used() -> None:
    offer = "SIZE 9999\nS 250-8BITMIME\nS 250-SMTPUTF8\nS 250-DSN\nS 250 REQUIRETLS"
    message = b"Subject: \xc3\xa9\r\n\r\n\xc3\xa9\r\n"
    wire = ScriptedWire(
        f"S 220 x\nC EHLO portofcall\nS 250-x\nS 250-{offer}\n"
        f"C MAIL FROM:<> SIZE={len(message)} BODY=8BITMIME SMTPUTF8 REQUIRETLS RET=FULL "
        "ENVID=a+2Bb\n"
        "S 250 ok\nC RCPT TO:<b@x.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@x.test\nS 250 ok\n"
        "C DATA\nS 354 go\nC <message>\nS 250 ok\nC QUIT\nS 221 bye\nclose"
    )
    session = Session(Access(wire, smtps.Endpoint("x", timeouts=TIMEOUTS)))
    await session._access.greet()
    await session._access.hello()
    dsn = smtps.DSN(ret="FULL", envid="a+b", notify=("SUCCESS", "FAILURE"), orcpt=True)
    envelope = smtps.Envelope.of(None, "b@x.test")
    result = await session.send(message, envelope, dsn=dsn, require_tls=True)
    assert result.outcome == "sent"
    await session.quit()
    assert wire.finished
