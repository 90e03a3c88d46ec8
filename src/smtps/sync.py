"""The same, blocking, for callers without an event loop.

    report = smtps.sync.check("smtp.example.com")
    with smtps.sync.connect("smtp.example.com", username="u", password="p") as session:
        result = session.send(message)

Each call, and each session, runs an event loop of its own and leaves nothing behind. Where a loop
is running already (a notebook, an asynchronous web framework), blocking would stop it: each call
raises a SessionError there, and ``await smtps.send(…)`` and its kin do the work.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, Unpack

from smtps.checks.checking import check as asynchronous_check
from smtps.checks.report import Report
from smtps.client import session as asynchronous
from smtps.client.delivery import WINDOW
from smtps.client.outgoing import DSN, AnyMessage, Envelope
from smtps.client.result import Result
from smtps.client.session import Item
from smtps.client.session import send as asynchronous_send
from smtps.client.transcript import Transcript
from smtps.core.capabilities import Capabilities
from smtps.endpoint import Endpoint, EndpointOptions, Partial
from smtps.errors import Phase, SessionError
from smtps.extras import extra_needed

if TYPE_CHECKING:
    from smtps.sandbox.issuer.dialects import FormName
    from smtps.sandbox.issuer.issuing import Issuing
    from smtps.sandbox.persona import Persona
    from smtps.sandbox.server import Sandbox

T = TypeVar("T")


def _written(report: Report) -> str:
    """A report as the shell prints it."""
    from smtps.report.text import render  # noqa: PLC0415  # late: few print one

    return render(report)


Report.written = _written


def _without_loop(instead: str) -> None:
    """Make sure, before any coroutine is made, that nothing else would stand still meanwhile.

    Args:
        instead: what to write where a loop is running.

    Raises:
        SessionError: a loop is running here.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return
    raise SessionError(
        "session.loop_running",
        "smtps.sync blocks, and an event loop is running in this thread, as in a notebook or an "
        f"async function. Use: {instead}",
        phase=Phase.INPUT,
    )


class Session:
    """A session whose methods block; see ``smtps.Session`` for each."""

    def __init__(self, inner: asynchronous.Session, runner: asyncio.Runner) -> None:
        self._inner = inner
        self._runner = runner

    def send(
        self,
        message: AnyMessage,
        envelope: Envelope | None = None,
        *,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
    ) -> Result:
        """Send one message."""
        return self._run(
            lambda: self._inner.send(
                message, envelope, partial=partial, dsn=dsn, require_tls=require_tls
            )
        )

    def send_many(
        self,
        messages: Iterable[Item],
        *,
        window: int = WINDOW,
        partial: Partial = "abort",
        dsn: DSN | None = None,
        require_tls: bool = False,
    ) -> Generator[tuple[Item, Result]]:
        """Send many messages, some under way at the same time."""
        _without_loop(_SESSION)
        results = self._inner.send_many(
            messages, window=window, partial=partial, dsn=dsn, require_tls=require_tls
        )

        async def following() -> tuple[Item, Result] | None:
            return await anext(results, None)

        try:
            while (found := self._run(following)) is not None:
                yield found
        finally:
            self._runner.run(results.aclose())

    def noop(self) -> None:
        """Ask whether the server is still there."""
        self._run(self._inner.noop)

    @property
    def capabilities(self) -> Capabilities:
        """What the server offered."""
        return self._inner.capabilities

    @property
    def transcript(self) -> Transcript:
        """What was said, without secrets."""
        return self._inner.transcript

    @property
    def usable(self) -> bool:
        """Whether another message may be sent here."""
        return self._inner.usable

    def _run(self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        _without_loop(_SESSION)
        return self._runner.run(call())


_SESSION = "async with smtps.connect(…) as session: await session.send(…)"


@contextmanager
def connect(host: str | Endpoint, **options: Unpack[EndpointOptions]) -> Iterator[Session]:
    """A session for the length of a block; see ``smtps.connect``."""
    _without_loop(_SESSION)
    endpoint = host if isinstance(host, Endpoint) else Endpoint(host, **options)
    with asyncio.Runner() as runner:
        inner = runner.run(asynchronous.Session.open(endpoint))
        try:
            yield Session(inner, runner)
        finally:
            runner.run(inner.quit())


def check(host: str | Endpoint, **options: Unpack[EndpointOptions]) -> Report:
    """Tell whether submission works at a server; see ``smtps.check``."""
    _without_loop("await smtps.check(…)")
    return asyncio.run(asynchronous_check(host, **options))


def send(
    message: AnyMessage,
    host: str | Endpoint,
    *,
    envelope: Envelope | None = None,
    partial: Partial = "abort",
    dsn: DSN | None = None,
    require_tls: bool = False,
    **options: Unpack[EndpointOptions],
) -> Result:
    """Send one message over a session of its own; see ``smtps.send``."""
    _without_loop("await smtps.send(…)")
    return asyncio.run(
        asynchronous_send(
            message,
            host,
            envelope=envelope,
            partial=partial,
            dsn=dsn,
            require_tls=require_tls,
            **options,
        )
    )


@contextmanager
def sandbox(
    persona: str | Persona = "healthy", *, port: int = 0, oauth: bool | FormName | Issuing = False
) -> Iterator[Sandbox]:
    """A mail server for the length of a block, in a thread of its own: for tests.

        with smtps.sync.sandbox() as box:
            my_program.send_report(box.host, box.port, box.username, box.password)
            assert len(box.inbox) == 1

    Args:
        persona: how to misbehave; see ``smtps sandbox --list``.
        port: 0 takes a free one.
        oauth: whether to run an authorization server too, or the form that it speaks; see
            ``smtps.Sandbox``.

    Raises:
        InputError: no such persona, or the port is taken.
    """
    with extra_needed():
        from smtps.sandbox.server import Sandbox  # noqa: PLC0415

    box = Sandbox(persona, port=port, oauth=oauth)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="smtps-sandbox", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(box.start(), loop).result()
        try:
            yield box
        finally:
            asyncio.run_coroutine_threadsafe(box.stop(), loop).result()
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
