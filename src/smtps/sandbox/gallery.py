"""All personas side by side, each on a port of its own, with one inbox and one authority.

Its page lists them: what is wrong where, and how to see it.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from html import escape
from typing import Any, Self

from smtps.errors import InputError
from smtps.sandbox import raw
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.persona import DOMAIN
from smtps.sandbox.personas import HEALTHY, PERSONAS
from smtps.sandbox.pki import Authority
from smtps.sandbox.server import PASSWORD, USERNAME, Sandbox

FIRST_PORT = 4650
"""Where a sandbox listens by default; those of all personas follow it."""


class Gallery:
    """Starts a sandbox for every persona.

    The healthy one has an authorization server beside it, as have those that are about tokens.

    Args:
        port: of the first; the others follow it. 0 takes free ones.
        or_free: take a free one where that is taken.

    Attributes:
        inbox: the mail that any of them took.
        boxes: persona → sandbox.

    Raises:
        InputError: a port is taken.
    """

    def __init__(self, port: int = 0, *, or_free: bool = False) -> None:
        self.inbox = Inbox()
        self.boxes: dict[str, Sandbox] = {}
        self._port = port
        self._or_free = or_free
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        authority = Authority()
        try:
            for number, name in enumerate(PERSONAS):
                port = self._port and self._port + number
                self.boxes[name] = await self._start(name, port, authority)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _start(self, name: str, port: int, authority: Authority) -> Sandbox:
        box = Sandbox(
            name, port=port, oauth=name == HEALTHY.name, authority=authority, inbox=self.inbox
        )
        try:
            return await self._stack.enter_async_context(box)
        except InputError as error:
            if not self._or_free or not port or error.field != "port":
                raise
            return await self._start(name, 0, authority)

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def at(self, host: str, port: int) -> Sandbox | None:
        """The sandbox at an address."""
        if (named := self.named(host)) is not None:
            return named if port == named.port else None
        for box in self.boxes.values():
            if port == box.port and host in (box.host, "127.0.0.1", "localhost"):
                return box
        return None

    def named(self, host: str) -> Sandbox | None:
        """The sandbox of a name such as ``expired.sandbox.localhost``."""
        name, dot, domain = host.lower().rstrip(".").partition(".")
        return self.boxes.get(name) if dot and domain == DOMAIN else None

    def as_json(self) -> dict[str, Any]:
        """For the page's menu, and for scripts."""
        first = next(iter(self.boxes.values()))
        return {
            "username": USERNAME,
            "password": PASSWORD,
            "ca_file": str(first.ca_file),
            "oauth": first.oauth.as_json(),
            "personas": [
                {**box.persona.as_json(), "host": box.host, "port": box.port, **_how(box)}
                for box in self.boxes.values()
            ],
        }


def _how(box: Sandbox) -> dict[str, Any]:
    """What it takes to see a persona that is about tokens."""
    shown_by = box.persona.shown_by
    if shown_by == "token":
        return {"access_token": box.oauth.token_for()}
    if shown_by.startswith("account"):
        return {"accounts_file": str(box.oauth.accounts_file)}
    return {}


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;"
    "color-scheme:light dark}table{border-collapse:collapse;width:100%}td,th{text-align:left;"
    "padding:.4rem .8rem .4rem 0;border-bottom:1px solid #8886;vertical-align:top}"
)

_LOGIN = " --username {username} --password-command 'echo {password}'"
_LETTER = " --from {username} --to you@example.test --subject Hello --body 'It works'"

_HOW = {
    "check": "",
    "login": _LOGIN,
    "token": " --username {username} --token-env TOKEN",
    "deep": " --deep",
    "envelope": _LOGIN + " --mail-from {username} --rcpt-to you@example.test",
    "anonymous envelope": " --mail-from {username} --rcpt-to you@example.test",
    "send": _LOGIN + _LETTER,
}


def index_page(gallery: Gallery) -> str:
    """The index as HTML, without script and without anything from elsewhere."""
    found = gallery.as_json()
    rows = "".join(_row(persona, found) for persona in found["personas"])
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
        f'content="width=device-width"><title>smtps sandbox</title><style>{_STYLE}</style>'
        "<h1>Mail servers, each with a different fault</h1>"
        f"<p>User name <code>{found['username']}</code>, password "
        f"<code>{found['password']}</code>, authority <code>{escape(found['ca_file'])}</code>.</p>"
        "<table><tr><th>port<th>persona<th>what is wrong<th>finding<th>how to see it</tr>"
        f"{rows}</table></html>"
    )


def _how_to_log_in(persona: dict[str, Any]) -> str:
    """The commands for an account."""
    shell = f"SMTPS_ACCOUNTS={persona['accounts_file']} smtps"
    check = f" && {shell} check --account sandbox"
    times = {"account": 1, "account again": 2}.get(persona["shown_by"], 0)
    return f"{shell} login --account sandbox" + check * times


def _row(persona: dict[str, Any], found: dict[str, Any]) -> str:
    where = f"{persona['host']}:{persona['port']}"
    what = "send --host" if persona["shown_by"] == "send" else "check"
    how = f"smtps {what} {where} --ca-file {found['ca_file']}"
    if persona["security"] == "starttls":
        how += " --starttls"
    how += _HOW.get(persona["shown_by"], "").format(**found)
    if persona["shown_by"] == "token":
        how = f"TOKEN={persona['access_token']} {how}"
    elif persona["shown_by"].startswith("account"):
        how = _how_to_log_in(persona)
    codes = "<br>".join(f"<code>{code}</code>" for code in persona["findings"]) or "none"
    return (
        f"<tr><td>{persona['port']}<td>{escape(persona['name'])}<td>{escape(persona['summary'])}"
        f"<td>{codes}<td><code>{escape(how)}</code></tr>"
    )


async def serve_index(
    gallery: Gallery, host: str, port: int, *, or_free: bool = False
) -> asyncio.Server:
    """Serve the index by HTTP.

    Args:
        gallery: what to list.
        host, port: where.
        or_free: take a free port where that is taken.

    Raises:
        OSError: the port is taken.
    """
    body = index_page(gallery).encode()
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    answer = head.encode() + body
    loop = asyncio.get_running_loop()
    try:
        return await loop.create_server(lambda: raw.Answers(answer), host, port)
    except OSError:
        if not or_free:
            raise
        return await loop.create_server(lambda: raw.Answers(answer), host, 0)
