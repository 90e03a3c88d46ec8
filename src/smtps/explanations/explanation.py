"""What is known about a text."""

from __future__ import annotations

from typing import Any, NamedTuple

NEXT = "Check the server itself: smtps check HOST, or smtps check HOST:PORT."
"""What to do where the words are not known, or leave it open."""


class Match(NamedTuple):
    """One possible cause.

    Attributes:
        code: stable name, such as ``tls.certificate_expired``; of an alert rule, its name.
        meaning: one plain sentence.
        fix: what to do.
        audience: who can: ``you``, ``operator`` or ``network``.
        see: where to read on; may be empty.
        score: above 0 and below 1; how well the text fits.
        why: the words of the text that led here, without secrets.
    """

    code: str
    meaning: str
    fix: str
    audience: str
    see: str
    score: float
    why: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """``{"code", "meaning", "fix", "for", "see", "score", "why"}``."""
        return {
            "code": self.code,
            "meaning": self.meaning,
            "fix": self.fix,
            "for": self.audience,
            "see": self.see,
            "score": self.score,
            "why": list(self.why),
        }


class Explanation(NamedTuple):
    """What a text means.

    Attributes:
        text: the text, with credentials blacked out.
        matches: possible causes, the best first; empty if nothing in it is known.
    """

    text: str
    matches: tuple[Match, ...]

    @property
    def best(self) -> Match | None:
        """The most likely cause, or None if nothing is known."""
        return self.matches[0] if self.matches else None

    @property
    def next(self) -> str:
        """What to do next where no cause is certain; else empty."""
        return "" if self.best is not None and self.best.score >= CERTAIN else NEXT

    def as_json(self) -> dict[str, Any]:
        """``{"text", "matches": […], "next"}``; see ``Match.as_json``."""
        matches = [match.as_json() for match in self.matches]
        return {"text": self.text, "matches": matches, "next": self.next}


CERTAIN = 0.5
"""Score from which on a cause is named without a word of doubt."""
