"""Collects the facts: does the I/O, never stops at the first failure, judges nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from smtps.client.session import Session, check_endpoint, deadline_of, timed
from smtps.diagnosis.certificate import explain
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.errors import LocalError, LoginError, Phase, SMTPSError
from smtps.net.dial import connect_any
from smtps.net.egress import Allow, admit
from smtps.net.names import to_ascii
from smtps.net.resolve import Address, resolve
from smtps.options import Endpoint

Progress = Callable[[AddressFacts, str], None]
"""Called with an address's facts and the name of the phase that just ended."""


async def gather(
    endpoint: Endpoint,
    *,
    target: str | None = None,
    first: bool = False,
    allow: Allow | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Facts:
    """Look at every address of a server, at the same time, with one connection to each.

    Args:
        endpoint: where, how, who. The credentials are tried once, at the address that gets so far
            first: a failed login more than that could lock the account.
        target: what was asked for, for the report.
        first: look only at the address that answers first, as a mail program would.
        allow: egress policy, asked about each resolved address.
        progress: told of each phase as it ends.
        now: the time to judge certificates by.

    Raises:
        InputError: the host can be none, or a file cannot be used.
        ForbiddenError: policy does not allow an address.
    """
    facts = Facts(
        target=target or endpoint.host,
        host=to_ascii(endpoint.host),
        port=endpoint.port,
        security=endpoint.security,
        now=now or datetime.now(UTC),
        wanted_login=endpoint.wants_login,
    )
    check_endpoint(endpoint)  # the caller's own mistakes are no findings
    visit = _Visit(endpoint, allow, progress or _silent, deadline_of(endpoint))
    try:
        with timed(facts.timings, Phase.DNS):
            addresses = await resolve(
                endpoint.host,
                endpoint.port,
                timeout=endpoint.timeouts.dns,
                deadline=visit.deadline,
            )
    except LocalError:
        raise
    except SMTPSError as error:
        facts.failure = error.failure
        return facts
    admit(addresses, allow)
    if first:
        facts.addresses.append(await visit.look(addresses))
    else:
        looks = [asyncio.create_task(visit.look([address])) for address in addresses]
        try:
            facts.addresses.extend(await asyncio.gather(*looks))
        finally:
            for look in looks:
                look.cancel()
            await asyncio.gather(*looks, return_exceptions=True)
    return facts


def _silent(_seen: AddressFacts, _phase: str) -> None:
    pass


class _Visit:
    """Looks at the addresses of one server; together they try the credentials once."""

    def __init__(
        self,
        endpoint: Endpoint,
        allow: Allow | None,
        progress: Progress,
        deadline: float | None,
    ) -> None:
        self.deadline = deadline
        self._endpoint = endpoint
        self._allow = allow
        self._progress = progress
        self._login_due = endpoint.wants_login

    async def look(self, addresses: list[Address]) -> AddressFacts:
        """Go through one dialogue with the first that answers, noting everything."""
        seen = AddressFacts(addresses[0].ip)
        try:
            session = await self._connect(self._endpoint, addresses, seen)
        except LocalError:
            raise
        except SMTPSError as error:
            seen.failure = error.failure
            self._progress(seen, Phase.TCP)
            return seen
        self._progress(seen, Phase.TCP)
        try:
            await self._talk(session, seen, self._progress)
            if self._login_due:
                self._login_due = False
                await self._login(session, seen)
        except SMTPSError as error:
            seen.failure = error.failure
            self._progress(seen, error.phase or Phase.TLS)
        except BaseException:
            session.dialogue.abort()
            raise
        _note(session, seen)
        await session.quit()
        if seen.failure is not None and seen.failure.code.startswith("tls.certificate_"):
            await self._look_behind(addresses, seen)
        return seen

    async def _connect(
        self, endpoint: Endpoint, addresses: list[Address], seen: AddressFacts
    ) -> Session:
        with timed(seen.timings, Phase.TCP):
            wire = await connect_any(
                addresses,
                timeout=endpoint.timeouts.tcp,
                allow=self._allow,
                deadline=self.deadline,
            )
        seen.address = wire.address
        session = Session(wire, endpoint)
        session.timings = seen.timings
        session.dialogue.deadline = self.deadline
        seen.transcript = session.transcript
        return session

    async def _talk(self, session: Session, seen: AddressFacts, progress: Progress) -> None:
        if session.endpoint.security == "implicit":
            await session.start_tls()
            progress(seen, Phase.TLS)
        await session.greet()
        progress(seen, Phase.GREETING)
        await session.hello()
        progress(seen, Phase.EHLO)
        if session.endpoint.security == "starttls":
            await session.upgrade()
            progress(seen, Phase.TLS)
            await session.hello()

    async def _login(self, session: Session, seen: AddressFacts) -> None:
        try:
            await session.login()
        except LoginError as error:
            seen.login_failure = error.failure
        self._progress(seen, Phase.AUTH)

    async def _look_behind(self, addresses: list[Address], seen: AddressFacts) -> None:
        """A second connection, to tell what is behind a certificate that is not to be trusted.

        No credentials go over it, and its facts change nothing about the failure.
        """
        other = AddressFacts(seen.address)
        try:
            same = [address for address in addresses if address.ip == seen.address]
            session = await self._connect(_blind(self._endpoint), same, other)
        except SMTPSError:
            return
        try:
            await self._talk(session, other, _silent)
        except SMTPSError:
            pass
        except BaseException:
            session.dialogue.abort()
            raise
        _note(session, other)
        await session.quit()
        seen.greeting, seen.capabilities = other.greeting, other.capabilities
        seen.ehlo_name, seen.ehlo_name_refused = other.ehlo_name, other.ehlo_name_refused
        seen.quirks |= other.quirks
        for phase in (Phase.GREETING, Phase.EHLO):
            if phase in other.timings:
                seen.timings[phase] = other.timings[phase]


def _blind(endpoint: Endpoint) -> Endpoint:
    """The endpoint without trust and without credentials."""
    return replace(
        endpoint,
        username=None,
        password=None,
        access_token=None,
        mechanism=None,
        verify=False,
        fingerprint=None,
        ca_file=None,
    )


def _note(session: Session, seen: AddressFacts) -> None:
    """Take over what the session saw, however far it came."""
    seen.tls = session.tls or seen.tls
    if seen.tls is not None:
        chain = (explain(der) for der in seen.tls.chain)
        seen.chain = tuple(certificate for certificate in chain if certificate is not None)
    if session.greeting is not None:
        seen.greeting = session.greeting
    if session.capabilities.server_name:
        seen.capabilities = session.capabilities
        seen.ehlo_name = session.ehlo_name
        seen.ehlo_name_refused = session.ehlo_name != session.endpoint.ehlo_name
    seen.mechanism = session.mechanism
    seen.quirks |= session.dialogue.connection.quirks
