"""Servers that are something else, played to a whole check: what it finds, and how fast."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from tests.nameserver import Zone, name_server
from tests.net.pki import PKI
from tests.net.servers import (
    V12,
    Peer,
    Script,
    attention,
    says,
    secured,
    server_context,
    serving,
    silence,
)

import smtps
from smtps.checks.report import Report
from smtps.net import dial
from smtps.net.tls import ciphers
from smtps.report.text import render

QUICK = smtps.Timeouts(tls=0.4, greeting=0.4, command=0.4, quit=0.1)
HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"


async def look_at(script: Script, **options: Any) -> Report:
    async with serving(script) as server:
        options = {"verify": False, "timeouts": QUICK, **options}
        return await smtps.check("127.0.0.1", port=server.port, **options)


def answers(said: dict[bytes, bytes], otherwise: bytes | None = b"") -> Script:
    """Wait for the client; the first words decide. Without an answer hang up; None is silence."""

    async def script(peer: Peer) -> None:
        words = await peer.read()
        answer = next((a for begin, a in said.items() if words.startswith(begin)), otherwise)
        if answer is None:
            await attention(peer)
        elif answer:
            await peer.say(answer)
        peer.hang_up()

    return script


WAITING = {
    "a web server": (answers({b"EHLO": HTTP}), "smtp.web_server"),
    "an LDAP server": (
        answers({b"\x30\x0c\2\1\1\x60": bytes.fromhex("300c02010161070a010004000400")}),
        "smtp.other_service",
    ),
    "an MQTT broker": (answers({b"\x10\x12\0\4MQTT": b"\x20\2\0\0"}), "smtp.other_service"),
    "a Redis server": (
        answers({b"EHLO": b"-ERR unknown command 'EHLO', with args beginning with: 'portofcall'"}),
        "smtp.other_service",
    ),
    "something unheard of": (answers({b"EHLO": b"PARDON?\r\n"}), "smtp.not_a_reply"),
    "a server that hangs up on anything": (answers({}), "smtp.greeting_timeout"),
    "a server that never says a word": (answers({}, None), "smtp.greeting_timeout"),
    "a mail server behind a proxy that is not there": (
        answers({b"PROXY TCP4 127.0.0.1 127.0.0.1 ": b"220 mail.example ESMTP\r\n"}, None),
        "smtp.proxy_header_wanted",
    ),
}


@pytest.mark.parametrize("security", ["implicit", "starttls"])
@pytest.mark.parametrize("name", WAITING)
async def test_a_service_that_waits_for_its_client(pki: PKI, name: str, security: str) -> None:
    script, code = WAITING[name]
    context = server_context(pki.good.pem)
    report = await look_at(
        secured(context, script) if security == "implicit" else script, security=security
    )
    assert [finding.code for finding in report.findings] == [code]
    assert report.verdict == "fails"


async def test_a_web_server_with_tls_on_a_port_asked_for_starttls(pki: PKI) -> None:
    script = secured(server_context(pki.good.pem), answers({b"EHLO": HTTP}))
    report = await look_at(script, security="starttls")
    assert [finding.code for finding in report.findings] == ["smtp.web_server"]


@pytest.mark.parametrize("greeting", [b"220 Welcome\r\n", b"220 (vsFTPd 3.0.3)\r\n"])
@pytest.mark.parametrize("refusal", [b"500 Unknown command.\r\n", b"502 EHLO not implemented\r\n"])
async def test_a_file_server_is_not_taken_for_a_mail_server(
    pki: PKI, greeting: bytes, refusal: bytes
) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(greeting)
        while words := await peer.read():
            features = b"211-Features:\r\n UTF8\r\n211 End\r\n"
            await peer.say(features if words.startswith(b"FEAT") else refusal)

    for security in ("implicit", "starttls"):
        wrapped = secured(server_context(pki.good.pem), script)
        report = await look_at(wrapped if security == "implicit" else script, security=security)
        assert [finding.code for finding in report.findings] == ["smtp.other_service"]
        assert "FTP" in report.findings[0].seen


@pytest.mark.parametrize("security", ["implicit", "starttls"])
async def test_a_web_server_is_named_long_before_a_mail_server_is_given_up(
    pki: PKI, security: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.checks.listening.SUSPICIOUS", 0.1)
    monkeypatch.setattr("smtps.checks.visit.SUSPICIOUS", 0.1)
    script, code = WAITING["a web server"]
    context = server_context(pki.good.pem)
    patient = smtps.Timeouts(greeting=60.0)
    async with asyncio.timeout(5):
        report = await look_at(
            secured(context, script) if security == "implicit" else script,
            security=security,
            timeouts=patient,
        )
    assert [finding.code for finding in report.findings] == [code]
    assert list(report.facts.addresses[0].looks) == ["say EHLO"]


async def test_a_mail_server_that_takes_its_time_is_waited_for(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.checks.listening.SUSPICIOUS", 0.1)
    monkeypatch.setattr("smtps.checks.visit.SUSPICIOUS", 0.1)
    asked = asyncio.Event()

    async def script(peer: Peer) -> None:
        if peer is not first[0]:
            await peer.read()  # EHLO, too early for it
            asked.set()
            await peer.say(b"554 SMTP synchronization error\r\n")
            return
        await asked.wait()
        await peer.say(b"220 mail.example ESMTP\r\n")
        while words := await peer.read():
            await peer.say(b"250 mail.example\r\n" if words.startswith(b"EHLO") else b"221 x\r\n")

    first: list[Peer] = []

    async def numbered(peer: Peer) -> None:
        first.append(peer)
        await secured(server_context(pki.good.pem), script)(peer)

    report = await look_at(numbered, timeouts=smtps.Timeouts(greeting=60.0, quit=0.1))
    assert report.facts.addresses[0].greeting is not None
    assert report.facts.addresses[0].failure is None


@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_a_proxy_without_its_backend(pki: PKI, how: str) -> None:
    async def gone(peer: Peer) -> None:
        if how == "reset":
            peer.reset()
        else:
            await peer.say_goodbye()
            peer.hang_up()

    report = await look_at(secured(server_context(pki.good.pem), gone))
    assert [finding.code for finding in report.findings] == ["smtp.closed_before_greeting"]
    assert "after the TLS handshake" in report.findings[0].seen


def on_hello(seen: Callable[[bytes], bool], context: ssl.SSLContext, end: str) -> Script:
    """A device that looks at the ClientHello before the server does."""

    async def script(peer: Peer) -> None:
        hello = await peer.reader.read(65536)
        if seen(hello):
            if end == "reset":
                peer.reset()
            elif end == "silence":
                await silence(peer)
            return
        peer._feed(hello)
        await secured(context, says(b"220 mail.example ESMTP\r\n"))(peer)

    return script


async def named(pki: PKI, script: Script, **options: Any) -> Report:
    """A check by name, to a server on loopback."""
    zone: Zone = {("mail.example.com", "A"): ["127.0.0.1"]}
    async with serving(script) as server, name_server(zone) as names:
        return await smtps.check(
            "mail.example.com",
            port=server.port,
            resolver=names.place,
            **{"ca_file": pki.ca, "timeouts": QUICK, **options},
        )


@pytest.mark.parametrize("end", ["reset", "closed", "silence"])
async def test_a_connection_that_is_cut_because_of_the_name(pki: PKI, end: str) -> None:
    script = on_hello(
        lambda hello: b"mail.example.com" in hello, server_context(pki.named.pem), end
    )
    report = await named(pki, script)
    assert "tls.name_blocked" in [finding.code for finding in report.findings]


async def test_a_server_that_has_another_name(pki: PKI) -> None:
    script = on_hello(
        lambda hello: b"mail.example.com" in hello, server_context(pki.good.pem), "closed"
    )
    report = await named(pki, script)
    assert "tls.unrecognized_name" in [finding.code for finding in report.findings]


async def test_a_device_that_drops_large_hellos(pki: PKI, monkeypatch: pytest.MonkeyPatch) -> None:
    """OpenSSL 3.5 says 1,550 octets by itself; a long list of protocols does the same here."""

    def longer(_endpoint: smtps.Endpoint) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols([f"{n:0>200}" for n in range(6)])
        return context

    monkeypatch.setattr(dial, "context_for", longer)
    for end in ("reset", "closed", "silence"):
        script = on_hello(lambda hello: len(hello) > 1200, server_context(pki.good.pem), end)
        report = await named(pki, script)
        assert "tls.large_hello" in [finding.code for finding in report.findings]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"ciphers": "aNULL", "maximum": V12}, "tls.no_server_certificate"),
        ({"group": "brainpoolP256r1", "maximum": V12}, "tls.no_common_group"),
        ({"ciphers": "ECDHE-RSA-AES128-GCM-SHA256", "maximum": V12}, "tls.handshake_refused"),
        ({"ciphers": "ECDHE-ECDSA-ARIA128-GCM-SHA256", "maximum": V12}, "tls.no_common_cipher"),
        ({"ciphers": "ECDHE-ECDSA-AES256-CCM8", "maximum": V12}, "tls.no_common_cipher"),
    ],
)
async def test_a_handshake_that_the_server_refuses(
    pki: PKI, options: dict[str, Any], code: str
) -> None:
    report = await look_at(secured(server_context(pki.good.pem, **options)))
    assert [finding.code for finding in report.findings] == [code]


async def test_old_ciphers_are_named_where_the_library_does_not_offer_them(pki: PKI) -> None:
    """Python's own list has none; the Python of some distributions offers what OpenSSL does."""
    old = "ECDHE-ECDSA-AES128-SHA"
    report = await look_at(secured(server_context(pki.good.pem, ciphers=old, maximum=V12)))
    (finding,) = report.findings
    offered = old in ciphers()
    assert finding.code == ("smtp.greeting_timeout" if offered else "tls.old_ciphers_only")
    tls = report.facts.addresses[0].tls
    assert tls is not None
    assert tls.cipher == (old if offered else None)


async def test_a_certificate_on_a_curve_that_clients_do_not_take(pki: PKI) -> None:
    odd = pki.with_key("odd curve", ec.generate_private_key(ec.SECP256K1()))
    report = await look_at(secured(server_context(odd.pem)))
    (finding,) = report.findings
    assert finding.code == "tls.no_common_certificate"
    assert "secp256k1" in finding.seen


async def test_behind_starttls_the_same_looks_are_taken(pki: PKI) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(b"220 mail.example ESMTP\r\n")
        await peer.read()
        await peer.say(b"250-mail.example\r\n250 STARTTLS\r\n")
        await peer.read()
        await peer.say(b"220 go\r\n")
        with suppress(ssl.SSLError, OSError):
            await peer.handshake(context)

    context = server_context(pki.good.pem, group="brainpoolP256r1", maximum=V12)
    report = await look_at(script, security="starttls")
    assert [finding.code for finding in report.findings] == ["tls.no_common_group"]
    looks = [look.name for look in report.facts.addresses[0].looks.values()]
    small = ["small"] if ssl.OPENSSL_VERSION_INFO >= (3, 5) else []  # its hello is large
    assert looks == [*small, "groups", "unchanged", "groups", "unchanged", "unchanged", "groups"]


async def test_tls_1_3_was_demanded_and_the_server_has_1_2(pki: PKI) -> None:
    script = secured(server_context(pki.good.pem, maximum=V12), says(b"220 x ESMTP\r\n"))
    report = await look_at(script, tls_minimum="TLSv1.3")
    assert [finding.code for finding in report.findings] == ["tls.minimum_not_met"]


async def test_all_the_time_that_it_took_is_in_the_report() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    report = await look_at(silence, timeouts=smtps.Timeouts(tls=0.3, greeting=0.3))
    spent = (loop.time() - start) * 1000
    (address,) = report.as_json()["addresses"]
    accounted = sum(address["timings"].values()) + sum(report.facts.timings.values())
    assert [finding.code for finding in report.findings] == ["tls.timeout"]
    assert address["looks"]
    assert sum(look["milliseconds"] for look in address["looks"]) == pytest.approx(
        address["timings"]["looks"], abs=0.1
    )
    assert spent - accounted < 300
    words = render(report, verbose=True)
    for look in address["looks"]:
        assert look["name"] in words


async def test_second_looks_share_what_is_left_of_the_time() -> None:
    loop = asyncio.get_running_loop()
    start = loop.time()
    report = await look_at(silence, timeouts=smtps.Timeouts(total=1.5))
    assert loop.time() - start < 2.0
    names = [look["name"] for look in report.as_json()["addresses"][0]["looks"]]
    assert len(names) >= 3
