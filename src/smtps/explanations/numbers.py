"""Numbers and names of errors, which mean the same in every language."""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtps.explanations.pasted import Pasted, pattern
from smtps.explanations.wordings import Evidence, table

_NAME = (
    r"0x[0-9a-f]{4,8}\b|(?<=error:)[0-9a-f]{8}\b|(?<![\w.])-[0-9]{3,10}\b(?!\.)"
    r"|\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b|\b[a-z]{2,}[0-9]*[a-z0-9]*\b"
    r"|#[0-9]{3}\b|\b[0-9]{3}-[0-9]{3}\b"
)
"""``0x800CCC0E``, ``-9807``, ``SEC_ERROR_UNKNOWN_ISSUER``, ``ECONNREFUSED``, ``016-503``."""

FIRST, NEXT = 0.95, 0.5
"""Weight of the only cause of a code; of its first cause where there are several; each further one
counts half as much."""
SHARED = 0.75


def coded(text: Pasted) -> Iterator[Evidence]:
    """What error codes in a text point to."""
    known = table()["codes"]
    seen = set()
    for found in pattern(_NAME).finditer(text.raw):
        token = found[0].lower()
        if token in known and token not in seen:
            seen.add(token)
            yield from causes(known[token], found[0], found.start())


def numbered(text: Pasted) -> Iterator[Evidence]:
    """What numbers in a text point to, where its words say whose they are."""
    folded = text.raw.lower()
    for before, values, weight in table()["numbers"]:
        if not any(sign in folded for sign in before):
            continue
        names = "|".join(re.escape(sign) for sign in before)
        behind = rf"(?:{names})(?:\s+(?:is|number|code|#))?[\s:=#(\[]{{0,4}}(-?[0-9]+)\b(?!\.[0-9])"
        for found in re.finditer(behind, folded):
            if found[1] in values:
                shown = " ".join(text.raw[found.start() : found.end()].split())
                yield from causes(values[found[1]], shown, found.start(), weight)


def causes(codes: list[str], why: str, at: int, weight: float | None = None) -> Iterator[Evidence]:
    """Evidence for each of a number's causes, the likeliest first."""
    weight = weight or (FIRST if len(codes) == 1 else SHARED)
    for code in codes:
        yield Evidence(code, weight, why, at)
        weight *= NEXT
