"""The outbox: accepting, delivering, a slow disk, many accounts, a long history, loss of power.

    scripts/bench outbox [--only accept,deliver,slow,accounts,history,power] [--messages N]

Each part writes its own section of ``outbox.md`` and leaves the others as they are. The mail server
is ``instruments/sink.c``. Nothing is pinned to a processor: the database, the workers and the sink
share what the machine has, and so do Postfix's processes.
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.outbox_history import history
from benchmarks.outbox_load import (
    POSTGRES,
    SLOW,
    SQLITE,
    accepted_by_http,
    accepted_by_store,
    delivered,
    new_place,
    sink,
)
from benchmarks.outbox_power import power
from benchmarks.rivals.postfix import postfix
from benchmarks.speed import HERE, WORK

CALLERS = (1, 50)
ENGINES = ((SQLITE, 1), (POSTGRES, 1), (POSTGRES, 3))
"""Kind of database, processes that deliver."""

OCTETS = 2300
"""Of a message with its header, for Postfix."""

TO_ACCEPT = {
    ("store", SQLITE, 1): 1_500, ("store", SQLITE, 50): 12_000,
    ("store", POSTGRES, 1): 1_000, ("store", POSTGRES, 50): 12_000,
}  # fmt: skip
"""Wanted of the store alone, messages a second."""

TO_ACCEPT_BY_HTTP = 4_000
"""Wanted of the endpoint with 50 callers."""

TO_DELIVER = 3_000
"""Wanted of each engine, messages a second."""

TO_ACCEPT_SLOWLY, TO_DELIVER_SLOWLY = 3_000, 1_500
"""The same with 5 ms more for every fsync; 50 callers."""

TO_DELIVER_FOR_MANY = 1_000
"""The same for 500 accounts of 10 messages each."""


def cell(found: float, wanted: float) -> str:
    """A figure, and whether it is enough."""
    return f"{wanted:,.0f} | {found:,.0f}{'' if found >= wanted else ' (missed)'}"


class Bench:
    """The parts.

    Args:
        folder: for all databases.
        messages: of each measurement.
        seconds: of each load by HTTP.
        history: messages that have ended.
    """

    def __init__(self, folder: Path, messages: int, seconds: int, history: int) -> None:
        self._messages, self._seconds, self._history = messages, seconds, history
        self._folder = folder
        self._places = 0

    def _new(self) -> Path:
        self._places += 1
        return self._folder / str(self._places)

    def accept(self) -> list[str]:
        """By the store, by HTTP, by Postfix."""
        lines = ["| | callers | wanted a second | found | median ms | 99th percentile ms |",
                 "|---|---|---|---|---|---|"]  # fmt: skip
        for kind in (SQLITE, POSTGRES):
            for callers in CALLERS:
                with new_place(kind, self._new()) as place:
                    messages = self._messages if callers > 1 else self._messages // 5
                    one = accepted_by_store(place, messages, callers)
                    wanted = TO_ACCEPT["store", kind, callers]
                    lines.append(_row(f"{kind}, the store alone", callers, one, wanted))
        relay = self._postfix_accepts({})
        for kind in (SQLITE, POSTGRES):
            for callers in CALLERS:
                with new_place(kind, self._new()) as place:
                    one = accepted_by_http(place, 1, callers, self._seconds)
                    least = max(relay[callers], TO_ACCEPT_BY_HTTP if callers > 1 else 0.0)
                    lines.append(_row(f"{kind}, HTTP", callers, one, least))
        lines += [f"| Postfix, SMTP from smtp-source | {callers} | | {rate:,.0f} | | |"
                  for callers, rate in relay.items()]  # fmt: skip
        return [*lines, "", "By HTTP at least as many are wanted as Postfix takes in by SMTP.", ""]

    def deliver(self) -> list[str]:
        """To the sink."""
        lines = ["| | processes that deliver | wanted a second | found |", "|---|---|---|---|"]
        for kind, workers in ENGINES:
            with sink() as mail, new_place(kind, self._new()) as place:
                rate = delivered(place, mail, self._messages, workers)
                lines.append(f"| {kind} | {workers} | {cell(rate, TO_DELIVER)} |")
        rate = self._postfix_relays(self._messages, {})
        lines.append(f"| Postfix, TLS sessions used again | up to 100 | | {rate:,.0f} |")
        return [*lines, "", "20 accounts of ours; Postfix has one relay host.", ""]

    def slow(self) -> list[str]:
        """The same with a disk that takes 5 ms."""
        lines = ["| | accepted, 50 callers: wanted | found | delivered: wanted | found |",
                 "|---|---|---|---|---|"]  # fmt: skip
        for kind, workers in ENGINES:
            with sink() as mail, new_place(kind, self._new(), slow=True) as place:
                one = accepted_by_store(place, self._messages, 50)["per_s"]
            with sink() as mail, new_place(kind, self._new(), slow=True) as place:
                two = delivered(place, mail, self._messages, workers)
            lines.append(
                f"| {kind}, {workers} to deliver | {cell(one, TO_ACCEPT_SLOWLY)} "
                f"| {cell(two, TO_DELIVER_SLOWLY)} |"
            )
        accepts = self._postfix_accepts(SLOW)[50]
        relays = self._postfix_relays(self._messages // 4, SLOW)
        lines.append(f"| Postfix | | {accepts:,.0f} | | {relays:,.0f} |")
        return [*lines, "", "Accepted by the store alone; Postfix accepts by SMTP.", ""]

    def accounts(self) -> list[str]:
        """Many lanes with little to do."""
        lines = ["| | processes that deliver | wanted a second | found |", "|---|---|---|---|"]
        for kind, workers in ENGINES:
            with sink() as mail, new_place(kind, self._new()) as place:
                rate = delivered(place, mail, 5_000, workers, accounts=500)
                lines.append(f"| {kind} | {workers} | {cell(rate, TO_DELIVER_FOR_MANY)} |")
        return [*lines, ""]

    def history(self) -> list[str]:
        """Beside a long one."""
        lines = ["| | what | wanted, ms | median | 99th percentile |", "|---|---|---|---|---|"]
        for kind in (SQLITE, POSTGRES):
            with new_place(kind, self._new()) as place:
                lines += history(place, self._history)
        remark = (
            f"{self._history:,} messages of the last 90 days, the last week with their bodies. "
            "Retention then takes half of them. On PostgreSQL the room is used again, and not "
            "given back."
        )
        return [*lines, "", textwrap.fill(remark, 100), ""]

    @staticmethod
    def power() -> list[str]:
        """The order of the system calls."""
        remark = (
            "`strace -f -y -ttt -e trace=write,pwrite64,sendto,fdatasync … -p PROCESS`, one "
            "message by HTTP. PostgreSQL is relied on for the same: `synchronous_commit = on` and "
            "`fsync = on`, both its defaults. Where either is off, a 202 may be lost with the "
            "power."
        )
        return [textwrap.fill(remark, 100), "", *power(SQLITE), *power(POSTGRES)]

    def _postfix_accepts(self, more: dict[str, str]) -> dict[int, float]:
        with postfix(1, WORK / "ca.pem", more) as relay:
            return {
                callers: relay.accept(self._messages // (2 if callers > 1 else 20), callers, OCTETS)
                for callers in CALLERS
            }

    @staticmethod
    def _postfix_relays(messages: int, more: dict[str, str]) -> float:
        with sink() as mail, postfix(mail.port, WORK / "ca.pem", more) as relay:
            relay.accept(messages, 50, OCTETS)
            before = mail.messages()
            relay.relay()
            return mail.rate(before, messages)


def _row(name: str, callers: int, one: dict[str, float], wanted: float) -> str:
    return (
        f"| {name} | {callers} | {cell(one['per_s'], wanted)} | {one['p50']:.1f} "
        f"| {one['p99']:.1f} |"
    )


TITLES = {
    "accept": "Accepted a second",
    "deliver": "Delivered a second",
    "slow": "With 5 ms more for every fsync",
    "accounts": "500 accounts of 10 messages each",
    "history": "A long history",
    "power": "What is on the disk when the caller has its 202",
}
HEAD = f"""\
# The outbox

`scripts/bench outbox`, messages of 2 KB, Python {platform.python_version()}, {os.cpu_count()} \
processors, which everything shares.
Postfix is Debian's, with a queue of its own on the same disk. One run each: single runs differ by
up to 30 %.
"""


def merged(document: Path, sections: dict[str, list[str]]) -> str:
    """The document with these sections in place of the old ones."""
    old: dict[str, str] = {}
    if document.exists():
        parts = re.split(r"^## (.*)$", document.read_text(), flags=re.MULTILINE)
        old = dict(zip(parts[1::2], parts[2::2], strict=True))
    text = HEAD
    for key, title in TITLES.items():
        body = "\n\n" + "\n".join(sections[key]) if key in sections else old.get(title)
        text += f"\n## {title}{body.rstrip()}\n" if body is not None else ""
    return text


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--seconds", type=int, default=8, help="of load by HTTP")
    parser.add_argument("--history", type=int, default=1_000_000)
    parser.add_argument("--only", default="", help=", ".join(TITLES))
    parser.add_argument("--note", default="", help="a sentence below the heading of each section")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smtps-outbox-") as folder:
        bench = Bench(Path(folder), options.messages, options.seconds, options.history)
        for key in options.only.split(",") if options.only else TITLES:
            start = time.monotonic()
            part: Callable[[], list[str]] = getattr(bench, key)
            lines = part()
            note = [options.note, ""] if options.note else []
            document = HERE / "outbox.md"
            document.write_text(merged(document, {key: [*note, *lines]}))
            took = time.monotonic() - start
            print("\n".join(lines), f"{key}: {took:.0f} s", sep="\n", flush=True)


if __name__ == "__main__":
    main()
