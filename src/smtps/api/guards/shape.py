"""How deep and how wide a JSON body may be, judged before anything is made of it.

A validator makes an error for each entry that is wrong, so a short body could cost a thousand times
its size. This reads the structure alone: strings are passed over as they stand.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from smtps.errors import InputError

DEEPEST = 10
"""Containers within each other; a message needs four."""

WIDEST = 1000
"""Fields of the whole; a request has about thirty."""

LONGEST = 400
"""Octets of a number."""

STRIDE, STEPS = 1 << 16, 4000
"""Octets and tokens that are read without letting others have the loop."""

FEW = 100
"""Entries that any list or object may have: what a setting bounds closer is counted later."""

_TOKEN = re.compile(rb'[]\[{},"]|[^]\[{},":\s]{%d}' % (LONGEST + 1))
_STRING = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_LONG = re.compile(rb"[^\s\",]{%d}" % (LONGEST + 1))


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a body may have.

    Attributes:
        most: field → entries of it.
        total: entries and strings of everything together.
    """

    most: Mapping[str, int]
    total: int


async def judge(body: bytes, bounds: Bounds) -> None:
    """Refuse a body that has too much of something.

    Args:
        body: JSON, or what claims to be; whoever parses it says what is wrong with that.
        bounds: what it may have.

    Raises:
        InputError: it is too deep or too wide, or has a number that is too long; names the field.
    """
    if _plain(body):
        return
    shape = _Shape(body, bounds)
    while not shape.read(STRIDE):  # noqa: ASYNC110  # others have their turn
        await asyncio.sleep(0)


def _plain(body: bytes) -> bool:
    """Whether there cannot be too much of anything, by counts that take no time."""
    if len(body) > STRIDE:
        return False
    opened = body.count(b"[") + body.count(b"{")
    return opened <= DEEPEST and body.count(b",") <= FEW and not _LONG.search(body)


class _Shape:
    """Where the reading of a body has come to."""

    def __init__(self, body: bytes, bounds: Bounds) -> None:
        self._body = body
        self._bounds = bounds
        self._at = 0
        self._within = False  # a string
        self._begun = 0
        self._field = ""
        self._counts: list[int] = []
        self._total = 0

    def read(self, octets: int) -> bool:
        """Read on; true at the end.

        Raises:
            InputError: as ``judge`` does.
        """
        end = min(self._at + octets, len(self._body))
        for _ in range(STEPS):
            if self._at >= end:
                break
            if self._within:
                self._pass_over(end)
            elif found := _TOKEN.search(self._body, self._at, end + LONGEST):
                self._at = found.end()
                self._take(found[0])
            else:
                self._at = end
        return self._at >= len(self._body)

    def _pass_over(self, end: int) -> None:
        """The rest of a string, or as much of it as there is up to ``end``."""
        found = _STRING.match(self._body, self._at, end)
        assert found is not None  # it matches nothing, too
        self._at = found.end()
        if self._body[self._at : self._at + 1] == b'"':
            self._within = False
            if len(self._counts) == 1 and self._at - self._begun <= LONGEST:
                self._field = self._body[self._begun : self._at].decode("utf-8", "replace")
            self._at += 1
        elif self._at == end - 1:  # a backslash, whose second half comes later
            self._at = end + 1

    def _take(self, token: bytes) -> None:
        if token == b'"':
            self._within, self._begun = True, self._at
            self._total += 1
        elif token in b"]},":
            if token == b",":
                self._count()
            elif self._counts:
                self._counts.pop()
            if not self._counts:  # the value is complete
                self._at = len(self._body)
        elif token in b"[{":
            if len(self._counts) == DEEPEST:
                self._refuse(f"is nested more than {DEEPEST} deep")
            self._counts.append(0)
            self._count()
        else:
            self._refuse(f"has a number of more than {LONGEST} digits")

    def _count(self) -> None:
        """One entry more in the container that is open; an empty one counts as one."""
        if not self._counts:
            return
        self._counts[-1] += 1
        self._total += 1
        inside = len(self._counts) > 1
        most = max(self._bounds.most.get(self._field, FEW), FEW) if inside else WIDEST
        if self._counts[-1] > most:
            self._refuse(f"has more than {most} entries")
        if self._total > self._bounds.total:
            self._counts.clear()
            self._refuse(f"has more than {self._bounds.total} entries altogether")

    def _refuse(self, problem: str) -> None:
        known = len(self._counts) > 1 and self._field in self._bounds.most
        field = self._field if known else "body"
        raise InputError(field, problem, code="api.too_many")
