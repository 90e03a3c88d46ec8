"""Health and metrics of the service, and the probe for Prometheus.

A probe takes its target from the request, as blackbox_exporter does:
https://prometheus.io/docs/guides/multi-target-exporter/
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from smtps.config.probe_modules import Module
from smtps.errors import InputError
from smtps.http.answers import Document
from smtps.http.metrics import OutboxMetrics, metrics_of
from smtps.http.service import Service
from smtps.outbox.outbox import Outbox
from smtps.outbox.writer import StoreError
from smtps.report.text import render
from smtps.target import read_target

PATIENCE = 2.0
"""Seconds that the outbox has to tell how it stands; then its last figures are shown."""


def router(service: Service) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``."""
    routes = APIRouter(tags=["operation"])
    if service.outbox is None:
        service.metrics.registry.unregister(service.metrics.outbox.up)

    @routes.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Whether to send requests here")
    async def readyz() -> Document:
        stopping = service.stopping.is_set()
        trouble = "stopping" if stopping else None
        if trouble is None and service.outbox is not None:
            trouble = await service.outbox.trouble()
        return Document({"status": trouble or "ready"}, 503 if trouble else 200)

    measured: list[asyncio.Task[None]] = []

    async def measure(outbox: Outbox) -> None:
        """One measurement at a time, for however many ask."""
        if not measured or measured[0].done():
            measured[:] = [asyncio.create_task(_measure(outbox, service.metrics.outbox))]
        try:
            await asyncio.wait_for(asyncio.shield(measured[0]), PATIENCE)
        except TimeoutError:
            service.metrics.outbox.up.set(0)

    @routes.get("/metrics", summary="For Prometheus", response_class=Response)
    async def metrics(request: Request) -> Response:
        if service.outbox is not None:
            await measure(service.outbox)
        everything = service.has_right(request.scope, "metrics")
        mine = None if everything else service.granted(request.scope)
        return Response(service.metrics.render(mine), media_type=CONTENT_TYPE_LATEST)

    for path, answer in (("/healthz", healthz), ("/readyz", readyz)):  # balancers ask so
        routes.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    return routes


async def _measure(outbox: Outbox, metrics: OutboxMetrics) -> None:
    """What the outbox holds now; who asked may not wait for it any more."""
    now = outbox.clock.now()
    try:
        depth, states = await outbox.depth(), await outbox.account_states()
    except StoreError:
        metrics.up.set(0)
        return
    for gauge in (metrics.depth, metrics.oldest, metrics.stopped, metrics.notices):
        gauge.clear()
    oldest: dict[str, int] = {}
    for (account, status), (number, created) in depth.items():
        metrics.depth.labels(account, status).set(number)
        oldest[account] = min(created, oldest.get(account, created))
    for account in outbox.accounts:
        age = (now - oldest[account]) / 1000 if account in oldest else 0.0
        metrics.oldest.labels(account).set(age)
    for state in states:
        metrics.stopped.labels(state["account"]).set(state["status"] == "stopped")
        for status, number in state["notices"].items():
            metrics.notices.labels(state["account"], status).set(number)
    metrics.up.set(1)
    await _measure_logins(outbox, metrics, now / 1000)


async def _measure_logins(outbox: Outbox, metrics: OutboxMetrics, now: float) -> None:
    """How long access tokens and logins last, where that is known."""
    for gauge in (metrics.login_ends, metrics.token_ends):
        gauge.clear()
    for name, account in outbox.accounts.items():
        ends = (None, None) if account.login is None else await account.login.ends()
        for gauge, end in zip((metrics.token_ends, metrics.login_ends), ends, strict=True):
            if end is not None:
                gauge.labels(name).set(max(end - now, 0.0))


_OFFSET = 0.5
"""Seconds of the scrape's time-out that are left for the answer to arrive."""

_LEAST = 0.05

Seconds = Annotated[
    float | None,
    Header(alias="X-Prometheus-Scrape-Timeout-Seconds", gt=0, allow_inf_nan=False),
]


def probe_router(service: Service) -> APIRouter:
    """``/probe``."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/probe", summary="One target, for Prometheus", response_class=Response)
    async def probe(
        target: Annotated[str, Query(max_length=262, examples=["smtp.example.com"])],
        module: Annotated[str, Query(max_length=100)] = "submissions",
        debug: Annotated[bool, Query(description="The whole report first, as text.")] = False,
        scrape_timeout: Seconds = None,
    ) -> Response:
        place = read_target(target)
        chosen, most = _module(service.settings.probe, module), _patience(scrape_timeout)
        if chosen.account is not None:
            account = await service.endpoint_of(chosen.account)
            endpoint = chosen.endpoint_of(account, place.host, place.port, most=most)
        else:
            resolver = service.settings.resolver
            endpoint = chosen.endpoint(place, most=most, resolver=resolver)
        if (authority := service.authority(endpoint.host, endpoint.port)) is not None:
            endpoint = replace(endpoint, ca_file=authority)
        begun = time.perf_counter()
        allow = None if chosen.account is not None else service.allow()
        report = await service.check(endpoint, target, None, allow=allow)
        metrics = metrics_of(report, time.perf_counter() - begun)
        if debug:
            return PlainTextResponse(
                f"{render(report, transcript=True, verbose=True)}\n{metrics.decode()}"
            )
        return Response(metrics, media_type=CONTENT_TYPE_LATEST)

    return routes


def _module(modules: dict[str, Module], name: str) -> Module:
    try:
        return modules[name]
    except KeyError:
        raise InputError("module", f"must be one of {', '.join(sorted(modules))}") from None


def _patience(scrape_timeout: float | None) -> float:
    if scrape_timeout is None:
        return float("inf")
    return max(scrape_timeout - _OFFSET, _LEAST)
