"""The plan of the house: floors, read from the imports, and figures about the files.

python scripts/house.py                   prints the figures
python scripts/house.py --source DIR      those of another checkout's src/smtps
python scripts/house.py --write           draws the plan in ARCHITECTURE.md
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "smtps"
PAGE = ROOT / "ARCHITECTURE.md"
BEGIN, END = "<!-- the plan: begin -->\n", "<!-- the plan: end -->\n"

FLOORS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("the program", ("main", "serve")),
    ("faces: they translate and decide nothing", ("cli", "http", "sync")),
    ("what people read, what operators write", ("report", "explanations", "config")),
    ("things with a life of their own", ("checks", "outbox", "sandbox")),
    ("sessions with one server; access tokens", ("client", "oauth")),
    ("a message and its bytes", ("message",)),
    ("names, addresses, TLS, bytes: sockets and ssl are here", ("net",)),
    ("the SMTP language: no I/O, no clock", ("core",)),
    (
        "the ground",
        (
            "errors",
            "phase",
            "endpoint",
            "target",
            "names",
            "advice",
            "providers",
            "replies",
            "credentials",
            "extras",
            "locks",
            "chance",
        ),
    ),
)
"""From the top: what a floor is, and its rooms. An import never goes up, nor to a neighbour; only
the rooms of the ground may know each other.
"""

FACES = ("cli", "http")
OUTSIDE = frozenset({"__init__", "__main__", "_version"})
LONG = 40
"""Lines from which a function counts as long."""


def module_name(path: Path, source: Path = SOURCE) -> str:
    """The dotted name of a file, such as ``smtps.net.wire``."""
    parts = path.relative_to(source.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


def modules(source: Path = SOURCE) -> dict[str, Path]:
    """All modules below a folder."""
    return {module_name(path, source): path for path in sorted(source.rglob("*.py"))}


MODULES = modules()


@cache
def _import_statements(path: Path) -> tuple[ast.Import | ast.ImportFrom, ...]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kinds = (ast.Import, ast.ImportFrom)
    return tuple(node for node in ast.walk(tree) if isinstance(node, kinds))


def imports(path: Path, known: dict[str, Path] = MODULES) -> set[str]:
    """All modules that a file imports, inside functions too.

    Raises:
        ValueError: an import is relative.
    """
    found: set[str] = set()
    for node in _import_statements(path):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            if node.level:
                raise ValueError(f"{path}: relative import")
            base = node.module or ""
            whole = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name for name in whole if name in known} or {base}
    return found


def room(module: str) -> str:
    """The part of a module's name that stands on a floor."""
    return module.split(".")[1]


def floor(module: str) -> int:
    """Floors above the ground.

    Raises:
        StopIteration: it stands on none.
    """
    if room(module) in OUTSIDE:
        return 0 if room(module) == "_version" else len(FLOORS)
    return next(n for n, (_, rooms) in enumerate(reversed(FLOORS)) if room(module) in rooms)


def misplaced(known: dict[str, Path] = MODULES) -> Iterator[str]:
    """What is wrong with the imports, a sentence each."""
    for module, path in known.items():
        if room(module) == "__init__":
            continue  # it hands on what others define
        for other in sorted(imports(path, known)):
            if other == "smtps":
                yield f"{module} imports the package root"
            elif other.startswith("smtps.") and floor(other) > floor(module):
                yield f"{module} imports {other} from a floor above"
            elif (
                other.startswith("smtps.")
                and floor(other) == floor(module) > 0
                and room(other) != room(module)
                and room(module) not in ("main", *OUTSIDE)
            ):
                yield f"{module} imports its neighbour {other}"


def twice(known: dict[str, Path] = MODULES) -> dict[str, list[str]]:
    """Names of files that stand twice, but for a face that repeats the floor that it exposes."""
    found: dict[str, list[str]] = {}
    for module, path in known.items():
        if path.stem not in OUTSIDE:
            found.setdefault(path.stem, []).append(module)
    return {name: places for name, places in found.items() if not _may_repeat(places)}


def _may_repeat(places: list[str]) -> bool:
    below = [place for place in places if room(place) not in FACES]
    each = Counter(room(place) for place in places if room(place) in FACES)
    return (
        len(below) <= 1 and max(each.values(), default=0) <= 1 and (bool(below) or len(each) <= 1)
    )


def plan(known: dict[str, Path] = MODULES) -> str:
    """The floors as a drawing: rooms with their files, and the rooms that each imports."""
    lines = ["```"]
    for text, rooms in FLOORS:
        lines.append(f"── {text} ".ljust(78, "─"))
        for name in rooms:
            inside = {m: p for m, p in known.items() if room(m) == name}
            below = {
                room(other)
                for path in inside.values()
                for other in imports(path, known)
                if other in known and room(other) not in {name, *OUTSIDE}
            }
            order = [r for _, rooms in FLOORS for r in rooms if r in below]
            files = f"{len(inside)} files" if len(inside) > 1 else "1 file"
            arrow = "→ " + " ".join(order) if order else ""
            lines.append(f"{name:<12}{files:>8}  {arrow}".rstrip())
    return "\n".join([*lines, "```"]) + "\n"


def figures(source: Path = SOURCE) -> dict[str, str]:
    """What a reader meets, by name."""
    known = modules(source)
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in known.values()}
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in trees}
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = [
        (node.end_lineno or 0) - node.lineno + 1
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, kinds)
    ]
    too_long = [count for count in functions if count > LONG]
    ours = [
        len({i for i in imports(path, known) if i.startswith("smtps")}) for path in known.values()
    ]
    private = Counter(
        path.name
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
    )
    longest = max(lines, key=lambda path: lines[path])
    return {
        "files": f"{len(lines)}",
        "lines": f"{sum(lines.values())}",
        "median file": f"{median(lines.values()):.0f} lines",
        "longest file": f"{lines[longest]} lines ({longest.relative_to(source)})",
        "files up to 60 lines": f"{sum(count <= 60 for count in lines.values())}",
        "base names twice": ", ".join(sorted(twice(known))) or "none",
        f"functions over {LONG} lines": f"{len(too_long)} of {len(functions)}",
        "imports of our own in a file": f"median {median(ours):.0f}, most {max(ours)}",
        "private accesses outside self": f"{sum(private.values())}",
    }


def journeys(text: str) -> dict[str, list[str]]:
    """Title of each walk through the code in ARCHITECTURE.md → the files and folders to open."""
    found: dict[str, list[str]] = {}
    for title, body in re.findall(r"^## (A .*)\n([^#]*)", text, re.MULTILINE):
        names = [
            name for name in re.findall(r"`([a-z_/]+(?:\.py|/))`", body) if (SOURCE / name).exists()
        ]
        found[title] = [*dict.fromkeys(names)]
    return found


def drawn(text: str) -> str:
    """ARCHITECTURE.md with the plan as it is."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + plan() + END + after


def main() -> int:
    """Print, or draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--source", type=Path, default=SOURCE)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.write:
        PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
        return 0
    for name, value in figures(options.source).items():
        print(f"{name:<32}{value}")
    if options.source == SOURCE:
        for title, files in journeys(PAGE.read_text(encoding="utf-8")).items():
            print(f"{'files of a journey':<32}{len(files)} ({title})")
        for line in misplaced():
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
