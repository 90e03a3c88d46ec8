"""For whoever runs the service."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from smtps.api.metrics import Metrics
from smtps.api.service import Service
from smtps.outbox.outbox import Outbox


def router(service: Service) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Whether to send requests here")
    async def readyz() -> JSONResponse:
        stopping = service.stopping.is_set()
        trouble = "stopping" if stopping else None
        if trouble is None and service.outbox is not None:
            trouble = await service.outbox.trouble()
        return JSONResponse({"status": trouble or "ready"}, 503 if trouble else 200)

    @routes.get("/metrics", summary="For Prometheus", response_class=Response)
    async def metrics() -> Response:
        if service.outbox is not None:
            await _measure(service.outbox, service.metrics)
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    for path, answer in (("/healthz", healthz), ("/readyz", readyz)):  # balancers ask so
        routes.add_api_route(path, answer, methods=["HEAD"], include_in_schema=False)
    return routes


async def _measure(outbox: Outbox, metrics: Metrics) -> None:
    """What the outbox holds now."""
    now = outbox.clock.now()
    depth = await outbox.depth()
    for gauge in (metrics.depth, metrics.oldest, metrics.stopped):
        gauge.clear()
    oldest: dict[str, int] = {}
    for (account, status), (number, created) in depth.items():
        metrics.depth.labels(account, status).set(number)
        oldest[account] = min(created, oldest.get(account, created))
    for account in outbox.accounts:
        age = (now - oldest[account]) / 1000 if account in oldest else 0.0
        metrics.oldest.labels(account).set(age)
    for state in await outbox.account_states():
        metrics.stopped.labels(state["account"]).set(state["status"] == "stopped")
