"""Phrases that read as translated stay out of the documents and of what the programs print."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "smtps"
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

PARSER = ("add_argument", "add_argument_group", "add_parser")
PHRASES = re.compile(rf"(?<![\w-])(?:{'|'.join(BETTER)})(?![\w-])", re.IGNORECASE)


def prose(text: str) -> str:
    """A document without code and without what ``scripts/failures.py`` writes."""
    text = re.sub(
        r"<!-- from the (\w+): begin -->.*?<!-- from the \1: end -->", "", text, flags=re.DOTALL
    )
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^    .*", "", text, flags=re.MULTILINE)
    return " ".join(re.sub(r"`[^`]*`", "`", text).split())


def printed(path: Path) -> Iterator[str]:
    """What people can get to read of a module: its errors, its help, and all texts of advice."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    roots: list[ast.AST] = [tree] if path.parent.name == "advice" else []
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc is not None:
            roots.append(node.exc)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in PARSER:
            roots.append(node)
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for root in roots:
        for node in ast.walk(root):
            value = node.value if isinstance(node, ast.Constant) else None
            if isinstance(value, str) and id(node) not in documentation:
                yield value


def found(text: str) -> list[str]:
    """Phrases, each with the words around it."""
    return [text[max(0, m.start() - 40) : m.end() + 20] for m in PHRASES.finditer(text)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_document_has_none(path: Path) -> None:
    assert found(prose(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "path", sorted(SOURCE.rglob("*.py")), ids=lambda path: str(path.relative_to(SOURCE))
)
def test_a_module_prints_none(path: Path) -> None:
    assert [text for text in printed(path) if found(text)] == []


@pytest.mark.parametrize("pattern", BETTER)
def test_each_phrase_is_one_that_a_writer_would_replace(pattern: str) -> None:
    assert not PHRASES.search(BETTER[pattern])


def test_a_phrase_is_found_across_lines_and_in_capitals_but_not_in_code() -> None:
    assert found(prose("The handshake did not\ncome to an end. Anew!")) != []
    assert found(prose("`anew` and\n\n```\nanew\n```\n\n    anew\n")) == []


def test_errors_help_and_advice_are_read_and_nothing_else(tmp_path: Path) -> None:
    module = tmp_path / "advice" / "module.py"
    module.parent.mkdir()
    program = """
'''documentation'''
TEXT = "advice"
parser.add_argument("--name", help="help")
raise InputError("field", f"an error in {place}")
"""
    module.write_text(program)
    assert {"advice", "help", "an error in "} <= set(printed(module))
    assert "documentation" not in printed(module)
    elsewhere = tmp_path / "module.py"
    elsewhere.write_text(program)
    assert "advice" not in printed(elsewhere)


def on_the_page(path: Path) -> list[str]:
    """The texts of a module of the page, or of its HTML."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        return re.findall(r">([^<>]*)<", text)
    lines = [line for line in text.splitlines() if not re.match(r"\s*(?://|/?\*|import)", line)]
    quoted = ["".join(each) for line in lines for each in re.findall(r"'([^']*)'|`([^`]*)`", line)]
    return [re.sub(r"\$\{[^}]*\}", "{}", each) for each in quoted if " " in each]


def test_the_page_has_none() -> None:
    web = ROOT / "src" / "smtps" / "web"
    texts = [text for path in web.iterdir() if path.suffix in (".js", ".html")
             for text in on_the_page(path)]  # fmt: skip
    assert len(texts) > 200
    assert [words for text in texts for words in found(text)] == []
