"""The index of all personas: what it says can be done, and what comes of it is what it says."""

from __future__ import annotations

import asyncio
import html
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2 as httpx
import pytest

from smtps.sandbox.gallery import Gallery
from smtps.sandbox.personas import PERSONAS

ROW = re.compile(r"<tr><td>(\d+)<td>([a-z0-9-]+)<td>.*?<td>(.*?)<td><code>(.*?)</code></tr>")


@pytest.fixture(scope="module")
def running() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "smtps", "sandbox", "--all", "--port", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        process.terminate()


@pytest.fixture(scope="module")
def rows(running: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """Persona → findings and command."""
    answer = httpx.get(running["url"])
    assert answer.headers["content-type"].startswith("text/html")
    return {name: (found, html.unescape(how)) for _, name, found, how in ROW.findall(answer.text)}


def test_every_persona_has_a_row(rows: dict[str, tuple[str, str]]) -> None:
    assert list(rows) == list(PERSONAS)
    for name, (found, _) in rows.items():
        codes = re.findall(r"<code>(.*?)</code>", found)
        assert codes == list(PERSONAS[name].findings)


@pytest.mark.parametrize(
    "name", ["healthy", "expired", "starttls-missing", "bad-password", "old-tls-too", "open-relay",
             "other-sender", "too-large", "spam", "drop-after-data"],
)  # fmt: skip
def test_the_command_shows_what_the_row_says(rows: dict[str, tuple[str, str]], name: str) -> None:
    _, how = rows[name]
    program, *arguments = shlex.split(how)
    assert program == "smtps"
    done = subprocess.run(
        [sys.executable, "-m", "smtps", *arguments, "--json"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = [finding["code"] for finding in json.loads(done.stdout)["findings"]]
    assert found == list(PERSONAS[name].findings)


async def test_ports_are_consecutive() -> None:
    for first in range(20000, 60000, 500):
        try:
            async with Gallery(first) as gallery:
                ports = [box.port for box in gallery.boxes.values()]
            break
        except ValueError:  # one of them is taken
            await asyncio.sleep(0)
    assert ports == list(range(first, first + len(PERSONAS)))
