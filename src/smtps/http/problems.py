"""The error document (RFC 9457), and the one place that maps an error to a status code."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from smtps.advice import advice_for
from smtps.checks.finding import Finding
from smtps.client.result import SendError, others_json
from smtps.errors import Failure, Phase, SMTPSError, did_you_mean
from smtps.http.answers import Document, findings_json
from smtps.http.bodies import NAMED, BodyError
from smtps.http.message_requests import MessageRequest
from smtps.http.requests import CheckQuery, SendRequest
from smtps.names import for_requests

MEDIA_TYPE = "application/problem+json"

HINTS = 2
"""Names that are compared with those we know."""

ROOM = 1000
"""Characters of one text in an answer; with ``NAMED`` this bounds the whole."""

_BY_CODE: dict[str, int] = {
    "api.bug": 500,
    "api.busy": 503,
    "api.caller_limited": 429,
    "api.head_too_large": 431,
    "api.malformed": 400,
    "api.method_not_allowed": 405,
    "api.no_space": 507,
    "api.not_found": 404,
    "api.right_needed": 403,
    "api.share_taken": 429,
    "api.stopping": 503,
    "api.target_limited": 429,
    "api.token_needed": 401,
    "api.too_large": 413,
    "api.too_many": 413,
    "api.too_slow": 408,
    "api.unsupported_media_type": 415,
    "api.wrong_host": 403,
    "api.wrong_origin": 403,
    "auth.unverified_tls": 400,
    "dns.timeout": 504,
    "net.forbidden": 403,
    "net.timeout": 504,
    "oauth.no_such_login": 404,
    "oauth.timeout": 504,
    "outbox.account_not_allowed": 403,
    "outbox.body_gone": 410,
    "outbox.full": 507,
    "outbox.key_in_use": 409,
    "outbox.key_reused": 422,
    "outbox.moved": 503,
    "outbox.no_webhook": 409,
    "outbox.not_configured": 404,
    "outbox.not_found": 404,
    "outbox.nothing_to_tell": 409,
    "outbox.sender_not_allowed": 403,
    "outbox.too_late": 409,
    "outbox.unavailable": 503,
    "outbox.unconfirmed": 503,
    "send.too_large": 413,
    "send.uncertain": 504,
    "smtp.greeting_timeout": 504,
    "smtp.timeout": 504,
    "smtp.reply_unfinished": 504,
    "tls.timeout": 504,
    "tls.handshake_stalled": 504,
    "tls.starttls_unanswered": 504,
}
"""All others: 400 for what the caller sent, 502 for what the far end did."""

_OF_STATUS = {404: "api.not_found", 405: "api.method_not_allowed", 400: "api.malformed",
              413: "api.too_large", 415: "api.unsupported_media_type"}  # fmt: skip

FIELDS = sorted(
    {field.alias or name for model in (CheckQuery, SendRequest, MessageRequest)
     for name, field in model.model_fields.items()}
)  # fmt: skip

ELSEWHERE = {
    "content": "body", "file": "attachments", "files": "attachments", "hostname": "host",
    "login": "username", "message": "body", "pass": "password", "recipient": "to",
    "recipients": "to", "replyTo": "reply_to", "secure": "security", "server": "host",
    "ssl": "security", "starttls": "security", "text": "body", "timeout_ms": "timeout",
    "tls": "security", "token": "access_token", "user": "username",
}  # fmt: skip
"""Fields of other programs → ours."""

RESPONSES: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Anything else: a problem document (RFC 9457).",
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}


def status_of(failure: Failure) -> int:
    """The HTTP status of a failure."""
    default = 400 if failure.phase is Phase.INPUT else 502
    return _BY_CODE.get(failure.code, default)


def document(
    failure: Failure, *, errors: Sequence[Mapping[str, str]] = (), **more: Any
) -> dict[str, Any]:
    """The error document of a failure.

    Args:
        failure: what went wrong.
        errors: the fields to blame, ``{"field", "problem"}`` each.
        **more: keys to add.
    """
    status = status_of(failure)
    error = "Host is required" if failure.code == "input.host_required" else failure.message
    if not errors and failure.field is not None:
        _, _, problem = failure.message.partition(": ")
        errors = [{"field": failure.field, "problem": problem or failure.message}]
    errors = [{key: clipped(value) for key, value in entry.items()} for entry in errors]
    smtp = None
    if failure.smtp_code is not None:
        smtp = {
            "code": failure.smtp_code,
            "enhanced": failure.enhanced,
            "text": "\n".join(failure.lines),
        }
    return {
        "type": f"urn:smtps:{failure.code}",
        "title": advice_for(failure.code).meaning,
        "status": status,
        "detail": clipped(error),
        "success": False,
        "error": clipped(error),
        "code": failure.code,
        "phase": failure.phase.value if failure.phase else None,
        "retryable": failure.retryable,
        "advice": for_requests(advice_for(failure.code).fix),
        "smtp": smtp,
        "errors": errors,
        **more,
    }


def clipped(text: str) -> str:
    """A text that may hold what the caller sent, as much of it as an answer has room for."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= ROOM else f"{text[:ROOM]}… ({len(text):,} characters)"


def response(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> Document:
    """The document as an answer."""
    return Document(body, body["status"], dict(headers or {}), MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Make every error of the application a document, FastAPI's own included."""
    app.add_exception_handler(SMTPSError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(BodyError, _body)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, bug)


async def _ours(_request: Request, error: Exception) -> Document:
    assert isinstance(error, SMTPSError)
    return of(error)


def of(error: SMTPSError) -> Document:
    """The answer that an error makes."""
    more: dict[str, Any] = {}
    if isinstance(error, SendError):
        more = {key: error.result.as_json()[key] for key in ("outcome", "message_id", "recipients")}
    if error.phase is not Phase.INPUT:
        more["findings"] = findings_json([Finding.from_failure(error.failure)])
    if error.failure.others:
        more["passed_over"] = others_json(error.failure.others)
    wait = getattr(error, "retry_after", error.failure.retry_after) or _WAIT.get(error.code)
    return response(document(error.failure, **more), _retry_after(wait))


def refusal(code: str, wait: int | None = None) -> tuple[dict[str, Any], dict[str, str]]:
    """The error document of a request that is not served, and its headers.

    Args:
        code: why it is not.
        wait: seconds after which it is worth another try; None for as many as with all of its code.
    """
    if wait is None:
        wait = _WAIT.get(code)
    message, again = advice_for(code).meaning, wait is not None
    failure = Failure(code=code, message=message, phase=Phase.INPUT, retryable=again)
    return document(failure), _retry_after(wait)


_WAIT = {"api.busy": 1, "api.share_taken": 1, "api.stopping": 5,
         "outbox.key_in_use": 1, "outbox.unavailable": 5, "outbox.unconfirmed": 5}  # fmt: skip
"""Seconds after which it is worth another try."""


def _retry_after(wait: int | None) -> dict[str, str]:
    return {} if wait is None else {"Retry-After": str(wait)}


async def _http(request: Request, error: Exception) -> Document:
    assert isinstance(error, HTTPException)
    body, _ = refusal(_OF_STATUS.get(error.status_code, "api.bug"))
    headers = {name.lower(): value for name, value in (error.headers or {}).items()}
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["allow"] = ", ".join(_methods(request)) or headers.get("allow", "GET, HEAD")
    return response(body, headers)


def _methods(request: Request) -> list[str]:
    """Every method of a path. Starlette names those of one of its routes only."""
    found: set[str] = set()
    for path, operations in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{[^/]+?\\}", "[^/]+", re.escape(path)), request.url.path):
            found |= {method.upper() for method in operations}
    return sorted(found)


async def bug(_request: Request, _error: Exception) -> Document:
    """The answer to a mistake of ours."""
    # The exception's own text may hold anything; it goes to the log, not to the caller.
    return response(document(Failure(code="api.bug", message="Internal server error.")))


async def _invalid(_request: Request, error: Exception) -> Document:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    return of_body(found, len(found))


async def _body(_request: Request, error: Exception) -> Document:
    assert isinstance(error, BodyError)
    return of_body(error.errors, error.count)


def of_body(found: Sequence[Mapping[str, Any]], count: int) -> Document:
    """The answer to a request that has mistakes.

    Args:
        found: pydantic's errors, the first of them.
        count: how many there are altogether.
    """
    if any(entry["type"] == "json_invalid" for entry in found):
        reason = found[0].get("ctx", {}).get("error", "")
        message = f"The body is not JSON: {reason}."
        failure = Failure(code="api.malformed", message=message, phase=Phase.INPUT)
        return response(document(failure))
    named = found[:NAMED]
    hints = iter([True] * HINTS)
    errors = [{"field": _field(entry), "problem": _problem(entry, hints)} for entry in named]
    missing = [_field(entry) for entry in named if entry["type"] == "missing"]
    code = "input.host_required" if missing == ["host"] else "input.invalid"
    if missing:
        message = f"Missing required parameters: {', '.join(missing)}"
    else:
        message = f"{errors[0]['field']}: {errors[0]['problem']}"
    if rest := count - len(named):
        message = f"{clipped(message)} (and {rest:,} more)"
    failure = Failure(code=code, message=message, phase=Phase.INPUT)
    return response(document(failure, errors=errors, more_errors=rest))


def _field(entry: Mapping[str, Any]) -> str:
    """The field's name as the caller wrote it; numbers are places in a list."""
    path = ""
    for step in entry["loc"]:
        if step in ("body", "query") and not path:
            continue
        if isinstance(step, int):
            path += f"[{step}]"
        elif step not in ("str", "Person") and not step.startswith("list["):
            path += f".{step}" if path else step
    return path or "body"


_LONGEST_NAME = 40
"""Characters of a name that may be a mistyped one of ours."""

_PROBLEMS = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be a JSON object",
}


def _problem(entry: Mapping[str, Any], hints: Iterator[bool]) -> str:
    kind, context = entry["type"], entry.get("ctx", {})
    if kind == "extra_forbidden":
        name = str(entry["loc"][-1])
        if (ours := ELSEWHERE.get(name)) is not None and ours in FIELDS:
            return f"is not a known field; did you mean {ours}?"
        short = len(name) <= _LONGEST_NAME and name not in FIELDS  # else: of another request
        near = short and next(hints, False) and did_you_mean(name, FIELDS)
        return f"is not a known field{near or ''}"
    if kind in ("greater_than_equal", "less_than_equal"):
        if _field(entry) == "port":
            return "must be between 1 and 65535"
        (name, bound), *_ = context.items()
        return f"must be {'at least' if name == 'ge' else 'at most'} {bound}"
    if kind in ("literal_error", "enum"):
        return f"must be {context['expected']}"
    return _PROBLEMS.get(kind, str(entry["msg"]).removeprefix("Value error, "))
