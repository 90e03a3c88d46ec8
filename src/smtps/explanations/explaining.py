"""``smtps.explain``: from any text to what it means."""

from __future__ import annotations

from smtps.explanations import numbers, own_names, quoted_replies, wordings
from smtps.explanations.explanation import Explanation, Match
from smtps.explanations.pasted import Pasted
from smtps.explanations.redaction import redacted
from smtps.explanations.wordings import Evidence

LONGEST = 65536
"""Bytes of a text, as UTF-8."""

SHOWN = 5
"""Matches at most."""

FAINT = 0.15
"""Score below which a match is not worth naming."""

BESIDE = 0.3
"""Share of the best score below which another one is not worth naming beside it."""

FURTHER = 0.25
"""How much further evidence for a cause counts: programs say the same thing several times over."""

HIGHEST = 0.99


def explain(text: str) -> Explanation:
    """Say what a text means: an error message of any program, a reply, a number, a code of ours.

    No network, and nothing is stored. Credentials in the text are blacked out first.

    Args:
        text: at most 64 KiB (UTF-8), in any language; coverage is best for English
            messages.

    Returns:
        Possible causes, the best first, each with the words that led to it.

    Raises:
        InputError: the text is empty, or too long.
    """
    if not text.strip():
        raise _invalid("is empty: paste an error message, a reply or a code")
    if len(text.encode("utf-8", "replace")) > LONGEST:
        raise _invalid(f"is longer than {LONGEST} bytes: leave only the error message")
    shown = redacted(text)
    pasted = Pasted(shown)
    return Explanation(shown, _ranked(pasted, _evidence(pasted)))


def _evidence(pasted: Pasted) -> list[Evidence]:
    if own := [*own_names.own(pasted)]:
        return own  # what we said ourselves leaves no doubt
    found = [
        *numbers.coded(pasted),
        *numbers.numbered(pasted),
        *quoted_replies.replied(pasted),
        *wordings.spoken(pasted),
    ]
    return found or [*quoted_replies.like_a_reply(pasted)]


def _ranked(pasted: Pasted, evidence: list[Evidence]) -> tuple[Match, ...]:
    """A match for each cause: its best evidence counts, and further evidence a little."""
    doubts: dict[str, float] = {}
    words: dict[str, list[str]] = {}
    weighed = [(one.weight * pasted.weight(one.at), one) for one in evidence]
    for weight, one in sorted(weighed, key=lambda pair: -pair[0]):
        shown = words.setdefault(one.code, [])
        if any(one.why.lower() in other.lower() for other in shown):
            continue
        doubts[one.code] = doubts.get(one.code, 1.0) * (1 - weight * (FURTHER if shown else 1))
        shown.append(one.why)
    scores = {code: round(min(1 - doubt, HIGHEST), 2) for code, doubt in doubts.items()}
    least = max(FAINT, BESIDE * max(scores.values(), default=0))
    first = {one.code: one.at for one in sorted(evidence, key=lambda one: -one.at)}
    best = sorted(
        (code for code in scores if scores[code] >= least), key=lambda c: (-scores[c], first[c])
    )
    return tuple(_match(code, scores[code], tuple(words[code])) for code in best[:SHOWN])


def _match(code: str, score: float, why: tuple[str, ...]) -> Match:
    if (alert := own_names.ALERTS.get(code)) is not None:
        return Match(code, alert.meaning, alert.fix, "operator", "", score, why)
    from smtps.advice import ADVICE  # noqa: PLC0415  # late: what is not known needs none

    advice = ADVICE[code]
    return Match(code, advice.meaning, advice.fix, advice.audience.value, advice.see, score, why)


def _invalid(problem: str) -> Exception:
    from smtps.errors import InputError  # noqa: PLC0415  # late: it takes long to load

    return InputError("text", problem)
