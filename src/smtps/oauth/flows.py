"""A person's login from its beginning to tokens: by a browser here, by a pasted answer, by a code.

Nothing is printed here: what the person has to see goes to whoever asked.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Protocol, TypeVar
from urllib.parse import parse_qs, urlsplit

from smtps.errors import Phase, TokenError
from smtps.oauth.exchange import Exchange
from smtps.oauth.grants import Authorization, DeviceCode
from smtps.oauth.redirect import PATIENCE, Redirect
from smtps.oauth.tokens import Tokens

Show = Callable[[str], None]
"""Shows or opens the page at a URL."""

Paste = Callable[[], Awaitable[str]]
"""Waits for what the person pastes."""

Gained_co = TypeVar("Gained_co", covariant=True)


class Browsed(Protocol[Gained_co]):
    """Begins a login and takes its answer: an ``Exchange``, or a service that has one."""

    @property
    def redirect(self) -> tuple[str, str | None]:
        """The host that a loopback redirect has, and the redirect URI that is registered."""

    async def begin(self, redirect_uri: str) -> Authorization:
        """Begin a login by a browser."""

    async def redeem(self, begun: Authorization, answer: str) -> Gained_co:
        """What the answer is worth."""


async def by_browser(
    exchange: Browsed[Gained_co], show: Show, paste: Paste | None, *, patience: float = PATIENCE
) -> Gained_co:
    """Log in by a browser; the answer comes to a port on loopback, or is pasted.

    Args:
        exchange: with the authorization server, or with a service that talks to it.
        show: gets the URL of the page.
        paste: where an answer can be pasted; None where it cannot.
        patience: seconds to wait.

    Raises:
        TokenError: the answer does not belong to the login, is a refusal, or did not come.
    """
    host, registered = exchange.redirect
    if registered is not None and registered.startswith("https://"):
        begun = await exchange.begin(registered)
        show(begun.url)
        if paste is None:
            raise _late(patience)
        return await exchange.redeem(begun, await _within(paste(), patience))
    async with Redirect(host, registered) as redirect:
        begun = await exchange.begin(redirect.uri)
        waiting = asyncio.ensure_future(redirect.answer(lambda url: has_state(begun, url)))
        show(begun.url)
        answer = await _first(waiting, paste, patience)
        return await exchange.redeem(begun, answer)


async def by_device(exchange: Exchange, show: Callable[[DeviceCode], None]) -> Tokens:
    """Log in by a code that is entered elsewhere (RFC 8628).

    Raises:
        TokenError: the person declined, or was too late.
    """
    device = await exchange.begin_device()
    show(device)
    return await exchange.poll(device)


def has_state(begun: Authorization, url: str) -> bool:
    """Whether a URL brings back the state of a login, once."""
    try:
        found = parse_qs(urlsplit(url).query, max_num_fields=50).get("state", [])
    except ValueError:
        return False
    return len(found) == 1 and hmac.compare_digest(found[0].encode(), begun.state.encode())


async def _first(waiting: asyncio.Future[str], paste: Paste | None, patience: float) -> str:
    """What comes first: the redirect, or a pasted answer."""
    ways = {waiting}
    if paste is not None:
        ways.add(asyncio.ensure_future(paste()))
    try:
        done, _ = await asyncio.wait(ways, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        if not done:
            raise _late(patience)
        return done.pop().result()
    finally:
        for way in ways:
            way.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await way


async def _within(pasted: Awaitable[str], patience: float) -> str:
    try:
        async with asyncio.timeout(patience):
            return await pasted
    except TimeoutError:
        raise _late(patience) from None


def _late(patience: float) -> TokenError:
    return TokenError(
        "oauth.no_answer",
        f"The login was not finished in the browser within {patience / 60:g} minutes.",
        phase=Phase.TOKEN,
    )
