"""The shapes of answers, for ``/openapi.json``. The answers themselves are made in ``answers``."""

from __future__ import annotations

import json
from typing import Any, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from smtps.diagnosis.schema import text


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
    parts = json.loads(text().replace("#/$defs/", "#/components/schemas/Report-"))
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
"""The seed's own."""

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
