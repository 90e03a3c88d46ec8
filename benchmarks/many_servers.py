"""Many messages to servers of many makes: is each one's outcome what the server's own files say?

    scripts/bench servers [--messages 2000] [--servers Exim,Haraka] [--ways pool] [--windows 1,16]

Every fifth message is for an address that the server itself refuses. Ends with 1 if any outcome is
wrong. A whole run writes ``benchmarks/many-servers.md``; ``tests/peers/test_many_servers.py`` does
the same with fewer messages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers.exim import Exim
from tests.peers.mailhost import MailHost
from tests.peers.node_servers import Haraka, Nodemailer
from tests.peers.sendmail import Sendmail
from tests.peers.server import DOMAIN, Server

import smtps
from smtps.client.commands import SendOptions
from smtps.client.outgoing import prepare
from smtps.outbox.account import Account
from smtps.outbox.outbox import Outbox
from smtps.outbox.records import Submission

MESSAGES = 2_000
WINDOWS = (1, 4, 16, 64)
SESSIONS = 4
"""Of a pool, a merge and an account of the outbox."""

PATIENCE = 600.0
"""Seconds for an outbox to end what it has."""

SERVERS: dict[str, type[Server]] = {
    make.name: make for make in (Haraka, Exim, Sendmail, Nodemailer, MailHost)
}
OUTCOMES = ("sent", "refused", "deferred", "uncertain")
NOTHING = "no outcome"
_STATES = {"failed": "refused", "queued": "deferred", "sending": "deferred"}
_SUBJECT = re.compile(rb"(?m)^Subject: Number (\d+)\r?$")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Task:
    """The messages of one row: a number, and for whom.

    Attributes:
        folder: for what has to be in files.
        recipients: of each message, by its number.
        bad: the numbers of those that the server refuses.
    """

    server: Server
    window: int
    folder: Path
    recipients: tuple[str, ...]
    bad: frozenset[int]

    @classmethod
    def of(cls, server: Server, window: int, messages: int, folder: Path) -> Task:
        """As many messages as are wanted."""
        bad = frozenset(range(4, messages, 5))
        people = (server.refused(n) if n in bad else f"user{n}@{DOMAIN}" for n in range(messages))
        return cls(server, window, folder, tuple(people), bad)

    def messages(self) -> Iterator[smtps.Message]:
        """All of them."""
        for number, recipient in enumerate(self.recipients):
            yield smtps.Message(
                from_=f"ann@{DOMAIN}", to=recipient, subject=f"Number {number}", text=TEXT
            )


TEXT = "".join(
    f"Line {number}: the quick brown fox jumps over the lazy dog.\n" for number in range(20)
)
Outcomes = dict[int, str]


def number_of(message: smtps.Message) -> int:
    """Which one it is."""
    return int(message.subject.removeprefix("Number "))


async def by_session(task: Task) -> Outcomes:
    """One connection; another one for what a lost one has left."""
    found: Outcomes = {}
    async with smtps.connect(task.server.endpoint(transcript=False)) as session:
        async for message, result in session.send_many(task.messages(), window=task.window):
            found[number_of(message)] = result.outcome.value
    return found


async def by_pool(task: Task) -> Outcomes:
    """A few connections."""
    found: Outcomes = {}
    endpoint = task.server.endpoint(transcript=False)
    async with smtps.Pool(endpoint, size=SESSIONS) as pool:
        async for message, result in pool.send_many(task.messages(), window=task.window):
            found[number_of(message)] = result.outcome.value
    return found


async def by_merge(task: Task) -> Outcomes:
    """The shell's mail merge."""
    table, template = task.folder / "people.jsonl", task.folder / "letter.txt"
    rows = enumerate(task.recipients)
    table.write_text("".join(json.dumps({"number": n, "email": to}) + "\n" for n, to in rows))
    template.write_text(
        f"From: ann@{DOMAIN}\nTo: {{{{ email }}}}\nSubject: Number {{{{ number }}}}\n\n{TEXT}"
    )
    server = task.server
    command = [
        sys.executable, "-m", "smtps", "send", "--host", f"{server.host}:{server.tls_port}",
        "--ca-file", str(server.ca_file), "--username", server.username, "--password-env", "PW",
        "--merge", str(table), "--template", str(template), "--window", str(task.window),
        "--connections", str(SESSIONS), "--json",
    ]  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *command,
        env=os.environ | {"PW": server.password},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    said, complaint = await process.communicate()
    lines = [json.loads(line) for line in said.splitlines()]
    if not lines:
        raise RuntimeError(complaint.decode())
    return {line["row"] - 1: line["outcome"] for line in lines}


async def by_outbox(task: Task) -> Outcomes:
    """An outbox on SQLite, that tries again within a second."""
    endpoint = task.server.endpoint(transcript=False)
    account = Account(
        name="main",
        endpoint=lambda: endpoint,
        concurrency=SESSIONS,
        window=task.window,
        retry=(0.005,) * 5,
    )
    place = task.folder / "outbox.db"
    async with Outbox(str(place), {"main": account}, grace=5) as outbox:
        now = outbox.clock.now()
        await asyncio.gather(
            *(
                outbox.accept(
                    Submission(
                        id=outbox.new_id(),
                        account="main",
                        outgoing=prepare(message, None),
                        created=now,
                        expires=now + 86_400_000,
                        terms=SendOptions(partial="send"),
                        subject=message.subject,
                    )
                )
                for message in task.messages()
            )
        )
        end = time.monotonic() + PATIENCE
        while await outbox.depth() and time.monotonic() < end:  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.05)
    return {number: _STATES.get(state, state) for number, state in _states(place).items()}


def _states(place: Path) -> dict[int, str]:
    with sqlite3.connect(place) as connection:
        rows = connection.execute("SELECT subject, state FROM messages").fetchall()
    return {int(subject.removeprefix("Number ")): state for subject, state in rows}


WAYS: dict[str, Callable[[Task], Awaitable[Outcomes]]] = {
    "session": by_session, "pool": by_pool, "merge": by_merge, "outbox": by_outbox,
}  # fmt: skip


@dataclass
class Row:
    """What came of one task.

    Attributes:
        wrong: each message whose outcome is not what it has to be, and how.
        twice: messages that the server has more than once.
        rate: messages a second.
    """

    counted: Counter[str]
    wrong: list[str] = field(default_factory=list)
    twice: int = 0
    rate: float = 0.0


def judge(task: Task, outcomes: Outcomes) -> Row:
    """Hold the outcomes against what the server's files have."""
    held: Counter[int] = Counter()
    row = Row(Counter(outcomes.values()))
    for taken in task.server.taken():
        found = _SUBJECT.search(taken.data)
        if found is None:
            row.wrong.append(f"the server has a message without its subject: {taken}")
            continue
        number = int(found[1])
        held[number] += 1
        if taken.recipients != (task.recipients[number],):
            row.wrong.append(f"{number}: the server has it for {', '.join(taken.recipients)}")
    for number, recipient in enumerate(task.recipients):
        outcome = outcomes.get(number, NOTHING)
        wanted, times = ("refused", 0) if number in task.bad else ("sent", 1)
        if (outcome, held[number]) != (wanted, times):
            row.wrong.append(
                f"{number}, to {recipient}: {outcome}, and the server has it {held[number]} times"
            )
    row.twice = sum(times > 1 for times in held.values())
    return row


async def perform(server: Server, way: str, window: int, messages: int) -> Row:
    """One row."""
    server.clear()
    with tempfile.TemporaryDirectory(prefix="smtps-servers-") as folder:
        task = Task.of(server, window, messages, Path(folder))
        start = time.perf_counter()
        outcomes = await WAYS[way](task)
        seconds = time.perf_counter() - start
        row = judge(task, outcomes)
    row.rate = messages / seconds
    return row


HEAD = """\
# Many messages to servers of many makes

`scripts/bench servers`: {messages:,} messages in each row, on {day}, with {versions}.

Every fifth message is for an address that the server refuses by a rule of its own: Exim one with an
odd character, sendmail a user that it does not have, the others a domain. Each outcome is held
against what the server has in its own files, a queue or a mailbox: what is `sent` has to be there
once, for its recipient and nobody else, and what is `refused` has to be one of those that the
server refuses. **Wrong** counts the messages of which that is not so, "twice" those that the server
has more than once. Session has one connection at a time, the other ways have {sessions}.

The rate is the server's: how it writes to its disk and, with Haraka, that it sends its second reply
when the first one was acknowledged (Nagle's algorithm), 40 ms later.

The first run, of 100 messages a row, had found 602 of 8,000 wrong: from window 4 on, Haraka's 503
to what came behind a message refused every second one, and Exim hung up after ten RSET.

| server | way | window | sent | refused | deferred | uncertain | none | **wrong** | twice | per s |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def line(server: str, way: str, window: int, row: Row) -> str:
    """For the table."""
    known = [f"{row.counted[outcome]:,}" for outcome in OUTCOMES]
    other = row.counted.total() - sum(row.counted[outcome] for outcome in OUTCOMES)
    cells = [server, way, window, *known, other, len(row.wrong), row.twice, f"{row.rate:,.0f}"]
    return f"| {' | '.join(map(str, cells))} |"


def names(known: Sequence[str]) -> Callable[[str], list[str]]:
    """Reads a list of names of these."""

    def read(text: str) -> list[str]:
        chosen = {name.lower() for name in text.split(",")}
        found = [name for name in known if name.lower() in chosen]
        if len(found) != len(chosen):
            raise argparse.ArgumentTypeError(f"of {', '.join(known)}")
        return found

    return read


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench servers")
    parser.add_argument("--messages", type=int, default=MESSAGES)
    parser.add_argument("--servers", type=names(list(SERVERS)), default=list(SERVERS))
    parser.add_argument("--ways", type=names(list(WAYS)), default=list(WAYS))
    parser.add_argument("--windows", type=names([*map(str, WINDOWS)]), default=WINDOWS)
    options = parser.parse_args()
    lines: list[str] = []
    wrong, versions = 0, []
    for name in options.servers:
        with tempfile.TemporaryDirectory() as folder, SERVERS[name](Path(folder)) as server:
            versions.append(server.version())
            for way in options.ways:
                for window in map(int, options.windows):
                    row = asyncio.run(perform(server, way, window, options.messages))
                    lines.append(line(name, way, window, row))
                    print(lines[-1], flush=True)
                    for problem in row.wrong[:5]:
                        print(f"  wrong: {problem}", flush=True)
                    wrong += len(row.wrong)
    whole = len(lines) == len(SERVERS) * len(WAYS) * len(WINDOWS)
    if whole and options.messages == MESSAGES:
        head = HEAD.format(
            messages=MESSAGES,
            day=time.strftime("%Y-%m-%d"),
            versions=", ".join(versions),
            sessions=SESSIONS,
        )
        (HERE / "many-servers.md").write_text(head + "\n".join(lines) + "\n")
    print(f"{len(lines) * options.messages:,} messages, {wrong:,} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
