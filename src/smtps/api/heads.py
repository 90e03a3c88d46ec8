"""The head of a request: how long it may be and take. uvicorn's protocols, with bounds."""

from __future__ import annotations

import asyncio
import json
from abc import abstractmethod
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from smtps.api import problems
from smtps.api.crowd import Crowd
from smtps.api.guards.body import LONGEST_HEAD

LONGEST = LONGEST_HEAD
"""Octets from which nothing could be made: of a head, of what stands between pieces of a body."""

PATIENCE = 30.0
"""Seconds until a head is whole."""

PIPELINED = 16
"""Requests that may wait on one connection for the answer to the first."""

KEEP_ALIVE = 15
"""Seconds that a connection stays open for another request."""

if TYPE_CHECKING:
    _Base = H11Protocol
else:
    _Base = asyncio.Protocol


class _Bounded(_Base):
    """What both protocols have: a count, a clock, and a place in the crowd."""

    def __init__(self, *args: Any, crowd: Crowd, **more: Any) -> None:
        super().__init__(*args, **more)
        self._crowd = crowd
        self._refused = False
        self._unused = 0
        self._used = False
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._pause = 0.0

    @abstractmethod
    def in_head(self) -> bool:
        """Whether a head is due, or has begun."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller is there."""
        peer = transport.get_extra_info("peername")
        victim = self._crowd.enter(self, str(peer[0]) if isinstance(peer, tuple) else "")
        if victim is self:
            self._refused = True
            transport.abort()
            return
        if victim is not None:
            victim.transport.abort()
        super().connection_made(transport)
        self._late = self.loop.call_later(PATIENCE, self._is_late)

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller has left."""
        self._crowd.leave(self)
        self._stop_clock()
        self._stop_watching()
        if not self._refused:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some octets came: count those from which nothing could be made."""
        for start in range(0, len(data), LONGEST):
            piece = data[start : start + LONGEST]
            self._used = False
            super().data_received(piece)
            if self.transport.is_closing():
                self._stop_clock()
                return
            self._unused = 0 if self._used else self._unused + len(piece)
            if self._unused > LONGEST:
                self._end("api.head_too_large")
                return
        if not self.in_head():
            self._stop_clock()
        elif self._late is None and self._unused:
            self._late = self.loop.call_later(PATIENCE, self._is_late)

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # its base's
        """Refuse what is no request, as everything is refused here."""
        self._end("api.malformed")

    def on_response_complete(self) -> None:
        """An answer is out."""
        super().on_response_complete()
        if self._answering():  # the next one
            return
        self._crowd.idle(self)
        self._watch_unread()
        if self._pause and not self.transport.is_closing():
            self.flow.pause_reading()
            self.loop.call_later(self._pause, self.flow.resume_reading)
            self._pause = 0.0

    def rest(self, seconds: float) -> None:
        """Read nothing for some time after the answer that is under way."""
        self._pause = seconds

    def abort(self) -> None:
        """Close at once, whatever is still to be written."""
        self.transport.abort()

    def _watch_unread(self) -> None:
        """Look later whether anything of the answers was read; they take memory."""
        self._stop_watching()
        if left := self.transport.get_write_buffer_size():
            self._unread = self.loop.call_later(PATIENCE, self._is_unread, left)

    def _is_unread(self, before: int) -> None:
        """Close if nothing of an answer was read in all this time."""
        self._unread = None
        if self._answering():  # more is being written; its end begins this again
            return
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
        else:
            self._watch_unread()

    def _stop_watching(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _begun(self) -> None:
        """A head is whole."""
        self._used = True
        self._stop_clock()
        self._crowd.busy(self)
        self.scope["smtps.connection"] = self  # type: ignore[typeddict-unknown-key]

    def _stop_clock(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _is_late(self) -> None:
        self._late = None
        if self._answering():  # another request of the same caller is being served
            self._late = self.loop.call_later(PATIENCE, self._is_late)
        elif self._unused:
            self._end("api.too_slow")
        else:
            self.transport.close()

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end(self, code: str) -> None:
        """Say why and close; without a word if another answer is under way."""
        if not self._answering():
            document, _ = problems.refusal(code)
            content = json.dumps(document).encode()
            status = HTTPStatus(document["status"])
            head = (
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                f"Content-Type: {problems.MEDIA_TYPE}\r\n"
                f"Content-Length: {len(content)}\r\n"
                "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + content)
        self._stop_clock()
        self.transport.close()


class PlainProtocol(_Bounded, H11Protocol):
    """With h11."""

    def in_head(self) -> bool:
        """See above."""
        return self.conn.their_state is h11.IDLE

    def handle_events(self) -> None:
        """Serve what has come."""
        before = self.cycle
        super().handle_events()
        if self.cycle is not before:
            self._begun()
        # h11 bounds what comes after a head itself.
        self._used = self._used or not self.in_head()


def protocol_class() -> Callable[..., asyncio.Protocol]:
    """The protocol: with httptools where that is installed."""
    try:
        return _fast()
    except ImportError:
        return PlainProtocol


def _fast() -> Callable[..., asyncio.Protocol]:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol  # noqa: PLC0415

    class FastProtocol(_Bounded, HttpToolsProtocol):  # type: ignore[misc]
        """With httptools."""

        _head = True

        def in_head(self) -> bool:
            """See above."""
            return self._head

        def on_header(self, name: bytes, value: bytes) -> None:
            """A field; what comes behind a body is none of the head."""
            if self._head:
                super().on_header(name, value)

        def on_headers_complete(self) -> None:
            """The head is whole."""
            if len(self.pipeline) >= PIPELINED:
                raise ValueError("too many requests before the first was answered")
            self._head = False
            self._begun()
            super().on_headers_complete()

        def on_body(self, body: bytes) -> None:
            """Some of the body."""
            self._used = True
            super().on_body(body)

        def on_message_complete(self) -> None:
            """The end of the request."""
            self._used = self._head = True
            super().on_message_complete()

    return FastProtocol
