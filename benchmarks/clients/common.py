"""What all clients share: the arguments, the messages, and the one line that each prints."""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Awaitable, Callable

SENDER, RECIPIENT = "ann@bench.test", "bob@bench.test"
LINE = b"The quick brown fox jumps over the lazy dog, and then it does so once again.\r\n"


def arguments() -> argparse.Namespace:
    """``WORK`` and how much of it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("work", choices=("raw", "composed", "own", "check", "file", "hold"))
    parser.add_argument("--port", type=int, default=4465)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--size", type=int, default=2048)
    parser.add_argument("--window", type=int, default=1)
    parser.add_argument("--at-once", type=int, default=1)
    parser.add_argument("--data", action="store_true", help="by DATA, not by BDAT")
    parser.add_argument("--uvloop", action="store_true")
    parser.add_argument("--fresh", action="store_true", help="a new context for each check")
    return parser.parse_args()


def raw(size: int) -> bytes:
    """A message of so many octets, ready for the wire."""
    head = f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: Hello\r\n\r\n".encode()
    body = LINE * (size // len(LINE) + 1)
    return (head + body)[: size - 2] + b"\r\n"


def text(size: int) -> str:
    """The text of a message of about so many octets."""
    return (LINE.decode().replace("\r\n", "\n") * (size // len(LINE)))[:size]


class Watch:
    """Time and processor time between ``start`` and ``stop``."""

    def start(self) -> None:
        """From here on it counts."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self, n: int, megabytes: float = 0.0) -> None:
        """Print what it was for each of ``n``, and for all the megabytes."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found = {"n": n, "s": wall, "per_s": n / wall, "cpu_us": cpu / n * 1e6, "rss_kb": rss,
                 "mb_per_s": megabytes / wall}  # fmt: skip
        print(json.dumps(found))


def rss_now() -> int:
    """Resident memory, KB."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() // 1024


def run_async(main: Callable[[], Awaitable[None]], *, uvloop: bool) -> None:
    """On uvloop or on asyncio's own loop."""
    import asyncio  # noqa: PLC0415

    factory = None
    if uvloop:
        import uvloop as fast  # noqa: PLC0415

        factory = fast.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())  # type: ignore[arg-type]


def unknown(work: str) -> None:
    """This client cannot do it."""
    sys.exit(f"no such work: {work}")
