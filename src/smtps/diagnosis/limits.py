"""How large a message a server says it takes (RFC 1870 section 4), and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from smtps.core.capabilities import Capabilities
from smtps.diagnosis.facts import AddressFacts, Facts

Kind = Literal["limit", "none", "unstated", "malformed", "absent"]
"""A number; 0, which is no fixed limit; the keyword alone; something else; no such keyword."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a server says.

    Attributes:
        kind: see Kind.
        words: the parameters as they stand.
        octets: the number, if it is one.
    """

    kind: Kind
    words: str = ""
    octets: int | None = None

    def __str__(self) -> str:
        return _SAID[self.kind].format(f"{self.octets or 0:,}", self.words)


_SAID: dict[Kind, str] = {
    "limit": "at most {0} octets",
    "none": "no fixed limit (SIZE 0)",
    "unstated": "no number (SIZE alone)",
    "malformed": "“SIZE {1}”, which is no number of octets",
    "absent": "nothing about sizes",
}


def limit_of(offer: Capabilities) -> Limit:
    """The limit in an answer to EHLO."""
    found = offer.keywords.get("SIZE")
    if found is None:
        return Limit("absent")
    words = " ".join(found)
    if not found:
        return Limit("unstated")
    if len(found) > 1 or not (words.isascii() and words.isdigit()) or len(words) > 20:
        return Limit("malformed", words, offer.size)
    return Limit("limit" if offer.size else "none", words, offer.size)


def limits(address: AddressFacts) -> tuple[Limit, Limit | None] | None:
    """Before a login, and after one that worked; None if the dialogue did not come so far."""
    if address.capabilities is None:
        return None
    after = address.after_login
    return limit_of(address.capabilities), None if after is None else limit_of(after)


def too_large(facts: Facts, address: AddressFacts) -> Limit | None:
    """The limit that is too small for the message that was asked for."""
    if facts.size is None or (found := limits(address)) is None:
        return None
    before, after = found
    counts = after or before
    octets = counts.octets
    return counts if octets is not None and facts.size > octets else None
