"""The seed's two requests, and the first of them as a stream of events."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import JSONResponse, StreamingResponse

from smtps.api import events, problems, schemas
from smtps.api.contract import (
    ConnectQuery,
    ConnectRequest,
    SendRequest,
    dry_run_answer,
    send_answer,
)
from smtps.api.guards.body import judge_message
from smtps.api.service import Service
from smtps.client.access import check_endpoint
from smtps.client.outgoing import prepare
from smtps.client.result import Outcome, SendError
from smtps.diagnosis.visit import Progress
from smtps.errors import SMTPSError
from smtps.net.names import to_ascii

_CONNECT: dict[int | str, dict[str, Any]] = {200: {"model": schemas.ConnectAnswer}}
_SEND: dict[int | str, dict[str, Any]] = {200: {"model": schemas.SendAnswer}}
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_CONNECT_BODY = Body(openapi_examples={"the seed": {"value": schemas.EXAMPLE_CONNECT}})
_SEND_BODY = Body(openapi_examples={"the seed": {"value": schemas.EXAMPLE_SEND}})

Detail = Annotated[Literal["full"] | None, Query(description="full: with transcript")]


def router(service: Service) -> APIRouter:
    """``/api/smtps/connect`` and ``/api/smtps/send``."""
    routes = APIRouter(prefix="/api/smtps", tags=["the seed"])

    async def connect(request: ConnectRequest, *, transcript: bool) -> JSONResponse:
        answer = await service.connect(request, transcript=transcript)
        return _json(answer)

    @routes.get("/connect", summary="Test a connection", responses=_CONNECT)
    async def connect_get(query: Annotated[ConnectQuery, Query()]) -> JSONResponse:
        return await connect(query, transcript=query.detail == "full")

    @routes.post("/connect", summary="Test a connection", responses=_CONNECT)
    async def connect_post(
        request: Annotated[ConnectRequest, _CONNECT_BODY], detail: Detail = None
    ) -> JSONResponse:
        return await connect(request, transcript=detail == "full")

    def stream(request: ConnectRequest) -> StreamingResponse:
        check_endpoint(service.endpoint(request, request.timeout))
        to_ascii(request.host)

        async def run(progress: Progress) -> dict[str, Any]:
            try:
                return await service.connect(request, transcript=True, progress=progress)
            except SMTPSError as error:  # too late for a status: the stream has begun
                return problems.document(error.failure)

        return StreamingResponse(events.stream(run), media_type="text/event-stream")

    @routes.get(
        "/connect/events",
        summary="Test a connection, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_get(query: Annotated[ConnectQuery, Query()]) -> StreamingResponse:
        return stream(query)

    @routes.post(
        "/connect/events",
        summary="Test a connection, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_post(request: Annotated[ConnectRequest, _CONNECT_BODY]) -> StreamingResponse:
        return stream(request)

    @routes.post(
        "/send",
        summary="Send a message",
        responses=_SEND,
        openapi_extra={"requestBody": {"content": schemas.FORM}},
    )
    async def send_post(
        request: Annotated[SendRequest, _SEND_BODY], http: Request, detail: Detail = None
    ) -> JSONResponse:
        judge_message(request, service.settings)
        files = http.scope.get("smtps.files", ())
        if request.dry_run:
            outgoing = prepare(request.message(files), request.explicit_envelope())
            return JSONResponse(dry_run_answer(request, outgoing))
        result = await service.send(request, files)
        partly = result.outcome is Outcome.PARTIAL and request.partial == "send"
        if result.outcome is not Outcome.SENT and not partly:
            raise SendError(result)
        return JSONResponse(send_answer(request, result, transcript=detail == "full"))

    return routes


def _json(answer: dict[str, Any]) -> JSONResponse:
    return JSONResponse(answer) if answer["success"] else problems.response(answer)
