"""A check of several addresses: each is judged, differences are told, and no account is locked."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from tests.client.hosts import OFFERS, Hosts, hosts, submission, then
from tests.net.pki import PKI
from tests.net.servers import Peer, Script

import smtps
from smtps.checks import scope as lockout
from smtps.checks.report import Report
from smtps.report.text import render

ONE, TWO, THREE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
LOGIN = {"username": "u", "password": "secret"}


def judge(reply: str) -> Callable[[str], str]:
    return lambda said: reply if said.startswith("AUTH") else "250 ok"


async def checked(found: Hosts, **options: Any) -> Report:
    scope = {name: options.pop(name) for name in ("first", "envelope") if name in options}
    return await smtps.check(found.endpoint(**options), **scope)


def codes(report: Report) -> list[tuple[str, str]]:
    return [(finding.code, finding.severity.value) for finding in report.findings]


def logged_in(report: Report) -> dict[str, str | None]:
    """Address → mechanism, failure, or where it failed before."""
    return {
        each.address: each.mechanism
        or (each.login_failure.code if each.login_failure else each.login_withheld)
        for each in report.facts.addresses
    }


async def test_a_login_that_works_is_tried_at_each_address(pki: PKI) -> None:
    async with hosts(pki, {ip: submission(pki) for ip in (ONE, TWO, THREE)}) as found:
        report = await checked(found, **LOGIN)
        assert [found.said(ip, "AUTH") for ip in (ONE, TWO, THREE)] == [1, 1, 1]
    assert [code for code, _ in codes(report) if "differ" in code] == []
    assert set(logged_in(report).values()) == {"PLAIN"}


@pytest.mark.parametrize("reply", ["535 5.7.8 wrong", "421 4.7.0 too many", "451 4.7.0 not now"])
async def test_one_that_is_refused_is_tried_at_no_other(pki: PKI, reply: str) -> None:
    # The name server gives another order each time; the numbers stay.
    scripts = {THREE: submission(pki), ONE: submission(pki, judge(reply)), TWO: submission(pki)}
    async with hosts(pki, scripts) as found:
        report = await checked(found, **LOGIN)
        assert [found.said(ip, "AUTH") for ip in (ONE, TWO, THREE)] == [1, 0, 0]
    assert report.verdict in ("fails", "later")
    assert logged_in(report)[TWO] == logged_in(report)[THREE] == ONE
    words = " ".join(render(report).split())
    assert f"The login was not tried at {THREE}, {TWO}: it failed at {ONE}" in words
    shown = {each["address"]: each["login"] for each in report.as_json()["addresses"]}
    assert shown[TWO]["not_tried_since_it_failed_at"] == ONE
    assert not shown[ONE]["accepted"]


async def test_a_login_that_nobody_answers_is_tried_at_no_other(pki: PKI) -> None:
    async def deaf(peer: Peer) -> None:
        await peer.say(b"220 strict\r\n")
        await peer.read()
        await peer.say(b"250-strict\r\n250 AUTH PLAIN\r\n")
        await peer.read()
        peer.hang_up()

    async with hosts(pki, {ONE: then(pki, deaf), TWO: submission(pki)}) as found:
        report = await checked(found, **LOGIN)
        assert found.said(TWO, "AUTH") == 0
    assert report.verdict == "fails"


async def test_a_refusal_at_one_address_alone_is_told_as_a_difference(pki: PKI) -> None:
    scripts = {ONE: submission(pki), TWO: submission(pki, judge("535 5.7.8 wrong"))}
    async with hosts(pki, scripts) as found:
        report = await checked(found, **LOGIN)
    assert report.verdict == "fails"
    assert ("auth.addresses_differ", "error") in codes(report)
    (finding,) = (each for each in report.findings if each.code == "auth.addresses_differ")
    assert finding.seen.startswith(f"{ONE} accepts the login; {TWO} does not: ")
    assert report.failure is not None
    assert report.failure.address == TWO


async def test_an_address_without_login_is_passed_by_and_told(pki: PKI) -> None:
    scripts = {ONE: submission(pki, offers=OFFERS[:3]), TWO: submission(pki)}
    async with hosts(pki, scripts) as found:
        report = await checked(found, **LOGIN)
        without = await checked(found)
        result = await smtps.send(
            b"\r\n", found.endpoint(**LOGIN), envelope=smtps.Envelope.of("a@x.test", "b@x.test")
        )
    assert result.outcome == "sent", "and the check says so"
    assert report.verdict == without.verdict == "warnings"
    assert ("auth.addresses_differ", "warning") in codes(report)
    assert ("auth.addresses_differ", "warning") in codes(without)


async def test_a_back_end_that_cannot_look_up_accounts_locks_none(pki: PKI) -> None:
    reply = "454 4.7.0 lost connection to authentication server"
    scripts = {ONE: submission(pki, judge(reply)), TWO: submission(pki)}
    async with hosts(pki, scripts) as found:
        report = await checked(found, **LOGIN)
        assert found.said(TWO, "AUTH") == 1
    assert logged_in(report) == {ONE: "auth.unavailable", TWO: "PLAIN"}
    assert ("auth.addresses_differ", "error") in codes(report)


async def test_a_silent_address_keeps_no_other_from_its_login(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lockout, "PATIENCE", 0.1)

    async def silent(peer: Peer) -> None:
        await peer.listen()

    async with hosts(pki, {ONE: silent, TWO: submission(pki)}) as found:
        timeouts = smtps.Timeouts(total=2.0)
        report = await checked(found, timeouts=timeouts, **LOGIN)
    assert logged_in(report)[TWO] == "PLAIN"
    assert report.verdict == "warnings"


@pytest.mark.parametrize(
    ("offers", "code", "severity", "seen"),
    [
        (("PIPELINING", "CHUNKING", "AUTH PLAIN", "SIZE 5000"), "smtp.addresses_differ", "warning",
         f"{ONE} accepts 100,000 bytes; {TWO} accepts 5,000 bytes"),
        (("PIPELINING", "CHUNKING", "AUTH PLAIN", "SIZE"), "smtp.addresses_differ", "warning",
         f"{ONE} accepts 100,000 bytes; {TWO} accepts any size"),
        (("PIPELINING", "SIZE 100000", "AUTH PLAIN"), "smtp.addresses_differ", "info",
         f"{ONE} offers CHUNKING; {TWO} offers none of these"),
        ((*OFFERS[:3], "AUTH PLAIN LOGIN"), "auth.addresses_differ", "info",
         f"{ONE} offers PLAIN; {TWO} offers LOGIN PLAIN"),
    ],
)  # fmt: skip
async def test_what_they_offer_is_compared(
    pki: PKI, offers: tuple[str, ...], code: str, severity: str, seen: str
) -> None:
    scripts = {ONE: submission(pki), TWO: submission(pki, offers=offers)}
    async with hosts(pki, scripts) as found:
        report = await checked(found)
    (finding,) = (each for each in report.findings if "differ" in each.code)
    assert (finding.code, finding.severity, finding.seen) == (code, severity, seen)


async def test_a_wrong_name_at_one_address_is_told_and_send_goes_to_the_other(pki: PKI) -> None:
    scripts = {ONE: submission(pki, party=pki.elsewhere), TWO: submission(pki)}
    async with hosts(pki, scripts) as found:
        report = await checked(found)
        assert found.said(ONE, "AUTH") == 0
    found_codes = {finding.code for finding in report.findings}
    assert report.verdict == "warnings"
    assert found_codes >= {
        "tls.certificate_wrong_host", "net.some_addresses_fail", "tls.certificate_differs"
    }  # fmt: skip


def fronts(pki: PKI) -> Mapping[str, tuple[Script, str]]:
    async def busy(peer: Peer) -> None:
        await peer.say(b"421 4.3.2 too busy\r\n")
        peer.hang_up()

    return {
        "421": (then(pki, busy), "warnings"),
        "certificate": (submission(pki, party=pki.expired), "warnings"),
        "535": (submission(pki, judge("535 5.7.8 wrong")), "fails"),
    }


@pytest.mark.parametrize("front", ["421", "certificate", "535"])
async def test_a_check_of_the_first_address_goes_on_where_send_would(pki: PKI, front: str) -> None:
    script, verdict = fronts(pki)[front]
    async with hosts(pki, {ONE: script, TWO: submission(pki)}) as found:
        report = await checked(found, first=True, **LOGIN)
        visited = found.visited[TWO]
    assert report.verdict == verdict
    assert len(report.facts.addresses) == (1 if front == "535" else 2)
    assert visited == (0 if front == "535" else 1)


async def test_an_envelope_is_asked_about_at_one_address_always_the_same(pki: PKI) -> None:
    envelope = smtps.Envelope.of("a@x.test", "b@x.test")
    async with hosts(pki, {TWO: submission(pki), ONE: submission(pki)}) as found:
        await checked(found, envelope=envelope, **LOGIN)
        assert [found.said(ip, "MAIL") for ip in (ONE, TWO)] == [1, 0]


async def test_an_address_that_is_slow_is_not_given_up_for_the_sake_of_looking_again(
    pki: PKI,
) -> None:
    async def slow(peer: Peer) -> None:
        await asyncio.sleep(0.9)
        await peer.say(b"220 slow\r\n")
        await peer.read()
        await peer.say(b"250 slow\r\n")
        await peer.read()

    async with hosts(pki, {ONE: then(pki, slow), TWO: then(pki, slow)}) as found:
        report = await checked(found, first=True, timeouts=smtps.Timeouts(total=2.4))
        assert found.visited == {ONE: 1, TWO: 0}
    assert report.facts.addresses[0].reached
