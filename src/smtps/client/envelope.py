"""Who a message is really from and for, whatever its header says (RFC 5321 section 2.3.1)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, Self

from smtps.addresses import mailbox
from smtps.core.address import Mailbox
from smtps.core.command import NOTIFY
from smtps.errors import InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class DSN:
    """What delivery status notifications to ask for (RFC 3461).

    Attributes:
        ret: return the ``FULL`` message or its ``HDRS``.
        envid: quoted in the notification, printable ASCII.
        notify: ``NEVER`` alone, or any of ``SUCCESS FAILURE DELAY``.
        orcpt: quote each recipient as given here, even if it is forwarded.
    """

    ret: Literal["FULL", "HDRS"] | None = None
    envid: str | None = None
    notify: tuple[Literal["NEVER", "SUCCESS", "FAILURE", "DELAY"], ...] | None = None
    orcpt: bool = False

    def __post_init__(self) -> None:
        if self.notify is None:
            return
        words = tuple(str(word).upper() for word in self.notify)
        if not words or set(words) - set(NOTIFY) or ("NEVER" in words and len(words) > 1):
            raise InputError("dsn.notify", "give NEVER alone, or any of SUCCESS, FAILURE, DELAY")
        object.__setattr__(self, "notify", words)


@dataclass(frozen=True, slots=True)
class Envelope:
    """Reverse-path and recipients.

    Raises:
        InputError: there is no recipient, or an address is text.

    Attributes:
        sender: where bounces go; None for the null reverse-path.
        recipients: at least one, each once.
        needs_smtputf8: whether an address goes beyond ASCII (RFC 6531).
    """

    sender: Mailbox | None
    recipients: tuple[Mailbox, ...]
    needs_smtputf8: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not self.recipients:
            raise InputError("to", "at least one recipient is needed")
        people = (*self.recipients, *([self.sender] if self.sender else ()))
        if not all(isinstance(person, Mailbox) for person in people):
            raise InputError("envelope", "takes mailboxes; Envelope.of takes addresses as text")
        beyond = any(person.needs_smtputf8 for person in people)
        object.__setattr__(self, "needs_smtputf8", beyond)

    @classmethod
    def of(cls, sender: str | None, recipients: str | Iterable[str]) -> Self:
        """Check and build.

        Args:
            sender: one address, or None or empty for ``<>``.
            recipients: one address or several.

        Raises:
            InputError: an address is wrong, or there is no recipient.
        """
        entries = [recipients] if isinstance(recipients, str) else list(recipients)
        found = tuple(dict.fromkeys(mailbox(entry, "envelope.to") for entry in entries))
        return cls(mailbox(sender, "envelope.from") if sender else None, found)

    @classmethod
    def from_header(cls, message: Any) -> Self:
        """Read the envelope out of an ``email.message.Message``.

        Raises:
            InputError: a field is missing or cannot be read without doubt.
        """
        sender = _mailboxes(message, "Sender") or _mailboxes(message, "From")
        if len(sender) != 1:
            raise InputError("from", "needs one mailbox in From or Sender, or give an envelope")
        people = [who for name in ("To", "Cc", "Bcc") for who in _mailboxes(message, name)]
        return cls(sender[0], tuple(dict.fromkeys(people)))


MAX_FIELD = 200_000
"""Octets of an address field; Python's parser takes its square in time."""

_FOLDING = re.compile(r"\r?\n(?=[ \t])")


def _mailboxes(message: Any, name: str) -> list[Mailbox]:
    return [
        who
        for value in message.get_all(name, ())
        for who in _read(name, _FOLDING.sub("", str(value)))
    ]


@lru_cache(maxsize=1024)
def _read(name: str, text: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an address field. The sender's, for one, is the same in all messages."""
    from email.policy import SMTP  # late: a message of our own needs none of it  # noqa: PLC0415

    field = name.lower()
    if _tangled(text):
        raise InputError(field, "cannot be read without doubt; give an envelope")
    try:
        header: Any = SMTP.header_factory(name, text)
        people = header.addresses
    except Exception as error:  # the parser raises whatever comes to hand
        raise InputError(field, f"cannot be read: {str(error)[:200]}") from error
    if header.defects:
        raise InputError(field, f"cannot be read without doubt: {header.defects[0]}")
    return tuple(_same(address.addr_spec, field) for address in people)


def _same(text: str, field: str) -> Mailbox:
    """The mailbox, if header and envelope show the same domain."""
    found = mailbox(text, field)
    if not text.endswith(f"@{found.domain}"):
        raise InputError(field, f"write the domain of {text[:80]!r} as {found.domain}")
    return found


_TANGLE = re.compile(r"(?:[,;:<>@.\"] *){8}|[^,]{1200}|@=\?|\?=@")
"""Rows of specials, entries without end, encoded words inside an address: no mail program writes
them, and Python's parser spends seconds on them or reads another address out of them."""


def _tangled(text: str) -> bool:
    nested = text.count("(") + text.count("\\")
    return len(text) > MAX_FIELD or nested > 50 or _TANGLE.search(text) is not None
