"""The floor plan of ARCHITECTURE.md, held against the imports."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest
from scripts import house
from scripts.house import MODULES, PAGE, SOURCE, imports, room

ALLOWED_IN_CORE = frozenset(
    {
        "__future__", "base64", "binascii", "collections", "dataclasses", "enum", "functools",
        "hmac", "ipaddress", "json", "re", "types", "typing", "smtps",
    }
)  # fmt: skip
"""The standard library without sockets, clocks and files."""


def names_from(module: str, path: Path) -> set[str]:
    """What a file imports out of one module."""
    tree = ast.walk(ast.parse(path.read_text()))
    found = [n for n in tree if isinstance(n, ast.ImportFrom) and n.module == module]
    return {alias.name for node in found for alias in node.names}


def test_every_module_has_a_floor() -> None:
    rooms = {name for _, rooms in house.FLOORS for name in rooms}
    assert {room(module) for module in MODULES} == rooms | house.OUTSIDE


def test_imports_point_down_and_never_to_a_neighbour() -> None:
    assert [*house.misplaced()] == []


def test_no_file_has_the_name_of_another() -> None:
    assert house.twice() == {}


@pytest.mark.parametrize(
    ("importer", "imported", "complaint"),
    [
        ("cli.check", "http.app", "its neighbour"),
        ("http.app", "cli.check", "its neighbour"),
        ("checks.facts", "outbox.store", "its neighbour"),
        ("client.pool", "checks.facts", "a floor above"),
        ("core.reply", "net.wire", "a floor above"),
        ("errors", "core.reply", "a floor above"),
    ],
)
def test_an_import_that_goes_up_or_aside_is_found(
    tmp_path: Path, importer: str, imported: str, complaint: str
) -> None:
    file = tmp_path / "wrong.py"
    file.write_text(f"def late():\n    import smtps.{imported}\n")
    known = MODULES | {f"smtps.{importer}": file}
    found = [*house.misplaced(known)]
    assert len(found) == 1
    assert complaint in found[0]


@pytest.mark.parametrize("module", ["net.transaction", "http.guards.app", "sandbox.text"])
def test_a_name_that_stands_twice_is_found(module: str) -> None:
    path = SOURCE.joinpath(*module.split(".")).with_suffix(".py")
    assert [*house.twice(MODULES | {f"smtps.{module}": path})] == [path.stem]


def test_the_plan_is_drawn_from_the_imports() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert house.drawn(text) == text, "python scripts/house.py --write"
    assert len(text.splitlines()) <= 150, "ARCHITECTURE.md is one page"


MOST_FILES = {"A check": 20, "A message sent at once": 16, "A message through the outbox": 25}


def test_few_files_are_to_be_opened_to_understand_what_happens() -> None:
    walks = house.journeys(PAGE.read_text(encoding="utf-8"))
    found = {title.partition(":")[0]: len(files) for title, files in walks.items()}
    assert found.keys() == MOST_FILES.keys()
    assert {title for title, count in found.items() if not 10 < count <= MOST_FILES[title]} == set()


def test_the_root_only_hands_on() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    functions = [n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    assert set(functions) <= {"__dir__", "__getattr__"}
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]


def test_imports_make_no_circle() -> None:
    graph = {m: {i for i in imports(p) if i in MODULES} for m, p in MODULES.items()}
    graph.pop("smtps.__init__")
    order = [*TopologicalSorter(graph).static_order()]  # raises CycleError
    assert set(graph) <= set(order)


def test_core_needs_nothing_but_the_language() -> None:
    for module, path in MODULES.items():
        if room(module) == "core":
            found = {name.split(".")[0] for name in imports(path)}
            if names_from("io", path) == {"IncrementalNewlineDecoder"}:
                found.discard("io")  # the one name of it that opens nothing
            assert found <= ALLOWED_IN_CORE, f"{module}: {found - ALLOWED_IN_CORE}"


def test_only_net_touches_sockets_and_ssl() -> None:
    for module, path in MODULES.items():
        low = {"socket", "ssl"} & imports(path)
        # The dialogue names ssl.SSLError to hand it to net's translation. Sandbox and service are
        # servers: they listen.
        allowed = {"smtps.client.dialogue", "smtps.http.serving"}
        may = room(module) in ("net", "sandbox") or module in allowed
        assert not low or may, f"{module}: {low}"


def test_only_chance_draws_and_not_from_the_programs_own_generator() -> None:
    for module, path in MODULES.items():
        assert module == "smtps.chance" or "random" not in imports(path), module
    assert "random.Random()" in MODULES["smtps.chance"].read_text()
