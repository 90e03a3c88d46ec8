"""Runs the application on uvicorn."""

from __future__ import annotations

import asyncio
import logging
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from functools import partial
from typing import cast

import uvicorn
from fastapi import FastAPI

from smtps.client.lending import BackgroundQuits
from smtps.config import logs
from smtps.config.callers import Proxies
from smtps.config.open_outbox import open_outbox
from smtps.config.settings import Settings
from smtps.http.app import create_app
from smtps.http.connections import KEEP_ALIVE, LONGEST, Crowd, protocol_class, room
from smtps.http.memory import keep_small
from smtps.http.metrics import Metrics
from smtps.http.session_cache import WarmPools
from smtps.http.threads import FairThreads
from smtps.net.listener import take_port
from smtps.sandbox.gallery import Gallery

log = logging.getLogger("smtps")


TURN = 0.001
"""Seconds that a thread may keep the event loop waiting for the interpreter; Python says 5 ms."""


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs it, and tells when it answers."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


async def serve(
    settings: Settings,
    gallery: Gallery | None,
    *,
    ready: Callable[[str], None],
    stop: asyncio.Event,
    hurry: asyncio.Event | None = None,
) -> None:
    """Serve until told to stop.

    Args:
        settings: what the operator decided.
        gallery: running sandboxes, or None.
        ready: called with the service's URL once it answers.
        stop: ends it; running requests finish within the grace, or are told, and mail on the wire
            has its own.
        hurry: ends both of these.

    Raises:
        InputError: the port is taken, or the outbox cannot be used.
        StoreError: the outbox's database is away.
    """
    logs.guard()
    hurry = hurry or asyncio.Event()
    asyncio.get_running_loop().set_default_executor(FairThreads())
    sys.setswitchinterval(TURN)
    most = room()
    settings = _within(settings, most)
    async with AsyncExitStack() as stack:
        listener = take_port(settings.host, settings.port)
        stack.callback(listener.close)
        small = asyncio.create_task(keep_small())
        stack.callback(small.cancel)
        metrics, quits = Metrics(), BackgroundQuits()
        stack.push_async_callback(quits.aclose)
        warm = WarmPools(settings.warm) if settings.warm else None
        if warm is not None:
            stack.push_async_callback(warm.aclose)
        outbox = None
        if settings.outbox is not None:
            opened = open_outbox(
                settings, deliver=settings.deliver, count=metrics.outbox.delivered, hurry=hurry
            )
            outbox = await stack.enter_async_context(opened)
        app = create_app(
            settings, gallery, stop, quits=quits, warm=warm, outbox=outbox, metrics=metrics
        )
        crowd = Crowd(most, Proxies(settings.trusted_proxies).trusted)
        server = _Server(_configuration(app, settings, crowd), lambda: ready(_url(listener)))
        running = asyncio.create_task(server.serve(sockets=[listener]))
        await _first(running, stop)
        if outbox is not None:
            outbox.stop()  # its lanes do not wait for requests to end
        server.should_exit = True
        await _first(running, hurry)
        server.force_exit = True
        await running


def _within(settings: Settings, most: int) -> Settings:
    """The settings with no more places than there can be connections: some are left for whoever
    asks how the service is.
    """
    places = {"concurrency": max(most // 4, 1), "streams": max(most // 8, 1)}
    lower = {name: few for name, few in places.items() if getattr(settings, name) > few}
    for name, few in lower.items():
        log.warning("%s is %d: the limit on open files allows no more", name, few)
    return settings.model_copy(update=lower)


async def _first(running: asyncio.Task[None], event: asyncio.Event) -> None:
    """Wait until the one has ended or the other is set."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait((running, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _configuration(app: FastAPI, settings: Settings, crowd: Crowd) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=cast("type[asyncio.Protocol]", partial(protocol_class(), crowd=crowd)),
        ws="none",
        h11_max_incomplete_event_size=4 * LONGEST,  # ours is the bound: h11 would say 400
        timeout_keep_alive=KEEP_ALIVE,
        log_config=None,  # ours writes lines only
        log_level="error",  # what is below names no caller and comes as often as anybody likes
        access_log=False,  # it would show the query, which may hold a password
        server_header=False,
        timeout_graceful_shutdown=round(settings.grace) + 2,
        lifespan="off",
    )


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
