"""A refused recipient is nobody else's trouble, whatever the window and the server."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Literal

import pytest
from benchmarks.many_servers import SERVERS, WINDOWS, number_of

import smtps

from .server import Server

_SUBJECT = re.compile(rb"(?m)^Subject: Number (\d+)\r?$")


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with SERVERS[request.param](tmp_path_factory.mktemp("server")) as running:
        yield running


def held(server: Server) -> Counter[tuple[int, str]]:
    """What the server has: each message's number, and for whom."""
    found: Counter[tuple[int, str]] = Counter()
    for taken in server.taken():
        number = _SUBJECT.search(taken.data)
        assert number is not None
        found.update((int(number[1]), who) for who in taken.recipients)
    return found


def numbered(number: int, *people: str) -> smtps.Message:
    return smtps.Message(from_="ann@example.test", to=people, subject=f"Number {number}", text="x")


@pytest.mark.parametrize("partial", ["abort", "send"])
@pytest.mark.parametrize("window", WINDOWS)
async def test_one_of_three_recipients_is_refused_now_and_then(
    server: Server, window: int, partial: Literal["abort", "send"]
) -> None:
    """The others' recipients are neither left behind nor mixed up."""
    server.clear()
    people = {n: [f"{who}{n}@example.test" for who in ("ann", "bob", "cy")] for n in range(60)}
    bad = {n: n % 2 for n in people if n % 3 == 1}
    for number, place in bad.items():
        people[number][place] = server.refused(number)
    outcomes = {}
    messages = (numbered(number, *them) for number, them in people.items())
    async with smtps.connect(server.endpoint(transcript=False)) as session:
        async for message, result in session.send_many(messages, window=window, partial=partial):
            outcomes[number_of(message)] = result.outcome.value
    some = "refused" if partial == "abort" else "partial"
    assert outcomes == {number: some if number in bad else "sent" for number in people}
    assert held(server) == {
        (number, who): 1
        for number, them in people.items()
        for place, who in enumerate(them)
        if number not in bad or (partial == "send" and place != bad[number])
    }


@pytest.mark.parametrize("window", [1, 16])
async def test_forty_in_a_row_are_refused(server: Server, window: int) -> None:
    """Exim counts them, and hangs up after ten."""
    server.clear()
    outcomes = {}
    bad = range(5, 45)
    people = [server.refused(n) if n in bad else f"user{n}@example.test" for n in range(50)]
    messages = (numbered(number, who) for number, who in enumerate(people))
    async with smtps.connect(server.endpoint(transcript=False)) as session:
        async for message, result in session.send_many(messages, window=window):
            outcomes[number_of(message)] = result.outcome.value
    assert outcomes == {n: "refused" if n in bad else "sent" for n in range(50)}
    assert held(server) == {(n, who): 1 for n, who in enumerate(people) if n not in bad}
