"""One connection's bytes: a plain transport with TLS of our own above it.

The SSLObject is driven here through memory buffers. That costs 24 KB a connection where asyncio's
own TLS takes 287, and the server's first raw bytes stay in hand when they are not TLS at all.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from typing import cast

from smtps.errors import Phase, PhaseTimeoutError, SMTPSError
from smtps.net.timing import stalled, timed_out
from smtps.net.tls import TLSFacts, facts_of, peer_chain, server_end_point
from smtps.net.translate import EXPIRED, closed, of_record, translate, whose_end

_KEEP = 16384
"""Raw bytes kept of the server's beginning: its whole first flight, as a rule."""

_PAUSE = 262144
"""Unread bytes at which the server has to wait."""


class Interrupted(Exception):  # noqa: N818  # no error: whoever waits is to look round
    """See ``Wire.interrupt``."""


class Wire(asyncio.Protocol):
    """Reads and writes bytes, in the clear or through TLS; not to be shared between tasks.

    Args:
        address: the peer's, such as ``192.0.2.1``, for messages; else the system is asked.

    Attributes:
        address: the peer's.
        first_bytes: the server's first raw bytes, on the way to TLS.
        hello_size: octets of the ClientHello that was sent.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address
        self.first_bytes = bytearray()
        self.hello_size = 0
        self._certificate = False
        self._transport: asyncio.Transport | None = None
        self._plain = b""
        self._eof = False
        self._error: Exception | None = None
        self._paused = False
        self._wanted: asyncio.Future[None] | None = None
        self._until: float | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._full = False
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tls: ssl.SSLObject | None = None
        self._secured = False
        self._from_peer = ssl.MemoryBIO()
        self._to_peer = ssl.MemoryBIO()

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport over."""
        self._transport = cast(asyncio.Transport, transport)
        if not self.address and (peer := transport.get_extra_info("peername")):
            self.address = str(peer[0])

    def data_received(self, data: bytes) -> None:
        """Store, and decrypt once TLS is up; what comes after the end is not even stored."""
        if self._eof or self._error is not None:
            self._pause()
            return
        if len(self.first_bytes) < _KEEP:
            self.first_bytes += data[: _KEEP - len(self.first_bytes)]
        if self._tls is None:
            self._plain += data
        else:
            self._from_peer.write(data)
            if self._secured:
                self._decrypt(data)
        if len(self._plain) > _PAUSE:
            self._pause()
        self._wake()

    def _pause(self) -> None:
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        """The server has closed its side; ours is closed by ``close``."""
        self._eof = True
        if self._tls is not None:
            self._from_peer.write_eof()
        self._wake()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, ours or the server's."""
        if exc is not None:
            self._take_the_rest()
        self._eof = True
        self._error = self._error or exc
        self._transport = None
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._tls is not None and exc is None:
            self._from_peer.write_eof()
        if not self._closed.done():
            self._closed.set_result(None)
        self._wake()

    def _take_the_rest(self) -> None:
        """A write failed, and what the server said before it hung up is still with the system."""
        sock = self._transport.get_extra_info("socket") if self._transport is not None else None
        if sock is None or self._eof or self._error is not None:
            return
        with suppress(OSError), socket.socket(fileno=os.dup(sock.fileno())) as rest:
            rest.setblocking(False)
            for _ in range(_PAUSE // _KEEP):
                if not (data := rest.recv(_KEEP)):
                    return
                self.data_received(data)

    def pause_writing(self) -> None:
        """The peer is slow: ``drain`` has to wait from now on."""
        self._full = True

    def resume_writing(self) -> None:
        """``drain`` may go on."""
        self._full = False
        self._wake()

    # What a session calls.

    @property
    def local_ip(self) -> str:
        """This side's address while the wire is open."""
        local = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return str(local[0]) if local else ""

    @property
    def has_unread(self) -> bool:
        """Whether the server has sent something, or hung up."""
        return bool(self._plain) or self._eof or self._error is not None

    async def receive(self, until: float | None = None) -> bytes:
        """The next bytes; empty at the end.

        Args:
            until: the loop's time at which to give up.

        Raises:
            OSError, ssl.SSLError: the connection broke; the caller knows the phase and translates.
            TimeoutError: nothing came.
            Interrupted: see there; nothing is lost.
        """
        while not self._plain:
            if self._error is not None:
                raise self._error
            if self._eof:
                return b""
            await self._wait(until)
        data, self._plain = self._plain, b""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    def write(self, data: bytes | memoryview) -> None:
        """Hand bytes to the network; await ``drain`` now and then when there are many.

        Raises:
            OSError, ssl.SSLError: the connection is gone.
        """
        if self._transport is None or self._transport.is_closing():
            raise self._error or closed(Phase.TCP, self.address)
        if self._tls is None:
            self._transport.write(data)
            return
        written = self._tls.write(data)
        while written < len(data):
            written += self._tls.write(memoryview(data)[written:])
        self._flush()

    async def drain(self, until: float | None = None) -> bool:
        """Wait until the network takes more, or the server has said something.

        Args:
            until: the loop's time at which to give up.

        Returns:
            Whether the network takes more; otherwise ``receive`` has something to tell.

        Raises:
            OSError: the connection broke meanwhile, and nothing is left to read.
            TimeoutError: the network took nothing, and the server said nothing.
            Interrupted: see there.
        """
        while self._full and not self.has_unread:
            await self._wait(until)
        if self._transport is None and not self._plain:
            raise self._error or closed(Phase.TCP, self.address)
        return not self._full

    async def rest(self) -> bytes:
        """What is still to be read of a connection to which nothing can be written any more."""
        if self._transport is not None and self._transport.is_closing():
            await asyncio.shield(self._closed)
        data, self._plain = self._plain, b""
        return data

    async def start_tls(
        self,
        context: ssl.SSLContext,
        server_name: str | None,
        session: ssl.SSLSession | None = None,
        *,
        certificate: bool = False,
        until: float | None = None,
    ) -> None:
        """Do the handshake.

        Args:
            context: what to offer and whom to trust.
            server_name: to ask for, and to find in the certificate.
            session: of an earlier connection with this context, to take up again.
            certificate: whether the context has a client certificate.
            until: the loop's time at which to give up.

        Raises:
            TimeoutError: the server was silent.
            SMTPSError: it failed; ``facts`` tells what was seen until then.
        """
        self._certificate = certificate
        early, self._plain = self._plain, b""
        self.first_bytes[:] = early[:_KEEP]  # after STARTTLS, what was said in the clear is over
        self._tls = context.wrap_bio(
            self._from_peer, self._to_peer, server_hostname=server_name, session=session
        )
        if early:  # a server that talks first is seen by OpenSSL as it would be on a socket
            self._from_peer.write(early)
        if self._eof and self._error is None:
            self._from_peer.write_eof()
        try:
            await self._handshake(self._tls, until)
        except TimeoutError as error:
            if error.errno is None:  # ours; the network's own has a number
                raise
            raise self.explain(error, Phase.TLS) from error
        except (OSError, ssl.SSLError) as error:
            self._flush()  # the alert that tells the server why
            raise self.explain(error, Phase.TLS) from error
        self._secured = True
        self._decrypt()

    async def _handshake(self, tls: ssl.SSLObject, until: float | None) -> None:
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                if self._error is not None or self._transport is None:
                    raise self._error or ConnectionAbortedError from None
                await self._wait(until)
            else:
                self._flush()
                return

    def explain(self, error: Exception, phase: Phase) -> SMTPSError:
        """The error of ours that ``error`` means here, by what the server had said until then."""
        found = translate(
            error,
            phase,
            address=self.address,
            first_bytes=bytes(self.first_bytes),
            certificate=self._certificate,
        )
        if found.code == EXPIRED and self._tls is not None:
            found.failure = whose_end(found.failure, peer_chain(self._tls))
        return found

    def late(self, phase: Phase, seconds: float, address: str | None) -> PhaseTimeoutError:
        """The error for a handshake that took so long, by what the server had sent until then."""
        if heard := len(self.first_bytes):
            return stalled(seconds, heard, address)
        return timed_out(phase, seconds, address)

    def facts(self) -> TLSFacts:
        """What is known of TLS here, whether it came about or not."""
        if self._tls is None:
            return TLSFacts(first_bytes=bytes(self.first_bytes))
        verified = self._secured and self._tls.context.verify_mode is ssl.CERT_REQUIRED
        return facts_of(
            self._tls,
            verified=verified,
            first_bytes=bytes(self.first_bytes),
            hello_size=self.hello_size,
        )

    @property
    def tls_session(self) -> ssl.SSLSession | None:
        """What a later connection may take up again; with TLS 1.3 it comes with the first data."""
        return self._tls.session if self._tls is not None else None

    def channel_binding(self) -> tuple[str, bytes] | None:
        """What a login can be bound to: type and data (RFC 5929), or None.

        It is ``tls-unique`` for TLS 1.2. For TLS 1.3 Python cannot export what ``tls-exporter``
        needs (RFC 9266), so it is ``tls-server-end-point``.
        """
        if self._tls is None or not self._secured:
            return None
        if self._tls.version() == "TLSv1.2":
            data = self._tls.get_channel_binding("tls-unique")
            return ("tls-unique", data) if data else None
        chain = peer_chain(self._tls)
        data = server_end_point(chain[0]) if chain else None
        return ("tls-server-end-point", data) if data else None

    async def close(self, timeout: float = 1.0) -> None:
        """Say goodbye in TLS and close; by force if the peer does not take it in time."""
        self._forget()
        if self._transport is None:
            return
        if self._tls is not None and self._secured:
            with suppress(ssl.SSLError, OSError):
                self._tls.unwrap()  # its answer is not waited for
            self._flush()
        unsent = self._transport.get_write_buffer_size()
        self._transport.close()
        if not unsent:  # then closing waits for nobody
            await self._closed
            return
        await asyncio.wait([self._closed], timeout=timeout)
        if not self._closed.done():
            self.abort()
            await asyncio.sleep(0)

    def interrupt(self) -> None:
        """Have whoever waits here look round; what comes is kept."""
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_exception(Interrupted())

    def part(self, last: bytes) -> None:
        """Say a last word and close; neither its answer is waited for nor that it arrives."""
        with suppress(OSError, ssl.SSLError, SMTPSError):
            self.write(last)
            if self._tls is not None and self._secured:
                self._tls.unwrap()
        self._flush()
        self._forget()
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Drop the connection at once."""
        self._forget()
        if self._transport is not None:
            self._transport.abort()

    def _forget(self) -> None:
        """Nobody will read what came, and an error holds on to all that its frames knew."""
        self._eof, self._error = True, None
        self._plain = b""

    def _flush(self) -> None:
        if self._to_peer.pending and self._transport is not None:
            data = self._to_peer.read()
            self.hello_size = self.hello_size or len(data)
            self._transport.write(data)

    def _decrypt(self, heard: bytes = b"") -> None:
        assert self._tls is not None
        try:
            while piece := self._tls.read(65536):
                self._plain += piece
                if not self._from_peer.pending and not self._tls.pending():
                    break  # one more look would only raise SSLWantReadError, which takes long
            else:
                self._eof = True  # close_notify
        except ssl.SSLWantReadError:
            pass
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            self._eof = True
        except ssl.SSLError as error:
            self._error = of_record(error, heard)
        self._flush()

    async def _wait(self, until: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        self._wanted = loop.create_future()
        self._until = until
        # A timer for each wait would cost more than the wait. One that rings too early is set
        # again, so most waits find one that will do.
        if until is not None and (self._alarm is None or self._alarm.when() > until):
            if self._alarm is not None:
                self._alarm.cancel()
            self._alarm = loop.call_at(until, self._ring)
        try:
            await self._wanted
        finally:
            self._wanted = self._until = None

    def _ring(self) -> None:
        self._alarm = None
        if self._wanted is None or self._wanted.done() or self._until is None:
            return
        loop = self._wanted.get_loop()
        if loop.time() < self._until:
            self._alarm = loop.call_at(self._until, self._ring)
        else:
            self._wanted.set_exception(TimeoutError())

    def _wake(self) -> None:
        if self._wanted is not None and not self._wanted.done():
            self._wanted.set_result(None)
