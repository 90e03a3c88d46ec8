"""The mail that the sandbox has taken, in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

MAX_MESSAGES = 1000
MAX_OCTETS = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Stored:
    """One message as it came in.

    Attributes:
        id: number within this inbox, from 1, as text.
        received: when.
        sender: reverse-path, empty for ``<>``.
        recipients: forward-paths.
        data: the message, CRLF line ends, dots unstuffed.
    """

    id: str
    received: datetime
    sender: str
    recipients: tuple[str, ...]
    data: bytes

    @property
    def parsed(self) -> EmailMessage:
        """The message as Python's email package reads it."""
        return message_from_bytes(self.data, policy=default)

    def summary(self) -> dict[str, Any]:
        """For a list."""
        header = message_from_bytes(self.data.partition(b"\r\n\r\n")[0], policy=default)
        return {
            "id": self.id,
            "received": self.received.isoformat(timespec="milliseconds"),
            "from": self.sender,
            "to": list(self.recipients),
            "subject": str(header.get("Subject", "")),
            "message_id": str(header.get("Message-ID", "")) or None,
            "size": len(self.data),
        }

    def details(self) -> dict[str, Any]:
        """The summary, with header fields, text, HTML and attachments."""
        message = self.parsed
        text, html = message.get_body(("plain",)), message.get_body(("html",))
        return {
            **self.summary(),
            "headers": [[name, str(value)] for name, value in message.items()],
            "text": _content(text),
            "html": _content(html),
            "attachments": [
                {
                    "filename": part.get_filename(),
                    "content_type": part.get_content_type(),
                    "size": len(part.get_payload(decode=True) or b""),
                }
                for part in message.walk()
                if part.get_filename()
            ],
        }


def _content(part: Any) -> str | None:
    if part is None:
        return None
    try:
        return str(part.get_content())
    except (LookupError, ValueError, KeyError):  # an unknown charset or broken encoding
        return None


class Inbox:
    """Holds the newest messages; the oldest go when there are too many."""

    def __init__(self, max_messages: int = MAX_MESSAGES, max_octets: int = MAX_OCTETS) -> None:
        self._messages: OrderedDict[str, Stored] = OrderedDict()
        self._count = self._octets = 0
        self._max = (max_messages, max_octets)
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._messages)

    def all(self) -> list[Stored]:
        """All messages, the oldest first."""
        return [*self._messages.values()]

    def get(self, number: str) -> Stored | None:
        """One message by its id."""
        return self._messages.get(number)

    def add(self, sender: str, recipients: tuple[str, ...], data: bytes) -> Stored:
        """Keep a message."""
        self._count += 1
        stored = Stored(str(self._count), datetime.now(UTC), sender, recipients, data)
        self._messages[stored.id] = stored
        self._octets += len(data)
        while len(self._messages) > self._max[0] or self._octets > self._max[1]:
            _, oldest = self._messages.popitem(last=False)
            self._octets -= len(oldest.data)
        self._changed.set()
        return stored

    def clear(self) -> None:
        """Throw all messages away."""
        self._messages.clear()
        self._octets = 0

    async def wait(self, count: int = 1) -> list[Stored]:
        """Wait until there are so many messages, and give them all."""
        while len(self._messages) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.all()

    async def after(self, number: str) -> list[Stored]:
        """Wait for messages newer than the one of this id, and give them."""
        while not (newer := [m for m in self.all() if int(m.id) > int(number)]):
            self._changed.clear()
            await self._changed.wait()
        return newer
