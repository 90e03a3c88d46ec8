"""What a server means when it says no: from its words to a cause, by the table ``replies.toml``.

What is read when the program runs is ``replies.json``, which ``scripts/tables.py`` derives from it:
it loads ten times as fast.

Servers agree on little here, so a row can ask for the reply code, the enhanced status code
(RFC 3463), the words, or several of these. Of the rows that fit, the most specific one counts:

    one program's own words  >  words and enhanced code  >  words  >  enhanced code  >  hints
    >  reply code

Between equally specific rows the table states the order (``over``). Where no row fits, the cause is
unknown, and the code says no more than the phase: ``send.recipient_refused`` and its kin, whose
advice leaves the word to the server.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple, Self

from smtps.phase import Phase

MINUTE = 60


class Meaning(NamedTuple):
    """What a negative reply comes to.

    Attributes:
        code: the cause, a stable code such as ``send.greylisted``.
        retryable: the same attempt may succeed later.
        asked: seconds that the server asks to wait before it, if it does.
    """

    code: str
    retryable: bool
    asked: int | None = None


@cache
def _compiled(text: str, flags: re.RegexFlag = re.IGNORECASE) -> re.Pattern[str]:
    """Compiled where a reply first asks for it: all of them together take a tenth of a second."""
    return re.compile(text, flags)


class Pattern(NamedTuple):
    """One pattern of the table.

    Attributes:
        text: the regular expression; case does not count, and ``{name}`` stands for a term.
        needs: literal texts without which it cannot match: one of each group. Most patterns are
            ruled out by them before they are compiled.
    """

    text: str
    needs: Sequence[Sequence[str]] = ()

    def search(self, text: str) -> bool:
        """Whether it matches somewhere."""
        folded = _folded(text)
        for group in self.needs:
            for literal in group:
                if literal in folded:
                    break
            else:
                return False
        return _in_full(self.text).search(text) is not None


@cache
def _in_full(pattern: str) -> re.Pattern[str]:
    return _compiled(spelled_out(pattern, _file()["terms"]))


def spelled_out(pattern: str, terms: Mapping[str, str]) -> str:
    """A pattern with its terms in full; a term may use others."""
    while "{" in pattern and (found := _compiled(_TERM).search(pattern)):
        pattern = pattern.replace(found[0], terms[found[1]])
    return pattern


_TERM = r"\{([a-z]+)\}"


@lru_cache(maxsize=16)
def _folded(text: str) -> str:
    """In lower case, as regular expressions without regard to case see it."""
    return text.translate(_LIKE_ASCII).lower()


_LIKE_ASCII = {0x130: "i", 0x131: "i", 0x17F: "s", 0x212A: "k"}
"""The letters beyond ASCII that ``re.IGNORECASE`` takes for letters of ASCII."""


@cache
def _phases(*names: str) -> frozenset[Phase]:
    """Those of a row; without any, all but TLS, see ``_cause_at_starttls``."""
    return frozenset(map(Phase, names)) or frozenset(Phase) - {Phase.TLS}


class Row(NamedTuple):
    """One row of the table; what each field asks for is said at the top of ``replies.toml``."""

    cause: str
    by: str | None = None
    phases: frozenset[Phase] = frozenset()
    codes: frozenset[int] = frozenset()
    enhanced: frozenset[str] = frozenset()
    words: tuple[Pattern, ...] = ()
    names: tuple[Pattern, ...] = ()
    hints: tuple[Pattern, ...] = ()
    only: tuple[Pattern, ...] = ()
    over: frozenset[str] = frozenset()

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of the derived file."""
        words, names, hints, only = (
            tuple([Pattern(text, needs) for text, needs in row.get(key, ())])
            for key in ("words", "names", "hints", "only")
        )
        return cls(
            cause=row["cause"],
            by=row.get("by"),
            phases=_phases(*row.get("phases", ())),
            codes=frozenset(row.get("codes", ())),
            enhanced=frozenset(row.get("enhanced", ())),
            words=words,
            names=names,
            hints=hints,
            only=only,
            over=frozenset(row.get("over", ())),
        )

    @property
    def specificity(self) -> int:
        """How much it asks for: the row that asks for more is the better explanation."""
        spoken = bool(self.words or self.names)
        hinted = bool(self.hints)
        return 8 * (self.by is not None) + 4 * spoken + 2 * bool(self.enhanced) + hinted

    def fits(self, said: Said) -> bool:
        """Whether it is about this reply."""
        if said.phase not in self.phases:
            return False
        if self.codes and said.code not in self.codes and said.code // 100 not in self.codes:
            return False
        if self.enhanced and not self.enhanced & said.enhanced:
            return False
        if self.only and not any(pattern.search(said.words) for pattern in self.only):
            return False
        if not (self.words or self.hints or self.names):
            return True
        asked = ((self.words, said.words), (self.hints, said.words), (self.names, said.text))
        return any(pattern.search(text) for patterns, text in asked for pattern in patterns)


class Said(NamedTuple):
    """A reply, as rows look at it.

    Attributes:
        phase: where it was said.
        code: the reply code.
        enhanced: its enhanced status codes, as ``5.7.1`` and as ``x.7.1``.
        text: all lines as one, without the codes, and with mailboxes blanked out.
        words: the same with the names of hosts blanked out as well (a host is called
            ``relay.example.com`` without any relaying), and without typographic characters.
    """

    phase: Phase
    code: int
    enhanced: frozenset[str]
    text: str
    words: str

    @classmethod
    def of(cls, phase: Phase, code: int, lines: tuple[str, ...]) -> Self:
        """A reply's code and the text of each of its lines."""
        found: set[str] = set()
        texts = []
        for line in lines:
            text = line.strip()
            if status := _compiled(_ENHANCED, re.NOFLAG).match(text):
                found |= {status[0].strip(), f"x.{status[2]}"}
                text = text[status.end() :].strip()
            if "(#" in text:
                for status in _compiled(_BEHIND, re.NOFLAG).finditer(text):
                    found |= {status[1], f"x.{status[2]}"}
            texts.append(text)
        whole = " ".join(texts).replace("...", " … ")
        text = " ".join(whole.split())[:LONGEST]
        if "@" in text:
            text = _compiled(_MAILBOX, re.NOFLAG).sub("…", text)
        words = text
        if " rejected: " in words:
            words = _compiled(_PREFIX, re.NOFLAG).sub("", words)
        words = _blanked(words).translate(_PLAIN)
        return cls(phase, code, frozenset(found), text, words)


LONGEST = 2000
"""Characters of a reply that are judged. The longest that real servers were seen to send has 700;
a longer one is there to keep the reader busy."""

_PREFIX = r"^(?:<[^>]*>|\S+)?: (?:(?:Sender|Recipient) address|Data command|End-of-data) rejected: "
"""Postfix tells by it which list of restrictions said no. That is not what the no is about: a
policy service answers there on anything from SPF to a limit."""
_ENHANCED = r"#?([245])\.([0-9]{1,3}\.[0-9]{1,3})\b:?"
_BEHIND = r"\(#(?=([245]\.([0-9]{1,3}\.[0-9]{1,3}))\))"
"""As qmail and its kin put it: ``sorry, no mailbox here by that name (#5.1.1)``."""
_MAILBOX = r"(?<![/=])\b[^\s<>()/?=]{1,255}@(?:\[[^\]\s]*\]|[^\s<>():;,]+)"
_NAMES = (
    r"(?<![a-z])[a-z]{1,16}://\S+"  # a page
    r"|\b(?:[a-z0-9_](?:[a-z0-9_-]{,61}[a-z0-9_])?\.){1,40}"  # a host
    r"(?-i:[a-z]{2,18}|[A-Z]{2,18})\b(?!\.\w)"
    r"|\[?\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b\]?"  # an address
)


_PLAIN = str.maketrans("\u2019_", "' ")
"""Some write ``user_unknown``, and some an apostrophe as printers do."""


def _blanked(text: str) -> str:
    return _compiled(_NAMES).sub("…", text) if "." in text or ":" in text else text


class Patience(NamedTuple):
    """What waiting does against a cause; without any of these, what the reply code says.

    Attributes:
        minutes: until another attempt makes sense, at the least. Then even a 5yz may heal.
        never: it does not help, even if the reply was a 4yz.
        account: it is about all mail of the account.
    """

    minutes: int | None = None
    never: bool = False
    account: bool = False

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Self:
        """Read an entry of ``[causes]``."""
        wait = entry.get("wait")
        never = wait == "never"
        return cls(None if never else wait, never, bool(entry.get("account")))


@cache
def _file() -> dict[str, Any]:
    path = __file__.rpartition("replies")[0] + "replies.json"
    with open(path, encoding="utf-8") as file:  # noqa: PTH123  # pathlib takes long to load
        found: dict[str, Any] = json.load(file)
    return found


@cache
def rows() -> tuple[Row, ...]:
    """All rows, in the order of the file."""
    return tuple(Row.of(row) for row in _file()["rows"])


_USUAL = Patience()


@cache
def _patience() -> dict[str, Patience]:
    return {cause: Patience.of(entry) for cause, entry in _file()["causes"].items()}


UNKNOWN: dict[Phase, tuple[str, str]] = {
    Phase.GREETING: ("smtp.greeting_refused", "smtp.try_later"),
    Phase.EHLO: ("smtp.ehlo_refused", "smtp.try_later"),
    Phase.TLS: ("tls.starttls_refused", "tls.starttls_refused"),
    Phase.AUTH: ("auth.refused", "auth.try_later"),
    Phase.MAIL: ("send.mail_refused", "send.deferred"),
    Phase.RCPT: ("send.recipient_refused", "send.deferred"),
    Phase.DATA: ("send.data_refused", "send.deferred"),
    Phase.FINAL: ("send.message_refused", "send.deferred"),
}
"""Code of a 5yz and of a 4yz whose cause is unknown."""


def fitting(said: Said) -> list[Row]:
    """All rows about a reply, the one that counts first."""
    found = [row for row in rows() if row.fits(said)]
    return sorted(found, key=lambda row: -row.specificity)  # stable: else the order of the file


@lru_cache(maxsize=512)
def _cause(said: Said) -> str | None:
    """Remembered without mailboxes: servers refuse many recipients in the same words."""
    return next((row.cause for row in fitting(said)), None)


def _cause_at_starttls(said: Said) -> str | None:
    """What is said to STARTTLS has a cause of its own only where it has nothing to do with TLS."""
    cause = _cause(said._replace(phase=Phase.EHLO))
    return cause if cause in _file()["starttls"] else None


@lru_cache(maxsize=512)
def meaning(phase: Phase, code: int, lines: tuple[str, ...]) -> Meaning:
    """What a negative reply means.

    Args:
        phase: where it was said, whatever it is about.
        code: 400 to 599.
        lines: the text of each of its lines, enhanced codes included.
    """
    said = Said.of(phase, code, lines)
    cause = _cause(said) if phase is not Phase.TLS else _cause_at_starttls(said)
    temporary = code < 500
    if cause is None:
        permanent, deferred = UNKNOWN.get(phase, UNKNOWN[Phase.EHLO])
        return Meaning(deferred if temporary else permanent, temporary, _asked(said.text))
    patience = patience_with(cause)
    heals = not patience.never and (temporary or patience.minutes is not None)
    return Meaning(cause, heals, _asked(said.text) if heals else None)


@lru_cache(maxsize=512)
def may_mean(causes: frozenset[str], phase: Phase, code: int, lines: tuple[str, ...]) -> bool:
    """Whether a row of one of these causes fits a negative reply, be it the best one or not."""
    return any(row.cause in causes for row in fitting(Said.of(phase, code, lines)))


def patience_with(cause: str) -> Patience:
    """What waiting does against a cause."""
    return _patience().get(cause, _USUAL)


LONGEST_WISH = 24 * 60 * MINUTE
"""Seconds. A server that asks for more patience is not obeyed."""

_UNITS = {"s": 1, "m": MINUTE, "h": 60 * MINUTE}
_AMOUNT = r"(\d{1,5})\s*(s(?:ec|ek|econds?|ekunden?)?|m(?:in|ins|inutes?|inuten?)?|h(?:rs?|ours?)?)"
_SPAN = rf"(?P<span>{_AMOUNT}(?:,?\s*(?:and\s*)?{_AMOUNT})?)\b"


def _clock(found: re.Match[str]) -> int:
    hours, minutes, seconds = (int(part) for part in found["clock"].split(":"))
    return (hours * MINUTE + minutes) * MINUTE + seconds


def _span(found: re.Match[str]) -> int:
    amounts = _compiled(_AMOUNT).findall(found["span"])
    return sum(int(number) * _UNITS[unit[0].lower()] for number, unit in amounts)


def _seconds(found: re.Match[str]) -> int:
    return int(found["seconds"])


_WISHES = (
    # As milter-greylist has it: "try again in 00:04:59".
    (r"(?:again|retry|wait|back|after|in)\D{0,24}?\b(?P<clock>\d{1,2}:\d{2}:\d{2})\b", _clock),
    # What is to be done counts before a period, as in "1000 in 24 hours; wait 10 minutes".
    (rf"(?:again|retry|wait|back|delayed|locked|blocked|enabled)\D{{0,24}}?{_SPAN}", _span),
    (rf"{_SPAN}[^.]{{0,12}}(?:later|again|and (?:try|retry)|before)", _span),
    (r"retry[- ]after\W{0,3}(?P<seconds>\d{1,5})\b(?!\s*\w*:)", _seconds),
    (rf"(?:after|in|for|within|another|least)\D{{0,24}}?{_SPAN}", _span),
)
"""Pattern, and how to read seconds from what it found; the first that fits counts."""


def _asked(text: str) -> int | None:
    """Seconds that a server asks to wait, as in "try again in 5 minutes"."""
    for wish, read in _WISHES:
        if (found := _compiled(wish).search(text)) is not None:
            asked = read(found)
            return asked if 0 < asked <= LONGEST_WISH else None
    return None
