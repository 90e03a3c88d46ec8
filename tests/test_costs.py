"""What a message costs: writes, replies waited for, octets copied. Counted, never timed.

A change that makes sending slower for a reason of principle, one more round trip or one more copy,
fails here whatever the machine.
"""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from tests.client.farm import Farm, farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.client.session import Session
from smtps.core.command import Command
from smtps.net.wire import Wire

SMALL = b"Subject: x\r\n\r\n" + b"x" * 70 + b"\r\n"
PAIR = (SMALL, smtps.Envelope.of("a@x.test", "b@x.test"))


class Forgetful(Strict):
    """Throws the message away as it comes."""

    def _step(self) -> bool:
        if not self._chunk:
            return super()._step()
        gone = min(len(self._in), self._chunk)
        del self._in[:gone]
        self._chunk -= gone
        return not self._chunk


@dataclass
class Counted:
    """What went through a wire."""

    writes: list[int] = field(default_factory=list)
    waits: int = 0


@contextmanager
def counted(session: Session, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    found, wire = Counted(), session._access.dialogue.wire
    write, wait = wire.write, wire._wait

    def counting_write(data: Any) -> None:
        found.writes.append(len(data))
        write(data)

    async def counting_wait(until: float | None = None) -> None:
        found.waits += 1
        await wait(until)

    with monkeypatch.context() as patch:
        patch.setattr(wire, "write", counting_write)
        patch.setattr(wire, "_wait", counting_wait)
        yield found


@pytest.fixture
async def server(pki: PKI) -> AsyncIterator[Farm]:
    async with farm(pki, lambda _: Forgetful(offers=("PIPELINING", "CHUNKING"))) as servers:
        yield servers


async def opened(server: Farm, **options: Any) -> Session:
    return await Session.open(server.endpoint(transcript=False, **options))


@pytest.mark.parametrize(
    ("options", "writes"),
    [({}, 1), ({"chunking": False}, 2), ({"pipelining": False}, 3)],
    ids=["BDAT", "DATA", "lock-step"],
)
async def test_round_trips_of_one_message(
    server: Farm, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], writes: int
) -> None:
    """Each write is waited for once: so many round trips, and no more."""
    async with await opened(server, **options) as session:
        await session.send(*PAIR)
        with counted(session, monkeypatch) as found:
            await session.send(*PAIR)
        assert len(found.writes) == writes
        assert found.waits <= 2 * writes  # the server may answer in two pieces


@pytest.mark.parametrize("window", [1, 4, 16])
async def test_many_messages_share_their_writes(
    server: Farm, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    n = 64
    async with await opened(server) as session:
        with counted(session, monkeypatch) as found:
            results = [r async for _, r in session.send_many([PAIR] * n, window=window)]
        assert len(results) == n
        # What goes out fills half of the window at least.
        assert len(found.writes) <= n / max(window // 2, 1) + 1
        if window > 1:
            assert found.waits <= n


async def test_a_full_record_is_not_kept_waiting(
    server: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is at work on the first messages while the last ones are made ready."""
    pair = (SMALL + b"y" * 70 + b"\r\n" + b"z" * 900 + b"\r\n", PAIR[1])
    async with await opened(server) as session:
        await session.send(*pair)
        with counted(session, monkeypatch) as found:
            results = [r async for _, r in session.send_many([pair] * 64, window=64)]
        assert len(results) == 64
        *full, _last = found.writes
        assert full
        assert all(16384 <= size < 20000 for size in full)


async def test_an_envelope_is_worded_once(server: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its commands are made and looked at for the first message, and not again for the others."""
    made = 0
    look = Command.__post_init__

    def counting(command: Command) -> None:
        nonlocal made
        made += 1
        look(command)

    async with await opened(server) as session:
        monkeypatch.setattr(Command, "__post_init__", counting)
        for messages in (1, 50):
            before = made
            results = [r async for _, r in session.send_many([PAIR] * messages, window=4)]
            assert {result.outcome for result in results} == {"sent"}
            assert made - before <= 2


async def test_an_opening_waits_only_for_the_server(
    server: Farm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connect, handshake, greeting, EHLO: one wait for each flight of the server."""
    waits = 0
    wait = Wire._wait

    async def counting(wire: Wire, until: float | None = None) -> None:
        nonlocal waits
        waits += 1
        await wait(wire, until)

    monkeypatch.setattr(Wire, "_wait", counting)
    async with await opened(server):
        assert waits <= 5


def open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def test_checks_leave_nothing_behind(server: Farm) -> None:
    """Neither a socket nor a task, however many there were."""
    report = await smtps.check(server.endpoint())
    assert report.verdict == "warnings"  # it offers no login
    sockets, tasks = open_files(), len(asyncio.all_tasks())
    left = iter(range(400))

    async def one_after_the_other() -> None:
        for _ in left:
            await smtps.check(server.endpoint())

    await asyncio.gather(*(one_after_the_other() for _ in range(40)))
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > tasks or open_files() > sockets:
            await asyncio.sleep(0.01)  # the server is in this process too, and has to notice


async def test_a_large_message_is_not_copied(server: Farm) -> None:
    """By BDAT the octets go from the caller's hands to TLS: what is needed besides is small."""
    data = SMALL + (b"y" * 70 + b"\r\n") * 280_000
    assert len(data) > 20_000_000
    async with await opened(server) as session:
        tracemalloc.start()
        try:
            tracemalloc.reset_peak()
            before = tracemalloc.get_traced_memory()[0]
            result = await session.send(data, PAIR[1])
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()
    assert result.outcome == "sent"
    assert peak < 8_000_000, peak


async def test_a_file_is_never_in_memory(server: Farm, tmp_path: Path) -> None:
    """Nor is its base64: 50 MB need no more room than 5."""
    peaks = []
    async with await opened(server) as session:
        for size in (5_000_000, 50_000_000):
            path = tmp_path / "file"
            path.write_bytes(b"\0" * size)
            tracemalloc.start()
            try:
                message = smtps.Message(from_="a@x.test", to="b@x.test", text="x",
                                        attachments=[smtps.Attachment.from_file(path)])  # fmt: skip
                result = await session.send(message)
                peaks.append(tracemalloc.get_traced_memory()[1])
            finally:
                tracemalloc.stop()
            assert result.outcome == "sent"
    assert peaks[1] < peaks[0] + 4_000_000, peaks
