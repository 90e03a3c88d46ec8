"""docs/failures.md says where each failure is shown, and leaves out none that a server causes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from scripts import failures

from smtps.advice import ADVICE
from smtps.sandbox.personas import PERSONAS

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "docs" / "failures.md").read_text()
PERSONAS_PART = TEXT.partition("## Seen with real software")[0]
ROWS = [
    line.strip("| ").split(" | ") for line in PERSONAS_PART.splitlines() if line.startswith("| ")
]
FAILURES = [row for row in ROWS if row[0] not in ("what other programs say", "what servers say")]
CODE = re.compile(r"`([a-z]+\.[a-z0-9_]+)`")
NAME = re.compile(r"`([a-z0-9-]+)`")

OWN_MISTAKES = ("api.", "input.", "message.", "outbox.", "session.")
"""What only a caller can do wrong, or the service itself."""

NOT_FAILURES = {"net.forbidden", "net.failed", "smtp.noop_refused", "tls.certificate_invalid"}
"""Policy, and names for whatever has no name of its own."""


def test_each_row_has_three_cells() -> None:
    assert [row for row in FAILURES if len(row) != 3] == []
    assert len(FAILURES) >= 58


def test_codes_exist_and_each_that_a_server_can_cause_is_there() -> None:
    named = {code for row in FAILURES for code in CODE.findall(row[1])}
    assert named - set(ADVICE) == set()
    due = {code for code in ADVICE if not code.startswith(OWN_MISTAKES)} - NOT_FAILURES
    assert due - named == set()


def test_each_persona_is_there_and_beside_its_own_finding() -> None:
    shown = {name: row for row in FAILURES for name in NAME.findall(row[2])}
    for name, persona in PERSONAS.items():
        if persona.finding is not None:
            row = next(r for r in FAILURES if name in NAME.findall(r[2]))
            codes = {c for r in FAILURES if name in NAME.findall(r[2]) for c in CODE.findall(r[1])}
            assert persona.finding in codes or "each by its code" in row[1], name
    assert {name for name in shown if not name.startswith("--")} <= set(PERSONAS)


def test_the_parts_that_are_drawn_are_up_to_date() -> None:
    assert failures.whole(TEXT) == TEXT, "python scripts/failures.py"


def test_the_page_comes_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    shipped = project["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shipped == {"docs/failures.md": "share/doc/smtps/failures.md"}
    assert "COPY docs/failures.md ./docs/" in (ROOT / "Dockerfile").read_text()
