"""Mail providers and what is true of each (``providers.toml``); and the seed's table of ports."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from smtps.options import Security


@dataclass(frozen=True, slots=True)
class Port:
    """A row of the seed's table of ports."""

    port: int
    name: str
    tls: str
    usage: str

    def as_json(self) -> dict[str, Any]:
        """All four."""
        return asdict(self)


PORTS = (
    Port(25, "SMTP", "Optional STARTTLS", "Server-to-server relay"),
    Port(465, "SMTPS", "Implicit TLS", "Client submission (recommended by RFC 8314)"),
    Port(587, "Submission", "STARTTLS upgrade", "Client submission (RFC 6409)"),
    Port(2525, "Alt Submission", "Varies", "Alternative when 587 is blocked"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens."""

    host: str
    port: int
    security: Security


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider.

    Attributes:
        id: short name.
        name: as people know it.
        host, port, security: the place to use first.
        domains: what stands behind the @ of its users.
        alternatives: other places.
        login: what password is wanted, in a sentence.
        limits, remark: in a sentence, or empty.
        sources: where the facts are from.
        seed: the seed's row, if it has one.
        correction: what is wrong with that row, or None.
    """

    id: str
    name: str
    host: str
    port: int
    security: Security
    domains: tuple[str, ...]
    alternatives: tuple[Place, ...]
    login: str
    limits: str
    remark: str
    sources: tuple[str, ...]
    seed: tuple[str, int] | None
    correction: str | None

    def as_json(self) -> dict[str, Any]:
        """For answers and ``--json``."""
        seed = {"host": self.seed[0], "port": self.seed[1]} if self.seed else None
        return {**asdict(self), "seed": seed}

    def matches(self, text: str) -> bool:
        """Whether ``text`` (small letters) is part of a name, domain or host."""
        hosts = (self.host, *(place.host for place in self.alternatives))
        return any(text in word.lower() for word in (self.id, self.name, *self.domains, *hosts))


@cache
def all_providers() -> tuple[Provider, ...]:
    """All of them, the seed's first."""
    text = files("smtps").joinpath("providers.toml").read_text(encoding="utf-8")
    return tuple(_read(row) for row in tomllib.loads(text)["provider"])


def search(text: str = "") -> tuple[Provider, ...]:
    """Those that have ``text`` in name, domain or host, exact matches first."""
    wanted = text.strip().lower()
    found = [provider for provider in all_providers() if provider.matches(wanted)]
    exact = {p.id for p in found if wanted in (p.id, p.name.lower(), p.host, *p.domains)}
    return tuple(sorted(found, key=lambda provider: provider.id not in exact))


def _read(row: dict[str, Any]) -> Provider:
    places = [
        Place(place.get("host", row["host"]), place["port"], place["security"])
        for place in row.get("alternatives", ())
    ]
    seed = row.get("seed")
    return Provider(
        id=row["id"],
        name=row["name"],
        host=row["host"],
        port=row.get("port", 465),
        security=row.get("security", "implicit"),
        domains=tuple(row.get("domains", ())),
        alternatives=tuple(places),
        login=row["login"],
        limits=row.get("limits", ""),
        remark=row.get("remark", ""),
        sources=tuple(row["sources"]),
        seed=(seed["host"], seed["port"]) if seed else None,
        correction=row.get("correction"),
    )
