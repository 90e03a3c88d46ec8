"""A message of any form made ready: normalized bytes, an envelope, and what both need.

The envelope says who a message is from and for, whatever its header says (RFC 5321 section 2.3.1).
Everything that can be refused is refused here, before the first command, except a file that changes
while it is sent.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from email.message import Message as PythonMessage
from functools import lru_cache
from typing import Literal, Self

from smtps.core.address import Mailbox
from smtps.core.capabilities import Capabilities
from smtps.core.command import NOTIFY
from smtps.core.grammar import MAX_TEXT_LINE
from smtps.core.payload import LineEnds, find_long_line, line_ends, normalize
from smtps.errors import CapabilityError, InputError, Phase
from smtps.message.addresses import NameAddr, mailbox, people_of, read_list
from smtps.message.content import Content, header
from smtps.message.flatten import flatten
from smtps.message.message import Message, everybody
from smtps.message.mime import Composed, compose
from smtps.message.python_fields import is_resent, texts


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
                "resent-to", "is missing from a resent message; add it, or give an envelope"
            )
        return cls(sender[0], tuple(dict.fromkeys(people)))


def _people(message: PythonMessage, name: str) -> list[Mailbox]:
    return [who for text in texts(message, name) for who in _read_field(name.lower(), text)]


@lru_cache(maxsize=1024)
def _read_field(field: str, text: str) -> tuple[Mailbox, ...]:
    """The mailboxes of an address field. The sender's, for one, is the same in all messages."""
    return tuple(who.mailbox(field) for who in people_of(read_list(text, field)))


_CRLF = LineEnds.CRLF

_MESSAGE_ID = re.compile(rb"[ \t]*(?:\r\n[ \t]+)?(<[^<>\s]+>)")


@dataclass(slots=True)
class Outgoing:
    """A message as it goes out; made once and read from then on.

    Attributes:
        content: normal form, CRLF line ends.
        envelope: sender and recipients.
        message_id: with angle brackets, if it has one.
        smtputf8: whether it can go only to a server with SMTPUTF8 (RFC 6531).
        eight_bit: whether it holds octets above 127 (RFC 6152).
    """

    content: Content
    envelope: Envelope
    message_id: str | None
    smtputf8: bool
    eight_bit: bool

    @property
    def data(self) -> bytes:
        """The whole message, read into memory."""
        return bytes(self.content)


AnyMessage = Message | PythonMessage | bytes | Outgoing
"""What can be sent; an Outgoing is what ``prepare`` has made of one of the others."""


def prepare(
    message: AnyMessage,
    envelope: Envelope | None = None,
    *,
    seven_bit: bool = False,
    ascii_header: bool = False,
    keep_bcc: bool = False,
) -> Outgoing:
    """Make a message ready.

    Args:
        message: composed, of Python's email package, or raw bytes.
        envelope: needed with bytes; otherwise read from the header.
        seven_bit: the server cannot take octets above 127.
        ascii_header: nor such a header, so one that was read is encoded if it can be.
        keep_bcc: raw bytes may show the blind recipients to everybody who gets them.

    Raises:
        InputError: it cannot be sent as it stands; names the field.
    """
    if isinstance(message, Message):
        if envelope is None:
            envelope = _addressed(message.reverse_path, *message.people("to", "cc", "bcc"))
        return _composed(compose(message), envelope)
    if isinstance(message, (bytes, bytearray)):
        if envelope is None:
            raise InputError("envelope", "raw bytes need an envelope with sender and recipients")
        data = check_raw(bytes(message))
        if not keep_bcc:
            check_blind(data)
        return _read(data, envelope)
    if isinstance(message, Outgoing):
        return message
    if isinstance(message, PythonMessage):
        envelope = envelope or Envelope.from_header(message)
        domain = envelope.sender.domain if envelope.sender else "localhost"
        utf8 = envelope.needs_smtputf8
        ascii_header = ascii_header and not utf8
        data = flatten(message, domain, seven_bit=seven_bit, utf8=utf8, ascii_header=ascii_header)
        return _read(check_raw(data), envelope)
    raise InputError(
        "message",
        f"is of type {type(message).__name__}; give an smtps.Message, a message from Python's "
        "email package, or bytes with an envelope",
    )


@lru_cache(maxsize=256)
def _addressed(sender: Mailbox, *people: tuple[NameAddr, ...]) -> Envelope:
    """The envelope of a header; many messages go between the same."""
    return Envelope(sender, everybody(*people))


def _read(data: bytes, envelope: Envelope) -> Outgoing:
    top = header(data)
    ascii_only = data.isascii()
    return Outgoing(
        Content(data),
        envelope,
        _message_id(top),
        envelope.needs_smtputf8 or not (ascii_only or top.isascii()),
        not ascii_only,
    )


def _composed(composed: Composed, envelope: Envelope) -> Outgoing:
    content = composed.content
    in_memory = [part for part in content.parts if isinstance(part, bytes)]
    if any(line_ends(part) is not _CRLF for part in in_memory):
        content = Content(normalize(bytes(content)))  # nothing else may reach the wire
    ascii_only = all(part.isascii() for part in in_memory)
    beyond = not ascii_only and not header(in_memory[0]).isascii()
    return Outgoing(
        content,
        envelope,
        composed.message_id,
        beyond or envelope.needs_smtputf8,
        not ascii_only,
    )


def check_raw(data: bytes) -> bytes:
    """A raw message in normal form.

    A file whose lines all end in LF is how Unix writes text, and is taken as such. One with a bare
    CR, or a bare LF beside CRLF, means something else to every server: it is refused.

    Raises:
        InputError: its line ends are mixed, or it holds a NUL or a line that is too long.
    """
    ends = line_ends(data)
    if ends is not _CRLF:
        if ends is LineEnds.MIXED:
            raise InputError(
                "raw",
                "has bare CR or LF beside CRLF; convert its line ends to CRLF first",
                code="message.mixed_line_ends",
            )
        data = normalize(data)
    if b"\0" in data:
        raise InputError("raw", "contains a NUL byte; encode that part", code="message.nul")
    if (start := find_long_line(data)) is not None:
        line = data.count(b"\n", 0, start) + 1
        raise InputError(
            "raw",
            f"line {line} has more than {MAX_TEXT_LINE} bytes; encode that part (RFC 5321 section "
            "4.5.3.1.6)",
            code="message.line_too_long",
        )
    return data


def check_blind(data: bytes) -> None:
    """Refuse a raw message that would tell everybody who its blind recipients are.

    Its octets are not ours to change: it may be signed.

    Raises:
        InputError: its header has a field for blind recipients (RFC 5322 section 3.6.3).
    """
    if (found := _BLIND.search(b"\r\n" + header(data))) is not None:
        raise InputError(
            "raw",
            f"has the field {found[1].decode()}, and raw messages are sent as they are, so every "
            "recipient would see who else received the message; remove that field, or allow it "
            "with keep_bcc",
            code="message.bcc_in_raw",
        )


_BLIND = re.compile(rb"\r\n((?:Resent-)?Bcc)[ \t]*:", re.IGNORECASE)


def _message_id(top: bytes) -> str | None:
    name = b"\r\nmessage-id:"
    at = (b"\r\n" + top.lower()).find(name)
    found = _MESSAGE_ID.match(top, at + len(name) - 2) if at >= 0 else None
    return found[1].decode("ascii", "replace") if found else None


def check_capabilities(
    outgoing: Outgoing, capabilities: Capabilities, *, dsn: DSN | None, require_tls: bool
) -> None:
    """Refuse early what the server would refuse late, or worse, not understand.

    Raises:
        CapabilityError: the message needs an extension that the server does not offer.
    """
    if outgoing.smtputf8 or outgoing.eight_bit or dsn is not None or require_tls:
        _check_extensions(outgoing, capabilities, dsn=dsn, require_tls=require_tls)
    limit = capabilities.size
    if limit is not None and outgoing.content.size > limit:
        raise CapabilityError(
            "send.too_large",
            f"The message has {outgoing.content.size} bytes; the server accepts at most {limit}.",
            phase=Phase.MAIL,
        )


def _check_extensions(
    outgoing: Outgoing, capabilities: Capabilities, *, dsn: DSN | None, require_tls: bool
) -> None:
    needs = (
        (outgoing.smtputf8, "SMTPUTF8", "send.smtputf8_not_offered",
         "An address or header field is not ASCII"),
        (outgoing.eight_bit, "8BITMIME", "send.8bitmime_not_offered",
         "The raw message contains 8-bit data"),
        (dsn is not None, "DSN", "send.dsn_not_offered",
         "A delivery status notification is requested"),
        (require_tls, "REQUIRETLS", "send.requiretls_not_offered", "TLS on every hop is requested"),
    )  # fmt: skip
    for needed, keyword, code, sentence in needs:
        if needed and keyword not in capabilities:
            raise CapabilityError(
                code, f"{sentence}, and the server does not offer {keyword}.", phase=Phase.MAIL
            )
