"""Collects the facts: does the I/O, never stops at the first failure, judges nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from smtps.client.session import Session, timed
from smtps.diagnosis.certificate import explain
from smtps.diagnosis.facts import AddressFacts, Facts
from smtps.errors import CertificateError, LoginError, Phase, SMTPSError
from smtps.net.dial import Allow, connect_tcp
from smtps.net.names import to_ascii
from smtps.net.resolve import Address, resolve
from smtps.options import Endpoint

Progress = Callable[[AddressFacts, str], None]
"""Called with an address's facts and the name of the phase that just ended."""


async def gather(
    endpoint: Endpoint,
    *,
    target: str | None = None,
    allow: Allow | None = None,
    progress: Progress | None = None,
    now: datetime | None = None,
) -> Facts:
    """Look at every address of a server, one after the other.

    Args:
        endpoint: where, how, who; credentials are tried at the first address that gets so far.
        target: what was asked for, for the report.
        allow: egress policy, asked about each resolved address.
        progress: told of each phase as it ends.
        now: the time to judge certificates by.

    Raises:
        InputError: the host can be none, or a file cannot be used.
        ForbiddenError: policy does not allow one of the addresses.
    """
    facts = Facts(
        target=target or endpoint.host,
        host=to_ascii(endpoint.host),
        port=endpoint.port,
        security=endpoint.security,
        now=now or datetime.now(UTC),
        wanted_login=endpoint.wants_login,
    )
    try:
        with timed(facts.timings, Phase.DNS):
            seconds = endpoint.timeouts.dns
            addresses = await resolve(endpoint.host, endpoint.port, timeout=seconds)
    except SMTPSError as error:
        facts.failure = error.failure
        return facts
    logged_in = False
    for address in addresses:
        seen = AddressFacts(address.ip)
        facts.addresses.append(seen)
        # One login is enough, and one failed login more than enough.
        once = _anonymous(endpoint) if logged_in else endpoint
        await _look(once, address, seen, allow, progress or _silent)
        logged_in = logged_in or seen.mechanism is not None or seen.login_failure is not None
    return facts


def _silent(_seen: AddressFacts, _phase: str) -> None:
    pass


def _anonymous(endpoint: Endpoint) -> Endpoint:
    return replace(endpoint, username=None, password=None, access_token=None, mechanism=None)


async def _look(
    endpoint: Endpoint,
    address: Address,
    seen: AddressFacts,
    allow: Allow | None,
    progress: Progress,
) -> None:
    """Go through one dialogue, noting everything."""
    try:
        session = await _connect(endpoint, address, seen, allow)
    except SMTPSError as error:
        if error.code == "net.forbidden":
            raise
        seen.failure = error.failure
        progress(seen, Phase.TCP)
        return
    progress(seen, Phase.TCP)
    try:
        await _talk(session, seen, progress)
    except CertificateError as error:
        seen.failure = error.failure
        progress(seen, Phase.TLS)
        await _look_behind(endpoint, address, seen)
    except SMTPSError as error:
        seen.failure = error.failure
        if error.phase is not None:
            progress(seen, error.phase)
    finally:
        _note(session, seen)
        await session.quit()


async def _connect(
    endpoint: Endpoint, address: Address, seen: AddressFacts, allow: Allow | None
) -> Session:
    with timed(seen.timings, Phase.TCP):
        wire = await connect_tcp(address, timeout=endpoint.timeouts.tcp, allow=allow)
    session = Session(wire, endpoint)
    session.timings = seen.timings
    seen.transcript = session.transcript
    return session


async def _talk(session: Session, seen: AddressFacts, progress: Progress) -> None:
    endpoint = session.endpoint
    if endpoint.security == "implicit":
        await session.start_tls()
        progress(seen, Phase.TLS)
    await session.greet()
    progress(seen, Phase.GREETING)
    await session.hello()
    progress(seen, Phase.EHLO)
    if endpoint.security == "starttls":
        await session.upgrade()
        progress(seen, Phase.TLS)
        await session.hello()
    if endpoint.wants_login:
        try:
            await session.login()
        except LoginError as error:
            seen.login_failure = error.failure
        progress(seen, Phase.AUTH)


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


async def _look_behind(endpoint: Endpoint, address: Address, seen: AddressFacts) -> None:
    """A second connection, to tell what is behind a certificate that is not to be trusted.

    No credentials go over it, and its facts change nothing about the failure.
    """
    blind = replace(_anonymous(endpoint), verify=False, fingerprint=None, ca_file=None)
    other = AddressFacts(address.ip)
    try:
        session = await _connect(blind, address, other, None)
    except SMTPSError:
        return
    try:
        await _talk(session, other, _silent)
    except SMTPSError:
        pass
    finally:
        _note(session, other)
        await session.quit()
    seen.greeting, seen.capabilities = other.greeting, other.capabilities
    seen.ehlo_name, seen.ehlo_name_refused = other.ehlo_name, other.ehlo_name_refused
    seen.quirks |= other.quirks
    for phase in (Phase.GREETING, Phase.EHLO):
        if phase in other.timings:
            seen.timings[phase] = other.timings[phase]
