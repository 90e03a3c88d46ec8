"""uvicorn's protocols with limits on connections and on the size and time of a request's head.

When there are too many connections, an idle one is closed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Hashable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from smtps.config.callers import line
from smtps.http import problems
from smtps.http.guards.body import LONGEST_HEAD

log = logging.getLogger("smtps.connections")

MAX_CONNECTIONS = 10_000
"""Connections, however many files the system allows."""

RAISED = 65_536
"""Open files that are asked for where the system sets no limit."""

PAUSE = 10.0
"""Seconds between two lines of the log about connections that were closed."""


class Crowd:
    """The connections that are open.

    Args:
        most: how many there may be.
        apart: whether an address is one that many callers share, such as a proxy's.
        now: seconds.
    """

    def __init__(
        self,
        most: int,
        apart: Callable[[str], bool] = lambda _: False,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._apart = apart
        self._now = now
        self._open: dict[Any, Hashable] = {}
        self._idle = _Queues()
        self._closed = 0
        self._told = -PAUSE

    def enter(self, connection: Any, address: str = "") -> Any | None:
        """Take a connection in.

        Returns:
            The one to close for it: of the address with the most connections that ask for nothing,
            the one that has been waiting longest; the new one itself if all others are being
            served. None while there is room.
        """
        victim = None
        if len(self._open) >= self._most:
            victim = self._idle.first() if len(self._idle) else connection
            self._tell()
            self.leave(victim)
        if victim is not connection:
            self._open[connection] = connection if self._apart(address) else line(address)
            self._idle.add(connection, self._open[connection])
        return victim

    def busy(self, connection: Any) -> None:
        """A request has come in whole, up to its body."""
        self._idle.remove(connection)

    def idle(self, connection: Any) -> None:
        """Its answer is out."""
        if connection in self._open:
            self._idle.add(connection, self._open[connection])

    def leave(self, connection: Any) -> None:
        """It is closed."""
        self._open.pop(connection, None)
        self._idle.remove(connection)

    def _tell(self) -> None:
        self._closed += 1
        now = self._now()
        if now - self._told >= PAUSE:
            log.warning(
                "%d connections are open, the maximum that the limit on open files allows; closed "
                "for new ones: %d", len(self._open), self._closed,
            )  # fmt: skip
            self._told, self._closed = now, 0


class _Queues:
    """What waits, a queue for each owner; and the owners by how much each of them has."""

    def __init__(self) -> None:
        self._owner: dict[Any, Hashable] = {}
        self._queues: dict[Hashable, OrderedDict[Any, None]] = {}
        self._by_length: dict[int, OrderedDict[Hashable, None]] = {}
        self._longest = 0

    def __len__(self) -> int:
        return len(self._owner)

    def first(self) -> Any:
        """What has waited longest, of an owner with the longest queue."""
        owner = next(iter(self._by_length[self._longest]))
        return next(iter(self._queues[owner]))

    def add(self, entry: Any, owner: Hashable) -> None:
        """To the end of its owner's queue."""
        self.remove(entry)
        self._owner[entry] = owner
        queue = self._queues.setdefault(owner, OrderedDict())
        queue[entry] = None
        self._moved(owner, len(queue) - 1)

    def remove(self, entry: Any) -> None:
        """It waits no more."""
        if (owner := self._owner.pop(entry, _NOBODY)) is _NOBODY:
            return
        queue = self._queues[owner]
        del queue[entry]
        self._moved(owner, len(queue) + 1)
        if not queue:
            del self._queues[owner]

    def _moved(self, owner: Hashable, before: int) -> None:
        """A queue has become one longer or shorter."""
        now = len(self._queues[owner])
        if before:
            del self._by_length[before][owner]
            if not self._by_length[before]:
                del self._by_length[before]
        if now:
            self._by_length.setdefault(now, OrderedDict())[owner] = None
        if now > self._longest or self._longest not in self._by_length:
            self._longest = now


_NOBODY = object()


def room() -> int:
    """How many connections there may be: half of the files that the process may open.

    The soft limit is raised to the hard one first. The other half is for what requests need.
    """
    try:
        import resource  # noqa: PLC0415
    except ImportError:  # Windows has no such limit
        return MAX_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = RAISED if hard == resource.RLIM_INFINITY else hard
    if soft != resource.RLIM_INFINITY and soft < wanted:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
        except (OSError, ValueError):  # macOS allows less than it says
            log.info("the limit on open files stays at %d", soft)
    return (
        MAX_CONNECTIONS
        if soft == resource.RLIM_INFINITY
        else max(min(soft // 2, MAX_CONNECTIONS), 8)
    )


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
        self._lost = False
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
        self._lost = True
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
        if not self._lost:  # asyncio's transport raises once it has closed with all written
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
