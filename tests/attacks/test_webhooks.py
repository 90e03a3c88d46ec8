"""Webhooks: nothing around the service ends them or uses up their attempts; each has its end."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.client.farm import farm
from tests.net.pki import PKI
from tests.outbox.rig import Moody, Rig
from tests.webserver import Request, answer, website

from smtps.outbox import notices
from smtps.outbox.account import Webhook

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.fixture
async def rig(tmp_path: Path, pki: PKI) -> AsyncIterator[Rig]:
    async with farm(pki, lambda _: Moody(judge=lambda _: "250 2.0.0 ok")) as servers:
        rig = Rig(str(tmp_path / "mail.db"), servers, [lambda _: "250 ok"])
        yield rig
        await rig.close()


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.parametrize(
    "environment",
    [
        {"ALL_PROXY": "socks5h://127.0.0.1:9", "NO_PROXY": "127.0.0.1,localhost"},
        {"HTTPS_PROXY": "http://127.0.0.1:9", "NO_PROXY": "127.0.0.1,[::1]"},
        {"HTTP_PROXY": "http://127.0.0.1:9"},
        {"all_proxy": "no proxy at all"},
        {"SSL_CERT_FILE": "/nowhere.pem", "SSL_CERT_DIR": "/nowhere"},
        {"SSLKEYLOGFILE": "/nowhere/keys"},
    ],
)
async def test_the_environment_ends_no_webhook(
    tmp_path: Path, pki: PKI, environment: dict[str, str]
) -> None:
    async with (
        farm(pki, lambda _: Moody(judge=lambda _: "250 2.0.0 ok")) as servers,
        website(answer()) as site,
    ):
        settings = tmp_path / "smtps.toml"
        settings.write_text(
            f"outbox = '{tmp_path}/mail.db'\n"
            f"[accounts.main]\nhost = '127.0.0.1'\nport = {servers.port}\nca_file = '{pki.ca}'\n"
            f"[accounts.main.webhook]\nurl = 'http://127.0.0.1:{site.port}/'\n"
            "secret_env = 'HOOK'\n"
        )
        service = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "smtps", "serve", "--port", "0", "--json",
            "--config", str(settings), stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **environment, "HOOK": SECRET},
        )  # fmt: skip
        try:
            assert service.stdout is not None
            port = int(json.loads(await service.stdout.readline())["url"].rpartition(":")[2])
            await hand_over(port)
            async with asyncio.timeout(20):
                while not site.requests:
                    await asyncio.sleep(0.05)
        finally:
            service.terminate()
            await service.wait()


async def hand_over(port: int) -> None:
    body = json.dumps(
        {"account": "main", "from": "a@x.test", "to": "b@y.test", "subject": "s", "body": "b"}
    ).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /api/smtps/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    )
    assert (await reader.read()).startswith(b"HTTP/1.1 202")
    writer.close()


async def test_a_process_that_ends_uses_up_no_attempt(rig: Rig) -> None:
    slow = True

    async def script(request: Request) -> None:
        if slow:
            await request.gone()
        await request.say(answer())

    async with website(script) as site:
        url = f"http://127.0.0.1:{site.port}/"
        await rig.start(rig.account(webhook=Webhook(url, SECRET)), deliver=False)
        id_ = await rig.accept()
        await rig.outbox.cancel(id_)
        for number in range(len(notices.PAUSES) + 3):  # more often than there are attempts
            telling = asyncio.create_task(rig.outbox._teller.round())
            while len(site.requests) <= number:
                await asyncio.sleep(0.01)
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
            rig.later(3)  # what it had taken is free again
        slow = False
        await rig.outbox._teller.round()
    assert {request.fields["webhook-attempt"] for request in site.requests} == {"1"}
    assert await told(rig, id_) == ("delivered", 1, None)


@pytest.mark.parametrize(
    "options",
    [
        {"url": "http://[::1/"},
        {"url": "gopher://127.0.0.1/"},
        {"url": "https://127.0.0.1:9/", "ca_file": "/nowhere.pem"},
        {"url": "http://127.0.0.1:9/", "resolver": "no address"},
        {"url": "http://x.test/", "resolver": "no address"},
        {"url": "http://\ud800.test/"},
        {"url": "http://127.0.0.1:9/\ud800"},
        {"url": "http://127.0.0.1:9/", "secret": "no secret"},
    ],
)
async def test_what_cannot_even_be_tried_is_an_attempt_that_has_failed(
    rig: Rig, options: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    await rig.start(rig.account(webhook=Webhook(**{"secret": SECRET, **options})), deliver=False)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    assert await rig.outbox._teller.round() == 1
    state, attempts, code = await told(rig, id_)
    assert (state, attempts) == ("pending", 1)
    assert code is not None
    assert "Next attempt at" in caplog.text
    for _ in range(len(notices.PAUSES) + 1):
        rig.ahead += notices.PAUSES[-1]
        await rig.outbox._teller.round()
    assert (await told(rig, id_))[0] == "undelivered"
    rig.ahead += notices.PAUSES[-1]
    assert await rig.outbox._teller.round() == 0


async def test_a_bug_on_the_way_is_an_attempt_that_has_failed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError

    await rig.start(rig.account(webhook=Webhook("http://127.0.0.1:9/", SECRET)), deliver=False)
    monkeypatch.setattr(rig.outbox._teller, "_post", broken)
    id_ = await rig.accept()
    await rig.outbox.cancel(id_)
    assert await rig.outbox._teller.round() == 1
    assert await told(rig, id_) == ("pending", 1, "api.bug")


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n", b"", b"HTTP/1.1 100 Continue\r\n\r\n"])
async def test_a_receiver_that_drips_has_its_time_and_no_more(
    rig: Rig, head: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.outbox.webhooks.TIMEOUT", 0.3)

    async def drip(request: Request) -> None:
        await request.say(head)
        while True:
            await request.say(b"X")
            await asyncio.sleep(0.01)

    async with website(drip) as site:
        url = f"http://127.0.0.1:{site.port}/"
        await rig.start(rig.account(webhook=Webhook(url, SECRET)), deliver=False)
        id_ = await rig.accept()
        await rig.outbox.cancel(id_)
        async with asyncio.timeout(5):
            await rig.outbox._teller.round()
        await site.ended.wait()
    assert await told(rig, id_) == ("pending", 1, "web.timeout")


async def test_a_receiver_that_floods_is_left(rig: Rig) -> None:
    sent = 0

    async def flood(request: Request) -> None:
        nonlocal sent
        await request.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await request.say(b"X-More: " + b"x" * 10_000 + b"\r\n")
            sent += 10_000

    async with website(flood) as site:
        url = f"http://127.0.0.1:{site.port}/"
        await rig.start(rig.account(webhook=Webhook(url, SECRET)), deliver=False)
        id_ = await rig.accept()
        await rig.outbox.cancel(id_)
        await rig.outbox._teller.round()
        await site.ended.wait()
    assert await told(rig, id_) == ("pending", 1, "web.too_large")


async def told(rig: Rig, id_: str) -> tuple[str, int, str | None]:
    """How telling about a message stands: state, attempts, code of the reason."""
    found = (await rig.outbox.show(id_))["webhook"]
    return found["status"], found["attempts"], (found["failure"] or {}).get("code")
