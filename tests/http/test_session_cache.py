"""Sessions kept for the next message: never another's, never a forbidden one, never for long."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2 as httpx
import pytest
from tests.client.farm import Farm, farm
from tests.dialogues.strict import Strict
from tests.net.pki import PKI

import smtps
from smtps.config.settings import Settings
from smtps.http import session_cache as warms
from smtps.http.app import create_app
from smtps.http.session_cache import WarmPools
from smtps.sandbox.gallery import Gallery


class Guarded(Strict):
    """Knows one account."""

    def _command(self, line: str) -> None:
        if line.startswith("AUTH PLAIN "):
            _, user, password = base64.b64decode(line.split()[2]).split(b"\0")
            known = (user, password) == (b"ann", b"right")
            self._say("235 welcome" if known else "535 5.7.8 no")
        else:
            super()._command(line)


@asynccontextmanager
async def guarded(pki: PKI) -> AsyncIterator[Farm]:
    offers = ("PIPELINING", "CHUNKING", "AUTH PLAIN")
    async with farm(pki, lambda _: Guarded(offers=offers)) as servers:
        yield servers


MESSAGE = smtps.Message(from_="a@x.test", to="b@x.test", subject="x", text="x")


async def test_one_account_one_handshake(pki: PKI) -> None:
    async with guarded(pki) as servers:
        warm = WarmPools(10)
        for seconds in (5.0, 20.0, 1.0):  # each request has its own
            endpoint = servers.endpoint(
                username="ann", password="right", timeouts=smtps.Timeouts(total=seconds)
            )
            assert (await (await warm.pool(endpoint)).send(MESSAGE)).outcome == "sent"
        assert len(servers.servers) == 1
        await warm.aclose()
        await asyncio.sleep(0.05)
        assert servers.open == 0


@pytest.mark.parametrize(
    "other",
    [
        {"username": "ann", "password": "wrong"},
        {"username": "ann", "password": "right "},
        {"username": "eve", "password": "right"},
        {"username": "ann", "access_token": "right"},
    ],
)
async def test_who_gives_another_password_never_gets_the_session(
    pki: PKI, other: dict[str, Any]
) -> None:
    async with guarded(pki) as servers:
        warm = WarmPools(10)
        right = await warm.pool(servers.endpoint(username="ann", password="right"))
        await right.send(MESSAGE)
        with pytest.raises(smtps.LoginError):
            await (await warm.pool(servers.endpoint(**other))).send(MESSAGE)
        nobody = await warm.pool(servers.endpoint())
        await nobody.send(MESSAGE)
        assert len(servers.servers) == 3
        assert len(servers.taken) == 2
        await warm.aclose()


async def test_other_trust_is_another_session(pki: PKI) -> None:
    async with guarded(pki) as servers:
        warm = WarmPools(10)
        await (await warm.pool(servers.endpoint())).send(MESSAGE)
        endpoint = smtps.Endpoint("127.0.0.1", servers.port, ca_file=pki.other_ca)
        with pytest.raises(smtps.CertificateError):
            await (await warm.pool(endpoint)).send(MESSAGE)
        await warm.aclose()


async def test_the_policy_is_asked_about_a_warm_session_too(pki: PKI) -> None:
    asked = []

    async with guarded(pki) as servers:
        warm = WarmPools(10)
        pool = await warm.pool(servers.endpoint())
        await pool.send(MESSAGE, allow=lambda address: not asked.append(address))  # type: ignore[func-returns-value]
        await pool.send(MESSAGE, allow=lambda address: not asked.append(address))  # type: ignore[func-returns-value]
        assert {(address.ip, address.port) for address in asked} == {("127.0.0.1", servers.port)}
        assert len(asked) >= 2
        with pytest.raises(smtps.ForbiddenError):
            await pool.send(MESSAGE, allow=lambda _: False)
        await pool.send(MESSAGE)
        assert len(servers.servers) == 1
        await warm.aclose()


async def test_credentials_go_with_the_last_session(pki: PKI) -> None:
    async with guarded(pki) as servers:
        warm = WarmPools(0.02)
        await (await warm.pool(servers.endpoint(username="ann", password="right"))).send(MESSAGE)
        await asyncio.sleep(0.1)
        assert servers.open == 0
        assert not warm._pools  # and nobody else had to come by
        await warm.aclose()


async def test_an_open_session_is_not_swept_out(pki: PKI) -> None:
    async with guarded(pki) as servers:
        warm = WarmPools(10)
        account = servers.endpoint(username="ann", password="right")
        for _ in range(3):
            await (await warm.pool(account)).send(MESSAGE)
            warm._sweep_out()
        assert len(servers.servers) == 1
        await warm.aclose()


async def test_only_who_asks_for_a_transcript_has_one_kept(pki: PKI) -> None:
    async with guarded(pki) as servers:
        warm = WarmPools(10)
        found = []
        for kept in (True, False):
            endpoint = servers.endpoint(username="ann", password="right", transcript=kept)
            found.append(await (await warm.pool(endpoint)).send(MESSAGE))
        assert [bool(result.transcript.entries) for result in found if result.transcript] == [
            True, False,
        ]  # fmt: skip
        await warm.aclose()


async def test_there_are_never_more_than_so_many(pki: PKI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warms, "MAX_POOLS", 3)
    async with farm(pki) as servers:
        warm = WarmPools(10)
        for number in range(6):
            pool = await warm.pool(servers.endpoint(ehlo_name=f"client{number}.test"))
            await pool.send(MESSAGE)
        await asyncio.sleep(0.05)
        assert servers.open == 3
        await warm.aclose()


async def test_a_caller_waits_no_longer_than_its_time(pki: PKI) -> None:
    async with farm(pki) as servers, smtps.Pool(servers.endpoint(), size=1) as pool:
        servers.delay = 0.3
        first = asyncio.create_task(pool.send(MESSAGE))
        await asyncio.sleep(0.05)
        loop = asyncio.get_running_loop()
        with pytest.raises(smtps.PhaseTimeoutError):
            await pool.send(MESSAGE, deadline=loop.time() + 0.05)
        assert (await first).outcome == "sent"


@pytest.mark.parametrize("seconds", [0, 10])
async def test_the_second_message_needs_no_handshake(seconds: float) -> None:
    async with Gallery() as gallery:
        box = gallery.boxes["healthy"]
        warm = WarmPools(seconds) if seconds else None
        transport = httpx.ASGITransport(create_app(Settings(), gallery, warm=warm))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            body = {
                "host": box.host, "port": box.port, "username": box.username,
                "password": box.password, "from": "a@x.test", "to": "b@x.test", "subject": "x",
                "body": "x",
            }  # fmt: skip
            answers = [(await client.post("/api/smtps/send", json=body)).json() for _ in range(3)]
        assert all(answer["success"] for answer in answers), answers
        assert ["tls" in answer["timings"] for answer in answers[1:]] == [not seconds] * 2
        assert len(box.inbox) == 3
        if warm is not None:
            await warm.aclose()
