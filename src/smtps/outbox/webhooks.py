"""Tells webhooks what becomes of messages and logins; repeats each notice until it arrives or is
given up.

Notices are signed as Standard Webhooks asks (symmetric, https://www.standardwebhooks.com).
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from smtps.core.reply import printable
from smtps.errors import Failure, InputError, NetworkError, SMTPSError
from smtps.net.egress import Egress
from smtps.net.fetch import Client, Document, without_secrets
from smtps.outbox import login_events, reading
from smtps.outbox.account import Account, Webhook
from smtps.outbox.clock import Clock
from smtps.outbox.notices import (
    NOTICES_AT_ONCE,
    NextTry,
    Notice,
    NoticeLease,
    WebhookQuery,
    conclude,
    event_type,
    lease_notices,
    next_attempt,
    to_tell,
)
from smtps.outbox.records import when
from smtps.outbox.store import Store
from smtps.outbox.tables import OF_ACCOUNTS
from smtps.outbox.writer import StoreError


def signing_key(secret: str) -> bytes:
    """The key that ``whsec_…`` stands for.

    Raises:
        InputError: it is not one.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise InputError("webhook.secret", "must be whsec_ and the base64 of 24 to 64 bytes")
    return key


def signature_headers(secret: str, id_: str, seconds: int, body: bytes) -> dict[str, str]:
    """What signs a notice (Standard Webhooks, symmetric signatures)."""
    signed = f"{id_}.{seconds}.".encode() + body
    digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(seconds),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


log = logging.getLogger("smtps.outbox")

TIMEOUT = 15.0
"""Seconds for an answer."""

LOOK = 1.0
"""Seconds until it is asked again what is due, while some are under way."""

_ONE = asyncio.FIRST_COMPLETED


def check_answer(answer: Document) -> None:
    """Make sure that an answer means that the notice was taken.

    Raises:
        NetworkError: it does not.
    """
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400 and answer.location is not None:
        where = printable(without_secrets(answer.location))[:200]
        raise NetworkError(
            "web.redirected",
            f"The web server answered {answer.status} and redirected to {where}; redirects are not "
            "followed.",
        )
    raise NetworkError("web.status", f"The web server answered {answer.status}.")


def _of(notice: Notice) -> str:
    return "" if notice.event in OF_ACCOUNTS else f" of {notice.message}"


def _receiver(url: str) -> str:
    """The host and port that a URL means, whoever logs in and whatever is asked there."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2].lower()
    except ValueError:  # nothing can be told there
        return url


class WebhookSender:
    """Tells what is to be told, again and again until it is heard.

    Args:
        store: where it is kept.
        accounts: name → account.
        clock: the time.
    """

    def __init__(self, store: Store, accounts: Mapping[str, Account], clock: Clock) -> None:
        self._store = store
        self._accounts = accounts
        self._clock = clock
        self._receivers = {
            name: _receiver(account.webhook.url)
            for name, account in accounts.items()
            if account.webhook is not None
        }
        self._clients: dict[tuple[Any, ...], Client] = {}

    async def round(self) -> int:
        """Tell until nothing is due; how often that was.

        Raises:
            StoreError: the database is away.
        """
        under_way: dict[asyncio.Task[None], Notice] = {}
        told = 0
        try:
            while True:
                notices = await self._lease(list(under_way.values()))
                for notice in notices:
                    under_way[asyncio.create_task(self._tell(notice))] = notice
                told += len(notices)
                if not under_way:
                    return told
                if notices:
                    continue  # for another receiver there may be more
                done, _ = await asyncio.wait(under_way, timeout=LOOK, return_when=_ONE)
                for task in done:
                    self._over(under_way.pop(task), task)
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)

    async def _lease(self, telling: list[Notice]) -> list[Notice]:
        """What can be told now, taken so that no other process tells it."""
        now, receivers = self._clock.now(), self._receivers
        wanted = WebhookQuery(
            now, {n.message: receivers.get(n.account, "") for n in telling}, receivers
        )
        try:
            # Asked first: that holds up nobody who writes, and mostly there is nothing.
            notices: list[Notice] = await self._store.read(to_tell, wanted)
            return (
                await self._store.write(lease_notices, NoticeLease(now, notices)) if notices else []
            )
        except StoreError:
            if not telling:
                raise
            return []  # those under way shall come to their end

    def _over(self, notice: Notice, task: asyncio.Task[None]) -> None:
        """One is told, or is told again when its lease is over: its error is nobody else's."""
        if (error := task.exception()) is not None:
            log.warning(
                "the result of the webhook of %s cannot be written: %s", notice.account, error
            )

    async def _tell(self, notice: Notice) -> None:
        account = self._accounts.get(notice.account)
        hook = account.webhook if account is not None else None
        data = await self._data(notice)
        if hook is None or data is None:  # nobody is to be told, or of nothing
            await self._store.write(conclude, NextTry(notice, self._clock.now(), known=False))
            return
        try:
            await self._post(hook, notice, data)
        except SMTPSError as error:
            failure = error.failure
        except Exception as error:  # so that it is told again later and not at once, for ever
            log.exception("the webhook of %s", notice.account)
            failure = Failure(code="api.bug", message=f"smtps failed: {type(error).__name__}.")
        else:
            await self._store.write(conclude, NextTry(notice, self._clock.now()))
            return
        now = self._clock.now()
        due = next_attempt(notice, now)
        log.log(
            logging.WARNING if due is not None else logging.ERROR,
            "webhook of %s, %s%s: attempt %d at %s failed: %s %s",
            notice.account, event_type(notice.event), _of(notice), notice.tries + 1,
            printable(without_secrets(hook.url)), failure.message,
            "Giving up." if due is None else f"Next attempt at {when(due)}.",
        )  # fmt: skip
        await self._store.write(conclude, NextTry(notice, now, failure, due))

    async def _data(self, notice: Notice) -> dict[str, Any] | None:
        """What there is to tell of a message or an account; None if that is gone."""
        if notice.event in OF_ACCOUNTS:
            return await self._store.read(login_events.show, notice.account)
        message = await self._store.read(reading.show, notice.message)
        if message is not None:
            del message["webhook"]  # how this very notice stands is no news to its receiver
        return message

    async def _post(self, hook: Webhook, notice: Notice, data: dict[str, Any]) -> None:
        """Tell it once.

        Raises:
            SMTPSError: it was not heard.
        """
        body = json.dumps(
            {"type": event_type(notice.event), "timestamp": when(notice.at), "data": data}
        ).encode()
        sign = signature_headers(hook.secret, notice.id, self._clock.now() // 1000, body)
        sign["webhook-attempt"] = str(notice.tries + 1)
        check_answer(await self._client(hook).post(hook.url, body, sign))

    def _client(self, hook: Webhook) -> Client:
        """The client that a webhook's settings mean; most of them share one."""
        way = (hook.ca_file, hook.resolver, hook.proxy, hook.private)
        if way not in self._clients:
            self._clients[way] = Client(
                allow=None if hook.private else Egress(ports=None),
                timeout=TIMEOUT,
                resolver=hook.resolver,
                ca_file=hook.ca_file,
                proxy=hook.proxy,
                keep=NOTICES_AT_ONCE,
            )
        return self._clients[way]

    async def aclose(self) -> None:
        """Close connections."""
        for client in self._clients.values():
            await client.aclose()
