"""A session when its server is difficult."""

from __future__ import annotations

from typing import Any

import pytest
from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.core.command import RSET

LOGIN: dict[str, Any] = {"username": "u", "password": "p"}


class OnceOnly(Strict):
    """Takes one EHLO; what it says to the next is for a test to choose."""

    again = "503 5.5.1 once is enough"

    def _command(self, line: str) -> None:
        if line.startswith("AUTH"):
            self._say("235 2.7.0 in")
        elif line.startswith("EHLO") and getattr(self, "asked", False):
            self._say(self.again)
        else:
            self.asked = True
            super()._command(line)


class HangsUp(OnceOnly):
    def _command(self, line: str) -> None:
        if line.startswith("EHLO") and getattr(self, "asked", False):
            self.closed = True
        else:
            super()._command(line)


class Leaves(OnceOnly):
    again = "421 4.3.2 no time for this"


def message(number: int, to: str = "bob@y.test") -> tuple[bytes, smtps.Envelope]:
    return f"Subject: {number}\r\n\r\nbody\r\n".encode(), smtps.Envelope.of("a@x.test", to)


def server(kind: type[Strict]) -> Strict:
    return kind(offers=("PIPELINING", "CHUNKING", "SIZE 100000", "AUTH PLAIN"))


@pytest.mark.parametrize("window", [1, 4])
async def test_a_server_that_takes_one_ehlo_gets_all_it_can_take(pki: PKI, window: int) -> None:
    """The third message needs an extension that might be offered after the login."""
    messages = [message(1), message(2), message(3, "jörg@y.test"), message(4)]
    async with (
        farm(pki, lambda _: server(OnceOnly)) as servers,
        smtps.connect(servers.endpoint(**LOGIN)) as session,
    ):
        found = [r async for _, r in session.send_many(messages, window=window)]
        with pytest.raises(smtps.CapabilityError):
            await session.send(*messages[2])
        assert session.usable
    assert sorted(r.outcome for r in found) == ["refused", "sent", "sent", "sent"]
    failures = {r.failure.code for r in found if r.failure}
    assert failures == {"send.smtputf8_not_offered"}
    assert len(servers.taken) == 3


@pytest.mark.parametrize("kind", [HangsUp, Leaves])
async def test_each_message_has_a_result_when_the_second_ehlo_ends_the_session(
    pki: PKI, kind: type[Strict]
) -> None:
    messages = [message(1), message(2), message(3, "jörg@y.test"), message(4)]
    async with (
        farm(pki, lambda _: server(kind)) as servers,
        smtps.connect(servers.endpoint(**LOGIN)) as session,
    ):
        many = session.send_many(messages, window=1)  # asked again when nothing is under way
        found = {item[0]: str(result.outcome) async for item, result in many}
    assert list(found.values()).count("sent") == len(servers.taken) == 3
    assert found[messages[2][0]] == "refused"
    assert found[messages[3][0]] == "sent", "not over another connection"


@pytest.mark.parametrize(
    ("kind", "code"),
    [(OnceOnly, None), (HangsUp, "smtp.closed_after_login"), (Leaves, "smtp.shutting_down")],
)
async def test_a_second_ehlo_may_be_refused_but_the_session_has_to_last(
    pki: PKI, kind: type[Strict], code: str | None
) -> None:
    async with farm(pki, lambda _: server(kind)) as servers:
        report = await smtps.check(servers.endpoint(**LOGIN))
    assert (report.failure and report.failure.code) == code
    assert report.facts.best is not None
    assert report.facts.best.mechanism == "PLAIN"


async def test_a_record_that_is_no_record_may_be_tried_again(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.connect(servers.endpoint()) as session:
        transport = session._access._wire._transport
        assert transport is not None
        session._access._wire.data_received(b"\x17\x03\x03\x00\x20" + b"x" * 32)
        result = await session.send(*message(1))
    assert result.outcome == "deferred"
    assert result.failure is not None
    assert (result.failure.code, result.failure.retryable) == ("tls.broken", True)


async def test_a_reply_in_the_clear_has_its_own_name(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.connect(servers.endpoint()) as session:
        session._access._wire.data_received(b"554 Too many nonmail commands\r\n")
        result = await session.send(*message(1))
    assert result.outcome == "deferred"
    assert result.failure is not None
    assert (result.failure.code, result.failure.retryable) == ("tls.plaintext_in_tls", True)


async def test_many_go_on_over_another_connection_when_tls_breaks(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.connect(servers.endpoint()) as session:
        session._access._wire.data_received(b"554 Too many nonmail commands\r\n")
        messages = [message(number) for number in range(5)]
        found = [result.outcome async for _, result in session.send_many(messages)]
        assert session.usable
    assert found == ["sent"] * 5
    assert len(servers.servers) == 2


@pytest.mark.parametrize("reply", ["451 4.3.0 later", "554 5.6.0 never"])
async def test_no_further_group_gets_what_one_was_refused(pki: PKI, reply: str) -> None:
    """With ``abort``: recipients of several transactions, all of them welcome."""
    seen = 0

    def judge(said: str) -> str:
        nonlocal seen
        if not said.startswith("message"):
            return "250 ok"
        seen += 1
        return reply

    envelope = smtps.Envelope.of("a@x.test", [f"to{n}@y.test" for n in range(250)])
    async with (
        farm(pki, lambda _: Strict(judge=judge)) as servers,
        smtps.connect(servers.endpoint()) as session,
    ):
        result = await session.send(b"Subject: x\r\n\r\nbody\r\n", envelope)
    assert seen == 1
    assert servers.taken == []
    assert result.outcome == ("deferred" if reply.startswith("4") else "refused")
    assert sum(who.status == "unsent" for who in result.recipients) == 150


async def test_what_only_some_got_is_not_to_be_sent_to_all_again(pki: PKI) -> None:
    def judge(said: str) -> str:
        return "450 4.2.0 later" if "carol" in said else "250 ok"

    envelope = smtps.Envelope.of("a@x.test", ["bob@y.test", "carol@y.test"])
    async with (
        farm(pki, lambda _: Strict(judge=judge)) as servers,
        smtps.connect(servers.endpoint()) as session,
    ):
        result = await session.send(b"Subject: x\r\n\r\nbody\r\n", envelope, partial="send")
    assert result.outcome == "partial"
    assert result.failure is not None
    assert not result.failure.retryable


async def test_a_421_to_an_earlier_message_ends_a_large_one_at_once(pki: PKI) -> None:
    """What is behind it is not read any more, so nobody has it."""

    class Closing(Strict):
        def _finish(self, message: bytes, *, forget: bool) -> None:
            if len(message) < 1000:
                self._say("421 4.3.2 closing")
            else:
                super()._finish(message, forget=forget)

    small = message(1)
    large = b"Subject: 2\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 400_000, small[1]
    async with (
        farm(pki, lambda _: Closing(offers=("PIPELINING", "CHUNKING"))) as servers,
        smtps.connect(servers.endpoint()) as session,
    ):
        many = session.send_many([small, large], window=4)
        found = [str(result.outcome) async for _, result in many]
    assert sorted(found) == ["deferred", "sent"]
    assert servers.servers[0].read < len(large[0])
    assert [taken.data for taken in servers.taken] == [large[0]]


@pytest.mark.parametrize(
    ("partial", "outcome", "code"), [("send", "deferred", 450), ("abort", "refused", 550)]
)
async def test_one_refused_for_good_keeps_nobody_from_being_tried_again(
    pki: PKI, partial: Any, outcome: str, code: int
) -> None:
    def judge(said: str) -> str:
        if "bob" in said:
            return "550 5.1.1 nobody"
        return "450 4.2.0 later" if "carol" in said else "250 ok"

    envelope = smtps.Envelope.of("a@x.test", ["bob@y.test", "carol@y.test"])
    async with (
        farm(pki, lambda _: Strict(judge=judge)) as servers,
        smtps.connect(servers.endpoint()) as session,
    ):
        result = await session.send(b"Subject: x\r\n\r\nbody\r\n", envelope, partial=partial)
    assert result.outcome == outcome
    assert [who.status for who in result.recipients] == ["refused", "deferred"]
    assert result.failure is not None
    assert (result.failure.smtp_code, result.failure.retryable) == (code, outcome == "deferred")


async def test_nothing_goes_over_a_session_after_an_error_of_any_kind(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def receive(_until: float | None = None) -> bytes:
        raise ZeroDivisionError

    async with farm(pki) as servers, smtps.connect(servers.endpoint()) as session:
        monkeypatch.setattr(session._access.dialogue.wire, "receive", receive)
        with pytest.raises(ZeroDivisionError):
            await session._access.dialogue.exchange([RSET])
        assert not session.usable
        assert not session._access.dialogue.alive
