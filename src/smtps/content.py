"""The octets of a message as they go out: in memory, or partly still in files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
    """

    __slots__ = ("parts", "size")

    def __init__(self, *parts: bytes | Part) -> None:
        self.parts = parts
        self.size = sum([len(part) if isinstance(part, bytes) else part.size for part in parts])

    @property
    def whole(self) -> bytes | None:
        """All of it, if it is in memory in one piece."""
        first = self.parts[0] if len(self.parts) == 1 else None
        return first if isinstance(first, bytes) else None

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
