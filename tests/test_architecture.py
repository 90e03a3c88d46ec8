"""The floor plan of ARCHITECTURE.md, held against the imports."""

from __future__ import annotations

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "smtps"

FLOORS: tuple[frozenset[str], ...] = (
    frozenset(
        {
            "errors",
            "endpoint",
            "advice",
            "providers",
            "credentials",
            "chance",
            "replies",
            "_version",
        }
    ),
    frozenset({"core"}),
    frozenset({"net"}),
    frozenset({"message"}),
    frozenset({"client"}),
    frozenset({"checks", "outbox", "sandbox"}),
    frozenset({"report", "config"}),
    frozenset({"http", "cli", "sync"}),
    frozenset({"main", "serve", "__main__", "__init__"}),
)
APART = (
    frozenset({"checks", "outbox", "sandbox"}),
    frozenset({"report", "config"}),
    frozenset({"http", "cli", "sync"}),
)
"""Neighbours: none imports another."""

ALLOWED_IN_CORE = frozenset(
    {
        "__future__", "base64", "binascii", "collections", "dataclasses", "enum", "functools",
        "hmac", "ipaddress", "json", "re", "types", "typing", "smtps",
    }
)  # fmt: skip
"""The standard library without sockets, clocks and files."""


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 2 else parts)


MODULES = {module_name(path): path for path in SOURCE.rglob("*.py")}


def imports(path: Path) -> set[str]:
    """All modules that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            base = node.module or ""
            whole = {f"{base}.{alias.name}" for alias in node.names}
            found |= {name for name in whole if name in MODULES} or {base}
    return found


def names_from(module: str, path: Path) -> set[str]:
    """What a file imports out of one module."""
    tree = ast.walk(ast.parse(path.read_text()))
    found = [n for n in tree if isinstance(n, ast.ImportFrom) and n.module == module]
    return {alias.name for node in found for alias in node.names}


def room(module: str) -> str:
    return module.split(".")[1]


def floor(module: str) -> int:
    return next(n for n, rooms in enumerate(FLOORS) if room(module) in rooms)


def test_every_module_has_a_floor() -> None:
    rooms = {room(module) for module in MODULES}
    assert rooms == set().union(*FLOORS)


@pytest.mark.parametrize("module", sorted(MODULES))
def test_imports_point_down(module: str) -> None:
    if module == "smtps.__init__":
        return  # only re-exports: see the next test
    for other in imports(MODULES[module]):
        assert other != "smtps", f"{module} imports the package root"
        if other.startswith("smtps."):
            assert floor(other) <= floor(module), f"{module} imports {other} from a floor above"
            apart = any({room(module), room(other)} <= rooms for rooms in APART)
            assert not apart or room(module) == room(other), (
                f"{module} imports its neighbour {other}"
            )


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


def test_architecture_md_names_every_room() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    for rooms in FLOORS:
        for name in rooms - {"_version", "__main__", "__init__"}:
            assert name in text, f"ARCHITECTURE.md does not mention {name}"
    assert len(text.splitlines()) <= 120, "ARCHITECTURE.md is one page"
