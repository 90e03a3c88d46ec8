"""The persona matrix: each misbehaviour gives its findings and no others, with their weight."""

from __future__ import annotations

import asyncio
import gc
import ssl
import weakref
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import smtps
from smtps.advice import ADVICE
from smtps.cli import exits
from smtps.net.tls import ciphers
from smtps.net.wire import Wire
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.persona import Persona
from smtps.sandbox.personas import PERSONAS
from smtps.sandbox.server import Sandbox

WORKS = {
    "healthy",
    "chain",
    "short-lived",
    "chain-out-of-order",
    "chain-and-more",
    "starttls",
    "drop-after-data",
    "no-goodbye",
    "forwards",
    "spam",
}
WARNINGS = {
    "expires-soon", "not-strict", "common-name-only", "old-tls-too", "weak-cipher-too",
    "auth-in-clear", "starttls-inside", "late-greeting", "picky-about-names", "bare-line-feeds",
    "no-auth", "open-relay", "large-hello", "version-7",
}  # fmt: skip
LATER = {"too-many-connections", "shutting-down", "too-many-logins", "greylisting", "quota"}
"""All others fail."""

SENT = {"no-goodbye": "sent", "forwards": "sent", "spam": "refused", "drop-after-data": "uncertain",
        "too-large": None, "mailbox-not-permitted": "refused"}  # fmt: skip


def hurried(persona: Persona) -> Persona:
    """The same with a shorter wait, where the length of the wait is not the point."""
    return replace(persona, greeting_delay=0.5) if persona.in_clear else persona


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> Iterator[weakref.WeakSet[Wire]]:
    """Those that are in memory; no collection helps them out of it."""
    found: weakref.WeakSet[Wire] = weakref.WeakSet()
    made = Wire.connection_made

    def noted(wire: Wire, transport: asyncio.BaseTransport) -> None:
        found.add(wire)
        made(wire, transport)

    monkeypatch.setattr(Wire, "connection_made", noted)
    gc.disable()
    yield found
    gc.enable()


def endpoint(box: Sandbox, *, login: bool) -> smtps.Endpoint:
    persona = box.persona
    options: dict[str, Any] = {}
    if login:
        options = {"username": box.username, "password": box.password}
    if persona.shown_by == "token":
        options = {"username": box.username, "access_token": box.oauth.token_for()}
    greeting = 10.0 if persona.greeting_delay else 0.5
    return smtps.Endpoint(
        box.host,
        box.port,
        security=persona.asked_with,
        ca_file=box.ca_file,
        timeouts=smtps.Timeouts(tls=0.4, greeting=greeting),
        **options,
    )


def seen_from_here(name: str) -> tuple[tuple[str, ...], str]:
    """The findings and the verdict, which for two personas depend on this client's TLS library."""
    if name == "old-ciphers" and "AES256-SHA" in ciphers():
        return (), "works"  # the Python of some distributions offers them by itself
    if name == "large-hello" and ssl.OPENSSL_VERSION_INFO >= (3, 5):
        return PERSONAS[name].findings, "fails"  # its usual hello is large, too
    expected = (
        "works" if name in WORKS
        else "warnings" if name in WARNINGS
        else "later" if name in LATER
        else "fails"
    )  # fmt: skip
    return PERSONAS[name].findings, expected


@pytest.mark.parametrize(
    "name",
    [
        n
        for n, p in PERSONAS.items()
        if p.shown_by != "send" and not p.shown_by.startswith("account")
    ],
)
async def test_check(name: str, wires: weakref.WeakSet[Wire]) -> None:
    persona = hurried(PERSONAS[name])
    asks = "envelope" in persona.shown_by
    async with Sandbox(persona) as box:
        report = await smtps.check(
            endpoint(box, login=persona.shown_by in ("login", "deep", "envelope")),
            deep=persona.shown_by == "deep",
            envelope=smtps.Envelope.of(box.username, ["you@example.test"]) if asks else None,
        )
        async with asyncio.timeout(2):
            while box.clients:  # nothing is left open
                await asyncio.sleep(0.01)
    # Nothing waits for a garbage collection: what an error held would stay for minutes.
    assert not wires
    findings, expected = seen_from_here(name)
    # A host may have two addresses; then each of them has its finding.
    found = dict.fromkeys(finding.code for finding in report.findings)
    assert tuple(found) == findings, report.findings
    assert report.verdict == expected
    assert (
        exits.CHECK[report.verdict] == {"works": 0, "warnings": 1, "fails": 2, "later": 3}[expected]
    )
    severities = {finding.severity for finding in report.findings}
    assert severities == (
        set()
        if not findings
        else {"warning"}
        if expected == "warnings"
        else {"info"}
        if expected == "works"
        else {"error"}
    )
    for finding in report.findings:
        assert finding.seen.startswith(("127.0.0.1: ", "::1: "))
        assert finding.meaning == ADVICE[finding.code].meaning
        assert finding.fix


@pytest.mark.parametrize("name", SENT)
async def test_send(name: str) -> None:
    persona = PERSONAS[name]
    message = smtps.Message(from_="tester@example.test", to="you@example.test", text="x" * 200)
    async with Sandbox(persona) as box:
        try:
            result = await smtps.send(message, endpoint(box, login=True))
        except smtps.CapabilityError as error:
            found, outcome = [error.code], None
        else:
            found, outcome = [result.failure.code] if result.failure else [], result.outcome
        assert (found, outcome) == (list(persona.findings), SENT[name])
        kept = len(box.inbox)
    assert kept == (outcome in ("sent", "uncertain"))


def test_every_persona_is_in_one_of_the_tables() -> None:
    assert set(SENT) == {name for name, p in PERSONAS.items() if p.shown_by == "send"}
    assert len(PERSONAS) >= 35 + 3
    assert not WORKS & WARNINGS & LATER
    assert set(PERSONAS) >= WORKS | WARNINGS | LATER


@pytest.mark.parametrize("name", sorted(WORKS))
async def test_a_check_of_what_only_sending_shows_finds_nothing(name: str) -> None:
    persona = PERSONAS[name]
    async with Sandbox(persona) as box:
        report = await smtps.check(endpoint(box, login=True))
    shown = persona.findings if persona.shown_by == "check" else ()
    assert (report.verdict, tuple(f.code for f in report.findings)) == ("works", shown)


async def test_all_of_them_start_together_on_ports_of_their_own() -> None:
    async with Gallery() as gallery:
        ports = [box.port for box in gallery.boxes.values()]
        assert len(set(ports)) == len(PERSONAS)
        described = gallery.as_json()["personas"]
        assert [persona["name"] for persona in described] == list(PERSONAS)
        assert {"host", "port", "security", "shown_by", "finding"} <= set(described[0])


async def test_consecutive_ports() -> None:
    async with Gallery() as somewhere:
        start = somewhere.boxes["healthy"].port  # taken: the error names the port
        with pytest.raises(smtps.InputError, match=f"port {start}"):
            async with Gallery(port=start):
                pass
