"""Small errors in the source, at borders and where there are two of a kind: do tests notice them?

python scripts/mutants.py            tries them all, one by one, on a copy of the source
python scripts/mutants.py WORD…      those whose name or file has one of the words
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
COPIED = ("src", "tests", "pyproject.toml")
"""What the tests read."""

ENOUGH = 300
"""Seconds for the tests of a mutation, many times what they take."""


class Mutation(NamedTuple):
    """One change of the source.

    Attributes:
        name: what is wrong then.
        file: below src/smtps.
        old, new: a piece of its text that stands there once, and what it becomes.
        tests: below tests; at least one of them must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


MUTATIONS = (
    Mutation(
        "secrets of fewer than 12 characters are shown",
        "client/transcript.py",
        "if len(form) >= 4}",
        "if len(form) >= 12}",
        ("client/test_redactor.py",),
    ),
    Mutation(
        "a reply that was clean before a secret was learnt shows it",
        "client/transcript.py",
        "        self._seen.clear()\n        self._secrets = sorted(",
        "        self._secrets = sorted(",
        ("client/test_redactor.py",),
    ),
    Mutation(
        "bytes before TLS are not looked for in a second packet",
        "client/handshake.py",
        "if self._wire.has_unread:\n            self.dialogue.connection.rec",
        "if False:\n            self.dialogue.connection.rec",
        ("client/test_handshake.py",),
    ),
    Mutation(
        "a message counts as handed over before it is written",
        "client/pipeline.py",
        (
            "        self._dialogue.flush()\n"
            "        for transaction in self._written:\n"
            "            transaction.complete = True\n"
        ),
        (
            "        for transaction in self._written:\n"
            "            transaction.complete = True\n"
            "        self._dialogue.flush()\n"
        ),
        ("client/test_pipeline.py",),
    ),
    Mutation(
        "a message is begun once too often",
        "client/source.py",
        "return tries < ATTEMPTS",
        "return tries <= ATTEMPTS",
        ("client/test_lost_connections.py",),
    ),
    Mutation(
        "a message of the greatest size for one write waits",
        "client/transaction.py",
        "content.size <= ONE_WRITE",
        "content.size < ONE_WRITE",
        ("client/test_transaction.py",),
    ),
    Mutation(
        "commands that just fit do not go out ahead",
        "client/pipeline.py",
        "octets <= AHEAD",
        "octets < AHEAD",
        ("client/test_pipeline.py",),
    ),
    Mutation(
        "a session is handed one message too many",
        "client/lending.py",
        "handed_out >= self._messages",
        "handed_out > self._messages",
        ("client/test_limits.py",),
    ),
    Mutation(
        "a session that has reached its age is kept",
        "client/lending.py",
        "warm.opened < self._age",
        "warm.opened <= self._age",
        ("client/test_limits.py",),
    ),
    Mutation(
        "two 421 in one pause count twice",
        "client/lending.py",
        "!= 421 or now < self._not_before:",
        "!= 421:",
        ("client/test_limits.py",),
    ),
    Mutation(
        "each message that was put off bears the loss of its connection",
        "client/source.py",
        "if not (self._useful and self._blamed):",
        "if not (self._useful and False):",
        ("client/test_lost_connections.py",),
    ),
    Mutation(
        "of two equal messages the first gets the result of the second",
        "client/bulk.py",
        "if self.begun[0].item is item:",
        "if self.begun[0].item == item:",
        ("client/test_bulk.py",),
    ),
    Mutation(
        "a server that cannot be reached is tried once too often",
        "client/bulk.py",
        "self._failures >= ATTEMPTS",
        "self._failures > ATTEMPTS",
        ("client/test_bulk.py",),
    ),
    Mutation(
        "control characters in From are let through",
        "message/addresses.py",
        'text = text.replace("\\t", " ")\n    if grammar.FORBIDDEN.search(text):',
        'text = text.replace("\\t", " ")\n    if False:',
        ("outbox/test_limits.py",),
    ),
    Mutation(
        "a reply of the largest size is refused",
        "core/reply.py",
        "partial.size > self._limits.total",
        "partial.size >= self._limits.total",
        ("core/test_limits.py",),
    ),
    Mutation(
        "an address of the greatest length is refused",
        "core/address.py",
        "if len(str(mailbox).encode()) > grammar.MAX_PATH - 2:",
        "if len(str(mailbox).encode()) >= grammar.MAX_PATH - 2:",
        ("core/test_limits.py",),
    ),
    Mutation(
        "a size of 20 digits is none",
        "core/capabilities.py",
        "len(word) <= 20",
        "len(word) < 20",
        ("core/test_limits.py",),
    ),
    Mutation(
        "an initial response that fills its line does not go with AUTH",
        "core/sasl.py",
        "+ 2 <= grammar.MAX_COMMAND",
        "+ 2 < grammar.MAX_COMMAND",
        ("core/test_limits.py",),
    ),
    Mutation(
        "one allowed address lets in another that is forbidden",
        "net/egress.py",
        "not all(allow(address)",
        "not any(allow(address)",
        ("net/test_limits.py",),
    ),
    Mutation(
        "a record whose running sum is the number is passed over",
        "net/dns.py",
        "if running >= number:",
        "if running > number:",
        ("net/test_limits.py",),
    ),
    Mutation(
        "something begins although the deadline is reached",
        "net/timing.py",
        "if self._allowed <= 0:",
        "if self._allowed < 0:",
        ("net/test_limits.py",),
    ),
    Mutation(
        "the late result of an earlier try ends the present one",
        "outbox/settlement.py",
        "row.state == State.SENDING and row.tries == s.claim.number",
        "row.state == State.SENDING",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "the end of a notice deletes the newer one of its message",
        "outbox/notices.py",
        (
            "        notice = verdict.notice\n"
            "        this = (_N.message == notice.message, _N.id == notice.id)"
        ),
        "        notice = verdict.notice\n        this = (_N.message == notice.message,)",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "a message is not due at its very time",
        "outbox/lane_store.py",
        "_M.due <= request.now",
        "_M.due < request.now",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "messages that just fit are not claimed together",
        "outbox/lane_store.py",
        "octets > request.octets",
        "octets >= request.octets",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "a lane gives back what the next one has claimed",
        "outbox/lane_store.py",
        ".where(these, _M.lane == token, ",
        ".where(these, ",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "a lane that was superseded saves its limits",
        "outbox/lease.py",
        ".where(_L.account == lease.account, _L.token == lease.token)",
        ".where(_L.account == lease.account)",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "a key is known for every caller",
        "outbox/intake.py",
        "keys.scope == key.scope, keys.key == key.key",
        "keys.key == key.key",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "a receiver has one notice too many under way",
        "outbox/notices.py",
        "if busy[receiver] < EACH:",
        "if busy[receiver] <= EACH:",
        ("outbox/test_rows.py",),
    ),
    Mutation(
        "a notice of the greatest age is tried again",
        "outbox/notices.py",
        ">= OLDEST",
        "> OLDEST",
        ("outbox/test_limits.py",),
    ),
    Mutation(
        "a delay of exactly 15 minutes is not reported",
        "outbox/decision.py",
        ">= DELAYED_AFTER",
        "> DELAYED_AFTER",
        ("outbox/test_limits.py",),
    ),
    Mutation(
        "an RSA key of 1024 bits is strong",
        "checks/rules/trust.py",
        '"RSA": 2048',
        '"RSA": 1024',
        ("checks/test_borders.py",),
    ),
    Mutation(
        "a certificate with exactly 14 days left expires soon",
        "checks/rules/validity.py",
        "certificate.not_after - now) < expires_soon",
        "certificate.not_after - now) <= expires_soon",
        ("checks/test_borders.py",),
    ),
    Mutation(
        "a certificate may not live as long as was allowed",
        "checks/rules/validity.py",
        "own.lifetime <= timedelta(days=days)",
        "own.lifetime < timedelta(days=days)",
        ("checks/test_borders.py",),
    ),
    Mutation(
        "a greeting exactly a day away says that the clock is wrong",
        "checks/chain.py",
        "abs(there - now) > A_DAY",
        "abs(there - now) >= A_DAY",
        ("checks/test_borders.py",),
    ),
    Mutation(
        "a rate counts addresses although there are tokens",
        "http/guards/gate.py",
        'f"token {token}" if token is not None else line(caller)',
        "line(caller)",
        ("http/test_limits.py::test_a_rate_counts_tokens_where_there_are_any_and_else_addresses",),
    ),
    Mutation(
        "a streamed body may be twice as large",
        "http/guards/gate.py",
        (
            "        if size > most:\n"
            '            raise _RefusedError("api.too_large")\n'
            "        if (code"
        ),
        (
            "        if size > 2 * most:\n"
            '            raise _RefusedError("api.too_large")\n'
            "        if (code"
        ),
        ("http/test_limits.py::test_a_streamed_body_may_have_its_limit_and_not_one_byte_more",),
    ),
    Mutation(
        "the task of a request that was ended stays cancelled",
        "http/guards/pace.py",
        "            self._task.uncancel()\n",
        "            pass\n",
        ("http/test_limits.py::test_a_request_that_its_watch_has_ended_may_go_on",),
    ),
    Mutation(
        "a caller gets one place more than its share",
        "http/guards/limits.py",
        "if held < free and",
        "if held <= free and",
        (
            "http/test_limits.py::test_one_caller_gets_half_of_all_places_two_a_third_each_and_a_newcomer_the_last",
        ),
    ),
    Mutation(
        "a query may have one parameter more",
        "http/guards/body.py",
        ">= MOST_PARAMETERS",
        "> MOST_PARAMETERS",
        ("http/test_limits.py::test_a_query_may_have_its_number_of_parameters",),
    ),
    Mutation(
        "a body may be nested without end",
        "http/guards/body.py",
        "if depth == DEEPEST:",
        "if depth > DEEPEST:",
        ("http/test_limits.py::test_a_body_may_be_as_deep_and_as_wide_as_its_bounds",),
    ),
    Mutation(
        "a line feed at the beginning of a file ends no line",
        "cli/results.py",
        "if found >= 0:",
        "if found > 0:",
        ("cli/test_limits.py",),
    ),
    Mutation(
        "one result is enough for a target that stands twice",
        "cli/targets.py",
        "self._taken[place] = 1",
        "self._taken[place] = 0",
        ("cli/test_limits.py",),
    ),
)


class Outcome(Enum):
    """What became of a mutation."""

    KILLED = "killed"
    SURVIVED = "SURVIVED"
    STALE = "STALE: its old text does not stand there once"
    BROKEN = "BROKEN: its tests could not be run"


_OF_PYTEST = {0: Outcome.SURVIVED, 1: Outcome.KILLED}
"""By exit code; another one says that pytest itself has failed."""


def run_tests(folder: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Pytest's exit code and what it said; 1 too if the tests came to no end."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider",
               *[f"tests/{test}" for test in tests]]  # fmt: skip
    # Nothing compiled is written: it would be taken for that of the next mutation of the same file.
    paths = os.pathsep.join([str(folder / "src"), str(folder)])
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=ENOUGH,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1, "no end"
    return done.returncode, done.stdout + done.stderr


def attempt(folder: Path, mutation: Mutation) -> Outcome:
    """Make the change, run its tests, take it back."""
    path = folder / "src" / "smtps" / mutation.file
    text, times = path.read_text(encoding="utf-8"), path.stat()
    if text.count(mutation.old) != 1:
        return Outcome.STALE
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")
    try:
        code, _ = run_tests(folder, mutation.tests)
    finally:
        path.write_text(text, encoding="utf-8")
        os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    return _OF_PYTEST.get(code, Outcome.BROKEN)


def copy_to(folder: Path) -> None:
    """The source and its tests, without what git and the tools have beside them."""
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy2(ROOT / name, folder / name)


def wanted(words: list[str]) -> Iterator[Mutation]:
    """The mutations whose name or file has one of the words; all if there are none."""
    for mutation in MUTATIONS:
        if not words or any(word in f"{mutation.name} {mutation.file}" for word in words):
            yield mutation


def main() -> int:
    """Try them; 1 if one survives or cannot be tried."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("words", nargs="*", metavar="WORD")
    chosen = list(wanted(parser.parse_args().words))
    with TemporaryDirectory(prefix="smtps-mutants-") as name:
        folder = Path(name)
        copy_to(folder)
        code, said = run_tests(folder, tuple(dict.fromkeys(t for m in chosen for t in m.tests)))
        if code:
            print(said, "The tests fail without any mutation.", sep="\n")
            return 1
        outcomes = []
        for mutation in chosen:
            outcomes.append(attempt(folder, mutation))
            print(f"{mutation.file}: {mutation.name}: {outcomes[-1].value}", flush=True)
    killed = outcomes.count(Outcome.KILLED)
    print(f"{killed} of {len(chosen)} mutations killed, {len(chosen) - killed} not")
    return int(killed < len(chosen))


if __name__ == "__main__":
    sys.exit(main())
