"""The other end, written from the standards and with nothing of the package in it.

What a client means is worth little; what a receiver reads is what happens.
"""

from __future__ import annotations

import re
from email import _header_value_parser as header_parser
from typing import NamedTuple


def take_message(wire: bytes) -> tuple[bytes, bytes]:
    """The message at the front of the wire, un-stuffed, and what comes behind its lone dot.

    RFC 5321 section 4.5.2: line by line; a single dot ends; of more behind it, a dot is taken off.
    """
    message = b""
    while True:
        line, end, wire = wire.partition(b"\r\n")
        assert end, "the message has no end"
        if line == b".":
            return message, wire
        message += (line[1:] if line.startswith(b".") else line) + end


LOOSE_END = re.compile(rb"(?:\r\n|\r|\n)\.(?=\r\n|\r|\n)")
"""Whatever any receiver ever took for the end of a message (CVE-2023-51764 and its kin)."""

BARE = re.compile(rb"\r(?!\n)|(?<!\r)\n")
"""A CR or an LF by itself."""


class Reading(NamedTuple):
    """A MAIL or RCPT as a server takes it apart."""

    path: str
    parameters: list[str]


def read_carefully(line: str) -> Reading:
    """By the standard library's parser, which knows quoted strings and literals."""
    text = line.partition(":")[2]
    angle, rest = header_parser.get_angle_addr(text)
    assert len(angle.all_defects) <= 1, angle.all_defects  # one of them: not ASCII
    spec = str(angle)
    assert spec.count("<") == spec.count(">") == 1
    return Reading(spec.strip()[1:-1], rest.split())


def read_carelessly(line: str) -> Reading:
    """By what many servers do: the path ends at the first bracket, the rest are parameters."""
    text = line.partition(":")[2]
    assert text.startswith("<")
    path, end, rest = text[1:].partition(">")
    assert end
    return Reading(path, rest.split())


def from_xtext(text: str) -> bytes:
    """RFC 3461 section 4: ``+`` and two capital hex digits are an octet, the rest stands as is."""
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", text), f"{text} is not xtext"
    return re.sub(rb"\+(..)", lambda match: bytes.fromhex(match[1].decode()), text.encode())
