"""Second looks: other ways to say hello to an address, to learn why the first did not work.

Each is one more connection, after the others to the same address are closed. None of them carries
credentials, and none trusts the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from smtps.client.access import Access, Leave, timed
from smtps.core.reply import Reply
from smtps.errors import Failure, LocalError, Phase, SMTPSError
from smtps.net.dial import connect_any
from smtps.net.egress import Allow
from smtps.net.resolve import Address
from smtps.net.tls import ClientHello, TLSFacts
from smtps.options import Endpoint

PATIENCE = 10.0
"""Seconds for each step of a second look: the first has waited long enough."""

LOOKS: dict[str, ClientHello] = {
    "any": ClientHello(),
    "old": ClientHello(newest=3),
    "modest": ClientHello(oldest=3, newest=3, ciphers=None),
    "nameless": ClientHello(oldest=3, ciphers=None, named=False),
    "TLSv1": ClientHello(oldest=1, newest=1),
    "TLSv1.1": ClientHello(oldest=2, newest=2),
    "TLSv1.2": ClientHello(oldest=3, newest=3),
    "TLSv1.3": ClientHello(oldest=4, newest=4),
    "broken ciphers": ClientHello(newest=3, ciphers="NULL:aNULL:RC4:DES:3DES:EXP:MD5:@SECLEVEL=0"),
    "old ciphers": ClientHello(newest=3, ciphers="kRSA:SEED:IDEA:!NULL:@SECLEVEL=0"),
    "alpn": ClientHello(alpn=("smtp",)),
}
"""Name → what is offered: anything at all; anything but TLS 1.3; TLS 1.2 with the usual ciphers; no
server name; one version; ciphers that nobody may use, and ciphers that nobody should (RFC 9325
section 4.2); an application protocol."""


DEEP_LOOKS = (
    "TLSv1",
    "TLSv1.1",
    "TLSv1.2",
    "TLSv1.3",
    "broken ciphers",
    "old ciphers",
    "alpn",
    "resumption",
)
"""For ``deep``, in turn."""


@dataclass(frozen=True, slots=True)
class Look:
    """What came of one.

    Attributes:
        name: see LOOKS; ``clear`` is none of them but waits for a greeting without TLS.
        tls: of the handshake.
        greeting: if it came to one.
        failure: what ended it.
    """

    name: str
    tls: TLSFacts | None = None
    greeting: Reply | None = None
    failure: Failure | None = None

    @property
    def secured(self) -> bool:
        """Whether the handshake came to its end."""
        return self.tls is not None and self.tls.cipher is not None and not self._refused

    @property
    def tells(self) -> bool:
        """Whether anything came of it."""
        return self.secured or self.greeting is not None

    @property
    def unwelcome(self) -> bool:
        """Whether the server wants no more connections for now, so that it has to end here."""
        return self.failure is not None and self.failure.smtp_code == 421

    @property
    def _refused(self) -> bool:
        return self.failure is not None and self.failure.phase in (Phase.TCP, Phase.TLS)


class Looker:
    """Takes second looks at one address, one after the other.

    Args:
        endpoint: whose address it is; neither its trust nor its credentials are used.
        address: the one to look at.
        allow: egress policy.
        deadline: the loop's time at which all has to be over.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        address: Address,
        allow: Allow | None = None,
        deadline: float | None = None,
    ) -> None:
        self._endpoint = blind(endpoint)
        self._address = address
        self._allow = allow
        self._deadline = deadline

    async def look(self, name: str) -> Look:
        """Say hello in one of the ways of LOOKS; ``clear`` waits for a greeting without TLS,
        ``implicit`` speaks TLS from the first byte, ``resumption`` connects twice.
        """
        if name == "clear":
            return (await self._visit(name, self._endpoint, lambda session: session.greet()))[0]
        if name == "resumption":
            return await self._resume()
        hello, endpoint = LOOKS.get(name, ClientHello()), self._endpoint
        if name == "implicit":
            endpoint = replace(endpoint, security="implicit")
        return (await self._visit(name, endpoint, lambda session: session.begin(hello)))[0]

    async def _resume(self) -> Look:
        """Take up a first session in a second (RFC 8446 section 2.2)."""
        hello = LOOKS["any"]
        name, endpoint = "resumption", self._endpoint
        first, ticket = await self._visit(name, endpoint, lambda session: session.begin(hello))
        if ticket is None:
            return first
        found, _ = await self._visit(name, endpoint, lambda session: session.begin(hello, ticket))
        return found

    async def _visit(
        self, name: str, endpoint: Endpoint, talk: Callable[[Access], Awaitable[object]]
    ) -> tuple[Look, Any]:
        """Connect, talk, leave; what was seen, and the TLS session."""
        session: Access | None = None
        failure: Failure | None = None
        try:
            session = await open_at([self._address], endpoint, self._allow, self._deadline, {})
            await talk(session)
        except LocalError:
            raise
        except SMTPSError as error:
            failure = error.failure
        except BaseException:
            if session is not None:
                session.dialogue.abort()
            raise
        if session is None:
            return Look(name, failure=failure), None
        ticket = session.tls_session if failure is None else None
        await session.quit()
        return Look(name, session.tls, session.greeting, failure), ticket


async def open_at(
    addresses: list[Address],
    endpoint: Endpoint,
    allow: Allow | None,
    deadline: float | None,
    timings: dict[str, float],
    *,
    leave: Leave | None = None,
) -> Access:
    """A session at the first address that answers, before its first word.

    Raises:
        SMTPSError: no connection came about.
    """
    seconds = endpoint.timeouts.tcp
    with timed(timings, Phase.TCP):
        wire = await connect_any(addresses, timeout=seconds, allow=allow, deadline=deadline)
    session = Access(wire, endpoint, leave=leave)
    session.timings = timings
    session.dialogue.deadline = deadline
    return session


def blind(endpoint: Endpoint) -> Endpoint:
    """The endpoint without trust and without credentials, and with less patience."""
    short = {
        name: min(getattr(endpoint.timeouts, name), PATIENCE)
        for name in ("tcp", "tls", "greeting", "command")
    }
    return replace(
        endpoint,
        username=None,
        password=None,
        access_token=None,
        mechanism=None,
        verify=False,
        fingerprint=None,
        ca_file=None,
        timeouts=replace(endpoint.timeouts, **short),
    )
