"""What is asked of the outbox: a message of the send request, an account in place of a server."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from smtps.client.commands import SendOptions
from smtps.client.outgoing import Outgoing
from smtps.endpoint import Partial
from smtps.errors import InputError
from smtps.http.requests import MessageFields
from smtps.message.message import Attachment
from smtps.outbox.account import Account
from smtps.outbox.records import Key, Submission

LONGEST_WAIT = 366 * 24 * 60 * 60 * 1000
"""Milliseconds that a message may be scheduled ahead."""

LONGEST_KEY = 256


def _moment(value: Any) -> datetime:
    """A time with its zone, as RFC 3339 writes it."""
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError  # noqa: TRY301
        datetime.fromtimestamp(round(moment.timestamp() * 1000) / 1000, UTC)  # as it is kept
    except (TypeError, ValueError, OverflowError):
        raise ValueError("must be a time with a time zone, such as 2026-12-24T18:00:00Z") from None
    return moment


def _text(value: Any) -> Any:
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("must be printable text")
    return value


Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    Field(json_schema_extra={"examples": ["2026-12-24T18:00:00Z"]}),
]
Printable = Annotated[str, BeforeValidator(_text)]
Tag = Annotated[Printable, Field(min_length=1, max_length=100)]
Value = Annotated[Printable, Field(max_length=500)]


class MessageRequest(MessageFields):
    """``POST /api/smtps/messages``."""

    account: Annotated[str, Field(description="The server, and the credentials for it.")]
    partial: Annotated[
        Partial,
        Field(
            description="send: send to the recipients that are not refused. abort: send "
            "to all or to no one."
        ),
    ] = "send"
    send_at: Annotated[Moment | None, Field(description="Earliest time to send.")] = None
    expires_at: Annotated[
        Moment | None, Field(description="Latest time to send; default three days.")
    ] = None
    tags: list[Tag] = Field(default_factory=list, max_length=20)
    metadata: dict[Tag, Value] = Field(default_factory=dict, max_length=50)

    def digest(self, files: Iterable[Attachment] = ()) -> str:
        """What tells this request from another: SHA-256 of its canonical form."""
        given = self.model_dump(mode="json", by_alias=True, exclude_unset=True)
        found = hashlib.sha256(json.dumps(given, sort_keys=True).encode())
        for file in files:
            octets = _octets(file)
            about = (file.filename, file.content_type, file.content_id, len(octets))
            found.update(json.dumps(about).encode())  # where one ends and the next begins, too
            found.update(octets)
        return found.hexdigest()

    def submission(
        self, outgoing: Outgoing, account: Account, key: Key | None, id_: str, now: int
    ) -> Submission:
        """What the outbox takes.

        Args:
            outgoing: the message.
            account: through which it goes out.
            key: the caller's name for the request.
            id_: its name.
            now: milliseconds since 1970.

        Raises:
            InputError: the times make no sense.
        """
        send_at = _milliseconds(self.send_at)
        expires = _milliseconds(self.expires_at)
        if send_at is not None and send_at - now > LONGEST_WAIT:
            raise InputError("send_at", "is more than a year ahead")
        begin = max(send_at or now, now)
        if expires is None:
            expires = begin + account.lifetime
        if expires <= begin:
            raise InputError("expires_at", "is before the earliest time to send")
        return Submission(
            id=id_,
            account=account.name,
            outgoing=outgoing,
            created=now,
            expires=expires,
            terms=SendOptions(
                partial=self.partial, dsn=self.notifications(), require_tls=self.require_tls
            ),
            send_at=send_at,
            subject=self.subject,
            tags=tuple(self.tags),
            metadata=self.metadata,
            key=key,
        )


def idempotency_key(headers: Mapping[str, str]) -> str | None:
    """The key that came with a request.

    Raises:
        InputError: it is none.
    """
    key = headers.get("idempotency-key")
    if key is None:
        return None
    if not (key.isascii() and key.isprintable() and 0 < len(key) <= LONGEST_KEY):
        raise InputError(
            "Idempotency-Key", f"must be 1 to {LONGEST_KEY} printable ASCII characters"
        )
    return key


def _milliseconds(moment: datetime | None) -> int | None:
    return None if moment is None else round(moment.timestamp() * 1000)


def _octets(file: Attachment) -> bytes:
    return file.content if isinstance(file.content, bytes) else file.content.read_bytes()
