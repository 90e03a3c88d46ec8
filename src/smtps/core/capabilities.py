"""What a server says it can do, in its answer to EHLO (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from smtps.core import grammar
from smtps.core.reply import Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """The EHLO keywords with their parameters; unknown ones are kept.

    Attributes:
        server_name: the server's own name, the first word of the answer.
        lines: the keyword lines as sent.
        keywords: keyword in capitals → parameters.
        size: largest message in octets (RFC 1870); None when no limit is stated.
        limits: MAILMAX, RCPTMAX, RCPTDOMAINMAX (RFC 9422); malformed ones are left out.
    """

    server_name: str = ""
    lines: tuple[str, ...] = ()
    keywords: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    size: int | None = field(init=False, compare=False)
    limits: Mapping[str, int] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", _size(self.keywords.get("SIZE", ())))
        object.__setattr__(self, "limits", _limits(self.keywords.get("LIMITS", ())))

    def __reduce__(self) -> Any:
        # A read-only view of a mapping cannot be pickled.
        return _kept, (self.server_name, self.lines, dict(self.keywords))

    @staticmethod
    def of(reply: Reply) -> Capabilities:
        """Read a positive answer to EHLO or HELO. A line that is no keyword is only kept."""
        return _read(reply.lines)

    def __contains__(self, keyword: str) -> bool:
        return keyword in self.keywords

    @property
    def auth(self) -> tuple[str, ...]:
        """SASL mechanisms offered, in capitals, in the server's order."""
        return tuple(dict.fromkeys(word.upper() for word in self.keywords.get("AUTH", ())))


def _kept(
    server_name: str, lines: tuple[str, ...], keywords: dict[str, tuple[str, ...]]
) -> Capabilities:
    return Capabilities(server_name, lines, MappingProxyType(keywords))


def _size(words: tuple[str, ...]) -> int | None:
    for word in words:
        # 0 means "no fixed limit" (section 4); more than 20 digits are not a size.
        if word.isascii() and word.isdigit() and len(word) <= 20:
            return int(word) or None
    return None


def _limits(words: tuple[str, ...]) -> Mapping[str, int]:
    found = {}
    for word in words:
        name, _, value = word.partition("=")
        if value.isascii() and value.isdigit() and 0 < len(value) <= 6 and int(value):
            found[name.upper()] = int(value)
    return MappingProxyType(found)


def _old_auth(line: str) -> bool:
    """``AUTH=LOGIN PLAIN``, from before RFC 2554; some servers send it beside the real one."""
    return line[:5].upper() == "AUTH="


@lru_cache(maxsize=256)
def _read(reply_lines: tuple[str, ...]) -> Capabilities:
    first, *lines = reply_lines
    found: dict[str, dict[str, None]] = {}
    for line in lines:
        words = line.replace("=", " ", 1).split() if _old_auth(line) else line.split()
        if words and grammar.KEYWORD.fullmatch(words[0]):
            found.setdefault(words[0].upper(), {}).update(dict.fromkeys(words[1:]))
    keywords = {keyword: tuple(words) for keyword, words in found.items()}
    name, _, _ = first.partition(" ")
    return Capabilities(name, tuple(lines), MappingProxyType(keywords))
