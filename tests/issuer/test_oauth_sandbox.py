"""The sandbox with its authorization server: what it announces, how it refuses, when it ends."""

from __future__ import annotations

import asyncio
import base64
import json
import smtplib
import ssl
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartSandbox
from tests.issuer import person

import smtps
from smtps.config.user_accounts import read_accounts
from smtps.sandbox.issuer.account_files import GRANTS
from smtps.sandbox.issuer.issuing import Issuing
from smtps.sandbox.server import Sandbox
from smtps.sandbox.token_login import Bearer, read_bearer

PROMISED = [
    "issuer", "client_id", "client_secret", "access_token", "ca_file", "authorization_endpoint",
    "token_endpoint", "device_authorization_endpoint",
]  # fmt: skip


@pytest.mark.parametrize("option", [["--oauth"], ["--oauth", "google"], ["--persona", "rotates"]])
def test_the_first_line_of_json_has_what_is_promised(option: list[str]) -> None:
    command = [sys.executable, "-m", "smtps", "sandbox", *option, "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())
        folder = Path(found["ca_file"]).parent
        assert list(found)[-1] == "oauth"
        assert list(found["oauth"]) == PROMISED
        assert (folder / "accounts.toml").exists()
        assert (folder / "client.pem").stat().st_mode & 0o077 == 0
        process.terminate()
        assert process.wait(20) == 0
    assert not folder.exists()


def test_without_it_nothing_changes(sandbox: Sandbox) -> None:
    assert "oauth" not in sandbox.as_json()
    assert {"XOAUTH2", "OAUTHBEARER"}.isdisjoint(sandbox.mechanisms)
    with pytest.raises(smtps.InputError, match="oauth=True"):
        _ = sandbox.oauth
    with pytest.raises(smtps.InputError, match="did you mean google"):
        Sandbox(oauth="gogle")  # type: ignore[arg-type]


@pytest.mark.parametrize("form", GRANTS)
def test_the_accounts_that_it_writes_are_accounts(
    form: Any, start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    box = start_sandbox(oauth=form)
    monkeypatch.setenv("SMTPS_ACCOUNTS", str(box.oauth.accounts_file))
    accounts = read_accounts()
    assert set(accounts.tables) == {"sandbox", *GRANTS[form]}
    for name in accounts.tables:
        found = accounts.get(name)
        assert (found.host, found.port) == (box.host, box.port)
        assert found.oauth is not None


def said(box: Sandbox, token: str, mechanism: str = "XOAUTH2") -> list[str]:
    """What the mail server says to a token, line by line."""
    context = ssl.create_default_context(cafile=str(box.ca_file))
    with smtplib.SMTP_SSL(box.host, box.port, context=context, timeout=20) as client:
        client.ehlo()
        first = f"user={box.username}\x01auth=Bearer {token}\x01\x01"
        if mechanism == "OAUTHBEARER":
            first = f"n,a={box.username},\x01host=x\x01auth=Bearer {token}\x01\x01"
        found = []
        code, text = client.docmd(f"AUTH {mechanism} {base64.b64encode(first.encode()).decode()}")
        while code == 334:
            found.append(base64.b64decode(text).decode())
            code, text = client.docmd("AQ==")
        return [*found, f"{code} {text.decode()}"]


def test_a_token_is_refused_in_the_words_of_the_provider(start_sandbox: StartSandbox) -> None:
    google, microsoft, opened = (start_sandbox(oauth=f) for f in ("google", "microsoft", "open"))
    challenge, reply = said(google, "ya29.nonsense")
    assert json.loads(challenge) == {
        "status": "400", "schemes": "Bearer", "scope": "https://mail.google.com/"
    }  # fmt: skip
    assert reply.startswith("535 5.7.8 Username and Password not accepted")
    (reply,) = said(microsoft, "nonsense")
    assert reply.startswith("535 5.7.3 Authentication unsuccessful [")
    narrow = opened.oauth.token_for(scope="openid")
    for token, status in [("nonsense", "invalid_token"), (narrow, "insufficient_scope")]:
        for mechanism in ("XOAUTH2", "OAUTHBEARER"):
            challenge, reply = said(opened, token, mechanism)
            found = json.loads(challenge)
            assert found["status"] == status
            assert found["openid-configuration"].startswith(opened.oauth.issuer)
            assert reply.startswith("535 5.7.8 ")
    good = opened.oauth.token_for()
    for mechanism in ("XOAUTH2", "OAUTHBEARER"):
        assert said(opened, good, mechanism)[0].startswith("235 ")
    assert opened.oauth.revoke(good)
    assert len(said(opened, good)) == 2


def test_a_first_message_is_read_as_the_standards_say() -> None:
    good = {
        "XOAUTH2": b"user=a@x.test\x01auth=Bearer abc.d\x01\x01",
        "OAUTHBEARER": b"n,a=a@x.test,\x01host=x\x01port=465\x01auth=Bearer abc.d\x01\x01",
    }
    for mechanism, data in good.items():
        assert read_bearer(mechanism, data) == Bearer("a@x.test", "abc.d")
        assert "abc.d" not in repr(read_bearer(mechanism, data))
        for wrong in (data[:-1], data.replace(b"Bearer", b"Basic"), b"\xff" + data, b"",
                      data.replace(b"abc.d", b"a b")):  # fmt: skip
            assert read_bearer(mechanism, wrong) is None, wrong
    escaped = b"n,a=a=2Cb=3Dc,\x01auth=bearer t\x01\x01"
    assert read_bearer("OAUTHBEARER", escaped) == Bearer("a,b=c", "t")
    assert read_bearer("OAUTHBEARER", good["XOAUTH2"]) is None


async def test_the_clock_is_the_tests() -> None:
    now = [1_000_000.0]
    async with Sandbox(oauth=True, clock=lambda: now[0]) as box:
        token = box.oauth.token_for("ann@example.test", expires_in=10)
        assert box.oauth.problem_with(token, "ann@example.test") is None
        now[0] += 10
        assert box.oauth.problem_with(token, "ann@example.test") == "expired"
        assert box.oauth.requests == []


async def request(box: Sandbox, data: bytes) -> bytes:
    """What is answered to some bytes, until the server closes."""
    context = ssl.create_default_context(cafile=str(box.ca_file))
    host, _, port = box.oauth.token_endpoint.split("/")[2].rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        writer.write(data)
        return await reader.read()
    finally:
        writer.close()


KEYS = b"GET /jwks HTTP/1.1\r\nHost: x\r\n%b\r\n"
CLOSE = b"Connection: close\r\n"


async def test_one_connection_serves_several_requests() -> None:
    async with Sandbox(oauth=True) as box:
        found = await request(box, KEYS % b"" + KEYS % CLOSE)
        assert found.count(b"HTTP/1.1 200") == 2
        large = b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n" + b"x" * 99_999
        for wrong in (b"nonsense\r\n\r\n", large):
            assert not (await request(box, wrong)).startswith(b"HTTP/1.1 200")
        assert b"HTTP/1.1 404" in await request(box, b"GET / HTTP/1.1\r\nHost: x\r\n%b\r\n" % CLOSE)


async def test_a_client_that_waits_is_dropped_at_the_end() -> None:
    async with Sandbox("token-endpoint-drips") as box:
        form = b"grant_type=client_credentials"
        waiting = asyncio.create_task(
            request(box, b"POST /token HTTP/1.1\r\nHost: x\r\nContent-Length: 29\r\n\r\n" + form)
        )
        while not box.oauth.requests:
            await asyncio.sleep(0)
    with suppress(ConnectionError):
        await waiting
    assert waiting.done()


def test_a_device_code_is_entered_on_a_page(start_sandbox: StartSandbox) -> None:
    box = start_sandbox(oauth=Issuing(interval=0))
    form = {"client_id": box.oauth.client_id, "scope": box.oauth.scope}
    _, text, _ = person.get(box, box.oauth.device_authorization_endpoint, form)
    begun = json.loads(text)
    status, page, _ = person.get(box, begun["verification_uri_complete"])
    assert (status, page.count("<button")) == (200, 1)
    assert begun["user_code"] in page
    status, _, _ = person.get(box, begun["verification_uri"], {"user_code": "NONE"})
    assert status == 400
    person.enter_code(box, begun["verification_uri"], begun["user_code"])
