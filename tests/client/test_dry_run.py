"""An envelope that is asked for without a message, and names that servers do not like."""

from __future__ import annotations

import pytest
from tests.client.farm import farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.client import pipeline

NAMED = {
    "Postfix": "504 5.5.2 <portofcall>: Helo command rejected: need fully-qualified hostname",
    "Postfix, for now": "450 4.7.1 <portofcall>: Helo command rejected: Host not found",
    "Exim": "550 Access denied - Invalid HELO name (See RFC2821 4.1.1.1)",
}
LATER = ("Postfix, for now", "EHLO")
"""It looks a name up for senders and recipients only."""

ANN_TO_BOB = smtps.Envelope.of("ann@x.test", "bob@y.test")
MESSAGE = b"Subject: x\r\n\r\nbody\r\n"


class Picky(Strict):
    """Wants an address literal, or a name with a dot; says so where it is told to."""

    def __init__(self, at: str, reply: str, *, always: bool = False, offers: str = "") -> None:
        super().__init__(offers=tuple(offers.split()) or ("HELP",))
        self.at, self.reply, self.always = at, reply, always
        self.names: list[str] = []

    def _command(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        if verb == "EHLO":
            self.names.append(rest)
            self._sender, self._to = None, []
        liked = rest.startswith("[") if verb == "EHLO" else self.names[-1:][0].startswith("[")
        if verb == self.at and (self.always or not liked):
            self._say(self.reply)
        else:
            super()._command(line)


OFFERS = ["", "PIPELINING", "PIPELINING CHUNKING"]


WHERE = [(who, at) for who in NAMED for at in ("EHLO", "MAIL", "RCPT") if (who, at) != LATER]


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize(("who", "at"), WHERE)
async def test_a_refused_name_is_followed_by_the_address(
    pki: PKI, who: str, at: str, offers: str
) -> None:
    async with farm(pki, lambda _: Picky(at, NAMED[who], offers=offers)) as servers:
        async with smtps.connect(servers.endpoint()) as session:
            result = await session.send(MESSAGE, ANN_TO_BOB)
            assert result.outcome == "sent", str(session.transcript)
        assert servers.servers[0].names == ["portofcall", "[127.0.0.1]"]  # type: ignore[attr-defined]
        assert len(servers.taken) == 1
        report = await smtps.check(servers.endpoint(), envelope=ANN_TO_BOB)
        assert report.verdict in ("works", "warnings")
        assert "smtp.ehlo_name_replaced" in [finding.code for finding in report.findings]


@pytest.mark.parametrize("offers", OFFERS)
@pytest.mark.parametrize("at", ["MAIL", "RCPT"])
@pytest.mark.parametrize("window", [1, 4, 64])
async def test_many_messages_are_named_anew_once(
    pki: PKI, window: int, at: str, offers: str
) -> None:
    async with farm(pki, lambda _: Picky(at, NAMED["Postfix"], offers=offers)) as servers:
        messages = [(b"Subject: %d\r\n\r\n" % number, ANN_TO_BOB) for number in range(20)]
        async with smtps.Pool(servers.endpoint(), size=2) as pool:
            for _ in range(2):
                found = [result async for _, result in pool.send_many(messages, window=window)]
                assert {result.outcome for result in found} == {"sent"}
            assert pool.learned.literal
        assert len(servers.taken) == 40
        names = [server.names for server in servers.servers]  # type: ignore[attr-defined]
        assert names[0] == ["portofcall", "[127.0.0.1]"]


@pytest.mark.parametrize("at", ["EHLO", "MAIL", "RCPT"])
async def test_if_the_address_is_refused_too_that_is_what_is_told(pki: PKI, at: str) -> None:
    async with farm(pki, lambda _: Picky(at, NAMED["Exim"], always=True)) as servers:
        if at == "EHLO":
            with pytest.raises(smtps.RefusedError) as caught:
                await smtps.send(MESSAGE, servers.endpoint(), envelope=ANN_TO_BOB)
            assert caught.value.code == "smtp.ehlo_name_refused"
        else:
            result = await smtps.send(MESSAGE, servers.endpoint(), envelope=ANN_TO_BOB)
            assert result.failure is not None
            assert (result.outcome, result.failure.code) == ("refused", "smtp.ehlo_name_refused")
        report = await smtps.check(servers.endpoint(), envelope=ANN_TO_BOB)
    assert report.verdict == "fails"
    codes = [finding.code for finding in report.findings]
    assert "smtp.ehlo_name_refused" in codes
    assert "smtp.ehlo_name_replaced" not in codes


async def test_a_mailbox_beyond_ascii_is_not_said_where_it_is_not_understood(pki: PKI) -> None:
    said: list[str] = []

    class Listening(Strict):
        def _command(self, line: str) -> None:
            said.append(line)
            super()._command(line)

    async with farm(pki, lambda _: Listening()) as servers:
        envelope = smtps.Envelope.of("ann@x.test", "jörg@y.test")
        report = await smtps.check(servers.endpoint(), envelope=envelope)
    assert report.verdict == "fails"
    assert "send.smtputf8_not_offered" in [finding.code for finding in report.findings]
    assert not [line for line in said if line.startswith(("MAIL", "RCPT"))]


class LoginFirst(Strict):
    """As nginx's mail proxy: refuses MAIL, and says nothing to what was sent with it."""

    def _command(self, line: str) -> None:
        if line.startswith("MAIL"):
            self._say("530 5.7.0 Authentication required")
        elif not line.startswith("RCPT"):
            super()._command(line)


async def test_nobody_waits_for_a_proxy_that_wants_a_login(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "PATIENCE", 0.05)
    async with farm(pki, lambda _: LoginFirst(offers=("PIPELINING",))) as servers:
        report = await smtps.check(servers.endpoint(), envelope=ANN_TO_BOB)
        assert "send.login_required" in [finding.code for finding in report.findings]
        assert report.failure is None
        async with smtps.Pool(servers.endpoint(), size=1) as pool:
            messages = [(b"Subject: %d\r\n\r\n" % number, ANN_TO_BOB) for number in range(9)]
            found = [result async for _, result in pool.send_many(messages)]
        codes = {result.failure and result.failure.code for result in found}
        assert codes == {"send.login_required"}
        assert len(servers.servers) <= 3


async def test_what_stands_behind_a_refused_mail_is_no_fact(pki: PKI) -> None:
    def judge(said: str) -> str:
        return "451 4.3.0 later" if said.startswith("MAIL") else "250 ok"

    async with farm(pki, lambda _: Strict(judge=judge)) as servers:
        report = await smtps.check(servers.endpoint(), envelope=ANN_TO_BOB)
    assert report.verdict == "later"
    best = report.facts.best
    assert best is not None
    assert best.asked is not None
    assert best.asked.recipients == ()
