"""The project's own."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

from benchmarks.clients.common import (
    RECIPIENT,
    SENDER,
    Watch,
    arguments,
    raw,
    rss_now,
    run_async,
    text,
)

import smtps
from smtps.client.handshake import Access

OPTIONS = arguments()


def endpoint() -> smtps.Endpoint:
    return smtps.Endpoint(
        "localhost",
        OPTIONS.port,
        ca_file=OPTIONS.ca,
        transcript=False,
        chunking=not OPTIONS.data,
    )


def messages(n: int) -> Iterator[Any]:
    if OPTIONS.work == "raw":
        data, envelope = raw(OPTIONS.size), smtps.Envelope.of(SENDER, RECIPIENT)
        for _ in range(n):
            yield data, envelope
    elif OPTIONS.work == "own":
        own = EmailMessage()
        own["From"], own["To"], own["Subject"] = SENDER, RECIPIENT, "Hello"
        own.set_content(text(OPTIONS.size))
        for _ in range(n):
            yield own
    else:
        body = text(OPTIONS.size)
        for number in range(n):
            yield smtps.Message(
                from_=SENDER, to=RECIPIENT, subject=f"Hello, number {number}", text=body
            )


async def send() -> None:
    watch = Watch()
    async with smtps.connect(endpoint()) as session:
        for n in (min(OPTIONS.n, 200), OPTIONS.n):
            watch.start()
            async for _, result in session.send_many(messages(n), window=OPTIONS.window):
                assert result.outcome is smtps.Outcome.SENT
    watch.stop(OPTIONS.n)


async def check() -> None:
    watch, left = Watch(), iter(range(OPTIONS.n))

    async def one_after_the_other() -> None:
        for _ in left:
            access = await Access.open(endpoint())
            await access.quit()

    await (await Access.open(endpoint())).quit()
    watch.start()
    await asyncio.gather(*(one_after_the_other() for _ in range(OPTIONS.at_once)))
    watch.stop(OPTIONS.n)


async def file() -> None:
    """Of its own for each run, since only the peak counts."""
    watch = Watch()
    with tempfile.NamedTemporaryFile() as big:
        for _ in range(OPTIONS.size // 1_000_000):
            big.write(os.urandom(1_000_000))
        big.flush()
        attachment = smtps.Attachment.from_file(big.name, "application/octet-stream")
        message = smtps.Message(
            from_=SENDER, to=RECIPIENT, subject="A file", text="x", attachments=[attachment]
        )
        async with smtps.connect(endpoint()) as session:
            watch.start()
            assert (await session.send(message)).outcome is smtps.Outcome.SENT
    watch.stop(1, megabytes=OPTIONS.size / 1e6)


async def hold() -> None:
    await (await Access.open(endpoint())).quit()
    before, held = rss_now(), []
    for _ in range(OPTIONS.n // 50):
        held += await asyncio.gather(*(Access.open(endpoint()) for _ in range(50)))
    print(json.dumps({"n": len(held), "kb_each": (rss_now() - before) / len(held)}))
    for access in held:
        access.dialogue.abort()


WORKS = {"check": check, "file": file, "hold": hold}
run_async(WORKS.get(OPTIONS.work, send), uvloop=OPTIONS.uvloop)
