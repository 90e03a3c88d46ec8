"""Writes what docs/failures.md draws from the tables: real replies, the field, programs' words.

python scripts/failures.py            writes it
python scripts/failures.py --check    says whether it is up to date
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

from smtps.advice import ADVICE
from smtps.replies import UNKNOWN, rows
from smtps.sandbox.personas import PERSONAS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "failures.md"
CORPUS = ROOT / "tests" / "field" / "replies.toml"
FIELD = ROOT / "benchmarks" / "field.md"
CORPUS_PART = ("<!-- from the corpus: begin -->\n", "<!-- from the corpus: end -->\n")
WORDINGS = ROOT / "src" / "smtps" / "explanations" / "wordings.toml"
WORDS_PART = ("<!-- from the words: begin -->\n", "<!-- from the words: end -->\n")
FIELD_PART = ("<!-- from the field: begin -->\n", "<!-- from the field: end -->\n")
SHOWN, LONGEST = 2, 96
"""Replies for each cause, and characters of one."""

HEADINGS = {
    "smtp.": ("The session", "Said in the greeting, to EHLO, or later and about no message."),
    "auth.": ("Login", "Said to AUTH, or later about the account."),
    "send.": ("Envelope and message", "Said to MAIL, RCPT or DATA, or after the final dot."),
    "tls.": ("TLS, said by SMTP", ""),
}


def table() -> str:
    """The tables, one for each family of causes."""
    found = tomllib.loads(CORPUS.read_text(encoding="utf-8"))["reply"]
    by_cause: dict[str, list[dict[str, Any]]] = {}
    for reply in found:
        by_cause.setdefault(reply["cause"], []).append(reply)
    unknown = {code for pair in UNKNOWN.values() for code in pair}
    causes = sorted({row.cause for row in rows()} - unknown)
    text = []
    for family, (heading, remark) in HEADINGS.items():
        lines = [line(cause, by_cause[cause]) for cause in causes if cause.startswith(family)]
        text.append(f"### {heading}\n\n" + (f"{remark}\n\n" if remark else ""))
        text.append("| what servers say | code | shown by, seen at |\n|---|---|---|\n")
        text.append("".join(lines) + "\n")
    programs = len({reply["by"] for reply in found})
    counted = f"{len(found)} real replies of {programs} programs and providers"
    return f"From {counted} (`tests/field/replies.toml`).\n\n{''.join(text).rstrip()}\n"


def line(cause: str, replies: list[dict[str, Any]]) -> str:
    """The row of a cause: some short replies, its personas, and who says so."""
    said: dict[str, str] = {}
    for reply in sorted(replies, key=lambda reply: len(reply["text"])):
        words = " ".join(reply["text"].split()).replace("|", "\\|").replace("`", "'")
        if len(words) > LONGEST:
            words = words[: LONGEST - 2].rpartition(" ")[0] + " …"
        said.setdefault(reply["by"], words)
    shown = ", ".join(f"`{words}`" for words in list(said.values())[:SHOWN])
    personas = [f"`{name}`" for name, persona in PERSONAS.items() if cause in persona.findings]
    names = [name for name in said if name != "unknown"] or ["servers that nobody named"]
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    seen = ", ".join(names[:4]) + more
    return f"| {shown} | `{cause}` | {'; '.join([*personas, seen])} |\n"


CODE = re.compile(r"`([a-z]+\.[a-z0-9_]+)`")
CALLERS = ("api.", "input.", "message.", "outbox.", "program.", "session.")
"""What only a caller can do wrong, or the service itself."""


def field() -> str:
    """Code → the situations with real software in which it was the first thing said."""
    seen: dict[str, list[str]] = {}
    for row in FIELD.read_text(encoding="utf-8").splitlines():
        cells = row.strip("| ").split(" | ")
        if row.startswith("| `") and len(cells) >= 6 and (said := CODE.search(cells[5])):
            seen.setdefault(said[1], []).append(cells[1])
    lines = ["| code | first thing said of |\n|---|---|\n"]
    for code in sorted(seen):
        more = f"; and {len(seen[code]) - SHOWN} more" if len(seen[code]) > SHOWN else ""
        lines.append(f"| `{code}` | {'; '.join(seen[code][:SHOWN])}{more} |\n")
    replies = {row.cause for row in rows()}
    unseen = sorted(
        code for code in set(ADVICE) - set(seen) - replies if not code.startswith(CALLERS)
    )
    lines.append(
        "\nNot the first thing said of any: " + ", ".join(f"`{c}`" for c in unseen) + ".\n"
    )
    return "".join(lines)


WORDS_SHOWN = 6
"""Wordings of each code, and names or numbers."""


LANGUAGES = re.compile(r"\b(?:German|French|Spanish|Japanese|Italian|other languages)\b")
"""In the name of a program: its words are left out here."""


def words() -> str:
    """Code → what other programs say, as ``smtps explain`` knows it."""
    programs = tomllib.loads(WORDINGS.read_text(encoding="utf-8"))["program"]
    said: dict[str, list[str]] = {}
    named: dict[str, list[str]] = {}
    for program in programs:
        if LANGUAGES.search(program["name"]):
            continue
        for heading in ("certain", "sure", "likely"):
            for code, texts in program.get(heading, {}).items():
                said.setdefault(code, []).extend(text for text in texts if "&" not in text)
        for name, causes in program.get("codes", {}).items():
            named.setdefault(causes if isinstance(causes, str) else causes[0], []).append(name)
    lines = ["| code | words | names and numbers |\n|---|---|---|\n"]
    for code in sorted({*said, *named}):
        shown = ", ".join(f"“{text}”" for text in dict.fromkeys(said.get(code, ())[:WORDS_SHOWN]))
        names = ", ".join(f"`{name}`" for name in named.get(code, ())[:WORDS_SHOWN])
        lines.append(f"| `{code}` | {shown.replace('|', '/')} | {names} |\n")
    return "".join(lines)


def with_part(page: str, marks: tuple[str, str], part: str) -> str:
    """The page with one of its drawn parts in place of what stands there."""
    before, _, rest = page.partition(marks[0])
    _, _, after = rest.partition(marks[1])
    return before + marks[0] + part + marks[1] + after


def whole(page: str) -> str:
    """The page with all of its drawn parts as they should be."""
    for marks, part in ((CORPUS_PART, table()), (FIELD_PART, field()), (WORDS_PART, words())):
        page = with_part(page, marks, part)
    return page


def main() -> int:
    """Write or check."""
    page = PAGE.read_text(encoding="utf-8")
    wanted = whole(page)
    if "--check" in sys.argv:
        if page != wanted:
            print("docs/failures.md is not up to date: python scripts/failures.py", file=sys.stderr)
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
