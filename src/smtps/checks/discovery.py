"""From a mail address to the server that takes its mail, each step shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any

from smtps.chance import fraction
from smtps.checks.route import Discovery, Source, Step, outgoing_servers
from smtps.core.address import Mailbox
from smtps.endpoint import Security
from smtps.errors import Failure, InputError, Phase, SMTPSError
from smtps.net.dial import connect_any
from smtps.net.dns import NOWHERE, Answer, Resolver, Service, in_turn
from smtps.net.egress import Allow
from smtps.net.fetch import Client
from smtps.net.hostnames import to_ascii
from smtps.net.resolve import resolve
from smtps.providers import Place, Provider, by_domain, by_exchanger

ISPDB = "https://autoconfig.thunderbird.net/v1.1/"
"""Thunderbird's public list. It is told the domain, never the address."""

_SERVICES: tuple[tuple[str, Security], ...] = (
    ("_submissions._tcp", "implicit"),
    ("_submission._tcp", "starttls"),
)
"""RFC 8314 section 5.1, RFC 6186 section 3.1."""

_FINAL = ("dns.submission_not_offered", "dns.null_mx")
"""What the domain says once and for all: guessing would not help."""

_GUESSES = ("smtp", "mail", "submission")
_GUESSED: tuple[tuple[int, Security], ...] = ((465, "implicit"), (587, "starttls"))


def _declined(domain: str) -> Failure:
    """Every kind of submission service is said not to be there (RFC 6186 section 3.4)."""
    return Failure(
        code="dns.submission_not_offered",
        phase=Phase.DNS,
        message=f"{domain}'s DNS records say that it offers no mail submission (SRV records with "
        "“.”).",
    )


_TOO_LATE = Failure(
    code="dns.timeout",
    phase=Phase.DNS,
    message="No server was found within the time limit.",
    retryable=True,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """What the sources are asked with.

    Attributes:
        resolver: for DNS.
        server: address of the DNS server to ask for addresses in place of the system's.
        fetcher: for HTTPS.
        ispdb: where Thunderbird's list is; None leaves it out.
        https_port: of autoconfig.
        allow: egress policy for guesses and targets of SRV records, which are connected to and left
            at once.
        patience: seconds for a guess, or the target of an SRV record, to answer.
        chance: a number from 0 to 1 for each choice among SRV records of one priority.
    """

    resolver: Resolver = field(default_factory=Resolver)
    server: str | None = None
    fetcher: Client = field(default_factory=Client)
    ispdb: str | None = ISPDB
    https_port: int = 443
    allow: Allow | None = None
    patience: float = 4.0
    chance: Callable[[], float] = fraction


def means(
    *, resolver: str | None = None, allow: Allow | None = None, allow_web: Allow | None = None
) -> Means:
    """The usual means.

    Args:
        resolver: DNS server in place of the system's.
        allow, allow_web: egress policies for mail servers and for HTTPS.
    """
    return Means(
        resolver=Resolver(resolver),
        server=resolver,
        fetcher=Client(allow=allow_web, resolver=resolver),
        allow=allow,
    )


async def discover(
    address: str,
    means: Means | None = None,
    *,
    deadline: float | None = None,
    listening: bool = True,
) -> Discovery:
    """Find the submission server of a mail address; the first source that knows one ends it.

    Args:
        address: ``someone@example.com``, a domain behind ``@``, or a domain alone.
        means: what to ask with; default the system's.
        deadline: the loop's time at which the search ends; what was found until then counts.
        listening: put targets of SRV records that do not answer behind those that do.

    Raises:
        InputError: it is no mail address.
    """
    domain = mail_domain(address)
    inquiry = _Inquiry(address, domain, means or Means(), deadline, listening)
    steps: list[Step] = []
    for source, search in _SOURCES.items():
        try:
            async with asyncio.timeout_at(deadline):
                async for step in search(inquiry):
                    steps.append(step)
                    if step.servers or (step.failure and step.failure.code in _FINAL):
                        return Discovery(address, domain, tuple(steps))
        except TimeoutError:
            steps.append(Step(source, domain, (), _TOO_LATE.message, _TOO_LATE))
            break
    return Discovery(address, domain, tuple(steps))


def mail_domain(address: str) -> str:
    """The domain of a mail address, in its ASCII form.

    Args:
        address: ``someone@example.com``, a domain behind ``@``, or a domain alone.

    Raises:
        InputError: it is no mail address, or has a literal one for its domain.
    """
    text = f"@{address}" if "." in address and "@" not in address else address
    if text.startswith("@"):
        text = f"postmaster{text}"
    domain = Mailbox.parse(text, field="address").domain
    if domain.startswith("["):
        raise InputError(
            "address", "has an address literal as its domain, so there is no server to find"
        )
    return to_ascii(domain, "address")


@dataclass(frozen=True, slots=True)
class _Inquiry:
    address: str
    domain: str
    means: Means
    deadline: float | None = None
    listening: bool = True


async def _srv(inquiry: _Inquiry) -> AsyncIterator[Step]:
    """The domain's own word, in DNS."""
    resolver = inquiry.means.resolver
    answers = await asyncio.gather(
        *(resolver.services(service, inquiry.domain) for service, _ in _SERVICES)
    )
    found: list[tuple[Place, Service]] = []
    declined = 0
    for (service, security), answer in zip(_SERVICES, answers, strict=True):
        offered = in_turn(answer.values, inquiry.means.chance)
        none = "" if offered else _none(answer)
        declined += none == DECLINED
        failure = answer.failure
        if declined == len(_SERVICES):
            failure = _declined(inquiry.domain)
        if not offered:
            asked = f"{service}.{inquiry.domain}"
            yield Step("srv", asked, (), none or _remark(answer), failure)
        found += [(Place(each.host, each.port, security), each) for each in offered]
    if found:
        names = " and ".join(f"{service}.{inquiry.domain}" for service, _ in _SERVICES)
        places = [place for place, _ in found]
        silent = await _silent(inquiry, places)
        ranks = ", ".join(str(each) for _, each in found) if len(found) > 1 else ""
        remark = "; ".join(filter(None, (ranks, _passed_by(silent))))
        yield Step("srv", names, _silent_last(places, silent), remark)


DECLINED = "the domain says that it has none"


def _none(answer: Answer[Service]) -> str:
    """Why records lead to no server."""
    if any(each.host == NOWHERE for each in answer.values):
        return DECLINED
    return "no record names a host and a port" if answer.values else ""


async def _silent(inquiry: _Inquiry, places: list[Place]) -> list[Place]:
    """Those that do not answer, where there is a choice. The client's order is kept behind them."""
    if not inquiry.listening or len({(place.host, place.port) for place in places}) < 2:
        return []
    tries = {asyncio.create_task(_listens(inquiry.means, place)): place for place in places}
    loop, seconds = asyncio.get_running_loop(), inquiry.means.patience
    if inquiry.deadline is not None:  # the records are found, and the check needs its time
        seconds = min(seconds, (inquiry.deadline - loop.time()) / 4)
    try:
        await asyncio.wait(tries, timeout=max(seconds, 0.0))
        return [place for task, place in tries.items() if not task.done() or not task.result()]
    finally:
        for task in tries:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)


def _passed_by(silent: list[Place]) -> str:
    names = " and ".join(f"{place.host}:{place.port}" for place in silent)
    return f"no connection to {names}" if silent else ""


def _silent_last(places: list[Place], silent: list[Place]) -> tuple[Place, ...]:
    """What RFC 2782 wants done: the next target is used where one cannot be connected to."""
    return tuple(sorted(dict.fromkeys(places), key=lambda place: place in silent))


async def _autoconfig(inquiry: _Inquiry) -> AsyncIterator[Step]:
    """The domain's own word, on the web."""
    domain, port = inquiry.domain, inquiry.means.https_port
    place = "" if port == 443 else f":{port}"
    urls = (
        f"https://autoconfig.{domain}{place}/mail/config-v1.1.xml",
        f"https://{domain}{place}/.well-known/autoconfig/mail/config-v1.1.xml",
    )
    for step in await asyncio.gather(*(_document(inquiry, "autoconfig", url) for url in urls)):
        yield step


async def _ispdb(inquiry: _Inquiry) -> AsyncIterator[Step]:
    """Thunderbird's list."""
    if inquiry.means.ispdb is not None:
        yield await _document(inquiry, "ispdb", inquiry.means.ispdb + inquiry.domain)


async def _providers(inquiry: _Inquiry) -> AsyncIterator[Step]:
    """Our own table."""
    yield _known(by_domain(inquiry.domain), "providers", inquiry.domain)


async def _exchangers(inquiry: _Inquiry) -> AsyncIterator[Step]:
    """Who takes the domain's mail often sends it too."""
    answer = await inquiry.means.resolver.exchangers(inquiry.domain)
    if not answer.values:
        step = Step("mx", inquiry.domain, (), _remark(answer), answer.failure)
        yield _said_no(step, await inquiry.means.resolver.mail(inquiry.domain))
    for host in answer.values[:1]:
        step = _known(by_exchanger(host), "mx", host)
        yield step
        parent = host.partition(".")[2]
        if not step.servers and inquiry.means.ispdb is not None and "." in parent:
            yield await _document(inquiry, "mx", inquiry.means.ispdb + parent)


def _said_no(step: Step, mail: Answer[str]) -> Step:
    """What it means that no host takes the domain's mail."""
    domain = step.asked
    if mail.values == ("",):
        code, message = "dns.null_mx", f"{domain} accepts no mail at all (null MX)."
    elif not mail.exists:
        code, message = "dns.name_not_found", f"The domain {domain} does not exist in DNS."
    else:
        return step
    failure = Failure(code=code, phase=Phase.DNS, message=message)
    return replace(step, remark=message, failure=failure)


async def _guesses(inquiry: _Inquiry) -> AsyncIterator[Step]:
    """Usual names, if something listens there."""
    for name in _GUESSES:
        host = f"{name}.{inquiry.domain}"
        found = await asyncio.gather(
            *(_listens(inquiry.means, Place(host, *port)) for port in _GUESSED)
        )
        servers = tuple(place for place in found if place is not None)
        yield Step("guess", host, servers, "" if servers else "nothing is listening there")


_SOURCES: dict[Source, Callable[[_Inquiry], AsyncIterator[Step]]] = {
    "srv": _srv,
    "autoconfig": _autoconfig,
    "ispdb": _ispdb,
    "providers": _providers,
    "mx": _exchangers,
    "guess": _guesses,
}
"""In this order: who should know best comes first."""


async def _document(inquiry: _Inquiry, source: Source, url: str) -> Step:
    try:
        found = await inquiry.means.fetcher.get(url)
        if found.status != 200:
            return Step(source, url, (), f"HTTP status {found.status}")
        servers = outgoing_servers(found.body, inquiry.address)
    except SMTPSError as error:
        return Step(source, url, (), str(error))
    except ValueError as error:
        return Step(source, url, (), f"not a document of this kind: {error}")
    return Step(source, url, servers, "" if servers else "it names no server with TLS")


def _known(provider: Provider | None, source: Source, asked: str) -> Step:
    if provider is None:
        return Step(source, asked, (), "not in the table of providers")
    places = (Place(provider.host, provider.port, provider.security), *provider.alternatives)
    return Step(source, asked, tuple(dict.fromkeys(places)), f"{provider.name}: {provider.login}")


async def _listens(means: Means, place: Place) -> Place | None:
    try:
        addresses = await resolve(
            place.host, place.port, timeout=means.patience, resolver=means.server
        )
        wire = await connect_any(addresses, timeout=means.patience, allow=means.allow)
    except SMTPSError:
        return None
    wire.abort()
    return place


def _remark(answer: Answer[Any]) -> str:
    return answer.failure.message if answer.failure else "no such record"
