"""Providers, and the ports of a host."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from smtps.api.service import Service
from smtps.diagnosis.discovery import discover
from smtps.diagnosis.ports import PORTS, compare
from smtps.providers import PORTS as SEED_PORTS
from smtps.providers import search


def router(service: Service) -> APIRouter:
    """``/api/smtps/providers`` and ``/api/smtps/ports``."""
    routes = APIRouter(prefix="/api/smtps", tags=["diagnosis"])

    @routes.get("/providers", summary="What providers offer")
    async def providers(
        q: Annotated[str, Query(max_length=200, description="part of a name or host")] = "",
    ) -> dict[str, Any]:
        return {"providers": [provider.as_json() for provider in search(q)]}

    @routes.get("/discover", summary="Find the submission server of a mail address")
    async def find(
        address: Annotated[str, Query(max_length=320, examples=["ann@example.com"])],
    ) -> dict[str, Any]:
        return (await discover(address, service.finder(service.allow()))).as_json()

    @routes.get("/ports", summary="The ports of mail")
    async def ports() -> dict[str, Any]:
        return {"ports": [port.as_json() for port in SEED_PORTS]}

    @routes.get("/ports/{host}", summary="Compare the ports of a host")
    async def ports_of(
        host: Annotated[str, Path(max_length=255, examples=["smtp.example.com"])],
        timeout: Annotated[int, Query(ge=1, le=60_000, description="Milliseconds.")] = 10_000,
    ) -> dict[str, Any]:
        authority = next(
            (found for port in PORTS if (found := service.authority(host, port))), None
        )
        comparison = await compare(
            host,
            timeout=timeout / 1000,
            allow=service.allow(),
            ca_file=authority,
            resolver=service.settings.resolver,
        )
        return comparison.as_json()

    return routes
