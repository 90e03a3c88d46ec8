"""Whatever a server says, and to what: what is told of a message is never more than was said of it.

The client pairs replies and commands by their number. So for each message it is known which of the
server's replies were taken for the answers to its commands, and to what they were said.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Literal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.client.farm import farm
from tests.dialogues.anyhow import CLOSE, Anyhow, AnyhowWire, Plan
from tests.dialogues.test_window import Pair, message
from tests.net.pki import PKI

import smtps
from smtps.checks.facts import Asked
from smtps.client.handshake import Access
from smtps.client.result import Outcome, Result, Status, unsent
from smtps.client.session import Session
from smtps.core.reply import Reply

CODES = (
    *("150", "199", "200", "211", "214", "220", "221", "235", "250", "251", "252", "253", "290"),
    *("334", "350", "354", "421", "450", "451", "452", "500", "503", "535", "550", "552", "554"),
    *("590", "600", "999"),
)
single = st.sampled_from(CODES).map(lambda code: f"{code} words")
mixed = st.lists(st.sampled_from(CODES), min_size=2, max_size=3).map(
    lambda codes: "".join(f"{code}-a\r\n" for code in codes[:-1]) + f"{codes[-1]} b"
)
odd = st.sampled_from(["", "Segmentation fault", "250", "550 5.5.1 bad sequence", CLOSE])
one = st.tuples(single | mixed | odd)
some = st.lists(single | mixed | odd, max_size=3).map(tuple)

BY_DATA = ("PIPELINING",)
BY_BDAT = ("PIPELINING", "CHUNKING")
LOCKSTEP = ("HELP",)
places = st.integers(2, 30)

often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])

MESSAGES = 5


def number_of(label: str) -> int | None:
    """Which message a command is about, if it tells."""
    found = re.search(r"(?:from|to|Subject: )(\d)", label)
    return int(found[1]) if found else None


class Seen:
    """The dialogue as the client had to read it.

    Attributes:
        answers: for each message what was read as the answer to its commands, where that was said
            to these: the verb and the reply.
    """

    def __init__(self, servers: Iterable[Anyhow]) -> None:
        self.answers: dict[int, list[tuple[str, str]]] = {n: [] for n in range(MESSAGES)}
        for server in servers:
            self._read(server)

    def _read(self, server: Anyhow) -> None:
        about = None
        for place, label in enumerate(server.heard):
            verb = label.partition(" ")[0]
            about = number_of(label) if verb in ("MAIL", "RCPT", "message") else about
            if about is None or verb in ("EHLO", "greeting", "RSET", "QUIT"):
                continue
            if place < len(server.said) and server.said[place][0] == place:
                self.answers[about].append((verb, server.said[place][1]))

    def taken(self, number: int) -> bool:
        """Whether the message was answered with 250, and with nothing else."""
        said = [reply for verb, reply in self.answers[number] if verb == "message"]
        return any(set(codes(reply)) == {"250"} for reply in said)

    def refused(self, number: int) -> bool:
        """Whether one of its commands was refused for good."""
        return any(codes(reply)[-1:] < ["6"] and codes(reply)[-1:] >= ["5"]
                   for _, reply in self.answers[number])  # fmt: skip


def codes(reply: str) -> list[str]:
    return [line[:3] for line in reply.split("\r\n")]


def hold(messages: list[Pair], found: dict[int, Result], *servers: Anyhow) -> None:
    """The invariants."""
    seen, whole = Seen(servers), [data for data, _ in messages]
    assert set(found) == set(range(len(messages))), "each has one result"
    contents = {content for server in servers for content in server.contents}
    assert contents <= set(whole), "an empty message, or part of one"
    deliveries = [taken for server in servers for taken in server.taken]
    twice = Counter(taken.data for taken in deliveries)
    assert max(twice.values(), default=0) <= 1, "delivered twice"
    for taken in deliveries:
        envelope = messages[whole.index(taken.data)][1]
        assert set(taken.to) <= set(map(str, envelope.recipients)), "another's recipient"
        assert not taken.sender or f"<{envelope.sender}>" in taken.sender, "another's sender"
    for number, result in found.items():
        statuses = {who.status for who in result.recipients}
        failure = result.failure
        told = (
            f"{number}: {result.outcome} {failure and (failure.code, failure.message)}; "
            f"its own {seen.answers[number]}; "
            f"{[list(zip(server.heard, server.said, strict=False)) for server in servers]}"
        )
        if Status.ACCEPTED in statuses or result.outcome in (Outcome.SENT, Outcome.PARTIAL):
            assert seen.taken(number), told
        if seen.taken(number):
            sure = {Outcome.REFUSED, Outcome.DEFERRED}
            assert result.outcome not in sure, f"taken, and told as not: {told}"
        if result.outcome is Outcome.REFUSED or Status.REFUSED in statuses:
            assert seen.refused(number), told
        if result.outcome is Outcome.SENT:
            assert result.failure is None
        else:
            assert result.failure is not None
            assert not (result.failure.retryable and result.outcome is Outcome.UNCERTAIN), told


async def play(
    server: Anyhow, window: int, partial: Literal["abort", "send"], people: int, *, proven: bool
) -> tuple[list[Pair], dict[int, Result]]:
    session = Session(Access(AnyhowWire(server), smtps.Endpoint("x.test")))  # type: ignore[arg-type]
    session._access.learned.proven = proven
    messages = [message(n, *[f"to{n}b@x.test"][: people - 1]) for n in range(MESSAGES)]
    await session._access.greet()
    await session._access.hello()
    found: dict[int, Result] = {}
    if window == 1:
        for number, (data, envelope) in enumerate(messages):
            try:
                found[number] = await session.send(data, envelope, partial=partial)
            except smtps.SessionError as error:
                found[number] = unsent(error)
    else:
        async for item, result in session.send_many(messages, window=window, partial=partial):
            assert messages.index(item) not in found
            found[messages.index(item)] = result
    return messages, found


@pytest.mark.parametrize("offers", [LOCKSTEP, BY_DATA], ids=["in lock-step", "by DATA"])
@given(
    plan=st.dictionaries(places, some, max_size=3),
    partial=st.sampled_from(["abort", "send"]),
    people=st.integers(1, 2),
)
@often
async def test_any_replies_so_many_as_there_may_be(
    offers: tuple[str, ...],
    plan: Plan,
    partial: Literal["abort", "send"],
    people: int,
) -> None:
    """None, another, or several in place of one. The code that answers DATA shows it; behind a
    message that something follows at once nothing would.
    """
    server = Anyhow(offers, plan)
    hold(*await play(server, 1, partial, people, proven=True), server)


@pytest.mark.parametrize("forgives", [False, True])
@pytest.mark.parametrize("offers", [LOCKSTEP, BY_DATA, BY_BDAT])
@given(
    plan=st.dictionaries(places, one, max_size=4),
    window=st.sampled_from([1, 4, 16]),
    partial=st.sampled_from(["abort", "send"]),
    proven=st.booleans(),
)
@often
async def test_any_reply_in_place_of_another(
    offers: tuple[str, ...],
    forgives: bool,
    plan: Plan,
    window: int,
    partial: Literal["abort", "send"],
    proven: bool,
) -> None:
    """One that keeps in mind what it has refused as well."""
    server = Anyhow(offers, plan, forgives)
    hold(*await play(server, window, partial, 1, proven=proven), server)


@pytest.mark.parametrize("offers", [LOCKSTEP, BY_DATA, BY_BDAT])
@given(
    plans=st.lists(st.dictionaries(places, one, max_size=3), max_size=3),
    window=st.sampled_from([1, 4, 16]),
    partial=st.sampled_from(["abort", "send"]),
)
@settings(often, max_examples=40)
async def test_any_reply_to_a_pool(
    pki: PKI,
    offers: tuple[str, ...],
    plans: list[Plan],
    window: int,
    partial: Literal["abort", "send"],
) -> None:
    """The first connections are to servers out of their mind, the others to one that is right."""
    made: list[Anyhow] = []

    def make(number: int) -> Anyhow:
        made.append(Anyhow(offers, plans[number] if number < len(plans) else {}))
        return made[-1]

    messages = [message(n) for n in range(MESSAGES)]
    async with (
        farm(pki, make) as servers,  # type: ignore[arg-type]
        smtps.Pool(servers.endpoint(), size=1) as pool,
    ):
        pool._sessions._note_421 = lambda _: None  # type: ignore[method-assign, assignment]
        found: dict[int, Result] = {}
        async for item, result in pool.send_many(messages, window=window, partial=partial):
            assert messages.index(item) not in found
            found[messages.index(item)] = result
    hold(messages, found, *made)


SHORT = smtps.Timeouts(total=4.0)


@given(plan=st.dictionaries(st.integers(0, 6), some, max_size=2))
@settings(often, max_examples=60)
async def test_any_replies_to_a_check(pki: PKI, plan: Plan) -> None:
    """It says of the envelope what was said to it, and nothing if that is in doubt."""
    made: list[Anyhow] = []

    def make(_: int) -> Anyhow:
        made.append(Anyhow(("SIZE 1000",), plan, impatient=True))
        return made[-1]

    async with farm(pki, make) as servers:  # type: ignore[arg-type]
        endpoint = servers.endpoint(timeouts=SHORT)
        report = await smtps.check(endpoint, envelope=smtps.Envelope.of("a@x.test", "b@y.test"))
    first, found = made[0], {finding.code for finding in report.findings}
    told = f"{report.verdict} {sorted(found)}: {list(zip(first.heard, first.said, strict=False))}"
    answers = {
        label.partition(" ")[0]: codes(reply)
        for place, (label, (to, reply)) in enumerate(zip(first.heard, first.said, strict=False))
        if to == place
    }
    if "send.relays_without_login" in found:
        assert set(answers["RCPT"]) <= {"250", "251", "252"}, told
    for verb, reply in _replies(report.facts.addresses[0].asked):
        if reply is not None:
            assert answers[verb][-1] == f"{reply.code}", told
    if report.verdict in ("works", "warnings"):
        assert (answers["greeting"], answers["MAIL"]) == (["220"], ["250"]), told
        assert set(answers["EHLO"]) == {"250"}, told
        assert set(answers["RCPT"]) <= {"250", "251", "252"}, told


def _replies(asked: Asked | None) -> list[tuple[str, Reply | None]]:
    if asked is None:
        return []
    return [("MAIL", asked.mail_reply), *(("RCPT", reply) for _, reply in asked.recipients)]
