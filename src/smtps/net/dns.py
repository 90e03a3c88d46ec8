"""DNS queries for records that the system's resolver does not return.

Targets of SRV records are tried by priority and, within one priority, at random by weight
(RFC 2782).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from smtps.chance import fraction
from smtps.errors import Failure, InputError, Phase
from smtps.net.hostnames import literal, to_ascii

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as Asker
    from dns.message import Message
    from dns.resolver import Answer as Reply

NOWHERE = "."
"""The target that says that the service is not offered."""


@dataclass(frozen=True, slots=True)
class Service:
    """A place that offers a service.

    Attributes:
        host: the target; ``.`` says that the service is not offered.
        port: there.
        priority: lower ones are tried first.
        weight: how often it is the first of its priority, in proportion to the others.
    """

    host: str
    port: int
    priority: int = 0
    weight: int = 0

    def __str__(self) -> str:
        return f"{self.host}:{self.port} (priority {self.priority}, weight {self.weight})"


def in_turn(services: Iterable[Service], chance: Callable[[], float] = fraction) -> list[Service]:
    """The targets in the order in which to try them.

    Args:
        services: as they came.
        chance: a number from 0 to 1, without 1, for each choice among equal priorities.

    Returns:
        Without those that can be no place: port 0, or the root beside other targets.
    """
    places = [each for each in dict.fromkeys(services) if each.port and each.host != NOWHERE]
    found: list[Service] = []
    for _, group in groupby(sorted(places, key=_rank), key=lambda each: each.priority):
        left = list(group)
        while left:
            found.append(left.pop(_choice(left, chance())))
    return found


def _rank(service: Service) -> tuple[int, int, str, int]:
    """By priority, weight 0 first; the rest makes it the same whatever order they came in."""
    return service.priority, service.weight, service.host, service.port


def _choice(services: list[Service], chance: float) -> int:
    """Of one priority: the first whose running sum of weights reaches a number up to the whole."""
    number = int(chance * (sum(each.weight for each in services) + 1))
    running = 0
    for place, each in enumerate(services):
        running += each.weight
        if running >= number:
            return place
    return len(services) - 1


T = TypeVar("T")

LIFETIME = 4.0
"""Seconds for a question, with all that is asked again."""

HALF_PATIENCE = 0.5
"""Seconds for the other family of addresses once one has answered."""

MOST_ALIASES = 24
"""CNAME records in a row that are followed by hand, to see that there are too many."""

_PORT = 53


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """What came of a question.

    Attributes:
        values: the records, in the order of use.
        name: what was asked for.
        canonical: where the CNAME records led, or ``name``.
        exists: whether the name has any record.
        authenticated: the resolver vouches for it by DNSSEC (RFC 4035 section 3.2.3).
        resolver: which one answered; empty if none did.
        failure: why there is no answer.
        unanswered: record types that were asked for too and not waited for.
    """

    name: str
    values: tuple[T, ...] = ()
    canonical: str = ""
    exists: bool = True
    authenticated: bool = False
    resolver: str = ""
    failure: Failure | None = None
    unanswered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TLSA:
    """A certificate or key that DNS vouches for (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


@dataclass(frozen=True, slots=True)
class Trace:
    """What a resolver says of a name.

    Attributes:
        name: what was asked for.
        code: its response code, such as ``NXDOMAIN``; empty where none answered.
        chain: the name, and where CNAME records led from it.
        zone: the zone whose servers say that the name does not exist, or empty.
        mail: hosts that take mail for the name, where it has no address; an empty one says none.
        resolver: who answered, or all that did not.
        dnssec: it answers as soon as nobody asks whether the answer is authentic.
    """

    name: str
    code: str = ""
    chain: tuple[str, ...] = ()
    zone: str = ""
    mail: tuple[str, ...] | None = None
    resolver: str = ""
    dnssec: bool = False

    @property
    def goes_round(self) -> bool:
        """Whether the CNAME records lead back to one of them."""
        return len(set(self.chain)) < len(self.chain)


class Resolver:
    """Asks one server, or those of the system.

    Args:
        server: address, with or without port; default the system's.
        lifetime: seconds for each question.

    Raises:
        InputError: ``server`` is no address.
    """

    def __init__(self, server: str | None = None, *, lifetime: float = LIFETIME) -> None:
        self._place = None if server is None else _place(server)
        self._lifetime = lifetime
        self._asker: Asker | None = None

    async def addresses(self, name: str) -> Answer[str]:
        """IPv6 and IPv4 addresses. Once one family has answered, the other gets little more time:
        some name servers never answer for it.
        """
        six = asyncio.create_task(self._ask(name, "AAAA", _text))
        four = asyncio.create_task(self._ask(name, "A", _text))
        try:
            await asyncio.wait((six, four), return_when=asyncio.FIRST_COMPLETED)
            first = six if six.done() else four
            if first.result().values:
                await asyncio.wait((six, four), timeout=HALF_PATIENCE)
            else:
                await asyncio.wait((six, four))
            return _both(_done(six, name, "AAAA"), _done(four, name, "A"))
        finally:
            for task in (six, four):
                task.cancel()
            await asyncio.gather(six, four, return_exceptions=True)

    async def names(self, address: str) -> Answer[str]:
        """Names of an address in reverse DNS (PTR)."""
        import dns.reversename  # noqa: PLC0415

        found = dns.reversename.from_address(address.partition("%")[0])
        return await self._ask(str(found), "PTR", lambda record: _host(record.target))

    async def services(self, service: str, domain: str) -> Answer[Service]:
        """Where a service such as ``_submissions._tcp`` is offered (SRV, RFC 6186), as the records
        stand; ``in_turn`` puts them in order.
        """
        return await self._ask(f"{service}.{domain}", "SRV", _service)

    async def exchangers(self, domain: str) -> Answer[str]:
        """Hosts that take mail for a domain (MX), the best first."""
        answer = await self._ask(
            domain, "MX", lambda record: (record.preference, _host(record.exchange))
        )
        return _with(answer, tuple(host for _, host in sorted(answer.values) if host))

    async def trace(self, name: str) -> Trace:
        """What a resolver says of a name in so many words, to learn why it leads nowhere.

        Follows CNAME records by hand where the resolver gave up, and asks once more without
        DNSSEC (RFC 4035 section 3.2.2) where it failed.
        """
        reply, server = await self._raw(name, "A")
        if reply is None:
            return Trace(name, resolver=server)
        chain = _aliases(reply, name)
        code = dns_code(reply)
        if code == "SERVFAIL":
            bare, _ = await self._raw(name, "A", checked=False)
            if bare is not None and dns_code(bare) != "SERVFAIL":
                return Trace(name, code, tuple(chain), resolver=server, dnssec=True)
            chain = await self._follow(name)
        mail = None
        if code == "NOERROR" and len(chain) == 1:
            mail = (await self.mail(name)).values or None
        return Trace(name, code, tuple(chain), _zone(reply), mail, resolver=server)

    async def mail(self, domain: str) -> Answer[str]:
        """The names of MX records as they stand; the root, empty, is a null MX (RFC 7505)."""
        return await self._ask(domain, "MX", lambda record: _host(record.exchange))

    async def _follow(self, name: str) -> list[str]:
        """Where CNAME records lead, one question each, until one comes round or there is none."""
        chain = [name]
        while len(chain) <= MOST_ALIASES:
            found = (
                await self._ask(chain[-1], "CNAME", lambda record: _host(record.target))
            ).values
            if not found:
                break
            chain.append(found[0])
            if found[0] in chain[:-1]:
                break
        return chain

    async def _raw(
        self, name: str, kind: str, *, checked: bool = True
    ) -> tuple[Message | None, str]:
        """The reply itself, of the first server that gives one, and who that was."""
        import dns.asyncquery  # noqa: PLC0415
        import dns.exception  # noqa: PLC0415
        import dns.flags  # noqa: PLC0415
        import dns.message  # noqa: PLC0415

        asker = self._system()
        servers = [str(server) for server in asker.nameservers]
        for server in servers:
            query = dns.message.make_query(f"{name.removesuffix('.')}.", kind)
            if not checked:
                query.flags |= dns.flags.CD
            try:
                reply, _ = await dns.asyncquery.udp_with_fallback(
                    query, server, timeout=self._lifetime / len(servers), port=asker.port
                )
            except (dns.exception.DNSException, OSError, EOFError):
                continue
            return reply, server
        return None, ", ".join(servers)

    async def tlsa(self, host: str, port: int) -> Answer[TLSA]:
        """Certificates that DNS vouches for (DANE, RFC 6698)."""
        return await self._ask(f"_{port}._tcp.{host}", "TLSA", _tlsa)

    async def _ask(self, name: str, kind: str, read: Callable[[Any], T]) -> Answer[T]:
        import dns.exception  # noqa: PLC0415
        import dns.resolver  # noqa: PLC0415

        try:
            found = await self._system().resolve(
                f"{name.removesuffix('.')}.",
                kind,
                lifetime=self._lifetime,
                raise_on_no_answer=False,
            )
        except dns.resolver.NXDOMAIN:
            return Answer(name, exists=False)
        except dns.exception.Timeout:
            return Answer(name, failure=_failure("dns.timeout", name, "no resolver answered"))
        except dns.exception.DNSException as error:
            return Answer(name, failure=_failure("dns.lookup_failed", name, str(error)))
        except OSError as error:
            return Answer(name, failure=_failure("dns.lookup_failed", name, error.strerror or ""))
        return _answer(name, found, read)

    def _system(self) -> Asker:
        if self._asker is None:
            import dns.asyncresolver  # noqa: PLC0415
            import dns.flags  # noqa: PLC0415

            self._asker = dns.asyncresolver.Resolver(configure=self._place is None)
            if self._place is not None:
                self._asker.nameservers = [self._place[0]]
                self._asker.port = self._place[1]
            # Asked so, a resolver that validates says whether the answer is authentic.
            self._asker.use_edns(0, dns.flags.DO, 1232)
            self._asker.flags = dns.flags.RD | dns.flags.AD
        return self._asker


def dns_code(reply: Message) -> str:
    """Response code of a reply, by name (RFC 1035 section 4.1.1)."""
    import dns.rcode  # noqa: PLC0415

    return dns.rcode.to_text(reply.rcode())


def _aliases(reply: Message, name: str) -> list[str]:
    """The CNAME records of a reply, from the name on."""
    import dns.rdatatype  # noqa: PLC0415

    leads = {
        _host(rrset.name): _host(rrset[0].target)
        for rrset in reply.answer
        if rrset.rdtype == dns.rdatatype.CNAME
    }
    chain = [name.lower().removesuffix(".")]
    while (target := leads.get(chain[-1])) is not None:
        chain.append(target)
        if target in chain[:-1]:
            break
    return chain


def _zone(reply: Message) -> str:
    """The owner of the SOA record in a reply that says no (RFC 2308 section 3)."""
    import dns.rdatatype  # noqa: PLC0415

    owners = (_host(r.name) for r in reply.authority if r.rdtype == dns.rdatatype.SOA)
    return next(owners, "")


def _done(task: asyncio.Task[Answer[str]], name: str, kind: str) -> Answer[str]:
    if task.done():
        answer = task.result()
        return answer if answer.failure is None else replace(answer, unanswered=(kind,))
    late = _failure("dns.timeout", name, f"no resolver answered for {kind}")
    return Answer(name, failure=late, unanswered=(kind,))


def _both(six: Answer[str], four: Answer[str]) -> Answer[str]:
    """The addresses of both families, or of the one that has some."""
    if not six.values:
        if not four.values and four.failure is None and six.failure is not None:
            return six
        return replace(four, unanswered=six.unanswered) if four.values else four
    if not four.values:
        return replace(six, unanswered=four.unanswered)
    return Answer(
        six.name,
        six.values + four.values,
        four.canonical or six.canonical,
        authenticated=six.authenticated and four.authenticated,
        resolver=four.resolver,
    )


def _place(server: str) -> tuple[str, int]:
    host, colon, port = server.rpartition(":")
    if not colon or (":" in host and not host.endswith("]")):
        host, port = server, str(_PORT)
    address = literal(host)
    if address is None or not port.isdigit() or not 1 <= int(port) <= 65535:
        raise InputError("resolver", "must be an address, with or without port: 192.0.2.1:53")
    return str(address), int(port)


def _failure(code: str, name: str, why: str) -> Failure:
    return Failure(
        code=code, phase=Phase.DNS, message=f"{name} could not be looked up: {why}.", retryable=True
    )


def _answer(name: str, found: Reply, read: Callable[[Any], T]) -> Answer[T]:
    import dns.flags  # noqa: PLC0415

    records = found.rrset if found.rrset is not None else ()
    return Answer(
        name,
        tuple(read(record) for record in records),
        canonical=_host(found.canonical_name),
        authenticated=bool(found.response.flags & dns.flags.AD),
        resolver=str(found.nameserver or ""),
    )


def _with(answer: Answer[Any], values: tuple[T, ...]) -> Answer[T]:
    return replace(answer, values=values)


def _host(name: Any) -> str:
    """A name of DNS as host names are written; the root is empty."""
    return str(name).lower().removesuffix(".")


def _text(record: Any) -> str:
    return str(record.address)


def _service(record: Any) -> Service:
    return Service(_host(record.target) or NOWHERE, record.port, record.priority, record.weight)


def _tlsa(record: Any) -> TLSA:
    return TLSA(record.usage, record.selector, record.mtype, bytes(record.cert))


def askable(host: str) -> bool:
    """Whether a host is a name that public DNS could know anything about."""
    name = to_ascii(host)
    return literal(name) is None and "." in name and not name.endswith((".localhost", ".local"))


_SPECIAL = frozenset(
    {
        "alt", "arpa", "corp", "example", "home", "internal", "intranet", "invalid", "lan", "local",
        "localdomain", "localhost", "onion", "private", "test",
    }
)  # fmt: skip
"""Top-level domains that are special by RFC 6761 and its kin, or never delegated for good."""


def in_public_dns(host: str) -> bool:
    """Whether a name is one that the whole Internet shares, so that it should lead to a public
    address.
    """
    return askable(host) and to_ascii(host).rpartition(".")[2] not in _SPECIAL
