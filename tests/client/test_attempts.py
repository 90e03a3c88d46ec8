"""Several addresses of one server: the next is tried where another host may do better."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.client.hosts import hosts, submission, then
from tests.net.pki import PKI
from tests.net.servers import Peer, Script, attention, silence

import smtps
from smtps.client.attempts import LEAST, SHUNNED_FOR, Attempts, Shunned
from smtps.errors import (
    CertificateError,
    ForbiddenError,
    LoginError,
    NetworkError,
    Phase,
    PhaseTimeoutError,
    RefusedError,
)
from smtps.net.resolve import Address

MESSAGE = b"Subject: hello\r\n\r\nbody\r\n"
ENVELOPE = smtps.Envelope.of("a@x.test", "b@x.test")
ONE, TWO, THREE = "127.0.0.1", "127.0.0.2", "127.0.0.3"


async def close(peer: Peer) -> None:
    peer.hang_up()


def says(words: bytes) -> Any:
    async def script(peer: Peer) -> None:
        await peer.say(words)
        await attention(peer)

    return script


def greeted(words: bytes) -> Any:
    """Greets, and answers EHLO so."""

    async def script(peer: Peer) -> None:
        await peer.say(b"220 strict\r\n")
        while await peer.read():
            await peer.say(words)

    return script


async def hang_up_at_once(peer: Peer) -> None:
    await peer.hear()
    peer.hang_up()


def bad(pki: PKI) -> dict[str, tuple[Script, str]]:
    """Where one host is of no use: what it does, and what that is called."""
    return {
        "421": (then(pki, says(b"421 too busy\r\n")), "smtp."),
        "554": (then(pki, says(b"554 no service here\r\n")), "smtp."),
        "closes before the greeting": (then(pki, close), "net.closed_by_server"),
        "no TLS": (says(b"220 in the clear\r\n"), "tls.plaintext_on_tls_port"),
        "closes in the handshake": (hang_up_at_once, "tls.closed"),
        "expired": (submission(pki, party=pki.expired), "tls.certificate_expired"),
        "another name": (submission(pki, party=pki.elsewhere), "tls.certificate_wrong_host"),
        "421 to EHLO": (then(pki, greeted(b"421 going down\r\n")), "smtp."),
        "550 to EHLO": (then(pki, greeted(b"550 not you\r\n")), "smtp."),
        "no SMTP": (then(pki, says(b"* OK IMAP4rev1 ready\r\n")), "smtp."),
        "no login": (submission(pki, offers=("SIZE 1000",)), "auth.not_offered"),
    }


FAULTS = (
    "421", "554", "closes before the greeting", "no TLS", "closes in the handshake", "expired",
    "another name", "421 to EHLO", "550 to EHLO", "no SMTP", "no login",
)  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
async def test_the_next_address_is_tried_and_the_first_is_told(pki: PKI, fault: str) -> None:
    script, code = bad(pki)[fault]
    async with hosts(pki, {ONE: script, TWO: submission(pki)}) as found:
        endpoint = found.endpoint(username="u", password="secret")
        result = await smtps.send(MESSAGE, endpoint, envelope=ENVELOPE)
        assert found.said(ONE, "AUTH") == 0
    assert result.outcome == "sent"
    (failure,) = result.passed_over
    assert failure.address == ONE
    assert failure.code.startswith(code)
    assert f"{ONE} was skipped: {failure.message}" in str(result.transcript)
    assert result.as_json()["passed_over"] == [
        {"address": ONE, "code": failure.code, "message": failure.message}
    ]
    assert result.timings["passed_over"] > 0


@pytest.mark.parametrize(("seconds", "most"), [({"total": 3.0}, 2.5), ({"greeting": 0.2}, 2.0)])
async def test_a_silent_address_gets_its_share_of_the_time(
    pki: PKI, seconds: dict[str, float], most: float
) -> None:
    async with hosts(pki, {ONE: then(pki, attention), TWO: submission(pki)}) as found:
        endpoint = found.endpoint(timeouts=smtps.Timeouts(**seconds))
        start = asyncio.get_running_loop().time()
        result = await smtps.send(MESSAGE, endpoint, envelope=ENVELOPE)
        spent = asyncio.get_running_loop().time() - start
    assert result.outcome == "sent"
    assert [each.code for each in result.passed_over] == ["smtp.greeting_timeout"]
    assert spent < most


async def test_the_time_for_everything_bounds_all_addresses_together(pki: PKI) -> None:
    scripts = {ONE: silence, TWO: then(pki, attention), THREE: silence}
    async with hosts(pki, scripts) as found:
        endpoint = found.endpoint(timeouts=smtps.Timeouts(total=0.6))
        start = asyncio.get_running_loop().time()
        with pytest.raises(PhaseTimeoutError) as caught:
            await smtps.send(MESSAGE, endpoint, envelope=ENVELOPE)
        assert asyncio.get_running_loop().time() - start < 1.5
        assert set(found.visited.values()) == {1}
    failure = caught.value.failure
    assert (failure.code, failure.address) == ("smtp.greeting_timeout", TWO)
    assert [(each.address, each.code) for each in failure.others] == [
        (ONE, "tls.timeout"),
        (THREE, "tls.timeout"),
    ]


REFUSED = ("535 5.7.8 wrong", "454 4.7.0 try later", "421 4.7.0 too many logins", "534 5.7.9 no")


@pytest.mark.parametrize("reply", REFUSED)
async def test_credentials_that_were_refused_go_to_no_other_address(pki: PKI, reply: str) -> None:
    def judge(said: str) -> str:
        return reply if said.startswith("AUTH") else "250 ok"

    async with hosts(pki, {ONE: submission(pki, judge), TWO: submission(pki)}) as found:
        with pytest.raises(RefusedError) as caught:
            await smtps.send(
                MESSAGE, found.endpoint(username="u", password="secret"), envelope=ENVELOPE
            )
        assert found.visited == {ONE: 1, TWO: 0}
    assert caught.value.failure.others == ()


async def test_nor_do_those_that_nobody_answered(pki: PKI) -> None:
    async def script(peer: Peer) -> None:
        await peer.say(b"220 strict\r\n")
        await peer.read()
        await peer.say(b"250-strict\r\n250 AUTH PLAIN\r\n")
        await peer.read()
        peer.hang_up()

    async with hosts(pki, {ONE: then(pki, script), TWO: submission(pki)}) as found:
        with pytest.raises(NetworkError):
            await smtps.send(
                MESSAGE, found.endpoint(username="u", password="secret"), envelope=ENVELOPE
            )
        assert found.visited == {ONE: 1, TWO: 0}


async def test_a_refusal_behind_another_failure_is_not_to_be_tried_again(pki: PKI) -> None:
    def judge(said: str) -> str:
        return "535 5.7.8 wrong" if said.startswith("AUTH") else "250 ok"

    scripts = {ONE: then(pki, close), TWO: submission(pki, judge), THREE: submission(pki)}
    async with hosts(pki, scripts) as found:
        with pytest.raises(LoginError) as caught:
            await smtps.send(
                MESSAGE, found.endpoint(username="u", password="secret"), envelope=ENVELOPE
            )
        assert found.visited == {ONE: 1, TWO: 1, THREE: 0}
    assert not caught.value.failure.retryable
    assert [each.address for each in caught.value.failure.others] == [ONE]


@pytest.mark.parametrize("reply", ["421 4.3.2 going down", "550 5.1.0 not you"])
async def test_what_is_said_about_a_message_is_said_for_all_addresses(pki: PKI, reply: str) -> None:
    def judge(said: str) -> str:
        return reply if said.startswith("MAIL") else "250 ok"

    async with hosts(pki, {ONE: submission(pki, judge), TWO: submission(pki)}) as found:
        result = await smtps.send(MESSAGE, found.endpoint(), envelope=ENVELOPE)
        assert found.visited == {ONE: 1, TWO: 0}
    assert result.outcome in ("deferred", "refused")


async def test_the_one_that_got_furthest_is_the_failure_and_the_others_stand_beside_it(
    pki: PKI,
) -> None:
    scripts = {
        ONE: submission(pki, party=pki.expired),
        TWO: then(pki, says(b"554 5.7.1 not from there\r\n")),
        THREE: hang_up_at_once,
    }
    async with hosts(pki, scripts) as found:
        with pytest.raises(RefusedError) as caught:
            await smtps.send(MESSAGE, found.endpoint(), envelope=ENVELOPE)
    failure = caught.value.failure
    assert (failure.address, failure.phase, failure.smtp_code) == (TWO, Phase.GREETING, 554)
    assert [(each.address, each.code) for each in failure.others] == [
        (ONE, "tls.certificate_expired"),
        (THREE, "tls.closed"),
    ]
    assert failure.retryable, "the connection that was closed may stay open the next time"


async def test_certificates_of_all_addresses_are_judged_the_same(pki: PKI) -> None:
    bad_one = submission(pki, party=pki.elsewhere)
    async with hosts(pki, {ONE: bad_one, TWO: bad_one}) as found:
        with pytest.raises(CertificateError) as caught:
            await smtps.send(
                MESSAGE, found.endpoint(username="u", password="secret"), envelope=ENVELOPE
            )
        assert found.said(ONE, "AUTH") == found.said(TWO, "AUTH") == 0
    assert [each.code for each in caught.value.failure.others] == ["tls.certificate_wrong_host"]
    assert not caught.value.failure.retryable


async def test_policy_is_asked_about_all_addresses_before_any(pki: PKI) -> None:
    async with hosts(pki, {ONE: then(pki, close), TWO: submission(pki)}) as found:
        with pytest.raises(ForbiddenError):
            await smtps.send(
                MESSAGE, found.endpoint(), envelope=ENVELOPE, allow=lambda a: a.ip == ONE
            )
        assert found.visited == {ONE: 0, TWO: 0}


async def test_six_and_four_take_turns(pki: PKI) -> None:
    async with hosts(pki, {"::1": then(pki, close), ONE: submission(pki)}) as found:
        result = await smtps.send(MESSAGE, found.endpoint(), envelope=ENVELOPE)
    assert [each.address for each in result.passed_over] == ["::1"]


async def test_a_pool_goes_to_the_good_address_first_from_then_on(pki: PKI) -> None:
    async with hosts(pki, {ONE: then(pki, close), TWO: submission(pki)}) as found:
        async with smtps.Pool(found.endpoint(), messages=1) as pool:
            for _ in range(3):
                assert (await pool.send(MESSAGE, ENVELOPE)).outcome == "sent"
            assert found.visited == {ONE: 1, TWO: 3}
            pool.learned.shunned.until = {ONE: asyncio.get_running_loop().time()}
            await pool.send(MESSAGE, ENVELOPE)
        assert found.visited == {ONE: 2, TWO: 4}


async def test_many_go_on_at_another_address_when_one_goes_down(pki: PKI) -> None:
    taken = 0

    def judge(said: str) -> str:
        nonlocal taken
        taken += said.startswith("message")
        return "421 4.3.2 going down" if taken > 2 else "250 ok"

    calls: list[Peer] = []
    first = submission(pki, judge)

    async def once(peer: Peer) -> None:
        calls.append(peer)
        await (first if len(calls) == 1 else then(pki, says(b"421 down\r\n")))(peer)

    async with hosts(pki, {ONE: once, TWO: submission(pki)}) as found:
        async with await smtps.Session.open(found.endpoint()) as session:
            results = [
                result async for _, result in session.send_many([(MESSAGE, ENVELOPE)] * 8, window=1)
            ]
        assert found.visited == {ONE: 2, TWO: 1}
    assert {result.outcome for result in results} == {"sent"}


def test_addresses_that_failed_stand_behind_the_others_for_a_while() -> None:
    shunned = Shunned()
    addresses = [Address(ip, 465) for ip in (ONE, TWO, THREE)]
    shunned.note(ONE, 100.0)
    assert [a.ip for a in shunned.last(addresses, 100.0)] == [TWO, THREE, ONE]
    shunned.note(TWO, 100.0)
    shunned.note(THREE, 100.0)
    assert [a.ip for a in shunned.last(addresses, 100.0)] == [ONE, TWO, THREE]
    shunned.forgive(THREE)
    assert [a.ip for a in shunned.last(addresses, 100.0)] == [THREE, ONE, TWO]
    assert [a.ip for a in shunned.last(addresses, 100.0 + SHUNNED_FOR)] == [ONE, TWO, THREE]


@pytest.mark.parametrize(
    ("addresses", "left", "share"),
    [(1, 10.0, 10.0), (2, 10.0, 5.0), (4, 60.0, 15.0), (16, 15.0, LEAST), (3, 6.0, 3.0)],
)
def test_shares_of_the_time(addresses: int, left: float, share: float) -> None:
    attempts = Attempts([Address(f"192.0.2.{n}", 465) for n in range(addresses)], 100.0 + left)
    assert attempts.share(100.0) == 100.0 + share


def test_without_a_time_for_everything_each_phase_has_its_own() -> None:
    assert Attempts([Address(ONE, 465), Address(TWO, 465)]).share(100.0) is None
