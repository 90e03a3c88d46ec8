"""Derives what the program reads from the tables that people write.

python scripts/tables.py            writes the derived files
python scripts/tables.py --check    says whether they are up to date
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from smtps.explanations.pasted import words
from smtps.oauth.aadsts import MICROSOFT
from smtps.phase import Phase
from smtps.replies import spelled_out
from smtps.sandbox.personas import PERSONAS

SOURCE = Path(__file__).parent.parent / "src" / "smtps"
PATTERNS = ("words", "names", "hints", "only")
FIELDS = {"cause", "phase", "code", "enhanced", "over", *PATTERNS}
"""Of a row in ``replies.toml``."""


def replies(table: Mapping[str, Any]) -> dict[str, Any]:
    """What ``replies.json`` holds.

    Args:
        table: ``replies.toml``.

    Raises:
        KeyError, ValueError, re.error: a row says nothing sensible.
    """
    terms = table["terms"]
    own = [reply_row(row, terms, by) for by, listed in table["own"].items() for row in listed]
    rows = own + [reply_row(row, terms) for row in table["row"]]
    return {
        "causes": table["causes"],
        "starttls": table["starttls"]["causes"],
        "terms": dict(terms),
        "rows": rows,
    }


def reply_row(
    row: Mapping[str, Any], terms: Mapping[str, str], by: str | None = None
) -> dict[str, Any]:
    """A row, with what each of its patterns needs.

    Args:
        row: as it stands in the file.
        terms: what ``{name}`` in its patterns stands for.
        by: whose own words they are.
    """
    if unknown := set(row) - FIELDS:
        raise ValueError(f"{row['cause']}: {sorted(unknown)} is not a field of a row")
    found: dict[str, Any] = {"cause": row["cause"]}
    if by is not None:
        found["by"] = by
    if "phase" in row:
        found["phases"] = [Phase(name).value for name in row["phase"].split()]
    for key, field in (("code", "codes"), ("enhanced", "enhanced"), ("over", "over")):
        if key in row:
            found[field] = list(row[key])
    for key in PATTERNS:
        if key in row:
            found[key] = [[text, needs(spelled_out(text, terms))] for text in row[key]]
    return found


def needs(pattern: str) -> list[list[str]]:
    """Literal texts, in lower case, one of each group of which is in every match.

    Only groups that rule something out are kept: each text in them has two characters or more.
    """
    parsed = re._parser.parse(pattern, re.IGNORECASE)  # noqa: SLF001  # there is no other
    groups = [sorted(group) for group in groups_of(parsed) if min(map(len, group)) > 1]
    return sorted(groups, key=lambda group: (len(group), -min(map(len, group)), group))[:GROUPS]


GROUPS = 2
"""That are kept for a pattern: those that rule out most, so that the file loads quickly."""


def groups_of(parsed: Iterable[tuple[Any, Any]]) -> Iterator[frozenset[str]]:
    """The same of a pattern that is taken apart, short texts too."""
    run = ""
    for kind, value in [*parsed, (None, None)]:
        if str(kind) == "LITERAL":
            run += chr(value).lower()
            continue
        if run:
            yield frozenset({run})
            run = ""
        yield from groups_of_part(str(kind), value)


def groups_of_part(kind: str, value: Any) -> Iterator[frozenset[str]]:
    """What one part of a pattern that is no literal needs."""
    if kind == "SUBPATTERN":
        yield from groups_of(value[3])
    elif kind in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and value[0] > 0:
        yield from groups_of(value[2])
    elif kind == "ATOMIC_GROUP":
        yield from groups_of(value)
    elif kind == "BRANCH":
        best = [max(groups_of(way), key=worth, default=frozenset[str]()) for way in value[1]]
        if all(best):
            yield frozenset().union(*best)


def worth(group: frozenset[str]) -> tuple[int, int]:
    """How much a group rules out."""
    return min(map(len, group)), -len(group)


def written(value: Any) -> str:
    """As JSON with a line for each entry of its lists: small changes stay small."""

    def compact(part: Any) -> str:
        return json.dumps(part, ensure_ascii=False, separators=(",", ":"))

    parts = []
    for key, part in value.items():
        if isinstance(part, list):
            text = "[\n" + ",\n".join(compact(entry) for entry in part) + "\n]"
        elif isinstance(part, dict):
            entries = (f"{compact(name)}:{compact(entry)}" for name, entry in part.items())
            text = "{\n" + ",\n".join(entries) + "\n}"
        else:
            text = compact(part)
        parts.append(f"{compact(key)}:{text}")
    return "{" + ",\n".join(parts) + "}\n"


WEIGHTS = {"certain": 0.97, "sure": 0.9, "likely": 0.6, "maybe": 0.3}
"""Heading in ``wordings.toml`` → likelihood."""


def wordings(table: Mapping[str, Any]) -> dict[str, Any]:
    """What ``wordings.json`` holds.

    Args:
        table: ``wordings.toml``.

    Raises:
        KeyError, ValueError: a row says nothing sensible, or the same as another one.
    """
    codes: dict[str, list[str]] = {}
    numbers = []
    for program in table["program"]:
        if unknown := set(program) - {"name", "source", "codes", "numbers", *WEIGHTS}:
            raise ValueError(f"{program['name']}: {sorted(unknown)} is not a field")
        for name, causes in program.get("codes", {}).items():
            codes.setdefault(name.lower(), listed(causes))
        for row in program.get("numbers", ()):
            weight = WEIGHTS[row["weight"]] if "weight" in row else None
            values = {number: listed(causes) for number, causes in row["values"].items()}
            numbers.append([[sign.lower() for sign in row["before"]], values, weight])
    for number, cause in MICROSOFT.items():
        codes.setdefault(f"aadsts{number}", [cause.code])
    phrases = [row for program in table["program"] for row in phrases_of(program)]
    found: dict[str, list[Any]] = {}
    for (code, every, none), weight in heaviest(phrases).items():
        short = every[0] if len(every) == 1 and not none else [every, none]
        found.setdefault(f"{code} {weight}", []).append(short)
    return {"words": found, "codes": codes, "numbers": numbers, "personas": personas()}


def listed(causes: str | list[str]) -> list[str]:
    """One cause or several, as a list."""
    return [causes] if isinstance(causes, str) else causes


def phrases_of(program: Mapping[str, Any]) -> Iterator[tuple[tuple[Any, ...], float]]:
    """Code and wording → likelihood."""
    for heading, weight in WEIGHTS.items():
        for code, texts in program.get(heading, {}).items():
            for text in texts:
                yield (code, *wording(text)), weight


def heaviest(rows: Iterable[tuple[tuple[Any, ...], float]]) -> dict[tuple[Any, ...], float]:
    """The same without repetitions."""
    found: dict[tuple[Any, ...], float] = {}
    for row, weight in rows:
        found[row] = max(weight, found.get(row, 0))
    return found


def wording(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A wording as it is looked for: phrases that have to be there, and those that must not."""
    parts = [part.strip() for part in text.split("&")]
    every = tuple(phrase(part) for part in parts if not part.startswith("!"))
    none = tuple(phrase(part[1:]) for part in parts if part.startswith("!"))
    if not every or not all(any(sign.isalnum() for sign in part) for part in (*every, *none)):
        raise ValueError(f"{text!r} is no wording")
    return every, none


def phrase(text: str) -> str:
    """One phrase, word by word between spaces; without the space where a word may go on."""
    found = []
    for part in text.split("…"):
        open_start = wide(part.strip()[:1])
        open_end = part.rstrip().endswith("*") or wide(part.strip()[-1:])
        plain = words(part)
        found.append(plain[open_start : -1 if open_end else None])
    return "…".join(found)


def wide(sign: str) -> bool:
    """Whether a letter is of a script that writes no spaces."""
    return "\u3000" <= sign <= "\u9fff" or "\uff00" <= sign <= "\uffef"


def personas() -> dict[str, list[str]]:
    """Persona of the sandbox → what it shows."""
    return {name: list(persona.findings) for name, persona in PERSONAS.items() if persona.findings}


DERIVED = {
    "replies.json": ("replies.toml", replies),
    "explanations/wordings.json": ("explanations/wordings.toml", wordings),
}
"""File → the table that it comes from, and how; both below ``src/smtps``."""


def outdated() -> dict[Path, str]:
    """Derived files that are not what they should be → what they should hold."""
    found = {}
    for name, (origin, derive) in DERIVED.items():
        table = tomllib.loads((SOURCE / origin).read_text(encoding="utf-8"))
        path, text = SOURCE / name, written(derive(table))
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            found[path] = text
    return found


def main() -> int:
    """Write or check."""
    found = outdated()
    for path, text in found.items():
        if "--check" in sys.argv:
            print(f"{path.name} is not up to date: python scripts/tables.py", file=sys.stderr)
        else:
            path.write_text(text, encoding="utf-8")
    return int(bool(found) and "--check" in sys.argv)


if __name__ == "__main__":
    sys.exit(main())
