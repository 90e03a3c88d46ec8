"""Searches one target for some time, led by coverage (atheris, which is libFuzzer). Run by
``scripts/bench fuzz``, which installs it.

What is found is written down, once for each place, and the search goes on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import time
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from tests.fuzz.target import Target

SLOW = 0.5
"""Seconds of the processor for one input from which on it is a finding. What is instrumented is
slower than usual, and none is longer than LONGEST."""

LONGEST = 8192

PULSE = 2.0
"""Seconds between the notes of how far it has come."""


class Search:
    """Counts, and keeps what was found.

    Args:
        run: the target.
        folder: for what is found, and the notes.
    """

    def __init__(self, run: Callable[[bytes], None], folder: Path) -> None:
        self._run = run
        self._folder = folder
        self._count = 0
        self._found: dict[str, int] = {}
        self._start = self._noted = time.monotonic()
        self._slowest = 0.0

    def __call__(self, data: bytes) -> None:
        """Try one input."""
        begun = time.process_time()
        try:
            self._run(data)
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)[-2:]
            place = " ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames)
            self._keep(f"{type(error).__name__} {place}", data, traceback.format_exc())
        spent = time.process_time() - begun
        if spent > self._slowest:
            self._slowest = spent
            (self._folder / "slowest").write_bytes(data)
            if spent > SLOW:
                self._keep("slow", data, f"{spent:.2f} s of the processor for {len(data)} octets")
        self._count += 1
        if (now := time.monotonic()) - self._noted > PULSE:
            self._noted = now
            self._note(now - self._start)

    def _keep(self, place: str, data: bytes, why: str) -> None:
        self._found[place] = self._found.get(place, 0) + 1
        if self._found[place] == 1:
            name = hashlib.sha256(data).hexdigest()[:12]
            (self._folder / f"found-{name}").write_bytes(data)
            (self._folder / f"found-{name}.txt").write_text(f"{place}\n{why}", "utf-8", "replace")

    def _note(self, seconds: float) -> None:
        about: dict[str, Any] = {
            "executions": self._count,
            "seconds": round(seconds, 1),
            "processor": round(time.process_time(), 1),
            "slowest": round(self._slowest, 3),
            "found": self._found,
        }
        (self._folder / "notes.json").write_text(json.dumps(about))


def main(name: str, seconds: int, folder: Path) -> None:
    """Search one target."""
    import atheris  # noqa: PLC0415

    atheris.enabled_hooks.add("str")
    with atheris.instrument_imports(include=["smtps", "scramp", "h11", "dns"]):
        target = _imported(name)
    logging.disable(logging.CRITICAL)
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, (_, data) in enumerate(target.seeds):
        (corpus / f"seed-{number}").write_bytes(data)
    words = folder / "words"
    words.write_text("".join(f"{_quoted(word)}\n" for word in target.words))
    options = [
        sys.argv[0], f"-max_total_time={seconds}", f"-max_len={LONGEST}",
        "-timeout=60", f"-artifact_prefix={folder}/", "-rss_limit_mb=3000", "-print_final_stats=1",
        str(corpus),
    ]  # fmt: skip
    if target.words:
        options.append(f"-dict={words}")
    atheris.Setup(options, Search(target.run, folder))
    atheris.Fuzz()


def _imported(name: str) -> Target:
    """A target; of the modules no more than need be, since it takes a while to instrument them."""
    for module in ("language", "certificates", "names", "mail", "web"):
        for target in import_module(f"tests.fuzz.{module}").TARGETS:
            if target.name == name:
                return cast("Target", target)
    raise SystemExit(f"there is no target {name}")


def _quoted(word: bytes) -> str:
    """As libFuzzer's dictionaries write it."""
    return '"' + "".join(f"\\x{octet:02x}" for octet in word) + '"'


if __name__ == "__main__":
    os.chdir(Path(__file__).parents[2])
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]).resolve())
