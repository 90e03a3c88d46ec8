"""The application: guards in front, routes behind."""

from __future__ import annotations

import asyncio
from functools import cache

from fastapi import FastAPI
from pydantic_core import to_json
from starlette.middleware.errors import ServerErrorMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from smtps._version import __version__
from smtps.client.lending import BackgroundQuits
from smtps.config.settings import Settings
from smtps.http import answers, problems
from smtps.http.fast_path import FastPath
from smtps.http.guards.gate import Gate
from smtps.http.guards.limits import Rates
from smtps.http.metrics import Metrics
from smtps.http.routes import (
    account_logins,
    explained,
    inbox,
    mailpit,
    messages,
    operation,
    pages,
    portofcall,
    reports,
)
from smtps.http.service import Service
from smtps.http.session_cache import WarmPools
from smtps.outbox.outbox import Outbox
from smtps.sandbox.gallery import Gallery


class Application(FastAPI):
    """FastAPI, with something in front of all that is its own.

    Attributes:
        front: takes the requests, and hands on to ``behind`` what it does not answer.
    """

    front: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.front(scope, receive, send)

    async def behind(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The long way."""
        await super().__call__(scope, receive, send)


def create_app(
    settings: Settings,
    gallery: Gallery | None = None,
    stopping: asyncio.Event | None = None,
    *,
    quits: BackgroundQuits | None = None,
    warm: WarmPools | None = None,
    outbox: Outbox | None = None,
    metrics: Metrics | None = None,
) -> Application:
    """Put it together.

    Args:
        settings: what the operator decided.
        gallery: running sandboxes, each trusted for its own address and nothing else.
        stopping: set when the service is about to end.
        quits: where sessions quit; whoever makes it closes it.
        warm: where sessions are kept for the next message; the same.
        outbox: mail that is delivered later; the same.
        metrics: what to count in; the outbox counts there too.
    """
    stopping = stopping or asyncio.Event()
    rates = Rates(settings.caller_rate or "", settings.target_rate or "")
    service = Service(
        settings,
        gallery,
        rates,
        metrics or Metrics(),
        stopping,
        quits=quits or BackgroundQuits(),
        warm=warm,
        outbox=outbox,
    )
    app = Application(
        title="smtps",
        version=__version__,
        summary="Check whether mail submission over TLS works, explain why if it does not, and "
        "send mail.",
        docs_url=None,
        redoc_url=None,
        openapi_url=None,  # see below
        responses=problems.RESPONSES,
        default_response_class=answers.Document,
    )
    problems.install(app)
    _describe(app)
    for router in _ROUTERS:
        app.include_router(router(service))
    if gallery is not None:
        app.include_router(inbox.router(service, gallery))
        app.include_router(mailpit.router(service, gallery))
    shortcuts = portofcall.express(service) | messages.express(service)
    express = FastPath(app.behind, shortcuts)
    gate = Gate(express, settings, rates, service.metrics, stopping)
    app.front = ServerErrorMiddleware(gate, problems.bug)
    return app


def _describe(app: FastAPI) -> None:
    """``/openapi.json``, written once; FastAPI would do so for each request."""
    answers.describe(app)

    @cache
    def written() -> bytes:
        return to_json(app.openapi())

    @app.get("/openapi.json", include_in_schema=False)
    async def description() -> Response:
        return Response(written(), media_type="application/json")


_ROUTERS = (
    portofcall.router,
    reports.router,
    reports.lookup_router,
    explained.router,
    messages.router,
    messages.accounts_router,
    account_logins.router,
    operation.router,
    operation.probe_router,
    pages.router,
)
