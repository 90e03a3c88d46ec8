"""A check as Server-Sent Events: each phase as it ends, then the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from starlette.responses import StreamingResponse

from smtps.checks.facts import AddressFacts
from smtps.checks.visit import Progress
from smtps.errors import SMTPSError
from smtps.http import problems

KEEP_ALIVE = 10.0
"""Seconds of silence after which a comment shows proxies that somebody is here."""

COMMENT = b": keep-alive\n\n"

Run = Callable[[Progress], Awaitable[dict[str, Any]]]


def response(run: Run) -> StreamingResponse:
    """The events of one check as an answer. A failure is its result: the status has gone out."""

    async def guarded(progress: Progress) -> dict[str, Any]:
        try:
            return await run(progress)
        except SMTPSError as error:
            return problems.document(error.failure)

    return StreamingResponse(stream(guarded), media_type="text/event-stream")


async def stream(run: Run) -> AsyncIterator[bytes]:
    """The events of one check; closing the iterator cancels the check.

    Args:
        run: does the check, telling progress, and gives the answer.
    """
    queue: asyncio.Queue[bytes | None] = asyncio.Queue()

    def progress(seen: AddressFacts, phase: str) -> None:
        ok = seen.failure is None and seen.login_failure is None
        spent = seen.timings.get(str(phase), 0.0)
        found = {"address": seen.address, "phase": str(phase), "ms": spent, "ok": ok}
        queue.put_nowait(event("phase", found))

    async def work() -> None:
        try:
            queue.put_nowait(event("result", await run(progress)))
        finally:
            queue.put_nowait(None)

    task = asyncio.create_task(work())
    try:
        while True:
            try:
                async with asyncio.timeout(KEEP_ALIVE):
                    piece = await queue.get()
            except TimeoutError:
                yield COMMENT
                continue
            if piece is None:
                return
            yield piece
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def event(name: str, data: dict[str, Any]) -> bytes:
    """One event on the wire."""
    return f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()
