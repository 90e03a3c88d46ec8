"""Any form of message, made ready: bytes in normal form, its envelope, and what it needs.

Whatever can be refused is refused here, before the first command.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message as PythonMessage
from typing import Any

from smtps.client.envelope import DSN, Envelope
from smtps.content import Content
from smtps.core.capabilities import Capabilities
from smtps.core.grammar import MAX_TEXT_LINE
from smtps.core.payload import LineEnds, find_long_line, line_ends, normalize
from smtps.errors import CapabilityError, InputError, Phase
from smtps.message import Message
from smtps.mime import Composed, check_header_block, compose, format_date

_MESSAGE_ID = re.compile(rb"[ \t]*(?:\r\n[ \t]+)?(<[^<>\s]+>)")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message as it goes out.

    Attributes:
        content: normal form, CRLF line ends.
        envelope: who and for whom.
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


def prepare(message: AnyMessage, envelope: Envelope | None, *, seven_bit: bool = False) -> Outgoing:
    """Make a message ready.

    Args:
        message: composed, of Python's email package, or raw bytes.
        envelope: needed with bytes; otherwise read from the header.
        seven_bit: the server cannot take octets above 127.

    Raises:
        InputError: it cannot be sent as it stands; names the field.
    """
    if isinstance(message, Outgoing):
        return message
    if isinstance(message, Message):
        envelope = envelope or Envelope(message.sender, tuple(message.recipients))
        return _composed(compose(message), envelope)
    if isinstance(message, PythonMessage):
        envelope = envelope or Envelope.from_header(message)
        data = _flatten(message, envelope, seven_bit=seven_bit)
    elif isinstance(message, bytes | bytearray):
        if envelope is None:
            raise InputError("envelope", "raw bytes need an envelope: who it is from and for whom")
        data = check_raw(bytes(message))
    else:
        raise InputError("message", f"cannot be sent: {type(message).__name__}")
    if line_ends(data) is not LineEnds.CRLF:  # whoever made it: nothing else may reach the wire
        data = normalize(data)
    header = _header(data)
    return Outgoing(
        Content(data),
        envelope,
        _message_id(header),
        smtputf8=not header.isascii() or envelope.needs_smtputf8,
        eight_bit=not data.isascii(),
    )


def _composed(composed: Composed, envelope: Envelope) -> Outgoing:
    content = composed.content
    in_memory = [part for part in content.parts if isinstance(part, bytes)]
    if any(line_ends(part) is not LineEnds.CRLF for part in in_memory):
        content = Content(normalize(bytes(content)))  # nothing else may reach the wire
    return Outgoing(
        content,
        envelope,
        composed.message_id,
        smtputf8=not _header(in_memory[0]).isascii() or envelope.needs_smtputf8,
        eight_bit=not all(part.isascii() for part in in_memory),
    )


def check_raw(data: bytes) -> bytes:
    """A raw message in normal form.

    A file whose lines all end in LF is how Unix writes text, and is taken as such. One with a bare
    CR, or a bare LF beside CRLF, means something else to every server: it is refused.

    Raises:
        InputError: its line ends are mixed, or it holds a NUL or a line that is too long.
    """
    ends = line_ends(data)
    if ends is LineEnds.MIXED:
        raise InputError(
            "raw",
            "has bare CR or LF beside CRLF; convert its line ends to CRLF first",
            code="message.mixed_line_ends",
        )
    if b"\0" in data:
        raise InputError("raw", "holds a NUL octet; encode that part", code="message.nul")
    if ends is LineEnds.LF:
        data = normalize(data)
    if (start := find_long_line(data)) is not None:
        line = data.count(b"\n", 0, start) + 1
        raise InputError(
            "raw",
            f"line {line} has more than {MAX_TEXT_LINE} octets; encode that part (RFC 5321 section "
            "4.5.3.1.6)",
            code="message.line_too_long",
        )
    return data


def _flatten(message: PythonMessage, envelope: Envelope, *, seven_bit: bool) -> bytes:
    """Serialise a message of Python's email package, and make sure that it says what was set.

    The package can be made to write fields that nobody set (CVE-2024-6923 and kin), in the header
    and in that of each part; so the result is read again and compared.
    """
    import copy  # noqa: PLC0415
    from email.utils import make_msgid  # noqa: PLC0415

    simple = not message.is_multipart() and message.get_content_maintype() != "multipart"
    try:
        # Serialising sets boundaries, and the caller's message has to stay as it is. The fields of
        # one without parts are replaced as a whole by the first ``del``.
        own = copy.copy(message) if simple else copy.deepcopy(message)
        for name in ("Bcc", "Resent-Bcc"):
            del own[name]
        if "Date" not in own:
            own["Date"] = format_date(datetime.now(UTC).astimezone())
        if "Message-ID" not in own:
            domain = envelope.sender.domain if envelope.sender else "localhost"
            own["Message-ID"] = make_msgid(domain=domain)
        policy: Any = own.policy.clone(linesep="\r\n", cte_type="7bit" if seven_bit else "8bit")
        for part in own.walk():
            for name, value in part.raw_items():
                _check_field(name, policy.fold_binary(name, value))
        data = own.as_bytes(policy=policy)
        if not simple:
            _check_parts(own, data)
    except InputError:
        raise
    except Exception as error:  # the package raises whatever comes to hand
        raise InputError("message", f"cannot be serialised: {error}") from error
    check_header_block(normalize(data), own.keys())
    return check_raw(data)


def _check_parts(message: PythonMessage, data: bytes) -> None:
    """Hold every part as it was written against what it was meant to be.

    Raises:
        InputError: one has other fields or other content.
    """
    meant = [_outline(part) for part in message.walk()]
    written = [_outline(part) for part in message_from_bytes(data).walk()]
    if written != meant:
        raise InputError(
            "message", "a part would get fields or content not set", code="message.injection"
        )


def _check_field(name: str, written: bytes) -> None:
    """Look at a field as it will be written: lines of its own would be fields, or content.

    Raises:
        InputError: it has some.
    """
    if _OWN_LINE.search(normalize(written).removesuffix(b"\r\n")):
        raise InputError("headers", f"{name} opens a line of its own", code="message.injection")


_OWN_LINE = re.compile(rb"\r\n(?![ \t])|\0")


def _outline(part: Any) -> tuple[list[str], bytes]:
    """The fields of a part and its content, decoded: whatever was slipped in shows in these.

    Of a multipart the content is what stands outside its parts, which nobody looks at.
    """
    names = sorted(name.lower() for name, _ in part.items())
    if part.is_multipart() or part.get_content_maintype() == "multipart":
        around = f"{part.preamble or ''}\n{part.epilogue or ''}"
        return names, around.encode("utf-8", "surrogateescape").strip()
    return names, normalize(part.get_payload(decode=True) or b"").rstrip(b"\r\n")


def _message_id(header: bytes) -> str | None:
    name = b"\r\nmessage-id:"
    at = (b"\r\n" + header.lower()).find(name)
    found = _MESSAGE_ID.match(header, at + len(name) - 2) if at >= 0 else None
    return found[1].decode("ascii", "replace") if found else None


def _header(data: bytes) -> bytes:
    return b"" if data.startswith(b"\r\n") else data.partition(b"\r\n\r\n")[0]


def check_capabilities(
    outgoing: Outgoing, capabilities: Capabilities, *, dsn: DSN | None, require_tls: bool
) -> None:
    """Refuse early what the server would refuse late, or worse, not understand.

    Raises:
        CapabilityError: the message needs an extension that the server does not offer.
    """
    needs = (
        (outgoing.smtputf8, "SMTPUTF8", "send.smtputf8_not_offered",
         "An address or header field is beyond ASCII"),
        (outgoing.eight_bit, "8BITMIME", "send.8bitmime_not_offered",
         "The raw message holds octets above 127"),
        (dsn is not None, "DSN", "send.dsn_not_offered", "A delivery status notification is asked"),
        (require_tls, "REQUIRETLS", "send.requiretls_not_offered", "TLS on the whole way is asked"),
    )  # fmt: skip
    for needed, keyword, code, sentence in needs:
        if needed and keyword not in capabilities:
            raise CapabilityError(
                code, f"{sentence}, and the server does not offer {keyword}.", phase=Phase.MAIL
            )
    limit = capabilities.size
    if limit is not None and outgoing.content.size > limit:
        raise CapabilityError(
            "send.too_large",
            f"The message has {outgoing.content.size} octets; the server takes at most {limit}.",
            phase=Phase.MAIL,
        )
