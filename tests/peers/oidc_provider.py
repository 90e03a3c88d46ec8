"""oidc-provider, a certified authorization server of npm, and a browser that does what it says."""

from __future__ import annotations

import asyncio
import base64
import json
import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
from cryptography.hazmat.primitives.asymmetric import rsa
from tests.net.pki import PKI

from .node_servers import Nodemailer
from .server import fetched, free_ports

SCRIPT = Path(__file__).parent / "oidc" / "server.mjs"
USER = "ann@example.com"
SECRET = "oidc-secret-canary"


@dataclass
class OIDCProvider:
    """A running one.

    Attributes:
        issuer: it.
        ca: PEM file to trust.
        log: what it has written.
    """

    issuer: str
    ca: Path
    log: list[str]

    def browser(self) -> httpx2.AsyncClient:
        """A browser with cookies."""
        return httpx2.AsyncClient(verify=_context(self.ca))

    async def log_in(self, url: str) -> str:
        """Follow a login page to the redirect of the program, which is not followed."""
        async with self.browser() as browser:
            return await _follow(browser, await browser.get(url))

    async def enter(self, page: str, user_code: str) -> str:
        """Enter a device code, confirm it, and log in; what the last page says."""
        async with self.browser() as browser:
            form = await browser.get(page)
            sent = {**_hidden(form.text), "user_code": user_code}
            confirm = await _form(browser, await browser.post(page, data=sent))
            sent = {**_hidden(confirm.text), "user_code": user_code, "confirm": "yes"}
            done = await browser.post(page, data=sent)
            return (await _form(browser, done)).text

    async def revoke_access(self, token: str, client: str) -> None:
        """Revoke an access token behind its owner's back."""
        async with self.browser() as browser:
            form = {"token": token, "client_id": client, "token_type_hint": "access_token"}
            await browser.post(f"{self.issuer}/token/revocation", data=form)

    async def introspect(self, token: str) -> dict[str, Any]:
        """What it says of a token (RFC 7662), to the mail server."""
        async with self.browser() as browser:
            answer = await browser.post(
                f"{self.issuer}/token/introspection", data={"token": token},
                auth=("mail-server", SECRET),
            )  # fmt: skip
            found: dict[str, Any] = answer.json()
            return found


def _context(ca: Path) -> Any:
    return ssl.create_default_context(cafile=ca)


async def _follow(browser: httpx2.AsyncClient, answer: httpx2.Response) -> str:
    for _ in range(10):
        target = urljoin(str(answer.url), answer.headers["location"])
        if target.startswith("http://"):
            return target
        answer = await browser.get(target)
    raise AssertionError("too many redirections")


async def _form(browser: httpx2.AsyncClient, answer: httpx2.Response) -> httpx2.Response:
    while answer.is_redirect:
        answer = await browser.get(urljoin(str(answer.url), answer.headers["location"]))
    return answer


def _hidden(page: str) -> dict[str, str]:
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))


def jwk(key: rsa.RSAPrivateKey, *, private: bool) -> dict[str, str]:
    """A key as JSON (RFC 7517)."""
    numbers = key.private_numbers()
    public = numbers.public_numbers
    values = {"n": public.n, "e": public.e}
    if private:
        values |= {"d": numbers.d, "p": numbers.p, "q": numbers.q, "dp": numbers.dmp1,
                   "dq": numbers.dmq1, "qi": numbers.iqmp}  # fmt: skip
    encoded = {
        name: base64.urlsafe_b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big"))
        .rstrip(b"=").decode()
        for name, value in values.items()
    }  # fmt: skip
    return {"kty": "RSA", "use": "sig", "kid": "k1", **encoded}


@asynccontextmanager
async def oidc_provider(pki: PKI, *, life: int = 3600) -> AsyncIterator[OIDCProvider]:
    """Runs until the end of the block.

    Args:
        pki: certificates; the client that proves itself by a key has that of ``pki.rsa``.
        life: seconds of an access token.
    """
    fetched("oidc/complete")
    (port,) = free_ports(1)
    assert isinstance(pki.rsa.key, rsa.RSAPrivateKey)
    person = ["authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:device_code"]
    none: dict[str, Any] = {"redirect_uris": [], "response_types": [], "grant_types": []}
    program = none | {"grant_types": ["client_credentials"], "scope": "mail"}
    clients = [
        {"client_id": "native", "token_endpoint_auth_method": "none", "grant_types": person,
         "redirect_uris": ["http://127.0.0.1"], "application_type": "native"},
        {"client_id": "confidential", "client_secret": SECRET, "grant_types": person,
         "redirect_uris": ["http://127.0.0.1"], "application_type": "native"},
        {"client_id": USER, "client_secret": SECRET, **program},
        {"client_id": "robot@example.com", "token_endpoint_auth_method": "private_key_jwt",
         "token_endpoint_auth_signing_alg": "PS256",
         "jwks": {"keys": [jwk(pki.rsa.key, private=False)]}, **program},
        {"client_id": "mail-server", "client_secret": SECRET, **none},
    ]  # fmt: skip
    options = {
        "port": port, "pem": str(pki.good.pem), "modules": str(fetched("oidc/node_modules")),
        "life": life, "user": USER, "clients": clients,
        "keys": [jwk(rsa.generate_private_key(65537, 2048), private=True)],
    }  # fmt: skip
    node = Nodemailer.node.fget(None)  # type: ignore[attr-defined]
    process = await asyncio.create_subprocess_exec(
        str(node), str(SCRIPT), json.dumps(options),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    assert process.stdout is not None
    log: list[str] = []
    async with asyncio.timeout(30):
        while "ready" not in (line := (await process.stdout.readline()).decode()):
            log.append(line)
            assert line, "".join(log)
    reading = asyncio.create_task(_read(process.stdout, log))
    try:
        yield OIDCProvider(f"https://127.0.0.1:{port}", pki.ca, log)
    finally:
        process.kill()
        await process.wait()
        reading.cancel()


async def _read(stream: asyncio.StreamReader, log: list[str]) -> None:
    while line := await stream.readline():
        log.append(line.decode())
