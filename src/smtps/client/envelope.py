"""Who a message is really from and for, whatever its header says (RFC 5321 section 2.3.1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message as PythonMessage
from functools import lru_cache
from typing import Literal, Self

from smtps.addresses import mailbox, people_of, read_list
from smtps.client.resent import is_resent
from smtps.client.values import texts
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
    def from_header(cls, message: PythonMessage) -> Self:
        """Read the envelope out of an ``email.message.Message``.

        From Sender or From, and To, Cc and Bcc; of a message that is resent, from the fields of
        its resending (RFC 5322 section 3.6.6), since the others say where it went before.

        Raises:
            InputError: a field is missing or cannot be read without doubt, or it was resent more
                than once.
        """
        prefix = "Resent-" if is_resent(message) else ""
        sender = _people(message, f"{prefix}Sender") or _people(message, f"{prefix}From")
        if len(sender) != 1:
            raise InputError(
                f"{prefix}from".lower(),
                f"needs one mailbox in {prefix}From or {prefix}Sender, or give an envelope",
            )
        people = [who for name in ("To", "Cc", "Bcc") for who in _people(message, prefix + name)]
        if prefix and not people:
            raise InputError(
                "resent-to", "is missing in a message that is resent; add it, or give an envelope"
            )
        return cls(sender[0], tuple(dict.fromkeys(people)))


def _people(message: PythonMessage, name: str) -> list[Mailbox]:
    return [who for text in texts(message, name) for who in _read(name.lower(), text)]


@lru_cache(maxsize=1024)
def _read(field: str, text: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an address field. The sender's, for one, is the same in all messages."""
    return tuple(who.mailbox(field) for who in people_of(read_list(text, field)))
