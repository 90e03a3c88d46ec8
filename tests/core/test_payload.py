"""The message on its way to the wire: line ends, dots, lengths, blocks."""

from __future__ import annotations

import pytest
from tests.core.pieces import all_cuts
from tests.core.receiver import BARE, LOOSE_END, take_message

from smtps.core.payload import (
    DotStuffer,
    LineEnds,
    Normalizer,
    blocks,
    find_long_line,
    line_ends,
    normalize,
    stuff,
)

SMUGGLED = b"\r\nMAIL FROM:<admin@example.org>\r\n"
ENDINGS = [
    b"\n.\n",
    b"\n.\r\n",
    b"\n.\r",
    b"\r.\r",
    b"\r.\r\n",
    b"\r.\n",
    b"\r\n.\r",
    b"\r\n.\n",
    b"\r\n.\r\n",
    b"\r\r\n.\r\n",
    b"\r\n.\r\r\n",
    b"\r\n\n.\r\n",
    b"\n..\n",
    b"\r\n..\r\n",
    b"\r\n...\r\n",
    b"\n\x00.\n",
    b"\n.\x00\n",
    b"\x00\n.\n\x00",
    b"\r\n\x00.\r\n",
    b"\r\n.\x00\r\n",
    b"\r\x00\n.\r\n",
    b"\r\n.\r\x00\n",
]
"""All that some receiver took for the end of a message, or nearly."""

MESSAGES = [
    b"",
    b".",
    b"..",
    b"...",
    b".\r\n",
    b".\n.\n.",
    b".\r.\r.\r",
    b"....\n..\n.\n....",
    b"a",
    b"a\r",
    b"a\n",
    b"a\r\n",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\n\r",
    b"\r\r",
    b"\x00",
    b".\x00.",
    b".leading",
    b"a.b\r\n.c\r\n",
    *ENDINGS,
    *(b"text" + ending + b"more" for ending in ENDINGS),
    *(b"." + ending + b"." for ending in ENDINGS),
    *(b"text" + ending.rstrip(b"\r\n") for ending in ENDINGS),
]


def on_the_wire(pieces: list[bytes]) -> bytes:
    """What goes out behind the 354 for a message that comes in pieces."""
    normalizer, stuffer = Normalizer(), DotStuffer()
    wire = b"".join([stuffer.feed(normalizer.feed(piece)) for piece in pieces])
    return wire + stuffer.feed(normalizer.finish()) + stuffer.finish() + b".\r\n"


@pytest.mark.parametrize("message", MESSAGES)
def test_the_wire_has_one_end_and_no_bare_line_end(message: bytes) -> None:
    for pieces in all_cuts(message):
        wire = b"DATA\r\n" + on_the_wire(pieces)
        assert wire.count(b"\r\n.\r\n") == 1
        assert wire.endswith(b"\r\n.\r\n")
        assert not BARE.search(wire)
        assert [found.end() for found in LOOSE_END.finditer(wire)] == [len(wire) - 2]


@pytest.mark.parametrize("message", MESSAGES)
def test_the_receiver_gets_the_normal_form_back(message: bytes) -> None:
    meant = normalize(message)
    if meant and not meant.endswith(b"\r\n"):
        meant += b"\r\n"
    for pieces in all_cuts(message):
        assert take_message(on_the_wire(pieces) + SMUGGLED) == (meant, SMUGGLED)


@pytest.mark.parametrize("message", MESSAGES)
def test_the_wire_is_the_same_for_every_cut(message: bytes) -> None:
    whole = stuff(normalize(message)) + b".\r\n"
    for pieces in all_cuts(message):
        assert on_the_wire(pieces) == whole


@pytest.mark.parametrize("message", MESSAGES)
def test_the_stuffer_alone_is_the_same_for_every_cut(message: bytes) -> None:
    normal = normalize(message)
    for pieces in all_cuts(normal):
        stuffer = DotStuffer()
        parts = [stuffer.feed(piece) for piece in pieces]
        assert b"".join(parts) + stuffer.finish() == stuff(normal)


@pytest.mark.parametrize(
    ("data", "normal"),
    [
        (b"", b""),
        (b"a\nb", b"a\r\nb"),
        (b"a\rb", b"a\r\nb"),
        (b"a\r\nb", b"a\r\nb"),
        (b"a\n\rb", b"a\r\n\r\nb"),
        (b"a\r\r\nb", b"a\r\n\r\nb"),
        (b"a\r\n\nb", b"a\r\n\r\nb"),
        (b"a\r", b"a\r\n"),
        (b"\r\r", b"\r\n\r\n"),
        (b"\x00\x0b\x0c\x85", b"\x00\x0b\x0c\x85"),
    ],
)
def test_every_line_end_becomes_crlf_and_nothing_else_changes(data: bytes, normal: bytes) -> None:
    assert normalize(data) == normal
    assert normalize(normal) == normal


@pytest.mark.parametrize(
    ("data", "stuffed"),
    [
        (b"", b""),
        (b".", b"..\r\n"),
        (b"a", b"a\r\n"),
        (b"a.\r\n", b"a.\r\n"),
        (b".\r\n.\r\n", b"..\r\n..\r\n"),
        (b"..a\r\n", b"...a\r\n"),
    ],
)
def test_a_dot_in_front_of_a_line_is_doubled_and_the_last_line_ended(
    data: bytes, stuffed: bytes
) -> None:
    assert stuff(data) == stuffed


def test_streams_can_be_used_again_after_their_finish() -> None:
    normalizer, stuffer = Normalizer(), DotStuffer()
    for _ in range(2):
        assert normalizer.feed(b"a\r") == b"a"
        assert normalizer.finish() == b"\r\n"
        assert normalizer.finish() == b""
        assert stuffer.feed(b".a") == b"..a"
        assert stuffer.finish() == b"\r\n"
        assert stuffer.finish() == b""


def test_what_needs_nothing_is_not_copied() -> None:
    data = b"no dot in front\r\n" * 3
    assert Normalizer().feed(data) is data
    assert DotStuffer().feed(data) is data


@pytest.mark.parametrize(
    ("data", "judgement"),
    [
        (b"", LineEnds.CRLF),
        (b"one line", LineEnds.CRLF),
        (b"a\r\nb\r\n", LineEnds.CRLF),
        (b"a\nb\n", LineEnds.LF),
        (b"a\nb\r\n", LineEnds.MIXED),
        (b"a\rb", LineEnds.MIXED),
        (b"a\r\r\n", LineEnds.MIXED),
        (b"a\n\r", LineEnds.MIXED),
        (b"a\r\nb\r", LineEnds.MIXED),
    ],
)
def test_line_ends_are_judged(data: bytes, judgement: LineEnds) -> None:
    assert line_ends(data) is judgement


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", None),
        (b"12345", None),
        (b"12345\r\n", None),
        (b"123456", 0),
        (b"123456\r\n", 0),
        (b"\r\n" * 9, None),
        (b"12345\r\n" * 9, None),
        (b"1\r\n2\r\n123456\r\n3", 6),
        (b"1\r\n2\r\n123456", 6),
        (b"12345\r\n12345\r\n12345", None),
        (b"1\r\n\r\n\r\n\r\n\r\n1234567", 11),
    ],
)
def test_the_first_long_line_is_found(data: bytes, found: int | None) -> None:
    assert find_long_line(data, 5) == found


def test_a_line_has_at_most_998_octets() -> None:
    assert find_long_line(b"x" * 998 + b"\r\n") is None
    assert find_long_line(b"x" * 999 + b"\r\n") == 0


@pytest.mark.parametrize(
    ("data", "parts"),
    [
        (b"", [b""]),
        (b"ab", [b"ab"]),
        (b"abc", [b"abc"]),
        (b"abcd", [b"abc", b"d"]),
        (b"abcdef", [b"abc", b"def"]),
    ],
)
def test_blocks_are_views_in_order(data: bytes, parts: list[bytes]) -> None:
    found = list(blocks(data, 3))
    assert [bytes(part) for part in found] == parts
    assert all(part.obj is data for part in found)


@pytest.mark.parametrize(
    ("line", "judgement"), [(b"xyz\r\n", "crlf"), (b"xyz\n", "lf"), (b"xy\n\r\n", "mixed")]
)
def test_line_ends_of_a_large_message_are_judged_over_the_cuts(line: bytes, judgement: str) -> None:
    assert line_ends(line * 200_000) == judgement
