"""What answers look like: the portofcall API's keys first and exactly, then ours.

The shapes are for ``/openapi.json``.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticSerializationError, to_json

from smtps.checks.finding import Finding
from smtps.checks.report import Report, certificate_json, report_schema
from smtps.client.outgoing import Outgoing
from smtps.client.result import Result
from smtps.http.requests import SendRequest
from smtps.names import for_requests


class Document(JSONResponse):
    """The same as its base, written by pydantic, which takes a quarter of the time, and ending in a
    line feed, for whoever reads it in a terminal.
    """

    def render(self, content: Any) -> bytes:
        """The body."""
        try:
            return to_json(content) + b"\n"
        except PydanticSerializationError:  # half a character: only as an escape can it be told
            return json.dumps(content, separators=(",", ":")).encode() + b"\n"


NOT_LOGGED_IN = "SMTPS connection test only (no authentication). Provide credentials to test login."


def connect_answer(report: Report, *, transcript: bool = False) -> dict[str, Any]:
    """The answer to a successful connection test: the portofcall API's keys first and exactly."""
    facts, best = report.facts, report.facts.best
    assert best is not None
    assert best.capabilities is not None
    return {
        "success": True,
        "host": facts.target,
        "port": facts.port,
        "protocol": "SMTPS" if facts.security == "implicit" else "SMTP",
        "tls": True,
        "rtt": round(best.timings["tcp"] + best.timings["tls"]),
        "greeting": str(best.greeting),
        "capabilities": list(best.capabilities.lines),
        "authenticated": best.mechanism is not None,
        "note": _note(report),
        **facts_answer(report, transcript=transcript),
    }


def facts_answer(report: Report, *, transcript: bool = False) -> dict[str, Any]:
    """What was seen, beyond the portofcall API's keys; also for a test that failed half-way."""
    facts, best = report.facts, report.facts.best
    timings = {**facts.timings, **(best.timings if best else {})}
    tls = best.tls if best else None
    found: dict[str, Any] = {
        "security": facts.security,
        "address": best.address if best else None,
        "tls_version": tls.version if tls else None,
        "cipher": tls.cipher if tls else None,
        "certificate": certificate_json(best.chain[0], facts) if best and best.chain else None,
        "timings": {**timings, "total": round(sum(timings.values()), 3)},
        "findings": findings_json(report.findings),
    }
    if transcript and best is not None and best.transcript is not None:
        found["transcript"] = best.transcript.as_json()
    return found


def findings_json(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings for whoever reads them beside a request: options of the shell are fields here."""
    return [{**each.as_json(), "fix": for_requests(each.fix)} for each in findings]


def report_json(report: Report, *, transcript: bool = False) -> dict[str, Any]:
    """A report, with its findings for the same reader."""
    found = report.as_json(transcript=transcript)
    return {**found, "findings": findings_json(report.findings)}


def _note(report: Report) -> str:
    best = report.facts.best
    if best is None or best.mechanism is None:
        return NOT_LOGGED_IN
    way = "implicit TLS" if report.facts.security == "implicit" else "STARTTLS"
    return f"Successfully authenticated over {way}"


def send_answer(
    request: SendRequest, result: Result, *, transcript: bool = False
) -> dict[str, Any]:
    """The answer to a message that was sent: the portofcall API's keys first and exactly."""
    timings = dict(result.timings)
    answer: dict[str, Any] = {
        "success": True,
        "message": "Email sent successfully over TLS"
        if result.failure is None
        else "Email sent over TLS, but not to all recipients",
        "host": request.host,
        "port": request.port,
        "tls": True,
        **request.as_given(),
        "message_id": result.message_id,
        "rtt": round(sum(timings.values())),
        "reply": str(result.reply) if result.reply else None,
        "recipients": [recipient.as_json() for recipient in result.recipients],
        "timings": {**timings, "total": round(sum(timings.values()), 3)},
    }
    if transcript and result.transcript is not None:
        answer["transcript"] = result.transcript.as_json()
    return answer


def dry_run_answer(request: SendRequest, outgoing: Outgoing) -> dict[str, Any]:
    """What would be sent, and to whom."""
    return {
        "success": True,
        "message": "Dry run: nothing was sent",
        "host": request.host,
        "port": request.port,
        "tls": True,
        **request.as_given(),
        "message_id": outgoing.message_id,
        "dry_run": True,
        "envelope": {
            "from": str(outgoing.envelope.sender or ""),
            "to": [str(who) for who in outgoing.envelope.recipients],
        },
        "raw": base64.b64encode(outgoing.data).decode(),
    }


class _Shape(BaseModel):
    model_config = ConfigDict(extra="allow")


class Smtp(_Shape):
    """The server's reply."""

    code: int
    enhanced: str | None
    text: str


class FindingShape(_Shape):
    """One thing that is wrong, or worth knowing."""

    code: str
    severity: Literal["error", "warning", "info"]
    seen: str
    meaning: str
    fix: str
    for_: str = Field(alias="for")


class RecipientShape(_Shape):
    """What became of the message for one recipient."""

    email: str
    status: Literal["accepted", "refused", "deferred", "uncertain", "unsent"]
    smtp: Smtp | None


class FieldProblem(_Shape):
    """A field that cannot be used."""

    field: str
    problem: str


class Problem(_Shape):
    """The error document (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    success: Literal[False]
    error: str
    code: str
    phase: str | None
    retryable: bool
    advice: str
    smtp: Smtp | None
    errors: list[FieldProblem]
    more_errors: int = Field(0, description="how many more there are than are named")


class ConnectAnswer(_Shape):
    """A connection test that came through."""

    success: Literal[True]
    host: str
    port: int
    protocol: str
    tls: bool
    rtt: int
    greeting: str
    capabilities: list[str]
    authenticated: bool
    note: str
    address: str
    tls_version: str
    cipher: str
    certificate: dict[str, Any] | None
    timings: dict[str, float]
    findings: list[FindingShape]


class SendAnswer(_Shape):
    """A message that was sent, or would have been."""

    success: Literal[True]
    message: str
    host: str
    port: int
    tls: bool
    from_: Any = Field(alias="from")
    to: Any
    message_id: str | None


class AcceptedAnswer(_Shape):
    """A message that is on the disk."""

    id: str
    message_id: str | None
    status: Literal["queued", "scheduled"]
    account: str
    created_at: str
    send_at: str | None
    expires_at: str
    replayed: bool


REPORT = {"$ref": "#/components/schemas/Report"}
"""Of ``smtps check --json``; its parts stand beside it in the description."""


def _report_shapes() -> dict[str, Any]:
    parts = json.loads(report_schema().replace("#/$defs/", "#/components/schemas/Report-"))
    shapes = {f"Report-{name}": shape for name, shape in parts.pop("$defs").items()}
    for name in ("$schema", "$id"):
        parts.pop(name, None)
    return {"Report": parts, **shapes}


EXAMPLE_CONNECT = {
    "host": "smtp.gmail.com",
    "port": 465,
    "username": "user@gmail.com",
    "password": "app-password",
    "timeout": 15000,
}
"""In the portofcall API's form."""

EXAMPLE_CHECK = {"host": "smtp.gmail.com", "port": 465, "deep": True}

EXAMPLE_SEND = {
    "host": "smtp.gmail.com",
    "port": 465,
    "username": "user@gmail.com",
    "password": "app-password",
    "from": "user@gmail.com",
    "to": "recipient@example.com",
    "subject": "Test Email",
    "body": "Hello from Port of Call!",
    "timeout": 30000,
}


EXAMPLE_MESSAGE = {
    "account": "main",
    "from": "user@gmail.com",
    "to": "recipient@example.com",
    "subject": "Test Email",
    "body": "Hello from Port of Call!",
    "tags": ["welcome"],
}


FORM = {
    "multipart/form-data": {
        "schema": {
            "type": "object",
            "description": "The same fields, each a part; headers, envelope, dsn and alternatives "
            "hold JSON, raw "
            "the message itself. Files need not fit into memory.",
            "properties": {
                "host": {"type": "string"},
                "from": {"type": "string"},
                "to": {"type": "array", "items": {"type": "string"}},
                "attachments": {
                    "type": "array",
                    "items": {"type": "string", "contentMediaType": "application/octet-stream"},
                },
            },
            "required": ["host", "from"],
            "additionalProperties": True,
        }
    }
}
"""The other form that a message may come in."""

MESSAGE_FORM = json.loads(json.dumps(FORM).replace('"host"', '"account"'))
"""The same for the outbox."""


def describe(app: FastAPI) -> None:
    """Correct what FastAPI says of errors: ours are documents, and none is a 422 of its kind."""
    made = app.openapi

    def corrected() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            shapes = schema.setdefault("components", {}).setdefault("schemas", {})
            for name in ("HTTPValidationError", "ValidationError"):
                shapes.pop(name, None)
            problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            shapes |= problem.pop("$defs")
            shapes |= {"Problem": problem, **_report_shapes()}
            for path in schema["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = corrected  # type: ignore[method-assign]
