"""aiosmtplib's."""

from __future__ import annotations

import asyncio
import json
import ssl
from email.message import EmailMessage
from typing import Any

import aiosmtplib
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

OPTIONS = arguments()
CONTEXT = ssl.create_default_context(cafile=OPTIONS.ca)


def compose(number: int) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"] = SENDER, RECIPIENT
    message["Subject"] = f"Hello, number {number}"
    message.set_content(text(OPTIONS.size))
    return message


def client() -> Any:
    """With ``--fresh`` as most programs call it: no context given, so it makes one each time."""
    trust = {"cert_bundle": OPTIONS.ca} if OPTIONS.fresh else {"tls_context": CONTEXT}
    return aiosmtplib.SMTP(hostname="localhost", port=OPTIONS.port, use_tls=True, **trust)


async def send() -> None:
    watch, data, own = Watch(), raw(OPTIONS.size), compose(0)
    async with client() as server:
        await server.ehlo()
        watch.start()
        for number in range(OPTIONS.n):
            if OPTIONS.work == "raw":
                await server.sendmail(SENDER, [RECIPIENT], data)
            else:
                await server.send_message(own if OPTIONS.work == "own" else compose(number))
        watch.stop(OPTIONS.n)


async def check() -> None:
    watch, left = Watch(), iter(range(OPTIONS.n))

    async def one_after_the_other() -> None:
        for _ in left:
            async with client() as server:
                await server.ehlo()

    async with client():
        pass
    watch.start()
    await asyncio.gather(*(one_after_the_other() for _ in range(OPTIONS.at_once)))
    watch.stop(OPTIONS.n)


async def hold() -> None:
    async with client():
        pass
    before, held = rss_now(), []
    for _ in range(OPTIONS.n):
        server = client()
        await server.connect()
        await server.ehlo()
        held.append(server)
    print(json.dumps({"n": len(held), "kb_each": (rss_now() - before) / len(held)}))
    for server in held:
        server.close()


WORKS = {"check": check, "hold": hold}
run_async(WORKS.get(OPTIONS.work, send), uvloop=OPTIONS.uvloop)
