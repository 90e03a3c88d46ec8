"""The one door: every request passes the guards here before any of it is parsed.

Performs what the guards decide, counts, logs without query strings, and lets running requests
finish, or tells them, when the service stops.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smtps.advice import advice_for
from smtps.api import problems
from smtps.api.guards import body, origin, shape, tokens
from smtps.api.guards.pace import Paced, SlowError
from smtps.api.guards.rates import RateError, Rates
from smtps.api.guards.watch import Watch
from smtps.api.logs import foreign
from smtps.api.metrics import Metrics
from smtps.api.settings import Settings
from smtps.errors import Failure, InputError, Phase

if TYPE_CHECKING:
    from smtps.api.upload import Upload

log = logging.getLogger("smtps.access")


class Gate:
    """ASGI middleware.

    Args:
        app: what is behind.
        settings: the operator's.
        rates: counts requests.
        metrics: counts everything.
        stopping: set when the service stops.
    """

    def __init__(
        self,
        app: ASGIApp,
        settings: Settings,
        rates: Rates,
        metrics: Metrics,
        stopping: asyncio.Event,
    ) -> None:
        self._app = app
        self._settings = settings
        self._rates = rates
        self._metrics = metrics
        self._stopping = stopping
        self._running = 0
        self._known_hosts = settings.known_hosts
        self._bounds = body.bounds(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        start = time.perf_counter()
        self._running += 1
        self._metrics.running.inc()
        try:
            await self._serve(scope, receive, answer)
        finally:
            self._running -= 1
            self._metrics.running.dec()
            spent = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.answered(route, answer.status, spent)
            # The path alone: a query may hold a password.
            caller = scope["client"][0] if scope.get("client") else "-"
            if log.isEnabledFor(logging.INFO):
                method, path = foreign(scope["method"]), foreign(scope["path"])
                log.info("%s %s %s %d %.1f ms", foreign(caller), method, path, answer.status,
                         spent * 1000)  # fmt: skip

    async def _serve(self, scope: Scope, receive: Receive, answer: _Answer) -> None:
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        more: dict[str, str] = {}
        try:
            code = self._judge(scope, headers)
        except RateError as error:
            code, more = error.code, {"Retry-After": str(error.retry_after)}
        if code is not None:
            await self._refuse(code, scope, receive, answer, more)
            return
        if body.is_form(scope["method"], scope["path"], headers):
            await self._take_form(scope, headers["content-type"], receive, answer)
            return
        reads = scope["method"] not in ("GET", "HEAD")
        try:
            content = await _read(Paced(receive), self._settings.max_body) if reads else b""
        except SlowError:
            await self._refuse("api.too_slow", scope, receive, answer, {})
            return
        if content is None:
            await self._refuse("api.too_large", scope, receive, answer, {})
            return
        try:
            await shape.judge(content, self._bounds)
        except InputError as error:
            await problems.of(error)(scope, receive, answer)
            return
        await self._run(scope, content, receive, answer)

    async def _take_form(
        self, scope: Scope, content_type: str, receive: Receive, answer: _Answer
    ) -> None:
        """Put a form's files on the disk, and go on with its fields as JSON."""
        from smtps.api.upload import Upload  # noqa: PLC0415  # late: few send forms

        settings = self._settings
        try:
            place = TemporaryDirectory(prefix="smtps-", dir=settings.upload_dir)
        except OSError:
            log.exception("no folder can be made in upload_dir for the files of a form")
            await self._refuse("api.no_space", scope, receive, answer, {})
            return
        with place as folder:
            try:
                upload = Upload(
                    content_type,
                    Path(folder),
                    max_fields=settings.max_body,
                    max_files=settings.max_attachments,
                    max_recipients=settings.max_recipients,
                    bounds=self._bounds,
                )
                with closing(upload):
                    if not await _feed(upload, Paced(receive), settings.max_upload):
                        await self._refuse("api.too_large", scope, receive, answer, {})
                        return
                    content, files = await upload.finish()
            except InputError as error:
                await problems.of(error)(scope, receive, answer)
                return
            except SlowError:
                await self._refuse("api.too_slow", scope, receive, answer, {})
                return
            except OSError:
                log.exception("the files of a form cannot be kept in %s", folder)
                await self._refuse("api.no_space", scope, receive, answer, {})
                return
            headers = [header for header in scope["headers"] if header[0] != b"content-type"]
            headers.append((b"content-type", b"application/json"))
            scope = {**scope, "headers": headers, "smtps.files": files}
            await self._run(scope, content, receive, answer)

    def _judge(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """The code of what is wrong, or None; cheap tests first."""
        settings, path = self._settings, scope["path"]
        if self._stopping.is_set():
            return "api.stopping"
        if (code := body.judge_head(scope)) is not None:
            return code
        if (code := origin.judge(headers, path, self._known_hosts)) is not None:
            return code
        name = None
        if settings.tokens and tokens.needed(path):
            name = tokens.find(settings.tokens, headers.get("authorization", ""))
            if name is None:
                return "api.token_needed"
            scope["smtps.caller"] = name
        if self._running > settings.concurrency and path not in ("/healthz", "/readyz"):
            return "api.busy"
        if path.startswith(("/api/", "/smtps/", "/probe")):
            self._rates.caller(name or (scope["client"][0] if scope.get("client") else ""))
        return body.judge_headers(scope["method"], path, headers, settings, scope["query_string"])

    async def _refuse(
        self, code: str, scope: Scope, receive: Receive, answer: _Answer, more: dict[str, str]
    ) -> None:
        headers = {**_HEADERS.get(code, {}), **more}
        failure = Failure(
            code=code,
            message=advice_for(code).meaning,
            phase=Phase.INPUT,
            retryable="Retry-After" in headers,
        )
        await problems.response(problems.document(failure), headers)(scope, receive, answer)

    async def _run(self, scope: Scope, content: bytes, receive: Receive, answer: _Answer) -> None:
        """Run the request until its end, its caller's, or the service's with some seconds' grace.

        A send whose caller is gone ends too: that caller takes it for failed, and a message that
        still goes out then is one that arrives twice.
        """
        watch = Watch(receive, self._stopping, self._settings.grace)
        try:
            await self._app(scope, _replay(content, watch), answer)
        except asyncio.CancelledError:
            if not watch.cancelled_it():
                raise
        finally:
            watch.close()
        if not answer.status:
            await self._refuse("api.stopping", scope, receive, answer, {})


_HEADERS = {
    "api.busy": {"Retry-After": "1"},
    "api.stopping": {"Retry-After": "5"},
    "api.token_needed": {"WWW-Authenticate": "Bearer"},
    "api.too_slow": {"Connection": "close"},  # the rest of the body is not waited for
}


class _Answer:
    """A send that remembers the status, and marks the answer."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", []))
            given = {name for name, _ in headers}
            message["headers"] = headers + [h for h in _ALWAYS if h[0] not in given]
        await self._send(message)


_ALWAYS = (
    # Answers hold addresses and sometimes mail: nobody on the way shall keep them.
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


async def _read(receive: Receive, most: int) -> bytes | None:
    """The whole body, or None if it is too large.

    Raises:
        SlowError: it came too slowly.
    """
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _feed(upload: Upload, receive: Receive, most: int) -> bool:
    """All of a form; False if there is too much of it.

    Raises:
        SlowError: it came too slowly.
    """
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return True  # the caller left: the form has no end
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > most:
            return False
        await upload.feed(piece)
    return True


def _replay(content: bytes, watch: Watch) -> Receive:
    """A receive that hands the body over once, and then tells when the caller leaves."""
    messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replayed() -> Any:
        if messages:
            return messages.pop()
        await asyncio.shield(watch.gone())
        return {"type": "http.disconnect"}

    return replayed
