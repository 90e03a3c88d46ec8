"""The loopback redirect: takes the one answer that belongs to the login, and nothing else."""

from __future__ import annotations

import asyncio
import errno
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.net.pki import PKI
from tests.oauth.authorization import authorization_server

from smtps.errors import TokenError
from smtps.oauth import flows
from smtps.oauth.exchange import Exchange
from smtps.oauth.grants import Authorization, DeviceCode
from smtps.oauth.redirect import Redirect


async def ask(uri: str, target: str, *, host: str | None = None, method: str = "GET") -> str:
    """As a browser does, and anybody else."""
    parts = urlsplit(uri)
    reader, writer = await asyncio.open_connection("127.0.0.1", parts.port)
    head = f"{method} {target} HTTP/1.1\r\nHost: {host or parts.netloc}\r\n\r\n"
    writer.write(head.encode())
    answer = (await reader.read()).decode()
    writer.close()
    return answer


def right(url: str) -> bool:
    return flows.has_state(Authorization("", "", "right", "v"), url)


async def test_it_hears_on_loopback_alone_at_a_port_of_the_systems_choice() -> None:
    async with Redirect() as one, Redirect() as two:
        assert one.uri.startswith("http://127.0.0.1:")
        assert one.uri != two.uri
        for server in one._servers:
            assert {s.getsockname()[0] for s in server.sockets} == {"127.0.0.1"}


async def test_the_right_answer_ends_the_wait_and_the_page_is_plain() -> None:
    async with Redirect() as redirect:
        waiting = asyncio.create_task(redirect.answer(right))
        await asyncio.sleep(0)
        page = await ask(redirect.uri, "/?code=code-canary&state=right")
        assert await waiting == f"{redirect.uri}?code=code-canary&state=right"
    assert page.startswith("HTTP/1.1 200 OK")
    assert "canary" not in page
    assert "<script" not in page
    for field in ("Cache-Control: no-store", "Referrer-Policy: no-referrer", "default-src 'none'"):
        assert field in page


@pytest.mark.parametrize(
    ("target", "host", "method", "status"),
    [
        ("/?code=c&state=wrong", None, "GET", "400"),
        ("/?code=c", None, "GET", "400"),
        ("/?code=c&state=right&state=right", None, "GET", "400"),
        ("/?" + "&".join(f"a{n}=1" for n in range(60)) + "&state=right", None, "GET", "400"),
        ("/other?code=c&state=right", None, "GET", "404"),
        ("/?code=c&state=right", None, "POST", "404"),
        ("/?code=c&state=right", "evil.test", "GET", "400"),
        ("/?code=c&state=right", "localhost:1", "GET", "400"),
        ("/?<script>alert(1)</script>", None, "GET", "400"),
        ("/favicon.ico", None, "GET", "404"),
    ],
)
async def test_what_does_not_belong_to_the_login_changes_nothing(
    target: str, host: str | None, method: str, status: str
) -> None:
    async with Redirect() as redirect:
        waiting = asyncio.create_task(redirect.answer(right))
        await asyncio.sleep(0)
        page = await ask(redirect.uri, target, host=host, method=method)
        assert page.startswith(f"HTTP/1.1 {status} ")
        assert "alert" not in page
        assert not waiting.done()
        await ask(redirect.uri, "/?code=good&state=right")
        assert "code=good" in await waiting


async def test_a_second_answer_is_refused() -> None:
    async with Redirect() as redirect:
        waiting = asyncio.create_task(redirect.answer(right))
        await asyncio.sleep(0)
        await ask(redirect.uri, "/?code=first&state=right")
        assert "410 Gone" in await ask(redirect.uri, "/?code=second&state=right")
        assert "first" in await waiting
    with pytest.raises(OSError, match="Connect call failed"):
        await ask(redirect.uri, "/?code=third&state=right")


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"nonsense\r\n\r\n", b"GET /" + b"x" * 50_000])
async def test_what_is_no_request_changes_nothing(data: bytes) -> None:
    async with Redirect() as redirect:
        waiting = asyncio.create_task(redirect.answer(right))
        reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(redirect.uri).port)
        writer.write(data)
        writer.write_eof()
        await reader.read()
        writer.close()
        assert not waiting.done()
        waiting.cancel()


async def test_a_page_that_opens_very_many_connections_does_not_stop_the_login() -> None:
    async with Redirect() as redirect:
        waiting = asyncio.create_task(redirect.answer(right))
        port = urlsplit(redirect.uri).port
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(20)]
        await ask(redirect.uri, "/?code=c&state=right")
        assert await waiting
        for _, writer in held:
            writer.transport.abort()


async def test_a_port_that_is_registered_is_used_or_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            TokenError, match=f"The port {port} on loopback cannot be used"
        ) as caught:
            async with Redirect(registered=f"http://127.0.0.1:{port}/callback"):
                pass
    assert caught.value.code == "oauth.no_port"
    async with Redirect(registered=f"http://localhost:{port}/callback") as redirect:
        assert redirect.uri == f"http://localhost:{port}/callback"
        waiting = asyncio.create_task(redirect.answer(right))
        await asyncio.sleep(0)
        await ask(redirect.uri, "/callback?code=c&state=right")
        assert await waiting


async def test_localhost_is_heard_at_both_of_its_addresses_and_shared_with_nobody(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Somebody who listens at ::1 would get what a browser sends to localhost."""
    start = asyncio.start_server
    taken: list[int] = []

    async def another_is_there(serve: Any, host: str, port: int, **more: Any) -> Any:
        if host == "::1" and len(taken) < 2:
            taken.append(port)
            raise OSError(errno.EADDRINUSE, "Address already in use")
        return await start(serve, host, port, **more)

    monkeypatch.setattr(asyncio, "start_server", another_is_there)
    async with Redirect("localhost") as redirect:
        port = urlsplit(redirect.uri).port
        assert port not in taken
        found = {s.getsockname()[:2] for server in redirect._servers for s in server.sockets}
        assert found == {("127.0.0.1", port), ("::1", port)}


# The flows.


async def test_a_browser_brings_tokens(pki: PKI) -> None:
    async with authorization_server(pki) as server:
        shown: list[str] = []

        def browse(url: str) -> None:
            shown.append(url)
            target = server.browse(url)
            asyncio.get_running_loop().create_task(ask(target, "/?" + urlsplit(target).query))

        tokens = await flows.by_browser(Exchange(server.registration()), browse, None)
        assert tokens.access_token in server.live
        assert "redirect_uri=http%3A%2F%2F127.0.0.1%3A" in shown[0]


async def test_a_pasted_answer_brings_tokens(pki: PKI) -> None:
    async with authorization_server(pki) as server:
        pages: list[str] = []

        async def paste() -> str:
            return server.browse(pages[0])

        tokens = await flows.by_browser(Exchange(server.registration()), pages.append, paste)
        assert tokens.access_token in server.live


async def test_a_redirect_elsewhere_is_pasted(pki: PKI) -> None:
    async with authorization_server(pki) as server:
        pages: list[str] = []
        ours = server.registration(redirect_uri="https://a.test/shows-the-code")

        async def paste() -> str:
            return server.browse(pages[0])

        assert (await flows.by_browser(Exchange(ours), pages.append, paste)).access_token
        with pytest.raises(TokenError, match="not finished"):
            await flows.by_browser(Exchange(ours), pages.append, None)


async def test_what_is_pasted_from_another_login_is_refused(pki: PKI) -> None:
    async with authorization_server(pki) as server:

        async def paste() -> str:
            return "http://127.0.0.1:1/?code=stolen&state=theirs"

        with pytest.raises(TokenError) as caught:
            await flows.by_browser(Exchange(server.registration()), lambda _: None, paste)
    assert caught.value.code == "oauth.not_this_login"
    assert server.asked == []


async def test_a_login_that_nobody_finishes_ends(pki: PKI) -> None:
    async with authorization_server(pki) as server:
        exchange = Exchange(server.registration())
        with pytest.raises(TokenError) as caught:
            await flows.by_browser(exchange, lambda _: None, None, patience=0.05)
    assert caught.value.code == "oauth.no_answer"


async def test_a_code_that_is_entered_elsewhere_brings_tokens(pki: PKI) -> None:
    async with authorization_server(pki, interval=0) as server:

        def show(code: DeviceCode) -> None:
            server.devices[code.code].approved = True

        tokens = await flows.by_device(Exchange(server.registration()), show)
        assert tokens.access_token in server.live
