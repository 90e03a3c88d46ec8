"""One address of a server: the dialogue with it, and the second looks that it calls for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial

from smtps.checks.certificate import explain
from smtps.checks.chain import refine, walk
from smtps.checks.facts import AddressFacts, Asked, Certificate, Unreadable
from smtps.checks.follow_up import EXPECTED, Attempt, Explainer, note, retake, take_over
from smtps.checks.inference import web_behind
from smtps.checks.listening import (
    SUSPICIOUS,
    check_silence,
    check_step,
    greeted,
    greets_again,
    telling,
)
from smtps.checks.prober import Prober, blind, open_at
from smtps.checks.probes import DEEP_LOOKS, PIPELINING
from smtps.checks.scope import HARMLESS, Logins, Scope
from smtps.checks.steadiness import about_certificate, certificate_steps
from smtps.checks.suspects import Case
from smtps.client.handshake import Access, Leave
from smtps.core import sasl
from smtps.endpoint import Endpoint
from smtps.errors import (
    CapabilityError,
    Failure,
    LocalError,
    LoginError,
    Phase,
    ProtocolError,
    SMTPSError,
)
from smtps.net.egress import Allow
from smtps.net.resolve import Address
from smtps.net.tls import TLSFacts, anchors, trusts_anybody

Progress = Callable[[AddressFacts, str], None]
"""Called with an address's facts and the name of the phase that just ended."""


RESERVE = 0.35
"""Share of the time for everything that a silent server cannot use up: looking again tells why, and
each look takes some round trips."""

MAX_RESERVE = 5.0
"""Seconds; more is not needed for that."""


def silent(_seen: AddressFacts, _phase: str) -> None:
    """Nobody wants to know."""


class Visitor:
    """Looks at the addresses of one server.

    Args:
        endpoint: where, how, who.
        scope: how far to go.
        allow: egress policy.
        progress: told of each phase as it ends.
        deadline: the loop's time at which all has to be over.
        leave: takes a session over that was the only one; else each quits before the next.
        together: the addresses that are looked at, at the same time.

    Attributes:
        scope: how far to go.
        deadline: see there; it may be set between two looks.
        others: whether other addresses are looked at if this one fails. That tells more than to
            look again, so nothing of the time is kept for it.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        scope: Scope,
        allow: Allow | None,
        progress: Progress,
        deadline: float | None,
        *,
        leave: Leave | None = None,
        together: Iterable[str] = (),
    ) -> None:
        self._endpoint = endpoint
        self.scope = scope
        self._allow = allow
        self._progress = progress
        self.deadline = deadline
        self.others = False
        self._leave = leave
        self._logins = Logins(together)
        self._envelope_due = scope.envelope is not None
        self._first_login: str | None = None

    async def look(self, addresses: list[Address]) -> AddressFacts:
        """Go through one dialogue with the first that answers, noting everything."""
        seen = AddressFacts(addresses[0].ip)
        try:
            await self._look(addresses, seen)
        finally:
            self._logins.past(seen.address)
        return seen

    async def _look(self, addresses: list[Address], seen: AddressFacts) -> None:
        session = await self._reach(addresses, seen, self._progress, hasty=True)
        address = next(a for a in addresses if a.ip == seen.address)
        if seen.failure is not None:
            session = await self._explain(address, seen, seen.failure)
        if session is not None:
            await self._use(session, seen)
            if seen.failure is not None:
                await self._explain(address, seen, seen.failure)
        await self._look_deeper(address, seen)

    async def _reach(
        self,
        addresses: list[Address],
        seen: AddressFacts,
        progress: Progress,
        *,
        until: float | None = None,
        hasty: bool = False,
    ) -> Access | None:
        """A session after the answer to EHLO, or None and the failure noted.

        Args:
            addresses: of which the first that answers counts.
            seen: gets what is seen.
            progress: told of each phase as it ends.
            until: the loop's time at which this has to be over, before everything else is.
            hasty: whether to ask on the side why a greeting does not come.
        """
        session: Access | None = None
        try:
            session = await open_at(
                addresses, self._endpoint, self._allow, until or self.deadline, seen.timings,
                leave=self._leave,
            )  # fmt: skip
            seen.address, seen.transcript = session.address, session.transcript
            progress(seen, Phase.TCP)
            await self._talk(session, seen, progress, until=until, hasty=hasty)
        except LocalError:
            if session is not None:
                session.dialogue.abort()
            raise
        except SMTPSError as error:
            seen.failure = error.failure
            progress(seen, error.phase or Phase.TLS)
        except BaseException:
            if session is not None:
                session.dialogue.abort()
            raise
        if seen.failure is None:
            return session
        if session is not None:
            _note(session, seen)
            await session.quit()
        return None

    async def _use(self, session: Access, seen: AddressFacts) -> None:
        """Do what is asked for beyond EHLO, and leave."""
        try:
            if self._endpoint.wants_login or self._envelope_due:
                await self._log_in_and_ask(session, seen)
            await check_silence(session)
        except LocalError:
            session.dialogue.abort()
            raise
        except SMTPSError as error:
            seen.failure = error.failure
            self._progress(seen, error.phase or Phase.TLS)
        except BaseException:
            session.dialogue.abort()
            raise
        _note(session, seen)
        alone = seen.failure is None and not self.scope.deep and not _must_staple(seen)
        await (session.leave() if alone else session.quit())

    async def _talk(
        self,
        session: Access,
        seen: AddressFacts,
        progress: Progress,
        *,
        until: float | None = None,
        hasty: bool = False,
    ) -> None:
        deadline = until or self.deadline
        if until is None and deadline is not None:
            session.dialogue.deadline = deadline - self._reserve
        if session.endpoint.security == "implicit":
            await session.start_tls()
            progress(seen, Phase.TLS)
        if hasty and session.endpoint.timeouts.greeting > SUSPICIOUS:
            await greeted(session, lambda: self._ask_on_the_side(session.address, seen))
        else:
            await session.greet()
        if session.endpoint.security == "implicit":
            session.dialogue.deadline = deadline
        progress(seen, Phase.GREETING)
        await session.hello()
        progress(seen, Phase.EHLO)
        if session.endpoint.security == "starttls":
            seen.offered_in_clear = session.capabilities.auth
            await session.upgrade()
            session.dialogue.deadline = deadline
            progress(seen, Phase.TLS)
            await session.hello()
        session.dialogue.deadline = self.deadline
        seen.capabilities = session.capabilities

    async def _ask_on_the_side(self, ip: str, seen: AddressFacts) -> bool:
        """Say EHLO over another connection to the address, and then TLS where none is due; whether
        the answer tells what the server is.
        """
        deadline = self.deadline and self.deadline - self._reserve
        looker = self._looker(Address(ip, self._endpoint.port), deadline)
        for name in ("say EHLO", _TLS_INSTEAD[self._endpoint.security]):
            look = await looker.look(name)
            note(seen, look)
            if telling(look):
                return True
        return False

    @property
    def _reserve(self) -> float:
        whole = 0.0 if self.others else self._endpoint.timeouts.total or 0.0
        return min(RESERVE * whole, MAX_RESERVE)

    async def _log_in_and_ask(self, session: Access, seen: AddressFacts) -> None:
        """What the addresses do one after the other: log in, and ask about an envelope at one."""
        async with self._logins.turn(session.address) as may:
            if self._endpoint.wants_login and may:
                await self._login(session, seen)
            elif self._endpoint.wants_login:
                seen.login_withheld = self._logins.refused_at
            asks = self._envelope_due and not seen.login_failure and not seen.login_withheld
            self._envelope_due = self._envelope_due and not asks
        if asks:
            await self._ask(session, seen)

    async def _login(self, session: Access, seen: AddressFacts) -> None:
        try:
            await session.login()
        except SMTPSError as error:
            if error.code not in HARMLESS:
                self._logins.refused(session.address)
            if not isinstance(error, LoginError):
                raise
            seen.login_failure = error.failure
        else:
            self._first_login = self._first_login or session.address
            await check_silence(session)
            if await greets_again(session):
                seen.after_login = session.capabilities
        self._progress(seen, Phase.AUTH)

    async def _ask(self, session: Access, seen: AddressFacts) -> None:
        assert self.scope.envelope is not None
        from smtps.client.dry_run import probe_envelope  # late: few want it  # noqa: PLC0415

        envelope, size = self.scope.envelope, self.scope.size
        try:
            asked = await probe_envelope(session, envelope, size=size)
        except CapabilityError as error:
            seen.asked = Asked(str(envelope.sender or ""), None, (), failure=error.failure)
            return
        seen.asked = Asked(
            str(envelope.sender or ""),
            asked.mail_reply,
            tuple((str(who), reply) for who, reply in asked.recipients),
            size,
        )
        try:
            if asked.error is not None:
                raise asked.error
            await check_step(session)
        except ProtocolError:
            seen.asked = None  # nobody knows which of the answers was to what
            raise
        self._progress(seen, Phase.RCPT)

    async def _look_deeper(self, address: Address, seen: AddressFacts) -> None:
        """What more can be learned, if that is wanted."""
        looker, now = self._looker(address, self.deadline), asyncio.get_running_loop().time
        if self.scope.deep and (seen.tls is not None and seen.tls.first_bytes):
            for name in DEEP_LOOKS:
                look = await looker.look(name)
                if self.deadline is not None and self.deadline <= now():
                    return  # it was cut short, and tells nothing
                note(seen, look)
                if seen.looks[name].unwelcome:
                    return
            if seen.reached and seen.capabilities and "PIPELINING" in seen.capabilities:
                note(seen, await looker.look(PIPELINING))
            if seen.reached:
                for name in EXPECTED:
                    await retake(seen, partial(self._looker, address), name, self.deadline)
            if seen.address == self._first_login and seen.capabilities is not None:
                await self._try_mechanisms(address, seen, seen.capabilities.auth)
        elif _must_staple(seen):
            note(seen, await looker.look("staple"))

    async def _explain(
        self,
        address: Address,
        seen: AddressFacts,
        failure: Failure,
        earlier: Failure | None = None,
    ) -> Access | None:
        """Look again until it is known what the failure was; a session, if it has passed."""
        endpoint = self._endpoint
        shown = endpoint.client_certificate is not None
        case = Case(failure, seen, endpoint.security, endpoint.host, shown, endpoint.port)

        async def again(until: float | None) -> Attempt:
            other = AddressFacts(address.ip)
            session = await self._reach([address], other, silent, until=until)
            return Attempt(other, session)

        looker = partial(self._looker, address)
        explainer = Explainer(case, looker, again, self.deadline, earlier)
        if about_certificate(failure):
            passed = await self._explain_certificate(address, seen, explainer, failure)
        else:
            passed = await explainer.explain()
        if passed is None:
            return None
        take_over(seen, passed.seen, failure)
        if seen.failure is not None:
            return await self._explain(address, seen, seen.failure, earlier=failure)
        return passed.session

    async def _explain_certificate(
        self, address: Address, seen: AddressFacts, explainer: Explainer, failure: Failure
    ) -> Attempt | None:
        endpoint, before = self._endpoint, seen.tls
        other = await self._look_behind(address, seen)
        if other is not None and other.cipher is not None and seen.greeting is None:
            look = await self._looker(address, self.deadline).look("say HTTP")
            note(seen, look)
            own = seen.chain[0] if seen.chain else None
            if (web := web_behind(failure, own, endpoint.host, look)) is not None:
                seen.failure = web
                return None
        trust_store = endpoint.ca_file is not None or trusts_anybody()
        cause = refine(failure, endpoint.host, seen, trust_store=trust_store)
        return await explainer.confirm(*certificate_steps(cause, before, other))

    def _looker(self, address: Address, deadline: float | None) -> Prober:
        return Prober(self._endpoint, address, self._allow, deadline)

    async def _look_behind(self, address: Address, seen: AddressFacts) -> TLSFacts | None:
        """A second connection, to tell what is behind a certificate that is not to be trusted.

        No credentials go over it, and its facts change nothing about the failure.

        Returns:
            What came of its handshake.
        """
        other = AddressFacts(seen.address)
        try:
            session = await open_at(
                [address], blind(self._endpoint), self._allow, self.deadline, other.timings
            )
        except SMTPSError:
            return None
        try:
            await self._talk(session, other, silent)
        except SMTPSError:
            pass
        except BaseException:
            session.dialogue.abort()
            raise
        _note(session, other)
        await session.quit()
        seen.greeting, seen.capabilities = other.greeting, other.capabilities
        seen.ehlo_name, seen.ehlo_name_refused = other.ehlo_name, other.ehlo_name_refused
        seen.ehlo_refusal = other.ehlo_refusal
        seen.quirks |= other.quirks
        for phase in (Phase.GREETING, Phase.EHLO):
            if phase in other.timings:
                seen.timings[phase] = other.timings[phase]
        return other.tls

    async def _try_mechanisms(
        self, address: Address, seen: AddressFacts, offered: tuple[str, ...]
    ) -> None:
        """Log in once more by each other mechanism; a definite refusal ends it."""
        seen.mechanisms[seen.mechanism or ""] = None
        endpoint = self._endpoint
        order = sasl.PASSWORD_ORDER if endpoint.password is not None else sasl.TOKEN_ORDER
        for name in sasl.candidates(offered, order):
            if name in seen.mechanisms or name.endswith("-PLUS"):
                continue
            session: Access | None = None
            one = replace(endpoint, mechanism=name)
            try:
                session = await open_at([address], one, self._allow, self.deadline, {})
                await session.begin()
                await session.login()
                seen.mechanisms[name] = None
            except SMTPSError as error:
                seen.mechanisms[name] = error.failure
            except BaseException:
                if session is not None:
                    session.dialogue.abort()
                raise
            if session is not None:
                await session.quit()
            failure = seen.mechanisms[name]
            if failure is not None and failure.code != "auth.mechanism_refused":
                return


_TLS_INSTEAD = {"starttls": "implicit", "implicit": "TLS inside"}
"""How TLS was to begin → the look for TLS in another place."""


def _must_staple(seen: AddressFacts) -> bool:
    """Whether the certificate asks for what only another look can see."""
    return bool(seen.chain) and seen.chain[0].must_staple


def _note(session: Access, seen: AddressFacts) -> None:
    """Take over what the session saw, however far it came."""
    seen.tls = session.tls or seen.tls
    if seen.tls is not None:
        _explain_chain(seen, seen.tls, session.endpoint)
    if session.greeting is not None:
        seen.greeting = session.greeting
    if session.capabilities.server_name:
        seen.capabilities = seen.capabilities or session.capabilities
        seen.ehlo_name = session.ehlo_name
        seen.ehlo_name_refused = session.ehlo_name != session.endpoint.ehlo_name
        seen.ehlo_refusal = session.ehlo_refusal
    seen.mechanism, seen.tried = session.mechanism, tuple(session.tried)
    seen.quirks |= session.dialogue.connection.quirks


def _explain_chain(seen: AddressFacts, tls: TLSFacts, endpoint: Endpoint) -> None:
    sent = [explain(der) for der in tls.chain]
    seen.unreadable = tuple(
        replace(found, place=place)
        for place, found in enumerate(sent)
        if isinstance(found, Unreadable)
    )
    readable = tuple(found for found in sent if isinstance(found, Certificate))
    own_is_readable = bool(sent) and isinstance(sent[0], Certificate)
    seen.chain = readable if own_is_readable else ()
    path = (explain(der) for der in tls.path)
    seen.path = tuple(found for found in path if isinstance(found, Certificate))
    if own_is_readable:
        seen.walk = walk(tls.chain, () if tls.verified else anchors(endpoint))
