"""Servers whose replies do not answer what they seem to answer, and those that lose commands.

What they say is never taken for more than it is: no open relay, no message called sent or refused,
and no empty message for anybody.
"""

from __future__ import annotations

from typing import Any

import pytest
from tests.client.farm import farm
from tests.dialogues.strict import Judge, Strict
from tests.dialogues.test_window import check, message, open_at, send_all
from tests.net.pki import PKI

import smtps
from smtps.checks.report import Report
from smtps.client import pipeline

ANN_TO_BOB = smtps.Envelope.of("ann@x.test", "bob@y.test")
LOGIN = {"username": "u", "password": "p"}
OFFERS = ("AUTH PLAIN", "SIZE 1000")
BY_DATA = ("PIPELINING",)
BY_BDAT = ("PIPELINING", "CHUNKING")


class Wordy(Strict):
    """Knows a login, and says more than it is asked.

    Args:
        at: behind the reply to this verb, or ``greeting``.
        surplus: this.
        late: together with the next reply, each of which then comes one command late.
    """

    def __init__(
        self, at: str, surplus: str, *, late: bool = False, judge: Judge | None = None
    ) -> None:
        super().__init__(offers=OFFERS, judge=judge or (lambda _: "250 ok"))
        self._at, self._surplus, self._late = at, surplus, late
        self._held: str | None = None
        self._behind("greeting")

    def _command(self, line: str) -> None:
        if line.startswith("AUTH"):
            self._say("235 2.7.0 welcome")
        else:
            super()._command(line)
        self._behind(line.partition(" ")[0])

    def _behind(self, verb: str) -> None:
        if verb != self._at:
            return
        if self._late:
            self._held = self._surplus
        else:
            super()._say(self._surplus)

    def _say(self, reply: str) -> None:
        if self._held is not None:
            reply, self._held = self._held, reply
        super()._say(reply)


async def checked(pki: PKI, make: Any, **options: Any) -> Report:
    async with farm(pki, lambda _: make()) as servers:
        return await smtps.check(servers.endpoint(**options), envelope=ANN_TO_BOB)


def codes(report: Report) -> list[str]:
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("login", [{}, LOGIN], ids=["no login", "login"])
async def test_a_server_that_greets_twice_is_told_so(
    pki: PKI, login: dict[str, str], late: bool
) -> None:
    report = await checked(pki, lambda: Wordy("greeting", "220 again", late=late), **login)
    assert report.verdict == "fails"
    assert "smtp.greets_twice" in codes(report)
    assert not {"send.relays_without_login", "auth.not_offered"} & set(codes(report))


def refusing(said: str) -> str:
    return "550 5.7.1 relaying denied" if said.startswith("RCPT") else "250 ok"


@pytest.mark.parametrize("judge", [refusing, lambda _: "250 ok"], ids=["refuses", "takes"])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("at", ["EHLO", "MAIL"])
async def test_one_that_says_a_reply_too_many_is_no_open_relay(
    pki: PKI, at: str, late: bool, judge: Judge
) -> None:
    report = await checked(pki, lambda: Wordy(at, "250 too many", late=late, judge=judge))
    assert report.verdict == "fails"
    assert report.failure is not None
    assert report.failure.code in ("smtp.unexpected_reply", "smtp.wrong_code")
    assert "send.relays_without_login" not in codes(report)
    assert "send.relaying_denied" not in codes(report)


async def test_one_in_step_that_takes_mail_for_others_is_one(pki: PKI) -> None:
    report = await checked(pki, lambda: Wordy("nothing", ""))
    assert "send.relays_without_login" in codes(report)


@pytest.mark.parametrize(
    ("at", "options"), [("EHLO", {}), ("EHLO", LOGIN), ("AUTH", LOGIN), ("MAIL", {}), ("RCPT", {})]
)
async def test_a_421_that_nobody_asked_for_is_told_as_what_it_is(
    pki: PKI, at: str, options: dict[str, str]
) -> None:
    report = await checked(pki, lambda: Wordy(at, "421 4.3.2 restarting"), **options)
    assert report.verdict == "later"
    assert report.failure is not None
    assert (report.failure.code, report.failure.retryable) == ("smtp.shutting_down", True)
    assert "restarting" in report.failure.message
    assert "smtp.shutting_down" in codes(report)


async def test_what_was_answered_before_a_421_counts(pki: PKI) -> None:
    report = await checked(pki, lambda: Wordy("RCPT", "421 4.3.2 restarting", judge=refusing))
    assert report.verdict == "fails"
    assert {"send.relaying_denied", "smtp.shutting_down"} <= set(codes(report))


async def test_a_421_behind_a_login_is_told_by_send(pki: PKI) -> None:
    async with farm(pki, lambda _: Wordy("AUTH", "421 4.7.0 too many connections")) as servers:
        endpoint = servers.endpoint(**LOGIN)
        result = await smtps.send(b"Subject: x\r\n\r\n", endpoint, envelope=ANN_TO_BOB)
    assert result.outcome == "deferred"
    assert result.failure is not None
    assert (result.failure.code, result.failure.retryable) == ("smtp.rate_limited", True)
    assert result.failure.lines == ("4.7.0 too many connections",)


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize("window", [1, 4])
async def test_a_message_with_its_envelope_is_in_doubt_where_replies_are_too_many(
    window: int, at: str
) -> None:
    """One too many in the envelope, and the message refused: what came last may be its answer."""

    class Doubling(Strict):
        def _command(self, line: str) -> None:
            super()._command(line)
            if line.startswith(at) and len(self.taken) == 3:
                self._say("250 too many")

    def judge(said: str) -> str:
        return "554 spam" if said == "message Subject: 3" else "250 ok"

    server = Doubling(offers=BY_BDAT, judge=judge)
    session = await open_at(server)
    messages = [message(number) for number in range(4)]
    await session.send(*messages[0])
    assert session._access.learned.proven
    found = await send_all(session, messages[1:], window)
    outcomes = [found[number].outcome for number in range(3)]
    assert outcomes[:2] == ["sent", "sent"] or window > 1
    assert outcomes[2] == "uncertain"
    assert not session.usable


# Commands that are lost.


class Forgetful(Strict):
    """Offers PIPELINING, reads the first command of what has come, and throws the rest away."""

    def feed(self, data: bytes) -> None:
        if not self._data and self._chunk is None and not data.startswith(b"BDAT"):
            data = data.partition(b"\r\n")[0] + b"\r\n"
        super().feed(data)


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
@pytest.mark.parametrize("window", [1, 4, 16])
@pytest.mark.parametrize("by", ["session", "pool"])
async def test_one_that_loses_what_comes_behind_a_command_is_asked_step_by_step(
    pki: PKI,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    window: int,
    offers: tuple[str, ...],
) -> None:
    monkeypatch.setattr(pipeline, "LOST_AFTER", 0.2)
    messages = [message(number, *["c@x.test"][: number % 2]) for number in range(20)]
    async with farm(pki, lambda _: Forgetful(offers=offers)) as servers:
        if by == "session":
            async with smtps.connect(servers.endpoint()) as session:
                found = {messages.index(m): r async for m, r in session.send_many(messages)}
                assert not session._access.learned.pipelining
        else:
            async with smtps.Pool(servers.endpoint(), size=1) as pool:
                many = pool.send_many(messages, window=window)
                found = {messages.index(item): result async for item, result in many}
                assert not pool.learned.pipelining
        assert {result.outcome for result in found.values()} == {"sent"}
        assert len(servers.taken) == len(messages)
        assert len(servers.servers) == 2


@pytest.mark.parametrize("offers", [BY_DATA, BY_BDAT])
async def test_one_message_gets_there_too(
    pki: PKI, monkeypatch: pytest.MonkeyPatch, offers: tuple[str, ...]
) -> None:
    monkeypatch.setattr(pipeline, "LOST_AFTER", 0.2)
    async with farm(pki, lambda _: Forgetful(offers=offers)) as servers:
        result = await smtps.send(b"Subject: x\r\n\r\n", servers.endpoint(), envelope=ANN_TO_BOB)
        assert result.outcome == "sent"
        assert len(servers.taken) == 1
        report = await smtps.check(servers.endpoint(), envelope=ANN_TO_BOB)
        assert report.failure is None


async def test_a_server_that_is_slow_with_a_recipient_gets_the_time_that_it_needs(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "LOST_AFTER", 0.01)

    class Silent(Forgetful):
        def _command(self, line: str) -> None:
            if not line.startswith("RCPT"):
                super()._command(line)

    async with farm(pki, lambda _: Silent(offers=BY_DATA)) as servers:
        endpoint = servers.endpoint(timeouts=smtps.Timeouts(rcpt=0.3))
        result = await smtps.send(b"Subject: x\r\n\r\n", endpoint, envelope=ANN_TO_BOB)
        assert result.outcome == "deferred"
        assert result.failure is not None
        assert result.failure.code == "smtp.timeout", "asked alone it had all its time"
        assert len(servers.servers) == 2


# A message for nobody.


class Eager(Strict):
    """Keeps the envelope of an earlier message in mind, and asks for one whoever is left."""

    left = "MAIL FROM:<earlier@x.test>"

    def _command(self, line: str) -> None:
        if line == "DATA":
            self._sender = self._sender or self.left
            self._to = self._to or ["earlier@x.test"]
        super()._command(line)


@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize("window", [1, 4])
async def test_nobody_gets_an_empty_message(pki: PKI, window: int, at: str) -> None:
    def judge(said: str) -> str:
        return "550 no" if said.startswith(at) and "3@" in said else "250 ok"

    messages = [message(number) for number in range(8)]
    async with farm(pki, lambda _: Eager(offers=BY_DATA, judge=judge)) as servers:
        async with smtps.Pool(servers.endpoint(), size=1) as pool:
            many = pool.send_many(messages, window=window)
            found = {messages.index(item): result async for item, result in many}
            assert not pool.learned.pipelining
        assert [found[n].outcome for n in range(8)] == [
            "refused" if n == 3 else "sent" for n in range(8)
        ]
        assert found[3].failure is not None
        assert found[3].failure.phase == at.lower()
        assert sorted(taken.data for taken in servers.taken) == sorted(
            data for n, (data, _) in enumerate(messages) if n != 3
        )
        for server in servers.servers:
            check([], {}, server)
