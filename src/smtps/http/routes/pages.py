"""The page for browsers, and plain text for curl."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Annotated, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response

from smtps._version import __version__
from smtps.checks.rules.trust import EXPIRES_SOON, EXPIRES_SOON_PART
from smtps.http.answers import Document, report_json
from smtps.http.requests import CheckRequest
from smtps.http.service import Service
from smtps.names import for_requests
from smtps.report import labels
from smtps.report.text import render
from smtps.target import read_target

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

MAIL_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""For HTML that came by mail: shown, but nothing in it runs, loads or leads anywhere."""

_TYPES = {
    "css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml",
}  # fmt: skip

_NAME = re.compile(rf"(?:[a-z]+/)?[a-z0-9-]+\.(?:{'|'.join(_TYPES)})")
"""A file, in the folder of the page or in one of its folders."""

LANDING = f"""\
smtps {__version__}: does mail submission over TLS work, and if not, why?

  curl HOST/smtps/smtp.example.com            check a server
  curl HOST/smtps/smtp.example.com:587        another port; 25, 587, 2525 and 2587 mean STARTTLS
  curl HOST/smtps/smtp.example.com?format=json
  curl HOST/api/smtps/ports/smtp.example.com  compare its ports
  curl HOST/api/smtps/providers?q=gmail       what providers offer
  curl HOST/api/smtps/explain?text=0x800CCC0E what an error message means

  /docs  all requests      /openapi.json  for programs      /  in a browser: the page
"""


@dataclass(frozen=True, slots=True)
class WebFile:
    """A file of the page.

    Attributes:
        media_type: such as ``text/css``.
        plain, packed: its octets, and the same compressed.
        tag: changes with them.
    """

    media_type: str
    plain: bytes
    packed: bytes
    tag: str


def _labels() -> bytes:
    """``labels.js``: the words that the page shares with the other reports."""
    held = {
        "audience": labels.AUDIENCE,
        "capability": labels.CAPABILITY,
        "mechanism": labels.MECHANISM,
        "phase": labels.PHASE,
        "security": labels.SECURITY,
        "severity": labels.SEVERITY,
        "verdict": labels.VERDICT_IN_BRIEF,
        "expiresSoon": {"days": EXPIRES_SOON.days, "part": EXPIRES_SOON_PART},
    }
    lines = [f"export const {name} = {json.dumps(value)};\n" for name, value in held.items()]
    return "".join(lines).encode()


MADE = {"labels.js": _labels}
"""Files of the page that are not on the disk → what makes them."""


@cache
def web_file(name: str) -> WebFile | None:
    """A file of the page, such as ``app.js`` or ``check/phases.js``; None for any other name."""
    if _NAME.fullmatch(name) is None:
        return None
    ending = name.rpartition(".")[2]
    try:
        data = MADE[name]() if name in MADE else files("smtps").joinpath("web", name).read_bytes()
    except OSError:
        return None
    return WebFile(
        _TYPES[ending], data, gzip.compress(data, mtime=0), sha256(data).hexdigest()[:16]
    )


def page(name: str, asked: Headers) -> Response | None:
    """A file of the page as an answer: compressed if that is wanted, and only if it is news."""
    found = web_file(name)
    if found is None:
        return None
    packed = "gzip" in asked.get("accept-encoding", "")
    tag = f'"{found.tag}{"-gzip" if packed else ""}"'
    headers = {
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Cache-Control": "no-cache",
        "ETag": tag,
        "Vary": "Accept-Encoding",
    }
    if asked.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(
        found.packed if packed else found.plain, media_type=found.media_type, headers=headers
    )


def wants_json(accept: str, form: str | None) -> bool:
    """Whether a reader asked for JSON, by ``?format=`` or Accept."""
    return form == "json" or (form is None and "application/json" in accept)


def wants_html(accept: str) -> bool:
    """Whether a browser asks."""
    return "text/html" in accept


HOST_IS = "Smtps-Host-Is"
"""Header field of a report: what its target was the name of."""

Accept = Annotated[str, Header()]
Format = Annotated[Literal["json", "text"] | None, Query(alias="format")]


def router(service: Service) -> APIRouter:
    """``/``, ``/web/…`` and ``/smtps/{target}``."""
    routes = APIRouter(tags=["for people"])

    @routes.get("/", summary="The page, or a few lines of text", response_class=Response)
    async def root(request: Request, accept: Accept = "*/*", form: Format = None) -> Response:
        if wants_json(accept, form):
            return Document({"name": "smtps", "docs": "/docs", "openapi": "/openapi.json"})
        browser = form is None and wants_html(accept)
        found = page("index.html", request.headers) if browser else None
        return found or PlainTextResponse(LANDING)

    @routes.get("/docs", include_in_schema=False)
    async def docs(request: Request) -> Response:
        return await web("docs.html", request)

    @routes.get("/web/{name:path}", include_in_schema=False)
    async def web(name: str, request: Request) -> Response:
        found = page(name, request.headers)
        if found is None:
            raise HTTPException(404)
        return found

    @routes.get("/smtps/{target}", summary="Check a server", response_class=Response)
    async def smtps(
        http: Request,
        target: Annotated[str, Path(max_length=262, examples=["smtp.example.com:465"])],
        accept: Accept = "*/*",
        form: Format = None,
        verbose: Annotated[bool, Query(description="All of a failed check, too.")] = False,
    ) -> Response:
        place = read_target(target, addresses=True)
        fields = {"port": place.port, "security": place.security}
        given = {name: value for name, value in fields.items() if value}
        asked = CheckRequest.model_validate({"host": place.host, **given})
        request = await service.placed(asked, http.scope)
        report = await service.report(request, target=target)
        if wants_json(accept, form):
            return Document(report_json(report), headers={HOST_IS: request.host_is})
        return PlainTextResponse(
            for_requests(render(report, verbose=verbose, more="?verbose=true")),
            headers={HOST_IS: request.host_is},
        )

    routes.add_api_route("/", root, methods=["HEAD"], include_in_schema=False)
    return routes
