"""A fault that comes and goes is never taken for a property of what the client says.

The invariant: a cause that blames the ClientHello (its size, its name, its version, its groups), or
a missing PROXY header, is named only when the same server, asked the same thing, always failed and,
asked differently, always worked, in interleaved order.
"""

from __future__ import annotations

import asyncio
import random
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import pytest
from tests.checks.mail import (
    HOST,
    Fails,
    Fault,
    Mail,
    Minds,
    check,
    close,
    codes_of,
    mute,
    reset,
    words,
)
from tests.net.pki import PKI
from tests.net.servers import Server, server_context

import smtps
from smtps.checks.report import Report
from smtps.net import dial
from smtps.net.server_hello import ALERTS
from smtps.report.text import render
from smtps.sandbox.raw import alert

BLAMES = frozenset(
    {
        "tls.large_hello",
        "tls.name_blocked",
        "tls.unrecognized_name",
        "tls.name_needed",
        "tls.version_intolerant",
        "tls.protocol_version",
        "tls.minimum_not_met",
        "tls.old_ciphers_only",
        "tls.no_common_cipher",
        "tls.no_common_group",
        "tls.post_quantum_only",
        "tls.no_server_certificate",
        "tls.client_certificate_required",
        "tls.client_certificate_refused",
        "tls.plaintext_on_tls_port",
        "tls.starttls_in_clear",
        "tls.implicit_tls_port",
        "tls.twice",
        "net.path_mtu",
        "net.other_port_open",
        "smtp.proxy_header_wanted",
        "smtp.proxy_header_refused",
        "smtp.greets_twice",
    }
)
"""Codes that say why, where a server that fails now and then shows only that it does."""

PATTERNS: dict[str, Fails] = {
    "the first": lambda number: number == 1,
    "the first two": lambda number: number <= 2,
    "the first three": lambda number: number <= 3,
    "every second": lambda number: number % 2 == 1,
    "two of three": lambda number: number % 3 != 0,
    "two of four": lambda number: number % 4 in (1, 2),
    "all but the first": lambda number: number > 1,
    "always": lambda _number: True,
}
"""Which connections fail."""

Expected = set[str]
"""Codes, any of which an expert gives to a fault that is there each time."""

_ALERTS: dict[int, Expected] = {
    **{number: {"tls.handshake_refused"} for number in ALERTS},
    70: {"tls.protocol_version"},
    71: {"tls.no_common_cipher"},
    80: {"tls.server_error"},
    112: {"tls.unrecognized_name"},
    116: {"tls.client_certificate_required"},
    121: {"tls.failed", "tls.handshake_refused"},  # newer than some OpenSSL
}
CUT = {"net.reset", "net.closed_by_server", "tls.closed"}

FAULTS: dict[str, dict[str, tuple[Fault, Expected]]] = {
    "tls": {
        "RST": (reset, CUT),
        "FIN": (close, CUT),
        "a line of SMTP": (
            words(b"220 x ESMTP\r\n"),
            {"tls.plaintext_on_tls_port", "tls.starttls_in_clear"},
        ),
        "a refusal in the clear": (
            words(b"421 4.7.0 Too many connections\r\n"),
            {"smtp.rate_limited"},
        ),
        "words of no protocol": (words(b"PARDON?\r\n"), {"tls.not_tls"}),
        **{f"alert {number}": (words(alert(number)), codes) for number, codes in _ALERTS.items()},
    },
    "greeting": {
        "RST": (reset, {"smtp.closed_before_greeting"}),
        "FIN": (close, {"smtp.closed_before_greeting"}),
        "words of no protocol": (words(b"PARDON?\r\n"), {"smtp.not_a_reply"}),
        "421": (words(b"421 4.7.0 Too many connections\r\n"), {"smtp.rate_limited"}),
        "554": (words(b"554 5.7.1 No\r\n"), {"smtp.greeting_refused"}),
    },
    "ehlo": {
        "RST": (reset, CUT),
        "FIN": (close, CUT),
        "words of no protocol": (words(b"PARDON?\r\n"), {"smtp.not_a_reply"}),
        "a greeting": (words(b"220 x ESMTP\r\n"), {"smtp.greets_twice"}),
        "421": (words(b"421 4.3.2 Shutting down\r\n"), {"smtp.shutting_down"}),
    },
}
"""Stage → fault → what happens there, and what an expert calls it."""

_LIKE_OTHERS = {f"alert {number}" for number in ALERTS if number not in (40, 48, 70, 80, 112)}
"""Alerts that are tried with implicit TLS only."""

IN_WORDS = {"smtp.rate_limited", "smtp.greeting_refused", "smtp.shutting_down"}
"""The server has said why, and is taken at its word."""

MOST_CONNECTIONS = 14


def judge(report: Report, pattern: str, expected: Expected, server: Mail) -> str | None:
    """What is wrong with a verdict, or None."""
    codes, verdict = codes_of(report), report.verdict.value
    if pattern == "all but the first":
        right = not codes and server.connections == 1
    elif pattern == "always" or expected & IN_WORDS:
        right = len(codes) == 1 and codes <= expected and verdict in ("fails", "later")
    elif codes == {"net.intermittent"}:
        right = verdict == "warnings"
    else:  # it failed each time that it was tried, and that is all that is said
        right = codes <= expected - BLAMES and PATTERNS[pattern](2) and verdict == "fails"
    if right and server.connections <= MOST_CONNECTIONS:
        return None
    return f"{sorted(codes)}, {verdict}, {server.connections} connections"


async def wrong(
    pki: PKI, faults: Mapping[str, tuple[Fault, Expected]], *where: str, **options: Any
) -> list[str]:
    """Wrong verdicts over all patterns."""
    found, places = [], asyncio.Semaphore(24)

    async def one(fault: str, pattern: str) -> None:
        play, expected = faults[fault]
        server = Mail(pki, play, PATTERNS[pattern], *where)
        async with places:
            report = await check(server, **options)
        if (told := judge(report, pattern, expected, server)) is not None:
            found.append(f"{fault}, {pattern}: {told}")

    await asyncio.gather(*(one(fault, pattern) for fault in faults for pattern in PATTERNS))
    return found


@pytest.mark.parametrize("security", ["implicit", "starttls"])
@pytest.mark.parametrize("stage", FAULTS)
async def test_faults_that_come_and_go(pki: PKI, stage: str, security: str) -> None:
    faults = FAULTS[stage]
    if security == "starttls":
        faults = {name: faults[name] for name in faults if name not in _LIKE_OTHERS}
    assert await wrong(pki, faults, stage, security) == []


@pytest.mark.parametrize("security", ["implicit", "starttls"])
@pytest.mark.parametrize(
    ("stage", "code"),
    [("tls", "tls.timeout"), ("greeting", "smtp.greeting_timeout"), ("ehlo", "smtp.timeout")],
)
async def test_silence_that_comes_and_goes(pki: PKI, stage: str, code: str, security: str) -> None:
    short = smtps.Timeouts(tls=0.6, greeting=0.6, command=0.6, quit=0.1)
    faults = {"silence": (mute, {code})}
    assert await wrong(pki, faults, stage, security, timeouts=short) == []


@pytest.mark.parametrize(
    ("pattern", "codes", "connections"),
    [
        ("the first", {"tls.certificate_wrong_host"}, 3),
        ("every second", {"tls.certificate_wrong_host"}, 4),
        ("the first two", {"tls.certificate_wrong_host"}, 2),  # both have shown the same
        ("always", {"tls.certificate_wrong_host"}, 2),
        ("all but the first", set(), 1),
    ],
)
async def test_a_wrong_certificate_that_comes_and_goes(
    pki: PKI, pattern: str, codes: set[str], connections: int
) -> None:
    other = server_context(pki.elsewhere.pem)
    server = Mail(pki, close, PATTERNS[pattern], other=other)
    report = await check(server)
    assert codes_of(report) == codes
    assert server.connections == connections


async def test_another_certificate_behind_one_that_stays_wrong_is_told(pki: PKI) -> None:
    server = Mail(pki, close, lambda number: number != 2, other=server_context(pki.elsewhere.pem))
    report = await check(server)
    assert codes_of(report) == {"tls.certificate_wrong_host"}
    assert report.failure is not None
    assert "a different certificate" in report.failure.message


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
async def test_faults_by_chance(pki: PKI, share: float) -> None:
    """Once in 32 times the fault fits a cause; these dice do not."""

    async def one(seed: int) -> set[str]:
        dice = random.Random(f"{share} {seed}")
        fails = [True, *(dice.random() < share for _ in range(40))]
        return codes_of(await check(Mail(pki, reset, lambda number: fails[number - 1])))

    found = await asyncio.gather(*map(one, range(12)))
    assert [codes for codes in found if codes & BLAMES] == []
    assert sum(codes == {"net.intermittent"} for codes in found) >= 12 * (1 - share) - 2


def named(hello: bytes) -> bool:
    return HOST.encode() in hello


def modern(hello: bytes) -> bool:
    return b"\0\x2b\0" in hello  # supported_versions (RFC 8446 section 4.2.1)


def large(hello: bytes) -> bool:
    return len(hello) > 1200


REAL: dict[str, tuple[Minds, Expected]] = {
    "the name": (named, {"tls.name_blocked"}),
    "the version": (modern, {"tls.version_intolerant"}),
    "the size": (large, {"tls.large_hello"}),
}


@pytest.fixture
def long_hellos(monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL 3.5 says 1,550 octets by itself; a long list of protocols does the same here."""

    def longer(endpoint: smtps.Endpoint) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=endpoint.ca_file)
        context.set_alpn_protocols([f"{n:0>200}" for n in range(6)])
        return context

    monkeypatch.setattr(dial, "context_for", longer)


@pytest.mark.usefixtures("long_hellos")
@pytest.mark.parametrize("security", ["implicit", "starttls"])
@pytest.mark.parametrize("cause", REAL)
@pytest.mark.parametrize("fault", [reset, close])
async def test_a_cause_that_is_there_each_time_is_named(
    pki: PKI, cause: str, fault: Fault, security: str
) -> None:
    minds, codes = REAL[cause]
    server = Mail(pki, fault, security=security, minds=minds)
    report = await check(server)
    assert codes_of(report) == codes
    looks = [look.name for look in report.facts.addresses[0].looks.values()]
    if cause == "the version":  # a small hello asks for less, and has failed once more
        assert looks.pop() == "small"
    assert looks[-5:] == ["unchanged", looks[-4], "unchanged", "unchanged", looks[-4]]
    assert server.connections <= MOST_CONNECTIONS


@pytest.mark.parametrize("cause", ["the name", "the version"])
async def test_a_cause_at_a_server_that_fails_by_chance_is_not_mistaken_for_another(
    pki: PKI, cause: str
) -> None:
    minds, codes = REAL[cause]

    async def one(seed: int) -> set[str]:
        dice = random.Random(f"{cause} {seed}")
        server = Mail(pki, reset, lambda _number: dice.random() < 0.3, minds=minds)
        return codes_of(await check(server))

    for found in await asyncio.gather(*map(one, range(8))):
        assert found <= codes | CUT | {"net.inconsistent"}


@pytest.mark.parametrize("burst", [1, 2, 3])
@pytest.mark.parametrize("fault", [reset, close, words(alert(80))])
async def test_a_server_that_limits_connections_is_not_taken_for_intolerant(
    pki: PKI, burst: int, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It restarts at the first connection, and then drops each one above so many in a second."""
    left = burst

    async def rest(_end: float) -> None:
        nonlocal left
        left = burst

    def fails(number: int) -> bool:
        nonlocal left
        left -= 1
        return number == 1 or left < 0

    monkeypatch.setattr("smtps.checks.follow_up.rest", rest)
    report = await check(Mail(pki, fault, fails))
    assert codes_of(report) == {"net.intermittent"}


async def test_a_server_that_fails_in_another_way_each_time(pki: PKI) -> None:
    """What is said of it names no reason, whichever of the ways it happens to meet."""
    ways = [close, *(words(alert(number)) for number in (40, 50, 70, 80, 112))]

    async def one(seed: int) -> Report:
        dice = random.Random(seed)

        async def fault(peer: Any) -> None:
            await dice.choice(ways)(peer)

        return await check(Mail(pki, fault, PATTERNS["always"]))

    reports = await asyncio.gather(*map(one, range(12)))
    found = [codes_of(report) for report in reports]
    assert [codes for codes in found if codes & BLAMES] == []
    assert found.count({"net.inconsistent"}) >= 6
    assert {report.verdict.value for report in reports} == {"fails"}
    messages = [report.failure.message for report in reports if report.failure is not None]
    assert any("different ways" in message for message in messages)


async def test_what_the_server_says_in_words_later_is_what_counts(pki: PKI) -> None:
    """It cuts the first connections, and then says that there were too many."""

    async def fault(peer: Any) -> None:
        if server.connections <= 3:
            peer.reset()
        else:
            await peer.say(b"421 4.7.0 Too many connections from you\r\n")

    server = Mail(pki, fault, PATTERNS["always"], "greeting")
    report = await check(server)
    assert codes_of(report) == {"smtp.rate_limited"}
    assert report.verdict == "later"
    assert report.failure is not None
    assert "The first attempt ended differently: The connection" in report.failure.message


async def test_a_cause_that_lasts_behind_a_fault_that_has_passed(pki: PKI) -> None:
    """Somebody restarts a server with the wrong certificate."""

    async def script(peer: Any) -> None:
        server.connections += 1
        await (reset(peer) if server.connections == 1 else server(peer))

    server = Mail(pki, reset, PATTERNS["always"], other=server_context(pki.elsewhere.pem))
    script.security, script.ca = "implicit", server.ca  # type: ignore[attr-defined]
    report = await check(script)  # type: ignore[arg-type]
    assert codes_of(report) == {"tls.certificate_wrong_host"}
    assert report.failure is not None
    assert "The first attempt ended differently" in report.failure.message
    assert report.verdict == "fails"


async def test_each_address_of_a_host_is_tried_again_on_its_own(pki: PKI) -> None:
    zone = {(HOST, "A"): ["127.0.0.1", "127.0.0.2", "127.0.0.3"]}
    seen: dict[str, int] = {}

    async def numbered(peer: Any) -> None:
        ip = peer.writer.get_extra_info("sockname")[0]
        seen[ip] = seen.get(ip, 0) + 1
        broken = ip == "127.0.0.2" or (ip == "127.0.0.3" and seen[ip] == 1)
        await (bad if broken else good)(peer)

    good = Mail(pki, reset)
    bad = Mail(pki, reset, PATTERNS["always"])
    numbered.security, numbered.ca = "implicit", good.ca  # type: ignore[attr-defined]
    report = await check(numbered, zone=zone)  # type: ignore[arg-type]
    assert codes_of(report) == {"net.intermittent", "net.some_addresses_fail", "tls.closed"}
    assert report.verdict == "warnings"
    assert seen["127.0.0.1"] == 1
    assert seen["127.0.0.3"] == 3


async def test_the_login_goes_over_the_attempt_that_came_through(pki: PKI) -> None:
    server = Mail(pki, reset, PATTERNS["the first two"])
    report = await check(server, username="ann", password="secret")
    assert codes_of(report) == {"net.intermittent"}
    assert server.logins == 1
    told = report.as_json()
    assert told["auth"]["authenticated"]
    assert told["verdict"] == "warnings"
    (address,) = told["addresses"]
    assert address["failure"] is None
    assert address["passed"]["code"] in CUT
    assert [look["name"] for look in address["looks"]] == ["first attempt", "small", "nameless"]
    words_ = render(report)
    assert "first attempt" in words_
    assert "2 of 3" not in words_  # only equal attempts are counted
    assert "1 of 2 identical attempts failed" in words_


async def test_the_time_of_all_attempts_is_in_the_report(pki: PKI) -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    short = smtps.Timeouts(tls=0.5)
    report = await check(Mail(pki, mute, PATTERNS["the first"]), timeouts=short)
    spent = (loop.time() - start) * 1000
    (address,) = report.facts.addresses
    accounted = sum(address.timings.values()) + sum(report.facts.timings.values())
    assert codes_of(report) == {"net.intermittent"}
    assert address.timings["looks"] >= 500
    assert accounted <= spent
    assert spent - accounted < 500


async def test_a_port_that_is_closed_for_a_moment(pki: PKI) -> None:
    """The server is started again while it is looked at."""
    server, refused = Server(Mail(pki, reset)), asyncio.Event()
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))

        def start(_seen: object, _phase: str) -> None:
            if not refused.is_set():
                plug.listen()
                refused.set()

        port = plug.getsockname()[1]
        task = asyncio.create_task(
            smtps.check("127.0.0.1", port=port, verify=False, progress=start)
        )
        await refused.wait()
        async with await asyncio.start_server(server.attend, sock=plug):
            report = await task
            await server.stop()
    assert "net.intermittent" in codes_of(report)
    assert "net.refused" not in codes_of(report)
    assert report.verdict == "warnings"


@pytest.mark.parametrize("security", ["implicit", "starttls"])
async def test_a_closer_look_at_a_server_that_fails_once(pki: PKI, security: str) -> None:
    """Each of the further connections in turn is the one that fails."""
    healthy = await check(Mail(pki, reset, security=security), deep=True)

    async def one(number: int) -> None:
        server = Mail(pki, reset, lambda each: each == number, security=security)
        report = await check(server, deep=True)
        assert codes_of(report) - codes_of(healthy) <= {"net.intermittent"}
        assert report.as_json()["clients"] == healthy.as_json()["clients"]

    await asyncio.gather(*map(one, range(1, 13)))


async def test_a_closer_look_at_a_server_that_limits_connections(pki: PKI) -> None:
    """What it drops because there were too many is no reason to call it old, or intolerant."""
    healthy = await check(Mail(pki, reset), deep=True)
    for most in range(1, 12):
        report = await check(Mail(pki, reset, lambda number: number > most), deep=True)  # noqa: B023
        found = codes_of(report) - codes_of(healthy)
        assert found <= {"net.intermittent"}
        assert found or most >= 9  # all that anything is said of came before
        assert report.as_json()["clients"] == healthy.as_json()["clients"]
        assert "refuses TLSv1.2" not in render(report)


@pytest.mark.parametrize("minds", [modern, large])
async def test_what_a_closer_look_meets_each_time_is_told(pki: PKI, minds: Minds) -> None:
    """It minds TLS 1.3 alone, or a hello of 1,550 octets, and takes the usual one."""

    def some(hello: bytes) -> bool:
        alone = b"\0\x2b\0\3\2\3\4" in hello  # TLS 1.3 and no other (RFC 8446 section 4.2.1)
        return alone if minds is modern else minds(hello)

    report = await check(Mail(pki, reset, minds=some), deep=True)
    works = {c["client"]: c["works"] for c in report.as_json()["clients"]}
    # With OpenSSL 3.5 the usual hello is large, too, and nothing works.
    assert works.get("with TLS 1.3 only", True) is (minds is not modern)
    assert ("tls.large_hello" in codes_of(report)) is (minds is large)
    assert "net.intermittent" not in codes_of(report)
