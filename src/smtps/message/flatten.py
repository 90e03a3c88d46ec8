"""A message of Python's email package to bytes, and a look whether it says what was set.

The package can be made to write fields that nobody set (CVE-2024-6923 and kin), in the header and
in that of each part; so each field is looked at as it is written, and the result is read again. It
also encodes what no reader can decode, such as a whole ``Jörg <joerg@example.org>`` or a long URL,
and changes parts that are signed; so what was parsed goes out octet for octet, and what was set is
written as ``header_fields`` says.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email import message_from_bytes
from email.errors import MissingHeaderBodySeparatorDefect
from email.generator import BytesGenerator
from email.header import Header
from email.message import Message as PythonMessage
from functools import lru_cache
from io import BytesIO
from typing import Any, Self

from smtps.chance import token
from smtps.core import grammar
from smtps.core.payload import find_long_line, normalize
from smtps.errors import InputError
from smtps.message.addresses import people_of, read_list
from smtps.message.header_fields import ADDRESS_FIELDS, hides_address, shows, write, write_source
from smtps.message.mime import check_header_block, format_date, write_parameters
from smtps.message.python_fields import PREFIX, is_source, make_single, text_of


def flatten(
    message: PythonMessage,
    domain: str,
    *,
    seven_bit: bool,
    utf8: bool = False,
    ascii_header: bool = False,
) -> bytes:
    """Serialise, without Bcc, and with Date and Message-ID if they are missing.

    Args:
        message: stays as it is.
        domain: for the Message-ID.
        seven_bit: encode what is beyond ASCII.
        utf8: an address needs SMTPUTF8, so the header may be in UTF-8 if its policy says so. One
            that need not be is encoded, and survives every relay.
        ascii_header: encode also what was read, but where it is signed.

    Raises:
        InputError: it cannot be serialised, or not as it was set.
    """
    simple = not message.is_multipart() and message.get_content_maintype() != "multipart"
    try:
        # Serialising sets boundaries, and the caller's message has to stay as it is. The fields of
        # one without parts are replaced as a whole by the first ``del``.
        own = copy.copy(message) if simple else copy.deepcopy(message)
        for name in ("Bcc", "Resent-Bcc"):
            del own[name]
        make_single(own)
        ours = _missing(own, domain)
        written = BytesIO()
        policy = _policy(own.policy, seven_bit=seven_bit)
        _Writer(written, policy, ours=ours, utf8=utf8, ascii_header=ascii_header).flatten(own)
        data = written.getvalue()
        if not simple:
            data = data if data.endswith(b"\r\n") else data + b"\r\n"
            _check_parts(own, data, [name for name, _ in ours])
    except InputError:
        raise
    except Exception as error:  # the package raises whatever comes to hand
        raise InputError("message", f"cannot be serialised: {error}") from error
    check_header_block(normalize(data), [*own.keys(), *(name for name, _ in ours)])
    return data


def _missing(message: PythonMessage, domain: str) -> list[tuple[str, str]]:
    """The fields that a message has to have and has not."""
    names = {name.lower() for name in message.keys()}  # noqa: SIM118  # a message is no mapping
    now = format_date(datetime.now(UTC).astimezone())
    wanted = [("Date", now), ("Message-ID", f"<{token()}@{domain}>")]
    if any(name.startswith(PREFIX) for name in names):
        wanted.append(("Resent-Date", now))
    return [(name, value) for name, value in wanted if name.lower() not in names]


@lru_cache(maxsize=16)
def _policy(policy: Any, *, seven_bit: bool) -> Any:
    return policy.clone(linesep="\r\n", cte_type="7bit" if seven_bit else "8bit")


@lru_cache(maxsize=16)
def _encoding(policy: Any, *, seven_bit: bool) -> Any:
    """The same policy, but that it encodes what is beyond ASCII, octets as well if asked for."""
    changes: dict[str, Any] = {"utf8": False} if getattr(policy, "utf8", False) else {}
    if seven_bit:
        changes["cte_type"] = "7bit"
    return policy.clone(**changes) if changes else policy


class _Writer(BytesGenerator):
    """Writes each field itself, and the parts of a parsed message as they were.

    Args:
        written: where to.
        policy: of the package.
        ours: fields to add to the first header.
        utf8: the message needs SMTPUTF8 in any case.
        ascii_header: what was read is encoded, but where it is signed.
        parsed: it is a part of a message that was parsed.
        signed: it is a part of what is signed.
    """

    def __init__(
        self,
        written: BytesIO,
        policy: Any,
        *,
        ours: list[tuple[str, str]] | None = None,
        utf8: bool = False,
        ascii_header: bool = False,
        parsed: bool = False,
        signed: bool = False,
    ) -> None:
        super().__init__(written, mangle_from_=False, policy=policy)
        self._ours = ours
        self._utf8 = utf8
        self._ascii_header = ascii_header
        self._parsed = parsed
        self._signed = signed
        self._dkim = False

    def clone(self, fp: Any) -> Self:
        """For a part."""
        generator: Any = self
        return type(self)(
            fp,
            generator.policy,
            utf8=self._utf8,
            ascii_header=self._ascii_header,
            parsed=self._parsed,
            signed=self._signed,
        )

    # Bodies.

    def _handle_text(self, msg: Any) -> None:
        seven_bit = self._of_policy.cte_type == "7bit"
        if self._signed and seven_bit and _beyond_ascii(msg.get_payload()):
            raise InputError(
                "message",
                "a signed part contains 8-bit data, which this server does not accept; encoding it "
                "would break the signature",
                code="message.signed_part",
            )
        super()._handle_text(msg)  # type: ignore[misc]

    _writeBody = _handle_text  # noqa: N815

    def _handle_multipart_signed(self, msg: Any) -> None:
        """RFC 1847 section 2.1: each octet of a signed part counts."""
        before, self._signed = self._signed, True
        self._handle_multipart(msg)
        self._signed = before

    def _handle_multipart(self, msg: Any) -> None:
        if isinstance(msg.get_payload(), str):  # the parser found no part
            generator: Any = self
            generator._write_lines(msg.get_payload())  # noqa: SLF001
            return
        before = self._parsed
        # The parser leaves None where no line follows the last delimiter, which is usual for a
        # multipart in another; of the outermost it always tells something.
        self._parsed = before or msg.epilogue is not None
        super()._handle_multipart(msg)  # type: ignore[misc]
        if self._parsed and msg.epilogue is None:
            self._of_buffer.seek(-len(b"\r\n"), 2)
            self._of_buffer.truncate()
        self._parsed = before

    def _handle_message(self, msg: Any) -> None:
        payload = msg.get_payload()
        inner = payload[0] if isinstance(payload, list) and payload else None
        if inner is None or msg.get_content_subtype() in _MESSAGES or inner.get_payload():
            super()._handle_message(msg)  # type: ignore[misc]
            return
        # Fields without a body, such as a read receipt: usually no empty line ends them, and the
        # parser does not tell.
        if self._signed:
            raise InputError(
                "message",
                "Python's parser does not preserve the end of the fields of a report in a signed "
                "part; send the original bytes that you parsed, with an envelope",
                code="message.signed_part",
            )
        fields = BytesIO()
        self.clone(fields).flatten(inner)
        self._of_buffer.write(fields.getvalue().removesuffix(b"\r\n"))

    @property
    def _of_policy(self) -> Any:
        generator: Any = self
        return generator.policy

    @property
    def _of_buffer(self) -> Any:
        generator: Any = self
        return generator._fp  # noqa: SLF001

    # Fields.

    def _write_headers(self, msg: Any) -> None:
        self._dkim = self._ours is not None and DKIM in msg
        lines = [
            f"{name}: {value}\r\n".encode()
            if _needs_no_folding(name, value)
            else _looked_at(name, self._field(name, value))
            for name, value in msg.raw_items()
        ]
        lines += [f"{name}: {value}\r\n".encode() for name, value in self._ours or ()]
        # In a part that began without one, as it was.
        end = b"" if self._ours is None and _has_no_header_end(msg) else b"\r\n"
        self._of_buffer.write(b"".join([*lines, end]))

    def _field(self, name: str, value: Any) -> bytes:
        policy, source = self._of_policy, is_source(value)
        if source:
            if self._signed and not _keeps_folds(policy):
                _check_fold(name, value)
            if (lines := self._as_it_is(name, value)) is not None:
                return lines
        known = name.lower() in PARAMETERISED and not isinstance(value, Header)
        if (self._signed or known) if not source else _in_no_charset(value):
            # Content-Type and Content-Disposition are written well by the package, and a part was
            # written by it when it was signed.
            if not (self._signed or self._utf8):
                policy = _encoding(policy, seven_bit=self._ascii_header)
            return _folded(policy, name, value)
        text = text_of(name, value).replace("\t", " ")
        if grammar.FORBIDDEN.search(text):
            raise _injected(f"{name} contains a line end or another control character; remove it")
        if self._dkim and name.lower() != DKIM:
            return _as_it_was_signed(name, _folded(policy, name, value), text)
        if name.lower() in PARAMETERISED:
            return f"{name}: {write_parameters(text)}\r\n".encode()
        return self._written(name, text, write_source if source else write)

    def _written(self, name: str, text: str, write: Callable[..., str]) -> bytes:
        allowed, where = bool(getattr(self._of_policy, "utf8", False)), f"headers.{name}"
        try:
            value = write(name, text, where=where, utf8=allowed and self._utf8)
        except InputError:
            if not allowed:
                raise
            value = write(name, text, where=where, utf8=True)
        return f"{name}: {value}".rstrip().encode() + b"\r\n"

    def _as_it_is(self, name: str, value: str) -> bytes | None:
        """The lines of a field as they stand, if they can."""
        try:
            octets = value.encode("ascii", "surrogateescape")
        except UnicodeEncodeError:
            return None
        encode = self._of_policy.cte_type == "7bit" or self._ascii_header
        if not octets.isascii() and encode and not (self._signed or self._dkim):
            return None
        if self._ours is not None and name.lower() in ADDRESS_FIELDS:
            _check_addresses(name, value)
            if not octets.isascii() and _shows_other_domains(name, value):
                return None
        lines = normalize(octets)
        space = b"" if lines.startswith(b"\r\n") else b" "
        whole = name.encode() + b":" + space + lines + b"\r\n"
        return whole if self._signed or find_long_line(whole) is None else None


def _as_it_was_signed(name: str, folded: bytes, text: str) -> bytes:
    """A field of a header with a DKIM signature: as the package wrote it for the signer."""
    _, _, value = normalize(folded).replace(b"\r\n", b"").decode("utf-8", "replace").partition(":")
    if not shows(name, value, text):
        raise InputError(
            f"headers.{name}",
            "is encoded by Python's package in a way that mail programs cannot read (RFC 2047 "
            "section 5), and encoding it properly would break the DKIM signature; sign the bytes "
            "that smtps.prepare makes of the message",
            code="message.signed_part",
        )
    return folded


_MESSAGES = ("rfc822", "global", "partial", "external-body", "delivery-status")
"""Types of messages that hold more than fields, or are seen to by the package."""


def _has_no_header_end(part: Any) -> bool:
    return any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in part.defects)


DKIM = "dkim-signature"
PARAMETERISED = frozenset({"content-type", "content-disposition"})


def _check_addresses(name: str, value: str) -> None:
    if "=?" in value and hides_address(text_of(name, value)):
        raise InputError(
            f"headers.{name}",
            "has an address inside an encoded word, where mail programs do not look for it (RFC "
            "2047 section 5); encode only the name, as in =?utf-8?q?J=C3=B6rg?= "
            "<joerg@example.com>",
        )


def _shows_other_domains(name: str, value: str) -> bool:
    """Whether a header in UTF-8 has a domain that the envelope will show in its ASCII form."""
    try:
        text = text_of(name, value)
        people = people_of(read_list(text, name.lower()))
        return any(f"@{who.mailbox(name).domain}" not in text for who in people)
    except InputError:
        return False  # there is an envelope, or it is refused for that


def _in_no_charset(value: str) -> bool:
    """Whether the octets of a field are neither ASCII nor UTF-8."""
    try:
        value.encode("ascii", "surrogateescape").decode()
    except UnicodeEncodeError:
        return False
    except UnicodeDecodeError:
        return True
    return False


def _beyond_ascii(payload: Any) -> bool:
    return isinstance(payload, str) and not payload.isascii()


@lru_cache(maxsize=16)
def _keeps_folds(policy: Any) -> bool:
    """Whether the parser of this Python keeps a line end right behind the colon."""
    _, value = policy.header_source_parse(["A:\r\n", " b\r\n"])
    return bool(value.startswith("\r\n"))


_SURE = 70
"""Columns up to which no program folds a field before its first word."""


def _check_fold(name: str, value: str) -> None:
    first = (value.split(None, 1) or [""])[0]
    if len(name) + 2 + len(first) > _SURE:
        raise InputError(
            "message",
            f"the field {name} in its signed part may have been folded after the colon, which "
            "Python's parser does not keep; send the original bytes that you parsed, with an "
            "envelope",
            code="message.signed_part",
        )


_WIDTH = 78
"""RFC 5322 section 2.1.1."""

_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_ADDRESS = rf"{_ATOMS}@[A-Za-z0-9.-]+"
_PLAIN_PEOPLE = re.compile(
    rf"{_ADDRESS}(?:, {_ADDRESS})*|[A-Za-z0-9-]+(?: [A-Za-z0-9-]+)* <{_ADDRESS}>"
)
_PLAIN_TEXT = re.compile(r"[!-~]+(?: [!-~]+)*")


_LONG_NAME = re.compile(r"[^\s=;]{51}\s*=")


def _folded(policy: Any, name: str, value: Any) -> bytes:
    """As the package folds it, which does not come to an end with a long name of a parameter."""
    if name.lower() in PARAMETERISED and _LONG_NAME.search(str(value)):
        raise InputError("headers", f"{name} has a parameter whose name is longer than 50 bytes")
    folded: bytes = policy.fold_binary(name, value)
    return folded


def _needs_no_folding(name: str, value: Any) -> bool:
    """Whether a field is one short line of ASCII, which takes long to find out otherwise."""
    if not isinstance(value, str) or len(name) + len(value) + 2 > _WIDTH or "=?" in value:
        return False
    plain = _PLAIN_PEOPLE if name.lower() in ADDRESS_FIELDS else _PLAIN_TEXT
    return plain.fullmatch(value) is not None


def _injected(what: str) -> InputError:
    return InputError("headers", what, code="message.injection")


def _looked_at(name: str, written: bytes) -> bytes:
    """A field as it will be written: lines of its own would be fields, or content.

    Raises:
        InputError: it has some.
    """
    if _ONE_FIELD.fullmatch(written) or not _OWN_LINE.search(
        normalize(written).removesuffix(b"\r\n")
    ):
        return written
    raise _injected(f"{name} opens a line of its own")


_ONE_FIELD = re.compile(rb"[^\r\n\0]*(?:\r\n[ \t][^\r\n\0]*)*\r\n")
_OWN_LINE = re.compile(rb"\r\n(?![ \t])|\0")


def _check_parts(message: PythonMessage, data: bytes, ours: list[str]) -> None:
    """Hold every part as it was written against what it was meant to be.

    Raises:
        InputError: one has other fields or other content.
    """
    meant = [_outline(part) for part in message.walk()]
    meant[0][0][:] = sorted([*meant[0][0], *(name.lower() for name in ours)])
    written = [_outline(part) for part in message_from_bytes(data).walk()]
    if written != meant:
        raise InputError(
            "message",
            "a part would get fields or content that were not set",
            code="message.injection",
        )


def _outline(part: Any) -> tuple[list[str], bytes]:
    """The fields of a part and its content, decoded: whatever was slipped in shows in these.

    Of a multipart the content is what stands outside its parts, which nobody looks at.
    """
    names = sorted(name.lower() for name, _ in part.items())
    if part.is_multipart() or part.get_content_maintype() == "multipart":
        around = f"{part.preamble or ''}\n{part.epilogue or ''}"
        return names, around.encode("utf-8", "surrogateescape").strip()
    return names, normalize(part.get_payload(decode=True) or b"").rstrip(b"\r\n")
