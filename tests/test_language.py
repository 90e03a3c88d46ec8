"""Phrases that read as translated stay out of the documents."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "ARCHITECTURE.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
]

BETTER = {
    r"came about|comes? about": "failed, happened",
    r"anew": "again",
    r"tells?|told|telling": "reports, says, shows",
    r"whom": "a sentence with who does it",
    r"nobody|somebody": "the actor, or: it is unknown",
    r"octets?": "bytes",
    r"(?:is|was|be) away": "is unavailable",
    r"perhaps sent": "delivery unknown",
    r"can be no|(?<!there )is no (?:host name|report|form|JSON|URL|mail server)": "is not",
    r"(?:ran|runs?|running) out(?! of)": "expired, expires",
    r"hangs? up|hung up|hanging up": "closed the connection",
    r"puts? off|put off": "deferred",
    r"just now": "in progress",
    r"mend(?:s|ed)?": "fix",
    r"(?:asked|told|tried) are": "a sentence in the usual order",
    r"come back later": "retry later",
    r"(?:does|did) not come to": "no session could be opened, was not sent",
    r"as it stands": "as it is",
    r"under way": "in progress, in flight",
    r"on the wire": "in flight",
    r"on the whole way": "on every hop",
    r"drop by drop": "slowly",
    r"all in all": "total",
    r"something else than": "something other than",
    r"makes? no sense in this place": "unexpected",
    r"wants? TLS first": "requires TLS",
    r"talks? without end": "exceeds the limit",
    r"who to be": "how to log in",
    r"time-outs?": "timeout",
    r"all the same": "anyway",
}
"""Pattern of a phrase → what to write in its place."""

PHRASES = re.compile(rf"(?<![\w-])(?:{'|'.join(BETTER)})(?![\w-])", re.IGNORECASE)


def prose(text: str) -> str:
    """A document without code and without what ``scripts/failures.py`` writes."""
    text = re.sub(
        r"<!-- from the (\w+): begin -->.*?<!-- from the \1: end -->", "", text, flags=re.DOTALL
    )
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^    .*", "", text, flags=re.MULTILINE)
    return " ".join(re.sub(r"`[^`]*`", "`", text).split())


def found(text: str) -> list[str]:
    """Phrases, each with the words around it."""
    return [text[max(0, m.start() - 40) : m.end() + 20] for m in PHRASES.finditer(text)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_has_none(path: Path) -> None:
    assert found(prose(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("pattern", BETTER)
def test_each_phrase_is_one_that_a_writer_would_replace(pattern: str) -> None:
    assert not PHRASES.search(BETTER[pattern])


def test_a_phrase_is_found_across_lines_and_in_capitals_but_not_in_code() -> None:
    assert found(prose("The handshake did not\ncome to an end. Anew!")) != []
    assert found(prose("`anew` and\n\n```\nanew\n```\n\n    anew\n")) == []
