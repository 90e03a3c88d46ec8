"""For whoever runs the service."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from smtps.api.service import Service


def router(service: Service) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``."""
    routes = APIRouter(tags=["operation"])

    @routes.get("/healthz", summary="Whether the process answers")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @routes.get("/readyz", summary="Whether to send requests here")
    async def readyz() -> JSONResponse:
        stopping = service.stopping.is_set()
        status = "stopping" if stopping else "ready"
        return JSONResponse({"status": status}, 503 if stopping else 200)

    @routes.get("/metrics", summary="For Prometheus", response_class=Response)
    async def metrics() -> Response:
        return Response(service.metrics.render(), media_type=CONTENT_TYPE_LATEST)

    return routes
