"""Power may go at any moment: in which order a message reaches the disk and its caller the 202."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.request import Request, urlopen

from benchmarks.outbox_load import POSTGRES, SQLITE, Place, configuration, new_place, request
from benchmarks.service import wait_for

CALLS = "openat,write,pwrite64,writev,sendto,sendmsg,fsync,fdatasync"
_LINE = re.compile(r"^(?P<pid>\d+) +(?P<time>[\d.]+) (?P<call>.*)$")
_KEEP = re.compile(
    r"^(?:<\.\.\. )?(?:pwrite64|write|writev|sendto|sendmsg|fsync|fdatasync)\b.*"
    r"(?:-wal|outbox\.db|pg_wal|202 Accepted|COMMIT|resumed)"
)


@contextmanager
def watched(processes: list[int], output: Path) -> Iterator[None]:
    """Running processes and what they start, under strace."""
    command = ["strace", "-f", "-ttt", "-y", "-s", "60", "-e", f"trace={CALLS}", "-o", str(output)]
    for process in processes:
        command += ["-p", str(process)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as tracer:
        time.sleep(1)
        try:
            yield
        finally:
            tracer.send_signal(signal.SIGINT)


def post(port: int, key: str) -> None:
    """Hand one message over.

    Raises:
        RuntimeError: it was not taken.
    """
    asked = Request(
        f"http://127.0.0.1:{port}/api/smtps/messages", json.dumps(request("account-0")).encode(),
        {"Content-Type": "application/json", "Idempotency-Key": key},
    )  # fmt: skip
    with urlopen(asked, timeout=30) as answer:  # noqa: S310  # it is ours
        if answer.status != 202:
            raise RuntimeError(answer.read())


def events(*files: Path) -> list[tuple[float, str, str]]:
    """Time, which program, call: those that tell, from all of them, in the order of time."""
    found = []
    for file in files:
        for line in file.read_text(errors="replace").splitlines():
            if (read := _LINE.match(line)) is None:
                continue
            # A call that others interrupt stands on two lines; on the second one it returns.
            call = read["call"]
            if _KEEP.match(call) or "fsync" in call or "fdatasync" in call:
                found.append((float(read["time"]), file.stem, call))
    return sorted(found)


def around(found: list[tuple[float, str, str]]) -> list[str]:
    """What came before the 202, from the first write of its transaction on."""
    answer = next(n for n, (_, _, call) in enumerate(found) if "202 Accepted" in call)
    start = found[answer][0] - 0.5
    begun = [n for n, (at, _, _) in enumerate(found) if start < at]
    first = found[begun[0]][0]
    lines: list[tuple[float, str, int]] = []
    for at, who, call in found[begun[0] : answer + 1]:
        short = re.sub(r'"(?:[^"\\]|\\.)*"(?:\.\.\.)?', lambda m: _words(m[0]), call)
        short = f"{who:<8}  " + re.sub(r"<[^<>]*/([^/<>]+)>", r"<\1>", short)
        if (write := _WRITE.match(short)) is not None:
            short = f"{write[0]}, …)"
        if lines and lines[-1][1] == short:
            lines[-1] = (lines[-1][0], short, lines[-1][2] + 1)
        else:
            lines.append((at, short[:100], 1))
    return [
        f"{(at - first) * 1000:6.2f} ms  {what}" + (f"  {times} times" if times > 1 else "")
        for at, what, times in lines
    ]


_WRITE = re.compile(r"\w+ +pwrite64\(\d+<[^>]*>")


def _words(data: str) -> str:
    return '"HTTP/1.1 202 Accepted…"' if "202 Accepted" in data else "…"


def in_order(found: list[tuple[float, str, str]], log: str) -> bool:
    """Whether the last write to the log before the 202 was followed by a sync that returned 0."""
    answer = next(n for n, (_, _, call) in enumerate(found) if "202 Accepted" in call)
    before = [call for _, _, call in found[:answer]]
    writes = [n for n, call in enumerate(before) if "write" in call and log in call]
    syncs = [n for n, call in enumerate(before)
             if ("fsync" in call or "fdatasync" in call) and call.endswith("= 0")]  # fmt: skip
    return bool(writes and syncs and syncs[-1] > writes[-1])


def power(kind: str) -> list[str]:
    """One message, traced."""
    with tempfile.TemporaryDirectory() as name, new_place(kind, Path(name) / "place") as place:
        found = _trace(place, Path(name))
    right = in_order(found, "-wal" if kind == SQLITE else "pg_wal")
    return [
        f"{kind}: the 202 comes after the sync has returned: **{'yes' if right else 'NO'}**.", "",
        "```", *around(found), "```", "",
    ]  # fmt: skip


def _trace(place: Place, folder: Path) -> list[tuple[float, str, str]]:
    config, port = configuration(place, 1, 1, deliver=False)
    command = [sys.executable, "-m", "smtps", "serve", "--config", str(config)]
    with ExitStack() as stack:
        service = stack.enter_context(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        stack.callback(service.terminate)
        wait_for(port)
        files = {folder / "service": [service.pid]}
        post(port, "before")  # all connections are open
        if place.kind == POSTGRES:
            files[folder / "postgres"] = _family(_postmaster(place))
        for file, processes in files.items():
            stack.enter_context(watched(processes, file))
        post(port, "traced")
        time.sleep(0.2)
    return events(*files)


def _postmaster(place: Place) -> int:
    """The server's first process, from the folder that its socket is in."""
    socket = re.findall(r"host=([^&]+)", place.url)[0].replace("%2F", "/")
    return int((Path(socket) / "data" / "postmaster.pid").read_text().split()[0])


def _family(process: int) -> list[int]:
    """It and those that it has started."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [process, *map(int, children)]
