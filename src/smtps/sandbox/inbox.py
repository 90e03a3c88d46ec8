"""The mail that the sandbox has taken, in memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from itertools import islice
from typing import Any

from smtps.sandbox.held_back import held_back

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
        persona: name of the one that took it.
    """

    id: str
    received: datetime
    sender: str
    recipients: tuple[str, ...]
    data: bytes
    persona: str = ""

    @property
    def parsed(self) -> EmailMessage:
        """The message as Python's email package reads it."""
        return message_from_bytes(self.data, policy=default)

    def summary(self) -> dict[str, Any]:
        """For a list."""
        header = message_from_bytes(self.data.partition(b"\r\n\r\n")[0], policy=default)
        return {
            "id": self.id,
            "persona": self.persona,
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
            "html": (markup := _content(html)),
            "held_back": [] if markup is None else held_back(markup),
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

    def words(self) -> Iterator[str]:
        """What a search looks at: envelope, header fields for people, text."""
        yield from (self.id, self.sender, *self.recipients)
        message = self.parsed
        for name in ("From", "To", "Cc", "Subject", "Message-ID"):
            yield str(message.get(name, ""))
        yield _content(message.get_body(("plain", "html"))) or ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages; what is empty does not matter, and case never does.

    Attributes:
        persona: name of the one that took it.
        sender, recipient: part of an address of the envelope.
        subject: part of it.
        text: part of any of ``Stored.words``.
        after: id of a message; only newer ones.
    """

    persona: str = ""
    sender: str = ""
    recipient: str = ""
    subject: str = ""
    text: str = ""
    after: int = 0

    def __contains__(self, message: Stored) -> bool:
        return (
            int(message.id) > self.after
            and self.persona in ("", message.persona)
            and _within(self.sender, (message.sender,))
            and _within(self.recipient, message.recipients)
            and (not self.subject or _within(self.subject, (message.summary()["subject"],)))
            and (not self.text or _within(self.text, message.words()))
        )


def _within(part: str, texts: Iterable[str]) -> bool:
    return not part or any(part.casefold() in text.casefold() for text in texts)


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

    def add(
        self, sender: str, recipients: tuple[str, ...], data: bytes, persona: str = ""
    ) -> Stored:
        """Keep a message."""
        self._count += 1
        stored = Stored(str(self._count), datetime.now(UTC), sender, recipients, data, persona)
        self._messages[stored.id] = stored
        self._octets += len(data)
        while len(self._messages) > self._max[0] or self._octets > self._max[1]:
            _, oldest = self._messages.popitem(last=False)
            self._octets -= len(oldest.data)
        self._changed.set()
        return stored

    def newest(self, wanted: Wanted, limit: int = MAX_MESSAGES) -> list[Stored]:
        """Those that are wanted, the newest first."""
        found = (message for message in reversed(self._messages.values()) if message in wanted)
        return list(islice(found, limit))

    async def newest_in(
        self, wanted: Wanted, seconds: float, limit: int = MAX_MESSAGES
    ) -> list[Stored]:
        """The same as soon as there is one; none when the time is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not (found := self.newest(wanted, limit)):
                    self._changed.clear()
                    await self._changed.wait()
                return found
        return []

    def remove(self, number: str) -> bool:
        """Delete one message; False if there is none of this id."""
        found = self._messages.pop(number, None)
        self._octets -= len(found.data) if found else 0
        return found is not None

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

    def forget(self, ids: list[str]) -> None:
        """Throw the messages of these ids away, as far as there are any."""
        for number in ids:
            if (found := self._messages.pop(number, None)) is not None:
                self._octets -= len(found.data)
