"""Messages through an outbox over many lives of access tokens: what was refused, or came twice."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tests.client.farm import farm
from tests.net.pki import PKI
from tests.oauth.authorization import USER, AuthorizationServer, authorization_server
from tests.oauth.mail import TokenMail

import smtps
from smtps.client.commands import SendOptions
from smtps.client.outgoing import prepare
from smtps.client.pool import Pool
from smtps.config.accounts import AccountSettings
from smtps.config.login_place import LoginPlace
from smtps.outbox import outbox
from smtps.outbox.outbox import Outbox
from smtps.outbox.records import Submission

HOME = "http://127.0.0.1:4/"


@dataclass
class Outcome:
    """What came of it.

    Attributes:
        messages: accepted by the outbox.
        sent: that ended so.
        twice: that the mail server has taken more than once.
        lives: times that the login was renewed.
        logins: at the mail server, and how many of them it refused at first.
        stops: times that the account was seen waiting or stopped.
        seconds: for all of it.
    """

    messages: int
    sent: int = 0
    twice: int = 0
    lives: int = 0
    logins: int = 0
    refused: int = 0
    stops: int = 0
    seconds: float = 0.0


A_SESSION = 20
"""Messages of a session, so that logins fall into all moments of a token's life."""


async def run(
    folder: Path, pki: PKI, *, messages: int, life: float, rate: float, pause: float = 0.0
) -> Outcome:
    """Send them.

    Args:
        folder: for the outbox and the login.
        pki: certificates.
        messages: how many.
        life: seconds of an access token; the mail server refuses it afterwards.
        rate: messages a second.
        pause: seconds that the mail server takes for each answer.
    """
    found, begun = Outcome(messages), time.monotonic()
    async with (
        authorization_server(pki, life=life, public=True, expires=True) as authority,
        farm(pki, lambda _: TokenMail(authority)) as mail,
    ):
        mail.delay = pause
        settings = AccountSettings(
            host="127.0.0.1", port=mail.port, security="implicit", username=USER,
            ca_file=str(pki.ca), per_minute=rate * 60, window=4,
            oauth={"issuer": authority.issuer, "client_id": "client-1",  # type: ignore[arg-type]
                   "scopes": ["mail"], "ca_file": str(pki.ca)},
        )  # fmt: skip
        await log_in(settings, authority, folder / "accounts")
        account = settings.account("main", None, LoginPlace(folder=folder / "accounts"))
        with of_short_sessions():
            await deliver(Outbox(str(folder / "mail.db"), {"main": account}), found, life)
        taken = Counter(m.data.partition(b"Subject: ")[2].partition(b"\r\n")[0] for m in mail.taken)
        found.twice = sum(count > 1 for count in taken.values())
        found.lives = authority.refreshed
        logins = [who for server in mail.servers for who in server.logins]  # type: ignore[attr-defined]
        found.logins, found.refused = len(logins), logins.count(None)
    found.seconds = time.monotonic() - begun
    return found


async def deliver(opened: Outbox, found: Outcome, life: float) -> None:
    """Hand messages over, and wait for their ends."""
    async with opened:
        ids = [await accept(opened, number) for number in range(found.messages)]
        while await opened.depth():
            state = (await opened.account_states())[0]
            found.stops += state["status"] != "ok"
            await asyncio.sleep(life / 4)
        states = Counter([(await opened.show(id_))["status"] for id_ in ids])
    found.sent = states["sent"]


@contextmanager
def of_short_sessions() -> Iterator[None]:
    """Pools of outboxes replace their sessions often."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outbox, "Pool", partial(Pool, messages=A_SESSION))
        yield


async def log_in(settings: AccountSettings, authority: AuthorizationServer, folder: Path) -> None:
    source = settings.tokens("main", LoginPlace(folder=folder))
    begun = await source.exchange.begin(HOME)
    await source.log_in(await source.exchange.redeem(begun, authority.browse(begun.url)))


async def accept(opened: Outbox, number: int) -> str:
    message = smtps.Message(from_=USER, to="bob@example.org", subject=f"no {number}", text="Hi")
    now = opened.clock.now()
    answer = await opened.accept(
        Submission(
            id=opened.new_id(), account="main", outgoing=prepare(message, None), created=now,
            expires=now + 3_600_000, terms=SendOptions(), subject="x",
        )
    )  # fmt: skip
    return str(answer.answer["id"])
