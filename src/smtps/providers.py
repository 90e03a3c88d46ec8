"""What mail providers offer for sending: a table with sources, in ``providers.toml``.

Facts of others, as of 2026; no server was asked. The portofcall API's rows are kept as they are,
beside the correction where one is due.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from smtps.endpoint import DEFAULT_PORT, Security, security_of


@dataclass(frozen=True, slots=True)
class Place:
    """A host and port that take mail, and how TLS begins there: the port does not tell."""

    host: str
    port: int
    security: Security

    def as_json(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Seed:
    """A row of the portofcall API's table of SMTPS servers, to the letter."""

    host: str
    port: int

    def as_json(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One provider, or one of its regions.

    Attributes:
        id: stable short name.
        name: as people know it.
        domains: of its mail addresses; none where customers bring their own.
        host, port, security: the place to use.
        alternatives: other places that are listed.
        login: what password is wanted, in one sentence.
        limits: how much may be sent, where that is known.
        remark: what else to know.
        correction: what is wrong with ``seed``.
        seed: the portofcall API's row, for the six that it has.
        exchangers: how the names of its MX hosts end, where it takes mail for customers' domains;
            common knowledge, used to guess by and not told.
        sources: who says so, with the year where it is known.
    """

    id: str
    name: str
    domains: tuple[str, ...]
    host: str
    port: int
    security: Security
    alternatives: tuple[Place, ...] = ()
    login: str
    limits: str | None = None
    remark: str | None = None
    correction: str | None = None
    seed: Seed | None = None
    exchangers: tuple[str, ...] = ()
    sources: tuple[str, ...]

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Read a row of the file.

        Raises:
            KeyError, TypeError: a key is missing or unknown.
        """
        others, seed = row.get("alternatives", ()), row.get("seed")
        lists = {
            name: tuple(row[name]) for name in ("domains", "exchangers", "sources") if name in row
        }
        places = tuple(Place(**{"host": row["host"]} | place) for place in others)
        return cls(
            **{**row, **lists, "alternatives": places, "seed": Seed(**seed) if seed else None}
        )

    @property
    def hosts(self) -> tuple[str, ...]:
        """All its hosts, each once, the one to use first."""
        return tuple(dict.fromkeys((self.host, *(place.host for place in self.alternatives))))

    def place(self, security: Security | None = None, port: int = 0) -> Place:
        """The listed place with this kind of TLS and this port, the one to use first.

        Args:
            security: None for whatever is listed.
            port: 0 for whatever is listed.

        Returns:
            What was asked for, at the usual host, where nothing of the kind is listed.
        """
        for place in (Place(self.host, self.port, self.security), *self.alternatives):
            if security in (None, place.security) and port in (0, place.port):
                return place
        security = security or (security_of(port) if port else self.security)
        return Place(self.host, port or DEFAULT_PORT[security], security)

    def as_json(self) -> dict[str, Any]:
        """For JSON: every key is always there, and null where nothing is known."""
        return {
            "id": self.id,
            "name": self.name,
            "domains": list(self.domains),
            "host": self.host,
            "port": self.port,
            "security": self.security,
            "alternatives": [place.as_json() for place in self.alternatives],
            "login": self.login,
            "limits": self.limits,
            "remark": self.remark,
            "correction": self.correction,
            "seed": self.seed.as_json() if self.seed else None,
            "sources": list(self.sources),
        }


_ID = re.compile(r"[a-z0-9-]+")


@cache
def all_providers() -> tuple[Provider, ...]:
    """All providers; first the portofcall API's six, in its order."""
    text = Path(__file__).with_name("providers.toml").read_text(encoding="utf-8")
    return tuple(Provider.of(row) for row in tomllib.loads(text)["provider"])


def search(text: str) -> tuple[Provider, ...]:
    """Providers that have every word of ``text`` in their id, name, domains or hosts.

    Args:
        text: in any case; of a mail address only the domain counts. Empty gives all.

    Returns:
        First those that have ``text`` as a whole for id, name, domain or host.
    """
    wanted = text.strip().casefold().rpartition("@")[2]
    words = wanted.split()
    found = [p for p in all_providers() if all(word in "\n".join(_names(p)) for word in words)]
    return tuple(sorted(found, key=lambda provider: wanted not in _names(provider)))


def by_id(name: str) -> Provider | None:
    """The provider of this id, such as ``gmail``."""
    wanted = name.strip().casefold()
    if not _ID.fullmatch(wanted):
        return None  # without reading the file for every host name
    return next((p for p in all_providers() if p.id == wanted), None)


def by_host(host: str) -> Provider | None:
    """The provider of this server; one that uses it goes before one that only lists it."""
    wanted = _plain(host)
    providers = all_providers()
    first = (provider for provider in providers if provider.host == wanted)
    return next(first, None) or next((p for p in providers if wanted in p.hosts), None)


def by_domain(domain: str) -> Provider | None:
    """The provider of the mail addresses at this domain, not at those below it."""
    wanted = _plain(domain)
    return next((p for p in all_providers() if wanted in p.domains), None)


def by_exchanger(host: str) -> Provider | None:
    """The provider whose MX host this is."""
    name = f".{_plain(host)}"
    found = (p for p in all_providers() if any(name.endswith(f".{end}") for end in p.exchangers))
    return next(found, None)


def _names(provider: Provider) -> tuple[str, ...]:
    return (provider.id, provider.name.casefold(), *provider.domains, *provider.hosts)


def _plain(name: str) -> str:
    return name.strip().casefold().removesuffix(".")


@dataclass(frozen=True, slots=True)
class Port:
    """A row of the portofcall API's comparison of ports."""

    port: int
    name: str
    tls: str
    usage: str

    def as_json(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


PORTS = (
    Port(25, "SMTP", "Optional STARTTLS", "Server-to-server relay"),
    Port(465, "SMTPS", "Implicit TLS", "Client submission (recommended by RFC 8314)"),
    Port(587, "Submission", "STARTTLS upgrade", "Client submission (RFC 6409)"),
    Port(2525, "Alt Submission", "Varies", "Alternative when 587 is blocked"),
)
"""The portofcall API's table of ports, to the letter."""
