"""A pasted text, made comparable: words alone, and the part of a stack trace that counts."""

from __future__ import annotations

import re
from functools import cache, cached_property

GAP = 120
"""Characters at most that "…" stands for in a wording."""

_WORD = r"[^\W_]+"
_FRAME = r"^[ \t]*(?:at|bei|à|в|en|場所)[ \t]+[\w$.<>`\[\]/@:-]+[ \t]*[(:\[].*$"
"""A frame of a stack trace, as Java, .NET and Node write them: names of functions are no words."""
_ESCAPED = r"\\r\\n|\\n|\\r|&#10;|<br ?/?>"

_OUTSIDE = r"caused by:|nested exception is:?|--->|\[cause\]:|innerexception"
"""What follows is the cause of what stands before it."""
_AFTER = (
    r"the above exception was the direct cause|during handling of the above exception"
    r"|--- (?:end|ende) .{0,40}(?:inner|intern)\w*"
)
"""What follows is a consequence of what stands before it."""
_BINARY = r"(?:[\ufffd\x00-\x08\x0e-\x1f][^\n]{0,12}?){4,}"
"""As a log shows a TLS handshake that was taken for text."""

OUTER = 0.5
"""How much the words of an outer exception count."""


@cache
def pattern(text: str) -> re.Pattern[str]:
    """Compiled where a text first asks for it: that takes longer than all the rest."""
    return re.compile(text, re.IGNORECASE | re.MULTILINE)


def words(text: str) -> str:
    """The words of a text, in lower case, each between two spaces."""
    return f" {' '.join(pattern(_WORD).findall(text.lower()))} "


class Pasted:
    """A text, as the tables look at it.

    Args:
        text: without secrets.
    """

    def __init__(self, text: str) -> None:
        if "\\" in text or "&#" in text or "<" in text:
            text = pattern(_ESCAPED).sub("\n", text)
        if "\ufffd" in text or not text.isprintable():
            text = pattern(_BINARY).sub(" binary data ", text)
        self.raw = pattern(_FRAME).sub("", text) if "\n" in text else text
        self.words = words(self.raw)

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        # Lower case first, as in ``words``; it may be longer than the text by a few characters.
        return [found.span() for found in pattern(_WORD).finditer(self.raw.lower())]

    @cached_property
    def _inner(self) -> tuple[int, int]:
        """Where the innermost exception begins and ends."""
        folded = self.raw.lower()
        start, end = 0, len(self.raw)
        if "cause" in folded or "nested" in folded or "--->" in folded or "inner" in folded:
            start = max((found.end() for found in pattern(_OUTSIDE).finditer(self.raw)), default=0)
        if "exception" in folded:
            ends = (found.start() for found in pattern(_AFTER).finditer(self.raw, start))
            end = next(ends, end)
        return start, end

    def weight(self, at: int) -> float:
        """How much counts what stands at a place of the raw text."""
        start, end = self._inner
        return 1.0 if start <= at < end else OUTER

    def find(self, phrase: str) -> tuple[int, str] | None:
        """Where a phrase stands in the raw text, and how it reads there.

        Args:
            phrase: words as ``words`` makes them; where "…" stands, others may come between.
        """
        at = 0
        places: list[tuple[int, str]] = []
        for part in phrase.split("…"):
            place = self.words.find(part, at)
            if place < 0 or (places and place - at > GAP):
                return None
            places.append((place, part))
            at = place + len(part) - 1
        shown = [self._shown(place, part) for place, part in places]
        return self._spans[self._number(places[0][0])][0], " … ".join(shown)

    def _number(self, place: int) -> int:
        """Which word begins at a place of ``words``, or is cut by it."""
        start = place + (self.words[place] == " ")
        return self.words.count(" ", 0, start) - 1

    def _shown(self, place: int, part: str) -> str:
        first = self._number(place)
        count = len(part.split())
        start, end = self._spans[first][0], self._spans[first + count - 1][1]
        return " ".join(self.raw[start:end].split())
