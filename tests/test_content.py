"""The octets of a message as they go out."""

from __future__ import annotations

import pytest

from smtps.message.content import Content, header


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"A: 1\r\nB: 2\r\n\r\nC: 3\r\n\r\nD: 4\r\n", b"A: 1\r\nB: 2"),
        (b"A: 1\r\n\r\n", b"A: 1"),
        (b"A: 1\r\n", b"A: 1\r\n"),
        (b"\r\nA: 1\r\n\r\n", b""),
        (b"", b""),
    ],
)
def test_the_header_ends_at_the_first_empty_line(message: bytes, expected: bytes) -> None:
    assert header(message) == expected
    assert header(Content(message)) == expected
    assert header(Content(message, b"E: 5\r\n")) == expected
