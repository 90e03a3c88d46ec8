"""The files that are derived from the tables, held against them."""

from __future__ import annotations

import re
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripts import tables

from smtps.replies import Pattern, rows, spelled_out

PATTERNS = {
    pattern.text: pattern
    for row in rows()
    for patterns in (row.words, row.names, row.hints, row.only)
    for pattern in patterns
}


TERMS = tomllib.loads((tables.SOURCE / "replies.toml").read_text(encoding="utf-8"))["terms"]


def test_the_derived_files_are_up_to_date() -> None:
    assert [path.name for path in tables.outdated()] == [], "python scripts/tables.py"


def test_most_patterns_are_ruled_out_without_being_compiled() -> None:
    assert len(PATTERNS) > 1000
    assert len([pattern for pattern in PATTERNS.values() if not pattern.needs]) < len(PATTERNS) / 20


@pytest.mark.parametrize(
    ("pattern", "needed"),
    [
        ("mailbox full", [["mailbox full"]]),
        ("over ?quota", [["quota"], ["over"]]),
        ("(?:mail|in)box", [["box"], ["in", "mail"]]),
        (r"\bno (?:such )?user", [["user"], ["no "]]),
        ("(?:such|)user", [["user"]]),
        ("(?:bad){2,}", [["bad"]]),
        (r"a[bc]d\d+", []),
        ("(?!such)user(?<!user)", [["user"]]),
        (r"UNKNOWN\.user", [["unknown.user"]]),
    ],
)
def test_what_a_pattern_needs(pattern: str, needed: list[list[str]]) -> None:
    assert tables.needs(pattern) == needed


@given(st.data())
def test_what_matches_a_pattern_has_what_it_needs(data: st.DataObject) -> None:
    pattern = PATTERNS[data.draw(st.sampled_from(sorted(PATTERNS)))]
    compiled = re.compile(spelled_out(pattern.text, TERMS), re.IGNORECASE)
    text = data.draw(st.from_regex(compiled))
    assert Pattern(pattern.text, pattern.needs).search(text)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"cause": "send.spam", "word": ["x"]}, "not a field"),
        ({"cause": "send.spam", "phase": "mail late"}, "late"),
        ({"words": ["x"]}, "cause"),
        ({"cause": "send.spam", "words": ["("]}, "subpattern"),
        ({"cause": "send.spam", "words": ["{nothing}"]}, "nothing"),
    ],
)
def test_a_row_that_says_nothing_sensible_is_refused(
    row: dict[str, object], complaint: str
) -> None:
    with pytest.raises((KeyError, ValueError, re.error), match=complaint):
        tables.reply_row(row, {})


def test_a_small_change_of_a_table_is_a_small_change_of_the_derived_file() -> None:
    table = tomllib.loads((tables.SOURCE / "replies.toml").read_text(encoding="utf-8"))
    text = tables.written(tables.replies(table))
    assert len(text.splitlines()) > len(table["row"])
    assert max(map(len, text.splitlines())) < 20_000
