"""A message of Python's email package to bytes, and a look whether it says what was set.

The package can be made to write fields that nobody set (CVE-2024-6923 and kin), in the header and
in that of each part; so each field is looked at as it is written, and the result is read again.
"""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime
from email import message_from_bytes
from email.generator import BytesGenerator
from email.message import Message as PythonMessage
from functools import lru_cache
from io import BytesIO
from typing import Any, Self, cast

from smtps.chance import token
from smtps.core.payload import normalize
from smtps.errors import InputError
from smtps.mime import check_header_block, format_date


def flatten(message: PythonMessage, domain: str, *, seven_bit: bool) -> bytes:
    """Serialise, without Bcc, and with Date and Message-ID if they are missing.

    Args:
        message: stays as it is.
        domain: for the Message-ID.
        seven_bit: encode what is beyond ASCII.

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
        names = {name.lower() for name in own.keys()}  # noqa: SIM118  # a message is no mapping
        ours = []
        if "date" not in names:
            ours.append(("Date", format_date(datetime.now(UTC).astimezone())))
        if "message-id" not in names:
            ours.append(("Message-ID", f"<{token()}@{domain}>"))
        if not simple:
            for name, value in ours:
                own[name] = value
            ours.clear()
        written = BytesIO()
        _Looking(written, _policy(own.policy, seven_bit=seven_bit), ours).flatten(own)
        data = written.getvalue()
        if not simple:
            _check_parts(own, data)
    except InputError:
        raise
    except Exception as error:  # the package raises whatever comes to hand
        raise InputError("message", f"cannot be serialised: {error}") from error
    check_header_block(normalize(data), [*own.keys(), *(name for name, _ in ours)])
    return data


@lru_cache(maxsize=16)
def _policy(policy: Any, *, seven_bit: bool) -> Any:
    return policy.clone(linesep="\r\n", cte_type="7bit" if seven_bit else "8bit")


class _Looking(BytesGenerator):
    """Looks at each field before it is written.

    Args:
        policy: of the package.
        ours: fields to add to the first header.
    """

    def __init__(self, written: BytesIO, policy: Any, ours: list[tuple[str, str]]) -> None:
        super().__init__(written, mangle_from_=False, policy=policy)
        self._ours = ours

    def clone(self, fp: Any) -> Self:
        """For a part."""
        return type(self)(fp, cast(Any, self).policy, [])

    def _write_headers(self, msg: Any) -> None:
        generator: Any = self
        lines = []
        for name, value in msg.raw_items():
            if _needs_no_folding(name, value):
                lines.append(f"{name}: {value}\r\n".encode())
            else:
                lines.append(_looked_at(name, generator.policy.fold_binary(name, value)))
        lines += [f"{name}: {value}\r\n".encode() for name, value in self._ours]
        generator._fp.write(b"".join([*lines, b"\r\n"]))  # noqa: SLF001


_WIDTH = 78
"""RFC 5322 section 2.1.1."""

_ATOMS = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+"
_ADDRESS = rf"{_ATOMS}@[A-Za-z0-9.-]+"
_PLAIN_PEOPLE = re.compile(
    rf"{_ADDRESS}(?:, {_ADDRESS})*|[A-Za-z0-9-]+(?: [A-Za-z0-9-]+)* <{_ADDRESS}>"
)
_PLAIN_TEXT = re.compile(r"[!-~]+(?: [!-~]+)*")
_PEOPLE = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "resent-from", "resent-sender", "resent-to",
     "resent-cc"}
)  # fmt: skip


def _needs_no_folding(name: str, value: Any) -> bool:
    """Whether a field is one short line of ASCII, which the package takes long to find out."""
    if not isinstance(value, str) or len(name) + len(value) + 2 > _WIDTH or "=?" in value:
        return False
    plain = _PLAIN_PEOPLE if name.lower() in _PEOPLE else _PLAIN_TEXT
    return plain.fullmatch(value) is not None


def _looked_at(name: str, written: bytes) -> bytes:
    """A field as it will be written: lines of its own would be fields, or content.

    Raises:
        InputError: it has some.
    """
    if _ONE_FIELD.fullmatch(written) or not _OWN_LINE.search(
        normalize(written).removesuffix(b"\r\n")
    ):
        return written
    raise InputError("headers", f"{name} opens a line of its own", code="message.injection")


_ONE_FIELD = re.compile(rb"[^\r\n\0]*(?:\r\n[ \t][^\r\n\0]*)*\r\n")
_OWN_LINE = re.compile(rb"\r\n(?![ \t])|\0")


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


def _outline(part: Any) -> tuple[list[str], bytes]:
    """The fields of a part and its content, decoded: whatever was slipped in shows in these.

    Of a multipart the content is what stands outside its parts, which nobody looks at.
    """
    names = sorted(name.lower() for name, _ in part.items())
    if part.is_multipart() or part.get_content_maintype() == "multipart":
        around = f"{part.preamble or ''}\n{part.epilogue or ''}"
        return names, around.encode("utf-8", "surrogateescape").strip()
    return names, normalize(part.get_payload(decode=True) or b"").rstrip(b"\r\n")
