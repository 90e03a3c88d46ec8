"""The portofcall API, which these two requests are compatible with; the first also as events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import StreamingResponse
from starlette.datastructures import Headers
from starlette.types import Scope

from smtps.checks.visit import Progress
from smtps.client.handshake import check_endpoint
from smtps.client.result import Outcome, SendError
from smtps.errors import InputError
from smtps.http import answers, events, problems
from smtps.http.answers import Document, dry_run_answer, send_answer
from smtps.http.bodies import BodyRoute, apart
from smtps.http.fast_path import Shortcut
from smtps.http.guards.body import judge_message
from smtps.http.requests import ConnectQuery, ConnectRequest, SendRequest
from smtps.http.service import Service
from smtps.message.message import Attachment
from smtps.net.hostnames import to_ascii

_CONNECT: dict[int | str, dict[str, Any]] = {200: {"model": answers.ConnectAnswer}}
_SEND: dict[int | str, dict[str, Any]] = {200: {"model": answers.SendAnswer}}
_STREAM: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}
_CONNECT_BODY = Body(openapi_examples={"example": {"value": answers.EXAMPLE_CONNECT}})
_SEND_BODY = Body(openapi_examples={"example": {"value": answers.EXAMPLE_SEND}})

Detail = Annotated[Literal["full"] | None, Query(description="full: with transcript")]


def router(service: Service) -> APIRouter:
    """``/api/smtps/connect`` and ``/api/smtps/send``."""
    routes = APIRouter(prefix="/api/smtps", tags=["connect and send"], route_class=BodyRoute)

    @routes.get("/connect", summary="Test a connection", responses=_CONNECT)
    async def connect_get(query: Annotated[ConnectQuery, Query()], http: Request) -> Document:
        return await connect(service, query, http.scope, transcript=query.detail == "full")

    @routes.post("/connect", summary="Test a connection", responses=_CONNECT)
    async def connect_post(
        request: Annotated[ConnectRequest, _CONNECT_BODY], http: Request, detail: Detail = None
    ) -> Document:
        return await connect(service, request, http.scope, transcript=detail == "full")

    async def stream(asked: ConnectRequest, http: Request) -> StreamingResponse:
        request = await service.placed(asked, http.scope)
        check_endpoint(service.endpoint(request, request.timeout))
        to_ascii(request.host)

        async def run(progress: Progress) -> dict[str, Any]:
            return await service.connect(request, transcript=True, progress=progress)

        return events.response(run)

    @routes.get(
        "/connect/events",
        summary="Test a connection, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_get(
        query: Annotated[ConnectQuery, Query()], http: Request
    ) -> StreamingResponse:
        return await stream(query, http)

    @routes.post(
        "/connect/events",
        summary="Test a connection, phase by phase",
        response_class=StreamingResponse,
        responses=_STREAM,
    )
    async def events_post(
        request: Annotated[ConnectRequest, _CONNECT_BODY], http: Request
    ) -> StreamingResponse:
        return await stream(request, http)

    @routes.post(
        "/send",
        summary="Send a message",
        responses=_SEND,
        openapi_extra={"requestBody": {"content": answers.FORM}},
    )
    async def send_post(
        request: Annotated[SendRequest, _SEND_BODY], http: Request, detail: Detail = None
    ) -> Document:
        return await send(service, request, http.scope, transcript=detail == "full")

    return routes


async def connect(
    service: Service, request: ConnectRequest, scope: Scope, *, transcript: bool = False
) -> Document:
    """The answer to a connection test."""
    request = await service.placed(request, scope)
    answer = await service.connect(request, transcript=transcript) | {"host_is": request.host_is}
    return Document(answer) if answer["success"] else problems.response(answer)


async def send(
    service: Service,
    request: SendRequest,
    scope: Scope,
    *,
    transcript: bool = False,
) -> Document:
    """The answer to a message.

    Raises:
        SMTPSError: it was not sent, or not as it was asked for.
    """
    if "idempotency-key" in Headers(scope=scope):  # nobody shall rely on it in vain
        raise InputError(
            "Idempotency-Key",
            "is supported only by /api/smtps/messages; a request repeated here sends again",
        )
    files: Sequence[Attachment] = scope.get("smtps.files", ())
    judge_message(request, service.settings)
    request = await service.placed(request, scope)
    if request.dry_run:
        outgoing = await apart(request.ready, request, files)
        return Document(dry_run_answer(request, outgoing))
    result = await service.send(request, files, transcript=transcript)
    partly = result.outcome is Outcome.PARTIAL and request.partial == "send"
    if result.outcome is not Outcome.SENT and not partly:
        raise SendError(result)
    answer = send_answer(request, result, transcript=transcript)
    return Document(answer | {"host_is": request.host_is})


def express(service: Service) -> dict[tuple[str, str], Shortcut]:
    """Shortcuts for the requests that come most."""

    async def connect_now(request: ConnectRequest, scope: Scope) -> Document:
        return await connect(service, request, scope)

    async def send_now(request: SendRequest, scope: Scope) -> Document:
        return await send(service, request, scope)

    return {
        ("POST", "/api/smtps/connect"): Shortcut(ConnectRequest, connect_now),
        ("POST", "/api/smtps/send"): Shortcut(SendRequest, send_now),
    }
