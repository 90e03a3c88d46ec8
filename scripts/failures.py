"""Writes the part of docs/failures.md that is drawn from the corpus of real replies.

python scripts/failures.py            writes it
python scripts/failures.py --check    says whether it is up to date
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path
from typing import Any

from smtps.replies import UNKNOWN, rows
from smtps.sandbox.personas import PERSONAS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "failures.md"
CORPUS = ROOT / "tests" / "field" / "replies.toml"
BEGIN, END = "<!-- from the corpus: begin -->\n", "<!-- from the corpus: end -->\n"
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
    more = f" and {len(said) - 4} more" if len(said) > 4 else ""
    seen = ", ".join(list(said)[:4]) + more
    return f"| {shown} | `{cause}` | {'; '.join([*personas, seen])} |\n"


def main() -> int:
    """Write or check."""
    page = PAGE.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = before + BEGIN + table() + END + after
    if "--check" in sys.argv:
        if page != wanted:
            print("docs/failures.md is not up to date: python scripts/failures.py", file=sys.stderr)
        return int(page != wanted)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
