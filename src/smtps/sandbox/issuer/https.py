"""HTTPS for the authorization server: h11 reads requests and writes responses, as they say."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress

import h11

from smtps.sandbox.issuer.authorization_server import Request
from smtps.sandbox.issuer.refusals import Response
from smtps.sandbox.raw import Silent
from smtps.sandbox.secure import Secured

LARGEST = 65_536
"""Bytes of a request's body."""

Answer = Callable[[Request], Response]
"""Answers a request."""


class Exchanges(Silent):
    """One connection: request and response in turn.

    Args:
        answer: what to say.
        clients: gets the transport as long as it is open.
    """

    def __init__(self, answer: Answer, clients: set[asyncio.Transport]) -> None:
        self._answer = answer
        self._clients = clients
        self._http = h11.Connection(h11.SERVER)
        self._head: h11.Request | None = None
        self._body = bytearray()
        self._writing: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        super().connection_made(transport)
        self._clients.add(self.transport)

    def data_received(self, data: bytes) -> None:
        """Read on; a request that is whole is answered."""
        try:
            self._http.receive_data(data)
            self._read()
        except h11.RemoteProtocolError:
            self.transport.close()

    def eof_received(self) -> bool:
        """The client asks no more; what it asked is answered."""
        if self._writing is None:
            self.transport.close()
        return True

    def connection_lost(self, _error: Exception | None) -> None:
        """Nobody listens."""
        self._clients.discard(self.transport)
        if self._writing is not None:
            self._writing.cancel()

    def pause_writing(self) -> None:
        """The client is slow."""
        self._room.clear()

    def resume_writing(self) -> None:
        """It is not any more."""
        self._room.set()

    def _read(self) -> None:
        while self._writing is None:
            event = self._http.next_event()
            if isinstance(event, h11.Request):
                self._head = event
                self._body.clear()
            elif isinstance(event, h11.Data):
                self._body += event.data
                if len(self._body) > LARGEST:
                    self.transport.close()
                    return
            elif isinstance(event, h11.EndOfMessage):
                assert self._head is not None
                loop = asyncio.get_running_loop()
                self._writing = loop.create_task(self._say(self._answer(self._request(self._head))))
            else:  # more has to come, or nothing will
                return

    def _request(self, head: h11.Request) -> Request:
        return Request(
            method=head.method.decode(),
            target=head.target.decode("latin-1"),
            headers={
                name.decode().lower(): value.decode("latin-1") for name, value in head.headers
            },
            body=bytes(self._body),
        )

    async def _say(self, response: Response) -> None:
        if response.cut:
            self.transport.abort()
            return
        length = str(len(response.body) * response.times)
        headers = [("Content-Type", response.kind), ("Content-Length", length), *response.headers]
        self._send(h11.Response(status_code=response.status, headers=headers))
        for piece in response.pieces():
            await asyncio.sleep(response.pause)
            await self._room.wait()
            self._send(h11.Data(data=piece))
        self._send(h11.EndOfMessage())
        self._writing = None
        if self._http.our_state is h11.MUST_CLOSE:
            self.transport.close()
            return
        with suppress(h11.LocalProtocolError):
            self._http.start_next_cycle()
            self._read()

    def _send(self, event: h11.Response | h11.Data | h11.EndOfMessage) -> None:
        if data := self._http.send(event):
            self.transport.write(data)


class Listener:
    """Serves HTTPS on loopback.

    Args:
        answer: what to say to a request.
        context: TLS of the server.
    """

    def __init__(self, answer: Answer, context: ssl.SSLContext) -> None:
        self._answer = answer
        self._context = context
        self._clients: set[asyncio.Transport] = set()
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listen; returns the port.

        Raises:
            OSError: the port is taken.
        """
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Secured(self._context, Exchanges(self._answer, self._clients)), host, port
        )
        found: int = self._server.sockets[0].getsockname()[1]
        return found

    async def stop(self) -> None:
        """Drop all clients."""
        if self._server is None:
            return
        self._server.close()
        for transport in list(self._clients):
            transport.abort()
        await self._server.wait_closed()
        self._server = None
