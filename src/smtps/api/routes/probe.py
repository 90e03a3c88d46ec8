"""For Prometheus: one target, named in the request (blackbox_exporter's multi-target convention).

https://prometheus.io/docs/guides/multi-target-exporter/
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from smtps.api.exposition import metrics_of
from smtps.api.modules import Module
from smtps.api.service import Service
from smtps.diagnosis.text import render
from smtps.errors import InputError
from smtps.targets import split_target

_OFFSET = 0.5
"""Seconds of the scrape's time-out that are left for the answer to arrive."""

_LEAST = 0.05

Seconds = Annotated[
    float | None,
    Header(alias="X-Prometheus-Scrape-Timeout-Seconds", gt=0, allow_inf_nan=False),
]


def router(service: Service) -> APIRouter:
    """``/probe``."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/probe", summary="One target, for Prometheus", response_class=Response)
    async def probe(
        target: Annotated[str, Query(max_length=262, examples=["smtp.example.com"])],
        module: Annotated[str, Query(max_length=100)] = "submissions",
        debug: Annotated[bool, Query(description="The whole report first, as text.")] = False,
        scrape_timeout: Seconds = None,
    ) -> Response:
        host, port = split_target(target)
        chosen = _module(service.settings.probe, module)
        endpoint = chosen.endpoint(
            host, port, most=_patience(scrape_timeout), resolver=service.settings.resolver
        )
        if (authority := service.authority(endpoint.host, endpoint.port)) is not None:
            endpoint = replace(endpoint, ca_file=authority)
        begun = time.perf_counter()
        report = await service.check(endpoint, target, None)
        metrics = metrics_of(report, time.perf_counter() - begun)
        if debug:
            return PlainTextResponse(f"{render(report, transcript=True)}\n{metrics.decode()}")
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
