"""TLS on the server's side, by an SSLObject over a plain transport.

asyncio's own drops the alert of a handshake that failed, so a client could not tell why; and it
takes a quarter of a megabyte for each connection.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Any, cast


class Secured(asyncio.Protocol):
    """Decrypts for a protocol of its own, which sees a transport like any other.

    Args:
        context: of the server.
        inner: gets what the client says, from the end of the handshake on.
        upgrades: whether the inner protocol has been connected before, in the clear.
    """

    def __init__(
        self, context: ssl.SSLContext, inner: asyncio.Protocol, *, upgrades: bool = False
    ) -> None:
        self._from_client, self._to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self._from_client, self._to_client, server_side=True)
        self.plug: asyncio.Transport | None = None
        self._inner = inner
        self._upgrades = upgrades
        self._open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the ClientHello."""
        self.plug = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake, or decrypt."""
        self._from_client.write(data)
        try:
            if not self._open:
                self.tls.do_handshake()
                self._open = True
                self.flush()
                self._inner.connection_made(_Transport(self))
            while piece := self.tls.read(65536):
                self._inner.data_received(piece)
            self._inner.eof_received()
        except ssl.SSLWantReadError:
            self.flush()
        except ssl.SSLError:
            self.close()  # with the alert that says why

    def eof_received(self) -> None:
        """The client has gone without a word."""
        if self._open:
            self._inner.eof_received()

    def connection_lost(self, error: Exception | None) -> None:
        """So has the inner protocol's."""
        self.plug = None
        if self._open or self._upgrades:
            self._inner.connection_lost(error)

    def pause_writing(self) -> None:
        """The client is slow."""
        if self._open:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """It is not any more."""
        if self._open:
            self._inner.resume_writing()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt."""
        if data and self.plug is not None:
            self.tls.write(data)
            self.flush()

    def flush(self) -> None:
        """Hand on what TLS has to say."""
        if self.plug is not None and self._to_client.pending:
            self.plug.write(self._to_client.read())

    def close(self) -> None:
        """Close when all is said."""
        self.flush()
        if self.plug is not None:
            self.plug.close()


class _Transport(asyncio.Transport):
    """What the inner protocol sees."""

    def __init__(self, secured: Secured) -> None:
        super().__init__()
        self._secured = secured

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        plug = self._secured.plug
        if name == "ssl_object":
            return self._secured.tls
        return default if plug is None else plug.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._secured.write(data)

    def is_closing(self) -> bool:
        return self._secured.plug is None or self._secured.plug.is_closing()

    def pause_reading(self) -> None:
        if not self.is_closing():
            cast(asyncio.Transport, self._secured.plug).pause_reading()

    def resume_reading(self) -> None:
        if not self.is_closing():
            cast(asyncio.Transport, self._secured.plug).resume_reading()

    def close(self) -> None:
        if not self.is_closing():
            with suppress(ssl.SSLError):
                self._secured.tls.unwrap()  # close_notify; the client's is not waited for
        self._secured.close()

    def abort(self) -> None:
        if self._secured.plug is not None:
            self._secured.plug.abort()
