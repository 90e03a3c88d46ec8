"""A chain walked link by link. It explains what OpenSSL decides, and decides nothing itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from smtps.diagnosis.certificate import explain, load
from smtps.diagnosis.facts import Certificate, Link, Walk

if TYPE_CHECKING:
    from cryptography import x509

MOST = 32
"""Certificates of a chain that are looked at."""


def walk(sent: Sequence[bytes], anchors: tuple[bytes, ...]) -> Walk | None:
    """The way from the server's own certificate upwards.

    Args:
        sent: what the server sent, DER, its own first.
        anchors: the authorities that are trusted here, DER.

    Returns:
        None if the server's own cannot be read.
    """
    nodes = [_node(der, place) for place, der in enumerate(sent[:MOST])]
    if not nodes or nodes[0] is None:
        return None
    climber = _Climber([node for node in nodes if node is not None], _by_name(anchors))
    own = nodes[0]
    links, end = climber.climb(own)
    last = links[-1]
    return Walk(
        tuple(Link(node.facts, node.place) for node in links),
        end,
        climber.foreign(own),
        namesake=climber.has_namesake(last, end),
    )


class _Node(NamedTuple):
    """A certificate in both forms, with its names as they are compared."""

    der: bytes
    found: x509.Certificate
    facts: Certificate
    subject: str
    issuer: str
    place: int | None


@lru_cache(maxsize=1024)
def _node(der: bytes, place: int | None) -> _Node | None:
    found, facts = load(der), explain(der)
    if found is None or not isinstance(facts, Certificate):
        return None
    return _Node(der, found, facts, _name(facts.subject), _name(facts.issuer), place)


def _name(text: str) -> str:
    """RFC 5280 section 7.1: neither case nor the number of spaces matters."""
    return " ".join(text.split()).casefold()


@lru_cache(maxsize=16)
def _by_name(anchors: tuple[bytes, ...]) -> dict[str, list[bytes]]:
    """Subject → authorities."""
    found: dict[str, list[bytes]] = {}
    for der in anchors:
        if (subject := _subject(der)) is not None:
            found.setdefault(_name(subject), []).append(der)
    return found


def _subject(der: bytes) -> str | None:
    """Without the rest, of which there are 150; None if it cannot be read, and so trusts nobody."""
    certificate = load(der)
    try:
        return certificate.subject.rfc4514_string() if certificate is not None else None
    except Exception:  # noqa: BLE001  # see explain
        return None


class _Climber:
    """Climbs from issuer to issuer, those that are trusted here first, as OpenSSL does."""

    def __init__(self, sent: list[_Node], anchors: dict[str, list[bytes]]) -> None:
        self._sent = sent
        self._anchors = anchors
        self._seen: set[bytes] = set()

    def has_namesake(self, last: _Node, end: str) -> bool:
        """Whether somebody goes by the name where the way ends, with another key."""
        if end == "root":
            return bool(self._anchors.get(last.subject))
        return end == "missing" and bool(self._here(last.issuer) + self._there(last.issuer))

    def climb(self, node: _Node) -> tuple[list[_Node], Literal["trusted", "root", "missing"]]:
        """The first way that ends at a trusted authority; else the longest."""
        self._seen.add(node.der)
        if node.facts.self_signed:
            return [node], "trusted" if node.der in self._anchors.get(node.subject, ()) else "root"
        best: list[_Node] = []
        end: Literal["root", "missing"] = "missing"
        for issuer in self._issuers(node):
            if issuer.der in self._seen:
                continue
            way, there = self.climb(issuer)
            if there == "trusted":
                return [node, *way], "trusted"
            if len(way) > len(best):
                best, end = way, there
        return [node, *best], end

    def _issuers(self, node: _Node) -> list[_Node]:
        """Once OpenSSL has found one here, it looks for the rest of the way here as well."""
        here = [each for each in self._here(node.issuer) if _issued(node, each)]
        if here or node.place is None:
            return here
        return [each for each in self._there(node.issuer) if _issued(node, each)]

    def _here(self, subject: str) -> list[_Node]:
        found = [_node(der, None) for der in self._anchors.get(subject, ())]
        return [node for node in found if node is not None]

    def _there(self, subject: str) -> list[_Node]:
        return [node for node in self._sent if node.subject == subject]

    def foreign(self, own: _Node) -> tuple[Link, ...]:
        """What is on no way from the server's own certificate."""
        reached, left = {own.der}, [own]
        while left:
            node = left.pop()
            for issuer in self._sent:
                if issuer.der in reached or issuer.subject != node.issuer:
                    continue
                if _issued(node, issuer):
                    reached.add(issuer.der)
                    left.append(issuer)
        return tuple(Link(n.facts, n.place) for n in self._sent if n.der not in reached)


def _issued(node: _Node, issuer: _Node) -> bool:
    return _signed(node.der, issuer.der)


@lru_cache(maxsize=4096)
def _signed(der: bytes, issuer_der: bytes) -> bool:
    """Whether the one's signature is by the other's key; by the names alone if nobody can tell."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415

    found, issuer = load(der), load(issuer_der)
    if found is None or issuer is None:
        return False
    try:
        found.verify_directly_issued_by(issuer)
    except InvalidSignature:
        return False
    except Exception:  # noqa: BLE001  # an algorithm, or a spelling of the name, it does not know
        return True
    return True
