"""Webhooks: telling somebody what became of a message (https://www.standardwebhooks.com)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
import logging
from collections import Counter
from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete, select, update

from smtps.core.reply import printable
from smtps.errors import InputError, NetworkError, SMTPSError
from smtps.net.fetch import Client, Document, without_secrets
from smtps.outbox import reading, tables
from smtps.outbox.account import Account, Webhook
from smtps.outbox.clock import Clock
from smtps.outbox.records import when
from smtps.outbox.schedule import MINUTE
from smtps.outbox.store import Store
from smtps.outbox.writer import StoreError

log = logging.getLogger("smtps.outbox")

PAUSES = (5_000, 30_000, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, 60 * MINUTE, 120 * MINUTE,
          300 * MINUTE, 600 * MINUTE, 840 * MINUTE)  # fmt: skip
"""Milliseconds after each attempt; then nobody is told any more."""

LEASE = MINUTE
"""Milliseconds that one process has to tell; then another tries."""

TIMEOUT = 15.0
"""Seconds for an answer."""

AT_ONCE = 100
"""Attempts under way at the same time, in one process."""

EACH = 10
"""Of these to one host: a webhook that is slow to answer keeps nobody else waiting."""

LOOK = 1.0
"""Seconds until it is asked again what is due, while some are under way."""

_N = tables.notices.c
_ONE = asyncio.FIRST_COMPLETED


class Notice(NamedTuple):
    """Something to tell."""

    message: str
    id: str
    account: str
    event: str
    at: int
    due: int
    tries: int


class Verdict(NamedTuple):
    """What came of telling it: ``due`` for another attempt, or None when it is done with."""

    notice: Notice
    due: int | None


class Wanted(NamedTuple):
    """What a process can tell now.

    Attributes:
        now: the time, milliseconds.
        telling: message → receiver, of what it tells already.
        receivers: account → who is told.
    """

    now: int
    telling: Mapping[str, str]
    receivers: Mapping[str, str]


def to_tell(connection: Connection, wanted: Wanted) -> list[Notice]:
    """What is due and can be told now, the oldest first."""
    now, telling, receivers = wanted
    busy = Counter(telling.values())
    full = [account for account, receiver in receivers.items() if busy[receiver] >= EACH]
    rows = connection.execute(
        select(tables.notices)
        # Of two events of one message, the second is not told while the first is.
        .where(_N.due <= now, _N.account.not_in(full), _N.message.not_in(list(telling)))
        .order_by(_N.due)
        .limit(AT_ONCE - len(telling))
    ).mappings()
    found = []
    for row in rows.all():
        receiver = receivers.get(row["account"], "")
        if busy[receiver] < EACH:
            busy[receiver] += 1
            found.append(Notice(**row))
    return found


class Lease(NamedTuple):
    """Notices that one process wants to tell, and the time."""

    now: int
    notices: list[Notice]


def lease(connection: Connection, leases: list[Lease]) -> list[list[Notice]]:
    """Take them, as far as nobody else has; each goes to one process."""
    return [
        [notice for notice in notices if _take(connection, notice, now)] for now, notices in leases
    ]


def _take(connection: Connection, notice: Notice, now: int) -> bool:
    same = (_N.message == notice.message, _N.id == notice.id, _N.due == notice.due)
    ours = connection.execute(
        update(tables.notices).where(*same).values(due=now + LEASE, tries=_N.tries + 1)
    )
    return bool(ours.rowcount)


def conclude(connection: Connection, verdicts: list[Verdict]) -> list[None]:
    """Write what came of it. What was replaced by something newer meanwhile is let be."""
    for notice, due in verdicts:
        this = (_N.message == notice.message, _N.id == notice.id)
        if due is None:
            connection.execute(delete(tables.notices).where(*this))
        else:
            connection.execute(update(tables.notices).where(*this).values(due=due))
    return [None] * len(verdicts)


def key_of(secret: str) -> bytes:
    """The key that ``whsec_…`` stands for.

    Raises:
        InputError: it is not one.
    """
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise InputError("webhook.secret", "must be whsec_ and the base64 of 24 to 64 octets")
    return key


def headers(secret: str, id_: str, seconds: int, body: bytes) -> dict[str, str]:
    """What signs a notice (Standard Webhooks, symmetric signatures)."""
    signed = f"{id_}.{seconds}.".encode() + body
    digest = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": id_,
        "webhook-timestamp": str(seconds),
        "webhook-signature": "v1," + base64.b64encode(digest).decode(),
    }


def check(answer: Document) -> None:
    """Make sure that an answer means that the notice was taken.

    Raises:
        NetworkError: it does not.
    """
    if 200 <= answer.status < 300:
        return
    if 300 <= answer.status < 400 and answer.location is not None:
        where = printable(without_secrets(answer.location))[:200]
        raise NetworkError(
            "http.redirected",
            f"The web server answered {answer.status} and points to {where}; "
            "redirections are not followed.",
        )
    raise NetworkError("http.status", f"The web server answered {answer.status}.")


class Teller:
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
            name: account.webhook.url.partition("://")[2].partition("/")[0]
            for name, account in accounts.items()
            if account.webhook is not None
        }
        self._client = Client(timeout=TIMEOUT, keep=AT_ONCE)

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
        wanted = Wanted(now, {n.message: receivers.get(n.account, "") for n in telling}, receivers)
        try:
            # Asked first: that holds up nobody who writes, and mostly there is nothing.
            notices: list[Notice] = await self._store.read(to_tell, wanted)
            return await self._store.write(lease, Lease(now, notices)) if notices else []
        except StoreError:
            if not telling:
                raise
            return []  # those under way shall come to their end

    def _over(self, notice: Notice, task: asyncio.Task[None]) -> None:
        """One is told, or is told again when its lease is over: its error is nobody else's."""
        if (error := task.exception()) is not None:
            log.warning("what %s was told of cannot be written: %s", notice.account, error)

    async def _tell(self, notice: Notice) -> None:
        account = self._accounts.get(notice.account)
        hook = account.webhook if account is not None else None
        message = await self._store.read(reading.show, notice.message)
        heard = hook is None or message is None or await self._post(hook, notice, message)
        due = None
        if not heard and notice.tries < len(PAUSES):
            due = self._clock.now() + PAUSES[notice.tries]
        elif not heard:
            log.error("nobody could be told about message %s: %s", notice.message, notice.event)
        await self._store.write(conclude, Verdict(notice, due))

    async def _post(self, hook: Webhook, notice: Notice, message: dict[str, Any]) -> bool:
        body = json.dumps(
            {"type": f"message.{notice.event}", "timestamp": when(notice.at), "data": message}
        ).encode()
        sign = headers(hook.secret, notice.id, self._clock.now() // 1000, body)
        sign["webhook-attempt"] = str(notice.tries + 1)
        try:
            answer = await self._client.post(hook.url, body, sign)
            check(answer)
        except SMTPSError as error:
            log.warning("the webhook of %s failed: %s", notice.account, error)
            return False
        return True

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()
