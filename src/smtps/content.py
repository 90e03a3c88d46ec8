"""The octets of a message as they go out: in memory, or partly still in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Protocol, Self

from smtps.core.payload import DotStuffer, blocks

BLOCK = 262144
"""Octets handed to the network at once: larger ones cost memory, smaller ones time."""


class Part(Protocol):
    """A piece of a message whose octets come when they are wanted."""

    size: int
    """Octets, known before the first of them is read."""

    def blocks(self, size: int) -> Iterator[bytes]:
        """All octets, in normal form, in pieces of about ``size``.

        Raises:
            InputError: they cannot be read any more, or are not as many as they were.
        """
        ...


class Content:
    """A whole message in normal form.

    Attributes:
        parts: its pieces, in order.
        size: octets of them all.
        whole: all of it, if it is in memory in one piece.
    """

    __slots__ = ("parts", "size", "whole")

    def __init__(self, *parts: bytes | Part) -> None:
        self.parts = parts
        first = parts[0] if len(parts) == 1 else None
        self.whole: bytes | None = first if isinstance(first, bytes) else None
        if self.whole is not None:
            self.size = len(self.whole)
        else:
            self.size = sum([len(p) if isinstance(p, bytes) else p.size for p in parts])

    def blocks(self) -> Iterator[bytes | memoryview]:
        """Its octets, for BDAT; no piece larger than about a block."""
        for part in self.parts:
            if not isinstance(part, bytes):
                yield from part.blocks(BLOCK)
            elif len(part) <= BLOCK:
                yield part
            else:
                yield from blocks(part, BLOCK)

    def stuffed(self) -> Iterator[bytes | memoryview]:
        """Its octets with leading dots doubled, for DATA; the lone dot may follow at once."""
        stuffer = DotStuffer()
        for block in self.blocks():
            yield stuffer.feed(block if isinstance(block, bytes) else bytes(block))
        yield stuffer.finish()

    def __bytes__(self) -> bytes:
        """All of it, wherever it was."""
        return self.whole or b"".join(self.blocks())

    @classmethod
    def joined(cls, parts: Iterable[bytes | Part]) -> Self:
        """Of many pieces; those in memory that stand together become one."""
        parts = list(parts)
        with suppress(TypeError):  # mostly there are no others
            return cls(b"".join(parts))  # type: ignore[arg-type]
        found: list[bytes | Part] = []
        together: list[bytes] = []
        for part in parts:
            if isinstance(part, bytes):
                together.append(part)
                continue
            if together:
                found.append(b"".join(together))
                together = []
            found.append(part)
        if together:
            found.append(b"".join(together))
        return cls(*found)


EMPTY = Content(b"")


def header(message: bytes | Content) -> bytes:
    """The header of a message in normal form, without its last CRLF (RFC 5322 section 2.1)."""
    if isinstance(message, Content):
        first = next(iter(message.parts))  # which holds all of it, if it is in memory
        message = first if isinstance(first, bytes) else bytes(message)
    if message.startswith(b"\r\n"):
        return b""
    end = message.find(b"\r\n\r\n")  # not ``partition``, which copies what is behind as well
    return message[:end] if end >= 0 else message
