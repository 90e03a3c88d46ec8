"""The one door: every request passes the guards here before any of it is parsed.

Performs what the guards decide, counts, logs without query strings, and lets running requests
finish, or tells them, when the service stops.
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from smtps.config import callers
from smtps.config.callers import Proxies, line
from smtps.config.logs import foreign
from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.http import problems
from smtps.http.guards import body
from smtps.http.guards.limits import ALWAYS, Place, Places, RateError, Rates, Turns
from smtps.http.guards.pace import Paced, PacedSend, SlowError, Watch
from smtps.http.metrics import Metrics
from smtps.http.threads import CALLER

if TYPE_CHECKING:
    from smtps.http.upload import Upload
    from smtps.message.message import Attachment

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
        self._places = Places(settings)
        self._turns = Turns()
        self._proxies = Proxies(settings.trusted_proxies)
        self._known_hosts = settings.known_hosts
        self._bounds = body.bounds(settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send, scope.pop("smtps.connection", None))
        start = time.perf_counter()
        place, caller = self._places.place(), self._proxies.caller(scope)
        self._metrics.running.inc()
        try:
            await self._serve(scope, receive, answer, place, caller)
        finally:
            place.leave()
            self._metrics.running.dec()
            spent = time.perf_counter() - start
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.answered(route, answer.status, spent)
            # The path alone: a query may hold a password.
            if log.isEnabledFor(logging.INFO):
                method, path = foreign(scope["method"]), foreign(scope["path"])
                log.info("%s %s %s %d %.1f ms", foreign(caller or "-"), method, path,
                         answer.status, spent * 1000)  # fmt: skip

    async def _serve(
        self, scope: Scope, receive: Receive, answer: _Answer, place: Place, caller: str
    ) -> None:
        with ExitStack() as stack:
            try:
                content = await self._take_in(scope, receive, place, caller, stack)
            except (RateError, _RefusedError) as error:
                self._slow_down(error.code, scope, answer)
                await self._refuse(error.code, scope, receive, answer, error.retry_after)
            except SlowError:
                await self._refuse("api.too_slow", scope, receive, answer)
            except InputError as error:
                await problems.of(error)(scope, receive, answer)
            else:
                await self._run(scope, content, receive, answer)

    async def _take_in(
        self, scope: Scope, receive: Receive, place: Place, caller: str, stack: ExitStack
    ) -> bytes:
        """The body of a request that may be served.

        Raises:
            RateError: its caller asks too often.
            _RefusedError: something else is wrong with it, or there is no room.
            SlowError: it came too slowly.
            InputError: its body has too much of something.
        """
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }
        if (code := self._judge(scope, headers)) is not None:
            raise _RefusedError(code)
        token = scope.get("smtps.caller")
        CALLER.set(caller := f"token {token}" if token is not None else line(caller))
        path = scope["path"]
        await self._turns.wait(caller if path not in ALWAYS else f"{caller} {path}")
        if (code := place.enter(caller, path)) is not None:
            raise _RefusedError(code)
        if path.startswith(_COUNTED):
            self._rates.caller(caller)
        code = body.judge_headers(
            scope["method"], path, headers, self._settings, scope["query_string"]
        )
        if code is not None:
            raise _RefusedError(code)
        if body.is_form(scope["method"], scope["path"], headers):
            return await self._take_form(scope, headers["content-type"], receive, place, stack)
        content = b""
        if scope["method"] not in ("GET", "HEAD"):
            content = await _read(Paced(receive), self._settings.max_body, place)
        turn = partial(self._turns.wait, caller)
        scope["smtps.short"] = await body.judge(content, self._bounds, turn)
        return content

    async def _take_form(
        self, scope: Scope, content_type: str, receive: Receive, place: Place, stack: ExitStack
    ) -> bytes:
        """Put a form's files on the disk; its fields become JSON."""
        try:
            folder = TemporaryDirectory(prefix="smtps-", dir=self._settings.upload_dir)
        except OSError:
            log.exception("cannot create a folder in upload_dir for the files of a form")
            raise _RefusedError("api.no_space") from None
        name = stack.enter_context(folder)
        content, files = await self._feed(content_type, Path(name), receive, place)
        headers = [header for header in scope["headers"] if header[0] != b"content-type"]
        scope["headers"] = [*headers, (b"content-type", b"application/json")]
        scope["smtps.files"] = files
        return content

    async def _feed(
        self, content_type: str, folder: Path, receive: Receive, place: Place
    ) -> tuple[bytes, list[Attachment]]:
        """A form's fields, and its files."""
        from smtps.http.upload import Upload  # noqa: PLC0415  # late: few send forms

        settings = self._settings
        upload = Upload(
            content_type,
            folder,
            max_fields=settings.max_body,
            max_files=settings.max_attachments,
            max_recipients=settings.max_recipients,
            bounds=self._bounds,
        )
        try:
            with closing(upload):
                await _feed(upload, Paced(receive), settings.max_upload, place)
                return await upload.finish()
        except OSError:
            log.exception("the files of a form cannot be stored in %s", folder)
            raise _RefusedError("api.no_space") from None

    def _slow_down(self, code: str, scope: Scope, answer: _Answer) -> None:
        """Read no more from a caller who has had its share, for a moment: to refuse costs, too.

        A proxy's connection is others' as well.
        """
        peer = scope["client"][0] if scope.get("client") else ""
        if code in _HAD_ENOUGH and answer.connection and not self._proxies.trusted(peer):
            answer.connection.rest(REST)

    def _judge(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """The code of what is wrong with a head, or None; notes whose token is in it."""
        settings, path = self._settings, scope["path"]
        if self._stopping.is_set():
            return "api.stopping"
        if (code := body.judge_head(scope)) is not None:
            return code
        if (code := callers.judge_origin(headers, path, self._known_hosts)) is not None:
            return code
        if settings.tokens and callers.token_needed(path):
            name = callers.find_token(settings.tokens, headers.get("authorization", ""))
            if name is None:
                return "api.token_needed"
            scope["smtps.caller"] = name
        return None

    async def _refuse(
        self, code: str, scope: Scope, receive: Receive, answer: _Answer, wait: int | None = None
    ) -> None:
        document, headers = problems.refusal(code, wait)
        headers |= _HEADERS.get(code, {})
        await problems.response(document, headers)(scope, receive, answer)

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
            await self._refuse("api.stopping", scope, receive, answer)


_HEADERS = {
    "api.token_needed": {"WWW-Authenticate": "Bearer"},
    "api.too_slow": {"Connection": "close"},  # the rest of the body is not waited for
}


_COUNTED = ("/api/", "/smtps/", "/probe")
"""Paths whose requests count for the caller's rate."""

_HAD_ENOUGH = frozenset({"api.busy", "api.share_taken", "api.caller_limited"})

REST = 0.2
"""Seconds that nothing more is read from who was told one of these."""


class Connection(Protocol):
    """What a request comes over."""

    def rest(self, seconds: float) -> None:
        """Read nothing for some time after the answer."""

    def abort(self) -> None:
        """Close it at once."""


class _RefusedError(Exception):
    """A request that is not served.

    Args:
        code: why.
    """

    retry_after: int | None = None
    """Seconds; None for as many as with all of its code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class _Answer:
    """A send that remembers the status, marks the answer, and does not wait for ever."""

    def __init__(self, send: Send, connection: Connection | None) -> None:
        self._send = PacedSend(send)
        self.connection = connection
        self.status = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = list(message.get("headers", []))
            given = {name for name, _ in headers}
            message["headers"] = headers + [h for h in _ALWAYS if h[0] not in given]
        try:
            await self._send(message)
        except SlowError:
            if self.connection is None:
                raise
            self.connection.abort()  # from here on it is that of a caller who has left


_ALWAYS = (
    # Answers hold addresses and sometimes mail: nobody on the way shall keep them.
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


async def _read(receive: Receive, most: int, place: Place) -> bytes:
    """The whole body.

    Raises:
        SlowError: it came too slowly.
        _RefusedError: it is too large, or there is no room for it.
    """
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b""
        piece = message.get("body", b"")
        size += len(piece)
        if size > most:
            raise _RefusedError("api.too_large")
        if (code := place.grow(len(piece))) is not None:
            raise _RefusedError(code)
        pieces.append(piece)
        if not message.get("more_body"):
            return b"".join(pieces)


async def _feed(upload: Upload, receive: Receive, most: int, place: Place) -> None:
    """All of a form.

    Raises:
        SlowError: it came too slowly.
        _RefusedError: there is too much of it, or no room.
    """
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return  # the caller left: the form has no end
        piece, more = message.get("body", b""), message.get("more_body", False)
        size += len(piece)
        if size > most:
            raise _RefusedError("api.too_large")
        before = upload.fields
        await upload.feed(piece)
        if (code := place.grow(upload.fields - before)) is not None:
            raise _RefusedError(code)


def _replay(content: bytes, watch: Watch) -> Receive:
    """A receive that hands the body over once, and then tells when the caller leaves."""
    messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replayed() -> Any:
        if messages:
            return messages.pop()
        await asyncio.shield(watch.gone())
        return {"type": "http.disconnect"}

    return replayed
