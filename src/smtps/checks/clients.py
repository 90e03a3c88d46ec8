"""Which other mail programs a server would fail, and why: read from the facts, nothing is tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from smtps.checks.facts import AddressFacts
from smtps.checks.rules.protocol import LATE_GREETING
from smtps.checks.rules.trust import missing_link

Why = Callable[[AddressFacts], str | None]
"""Why this kind of client fails at an address, or None if it does not."""


@dataclass(frozen=True, slots=True)
class Client:
    """How a kind of client fares.

    Attributes:
        name: what sets it apart.
        why: it fails; None if it does not.
    """

    name: str
    why: str | None

    def as_json(self) -> dict[str, Any]:
        """``{"client", "works", "why"}``."""
        return {"client": self.name, "works": self.why is None, "why": self.why}


def _strict(address: AddressFacts) -> str | None:
    chain = address.path or address.chain
    faults = [fault for certificate in chain for fault in certificate.strict_faults]
    return f"The chain has {faults[0]}." if faults else None


def _without_intermediate(address: AddressFacts) -> str | None:
    missing = missing_link(address)
    return f"The server does not send {missing.subject}." if missing else None


def _without_sha1(address: AddressFacts) -> str | None:
    signed = [c for c in address.chain if c.signature in ("sha1", "md5") and not c.self_signed]
    return f"{signed[0].subject} is signed with {signed[0].signature.upper()}." if signed else None


def _alternative_names(address: AddressFacts) -> str | None:
    own = address.chain[0] if address.chain else None
    return "The certificate has no subjectAltName." if own and own.common_name_only else None


def _impatient(address: AddressFacts) -> str | None:
    waited = address.timings.get("greeting", 0.0) / 1000
    return f"The greeting took {waited:.1f} seconds." if waited * 1000 >= LATE_GREETING else None


def _old(address: AddressFacts) -> str | None:
    look = address.looks.get("TLSv1.2")
    return "The server does not support TLS 1.2." if look is not None and not look.secured else None


def _new(address: AddressFacts) -> str | None:
    look = address.looks.get("TLSv1.3")
    return "The server does not support TLS 1.3." if look is not None and not look.secured else None


KINDS: dict[str, Why] = {
    "strict about certificates (Python from 3.13 on)": _strict,
    "without the missing intermediate (most that are not browsers)": _without_intermediate,
    "without SHA-1 signatures (all current systems)": _without_sha1,
    "that reads subjectAltName only (Go, browsers)": _alternative_names,
    "that waits five seconds for the greeting": _impatient,
    "without TLS 1.3 (Windows 10, OpenSSL 1.0.2)": _old,
    "with TLS 1.3 only": _new,
}


def fare(address: AddressFacts) -> list[Client]:
    """How each kind fares at an address that this client can use; empty at one that it cannot."""
    if not address.reached:
        return []
    return [Client(name, why(address)) for name, why in KINDS.items()]
