"""The routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import Body, FastAPI, Query
from fastapi.responses import JSONResponse, Response

from smtps._version import __version__
from smtps.advice import advice_for
from smtps.api import problems
from smtps.api.contract import (
    ConnectQuery,
    ConnectRequest,
    SendRequest,
    ServerFields,
    connect_answer,
    dry_run_answer,
    send_answer,
)
from smtps.api.limits import BodyLimit
from smtps.api.settings import Settings
from smtps.client.outgoing import prepare
from smtps.client.result import Outcome, SendError
from smtps.client.sending import send
from smtps.diagnosis.checking import check
from smtps.errors import Failure, Phase
from smtps.sandbox.server import Sandbox

Detail = Annotated[Literal["full"] | None, Query(description="full: with transcript")]


def create_app(settings: Settings, sandbox: Sandbox | None = None) -> FastAPI:
    """The application.

    Args:
        settings: what the operator decided.
        sandbox: a running one, whose authority is trusted for its address and nothing else.
    """
    app = FastAPI(
        title="smtps",
        version=__version__,
        summary="Tell whether mail submission over TLS works, why not, and send mail through it.",
        openapi_url="/openapi.json",
        docs_url="/docs",
        redoc_url=None,
    )
    app.add_middleware(BodyLimit, max_body=settings.max_body)
    problems.install(app)
    _seed(app, sandbox)
    if sandbox is not None:
        _inbox(app, sandbox)
    return app


def _authority(sandbox: Sandbox | None, request: ServerFields) -> str | None:
    if sandbox is None or request.port != sandbox.port:
        return None
    return str(sandbox.ca_file) if request.host in (sandbox.host, "localhost") else None


def _seed(app: FastAPI, sandbox: Sandbox | None) -> None:
    async def connect(request: ConnectRequest, *, transcript: bool) -> JSONResponse:
        endpoint = request.endpoint(request.timeout, _authority(sandbox, request))
        report = await check(endpoint, target=request.host, first=True)
        if report.failure is not None:
            findings = [finding.as_json() for finding in report.findings]
            return problems.response(problems.document(report.failure, findings=findings))
        return JSONResponse(connect_answer(report, transcript=transcript))

    @app.get("/api/smtps/connect", summary="Test a connection")
    async def connect_get(query: Annotated[ConnectQuery, Query()]) -> JSONResponse:
        return await connect(query, transcript=query.detail == "full")

    @app.post("/api/smtps/connect", summary="Test a connection")
    async def connect_post(
        request: Annotated[ConnectRequest, Body()], detail: Detail = None
    ) -> JSONResponse:
        return await connect(request, transcript=detail == "full")

    @app.post("/api/smtps/send", summary="Send a message")
    async def send_post(request: Annotated[SendRequest, Body()]) -> JSONResponse:
        message, envelope = request.message(), request.explicit_envelope()
        dsn = request.notifications()
        if request.dry_run:
            return JSONResponse(dry_run_answer(request, prepare(message, envelope)))
        result = await send(
            message,
            request.endpoint(request.timeout, _authority(sandbox, request)),
            envelope=envelope,
            partial=request.partial,
            dsn=dsn,
            require_tls=request.require_tls,
        )
        if result.outcome is Outcome.SENT or (
            result.outcome is Outcome.PARTIAL and request.partial == "send"
        ):
            return JSONResponse(send_answer(request, result))
        raise SendError(result)


def _inbox(app: FastAPI, sandbox: Sandbox) -> None:
    def missing() -> JSONResponse:
        code = "api.not_found"
        failure = Failure(code=code, message=advice_for(code).meaning, phase=Phase.INPUT)
        return problems.response(problems.document(failure))

    @app.get("/api/sandbox/messages", summary="The sandbox's mail")
    async def messages() -> dict[str, Any]:
        return {"messages": [stored.summary() for stored in sandbox.inbox.all()]}

    @app.get("/api/sandbox/messages/{number}", summary="One message")
    async def message(number: str) -> JSONResponse:
        stored = sandbox.inbox.get(number)
        return missing() if stored is None else JSONResponse(stored.details())

    @app.get("/api/sandbox/messages/{number}/raw", summary="One message as it came in")
    async def raw(number: str) -> Response:
        stored = sandbox.inbox.get(number)
        # As text: a browser must not render what a stranger wrote.
        return missing() if stored is None else Response(stored.data, media_type="text/plain")
