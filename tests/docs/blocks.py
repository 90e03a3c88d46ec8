"""The blocks of the documents: what stands between fences, or is indented by four spaces."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "benchmarks" / "README.md",
]
FENCED = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
INDENTED = re.compile(r"(?:(?<=\n\n)|\A)(?: {4}.*\n(?:\n+(?= {4}))?)+")


@dataclass(frozen=True, slots=True)
class Block:
    """One of them.

    Attributes:
        file: name of its document, such as ``docs/http.md``.
        line: the number of its first line there.
        language: what the fence says; empty if nothing, or where there is no fence.
        text: without the fence and the indentation.
    """

    file: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def blocks(file: str, text: str) -> list[Block]:
    """All blocks of a document, in order."""
    found = []

    def add(match: re.Match[str], language: str, body: str) -> None:
        indent = " " * (len(body) - len(body.lstrip(" ")))
        lines = [line.removeprefix(indent) for line in body.splitlines()]
        line = match.string[: match.start()].count("\n") + 1
        found.append(Block(file, line, language, "\n".join(lines).strip("\n") + "\n"))

    for match in FENCED.finditer(text):
        add(match, match[2], match[3])
    without = FENCED.sub(lambda match: "\n" * match[0].count("\n"), text)
    for match in INDENTED.finditer(without):
        add(match, "", match[0])
    return sorted(found, key=lambda block: block.line)


def in_documents() -> Iterator[Block]:
    """All blocks of all documents."""
    for path in DOCUMENTS:
        yield from blocks(str(path.relative_to(ROOT)), path.read_text(encoding="utf-8"))


def commands(text: str) -> Iterator[list[str]]:
    """The commands of a block, as words; without prompts and comments."""
    held = ""
    for line in text.splitlines():
        held += line.removeprefix("$ ") if not held else line
        if held.endswith("\\"):
            held = held[:-1]
            continue
        try:
            words = shlex.split(held, comments=True)
        except ValueError:  # a quotation goes on in the next line
            held += "\n"
            continue
        if words:
            yield words
        held = ""
    assert not held, f"unfinished: {held}"
