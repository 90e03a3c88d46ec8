"""Questions to DNS itself: records that the system's resolver does not hand on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from smtps.errors import Failure, InputError, Phase
from smtps.net.names import literal, to_ascii

if TYPE_CHECKING:
    from dns.asyncresolver import Resolver as Asker
    from dns.resolver import Answer as Reply

T = TypeVar("T")

LIFETIME = 4.0
"""Seconds for a question, with all that is asked again."""

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
        resolver: who answered; empty if nobody did.
        failure: why there is no answer.
    """

    name: str
    values: tuple[T, ...] = ()
    canonical: str = ""
    exists: bool = True
    authenticated: bool = False
    resolver: str = ""
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class Service:
    """A place that offers a service (SRV, RFC 2782); the host ``.`` says that there is none."""

    host: str
    port: int
    priority: int = field(default=0, compare=False)
    weight: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class TLSA:
    """A certificate or key that DNS vouches for (RFC 6698 section 2.1)."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


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
        """IPv6 and IPv4 addresses."""
        six, four = await asyncio.gather(
            self._ask(name, "AAAA", _text), self._ask(name, "A", _text)
        )
        if six.failure is not None or not six.values:
            return four
        if four.failure is not None:
            return six
        return Answer(
            name,
            six.values + four.values,
            four.canonical or six.canonical,
            authenticated=six.authenticated and four.authenticated,
            resolver=four.resolver,
        )

    async def names(self, address: str) -> Answer[str]:
        """Names of an address in reverse DNS (PTR)."""
        import dns.reversename  # noqa: PLC0415

        found = dns.reversename.from_address(address.partition("%")[0])
        return await self._ask(str(found), "PTR", lambda record: _host(record.target))

    async def services(self, service: str, domain: str) -> Answer[Service]:
        """Where a service such as ``_submissions._tcp`` is offered, the best first (RFC 6186)."""
        answer = await self._ask(f"{service}.{domain}", "SRV", _service)
        ranked = sorted(answer.values, key=lambda found: (found.priority, -found.weight))
        return _with(answer, tuple(ranked))

    async def exchangers(self, domain: str) -> Answer[str]:
        """Hosts that take mail for a domain (MX), the best first."""
        answer = await self._ask(
            domain, "MX", lambda record: (record.preference, _host(record.exchange))
        )
        return _with(answer, tuple(host for _, host in sorted(answer.values) if host))

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
    return Service(_host(record.target) or ".", record.port, record.priority, record.weight)


def _tlsa(record: Any) -> TLSA:
    return TLSA(record.usage, record.selector, record.mtype, bytes(record.cert))


def askable(host: str) -> bool:
    """Whether a host is a name that public DNS could know anything about."""
    name = to_ascii(host)
    return literal(name) is None and "." in name and not name.endswith((".localhost", ".local"))
