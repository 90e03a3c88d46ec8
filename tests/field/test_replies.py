"""The table of replies, held against what real servers have said (``replies.toml`` beside this)."""

from __future__ import annotations

import tomllib
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.advice import ADVICE
from smtps.client.result import explained, refusal
from smtps.core.reply import Reply, ReplyParser
from smtps.errors import LoginError, Phase, RefusedError
from smtps.replies import UNKNOWN, Row, Said, fitting, meaning, patience_with, rows

UNKNOWN_CODES = {code for pair in UNKNOWN.values() for code in pair}
PHASES = [phase for phase in Phase if phase in UNKNOWN]


class Entry(NamedTuple):
    """A refusal as it was seen; ``unknown`` as cause means that the words do not tell."""

    phase: Phase
    reply: Reply
    by: str
    cause: str
    source: str

    @property
    def said(self) -> Said:
        return Said.of(self.phase, self.reply.code, self.reply.lines)

    def __str__(self) -> str:
        return f"{self.by}, {self.phase}: {self.reply}"


def parsed(text: str) -> Reply:
    lines = text.strip().splitlines()
    code = lines[0].strip()[:3]
    texts = [line.strip()[4:] if line.strip()[:3] == code else line.strip() for line in lines]
    wire = [f"{code}{'-' if n < len(texts) - 1 else ' '}{text}" for n, text in enumerate(texts)]
    parser = ReplyParser()
    parser.feed(("\r\n".join(wire) + "\r\n").encode())
    found = parser.next_reply()
    assert found is not None, text
    return found


@cache
def corpus() -> tuple[Entry, ...]:
    data = tomllib.loads(Path(__file__).with_name("replies.toml").read_text(encoding="utf-8"))
    return tuple(
        Entry(Phase(row["phase"]), parsed(row["text"]), row["by"], row["cause"], row["source"])
        for row in data["reply"]
    )


def test_the_corpus_is_large_and_every_entry_has_a_source() -> None:
    assert len(corpus()) >= 800
    assert len({entry.by for entry in corpus()}) >= 150
    assert [str(entry) for entry in corpus() if not entry.source] == []
    assert {entry.cause for entry in corpus()} - set(ADVICE) == {"unknown"}


def test_every_reply_has_the_cause_that_an_expert_gives() -> None:
    wrong = []
    for entry in corpus():
        found = meaning(entry.phase, entry.reply.code, entry.reply.lines).code
        right = found in UNKNOWN_CODES if entry.cause == "unknown" else found == entry.cause
        if not right:
            wrong.append(f"{entry}: {found}, not {entry.cause}")
    assert wrong == []


def test_every_row_has_been_needed() -> None:
    """A row that no entry fits has nothing to show for what it claims."""
    dead = [row for row in rows() if not any(row.fits(entry.said) for entry in corpus())]
    assert [f"{row.by or ''} {row.cause} {row.words}" for row in dead] == []


def test_where_rows_disagree_their_order_is_stated() -> None:
    unstated = set()
    for entry in corpus():
        for better, worse in combinations(fitting(entry.said), 2):
            equal = better.specificity == worse.specificity and better.cause != worse.cause
            if equal and worse.cause not in better.over:
                unstated.add(f"{better.by or ''} {better.cause} over {worse.cause}: {entry}")
    assert sorted(unstated) == []


def test_an_order_that_is_stated_is_the_order_of_the_file() -> None:
    table = rows()
    wrong = []
    for number, row in enumerate(table):
        below = {other.cause for other in table[number + 1 :] if equals(row, other)}
        wrong += [f"{row.by or ''} {row.cause} over {cause}" for cause in row.over - below]
    assert wrong == []


def equals(row: Row, other: Row) -> bool:
    return row.specificity == other.specificity


def test_every_cause_has_advice() -> None:
    assert {row.cause for row in rows()} | UNKNOWN_CODES <= set(ADVICE)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("words", ["450 no", "550 no", "599", "421 no"])
def test_every_phase_has_a_meaning_for_words_that_nobody_knows(phase: Phase, words: str) -> None:
    error = refusal(phase, parsed(words))
    assert error.code in ADVICE
    assert error.phase is phase
    assert error.failure.retryable is words.startswith("4")
    assert isinstance(error, LoginError if phase is Phase.AUTH else RefusedError)


def test_what_else_is_known_goes_before_the_words() -> None:
    error = refusal(Phase.AUTH, parsed("535 no"), remark=" (XOAUTH2)", code="auth.token_rejected")
    assert str(error) == "The server refused the login (XOAUTH2): 535 no"
    assert error.code == "auth.token_rejected"


def test_the_name_of_a_host_is_no_word() -> None:
    said = Said.of(Phase.RCPT, 550, ("5.7.1 relay.spam.example.com <relay@x.test>: no",))
    assert "relay" not in said.words
    assert "spam" not in said.words
    assert said.enhanced == {"5.7.1", "x.7.1"}
    assert meaning(Phase.RCPT, 550, ("relay.example.com: no",)).code == "send.recipient_refused"


@pytest.mark.parametrize(
    ("code", "text", "retryable", "asked"),
    [
        (451, "4.7.1 Greylisted, please try again in 300 seconds", True, 300),
        (451, "4.2.0 try again in 5 minutes", True, 300),
        (451, "Retry after 2 hours", True, 7200),
        (451, "delayed for 10 min", True, 600),
        (451, "please wait 30s", True, 30),
        (451, "4.3.2 Please try again later", True, None),
        (451, "4.7.1 error 17 at mx3", True, None),
        (451, "try again in 900 hours", True, None),
        (451, "try again in 0 minutes", True, None),
        (451, "try again later, ticket 12 million", True, None),
        # A limit that is over in an hour is no final refusal, whatever its first digit says.
        (550, "5.4.5 Daily sending quota exceeded", True, None),
        (550, "5.1.1 no such user, try again in 5 minutes", False, None),
        # And this 4yz never heals.
        (450, "4.2.0 STOREDRV; mailbox logon failure; storage server", False, None),
    ],
)
def test_whether_waiting_helps_and_how_long(
    code: int, text: str, retryable: bool, asked: int | None
) -> None:
    found = meaning(Phase.RCPT, code, (text,))
    assert (found.retryable, found.asked) == (retryable, asked)


@given(st.sampled_from(PHASES), st.integers(400, 599), st.lists(st.text(), min_size=1, max_size=4))
def test_any_words_have_a_meaning(phase: Phase, code: int, lines: list[str]) -> None:
    found = meaning(phase, code, tuple(lines))
    assert found.code in ADVICE
    assert found.asked is None or 0 < found.asked <= 86400
    if patience_with(found.code).never:
        assert not found.retryable


def test_a_block_list_is_believed_in_the_login_too() -> None:
    words = "5.7.1 Service unavailable; client [203.0.113.9] blocked using zen.spamhaus.org"
    assert meaning(Phase.AUTH, 550, (words,)).code == "smtp.blocklisted"


def test_what_nobody_asked_for_has_its_cause_too() -> None:
    """A 421 means the same just before a command and just behind it."""
    words = ("4.4.0 Failed to connect to relay server",)
    error = Reply(421, words).refusal("smtp.shutting_down", "The server is closing the session")
    assert explained(error.locate(phase=Phase.MAIL)).code == "smtp.proxy_failed"
    mixed = Reply(421, ("4.3.2 closing",)).refusal("auth.unavailable", "No")
    assert explained(mixed).code == "auth.unavailable"


@pytest.mark.parametrize(
    ("words", "seconds"),
    [
        ("200 in 24 hours exceeded; try again in 5 minutes", 300),
        ("within 24 hours you sent 1000, wait 10 minutes", 600),
        ("max 30 connections in 60 s; blocked for 1 h", 3600),
        ("greylisted, come back in 00:04:59", 299),
        ("retry after 300", 300),
        ("retry-after: 600", 600),
        ("wait 1 hour and 30 minutes", 5400),
        ("try again in 4m30s", 270),
        ("Versuchen Sie es in 10 Minuten wieder", 600),
        ("try again later, 3 times", None),
        ("limit of 100 messages", None),
    ],
)
def test_the_time_that_a_server_names_is_the_one_that_is_waited(
    words: str, seconds: int | None
) -> None:
    assert meaning(Phase.RCPT, 450, (words,)).asked == seconds


def test_at_starttls_causes_that_have_nothing_to_do_with_tls_are_known() -> None:
    busy = meaning(Phase.TLS, 454, ("4.7.0 Error: too many new TLS sessions from x.test",))
    assert (busy.code, busy.retryable) == ("smtp.rate_limited", True)
    listed = meaning(Phase.TLS, 554, ("5.7.1 blocked using zen.spamhaus.org",))
    assert (listed.code, listed.retryable) == ("smtp.blocklisted", False)
    for words in ("4.7.0 TLS not available due to local problem", "5.7.1 Access denied", "no"):
        assert meaning(Phase.TLS, 454, (words,)).code == "tls.starttls_refused"
