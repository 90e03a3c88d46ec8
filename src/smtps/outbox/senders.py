"""Who a message claims to be from, read so that nobody else finds another name in it.

Readers differ in what they take for a header field. What any of them might take for one, and
another might not, is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from smtps.addresses import people_of, read_list
from smtps.core.address import Mailbox
from smtps.errors import InputError

FIELDS = {name.lower(): name for name in ("From", "Sender", "Resent-From", "Resent-Sender")}
"""Header fields that say who a message is from (RFC 5322 sections 3.6.2, 3.6.6)."""

MOST = 4096
"""Octets of one of them: more than any sender needs."""

_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:([^\r\n]*(?:\r\n[ \t][^\r\n]*)*)(?:\r\n|\Z)")
"""RFC 5322 sections 2.2 and 2.2.3; before the colon there may be space in the obsolete form of
section 4.5, which many servers read and Python does not."""


def senders(header: bytes) -> Iterator[tuple[str, Mailbox]]:
    """The mailboxes of all fields that name a sender, each with the name of its field.

    Args:
        header: of a message, with CRLF line ends.

    Raises:
        InputError: they cannot be read without doubt, or there is no From.
    """
    authors = 0
    for name, value in _fields(header):
        field = name.lower()
        if field not in FIELDS:
            continue
        for address in _addresses(FIELDS[field], value):
            authors += field == "from"
            yield field, address
    if not authors:
        raise InputError("from", "is missing in the header of the message; add the field From")


def _fields(header: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    while at < len(header):
        if (found := _FIELD.match(header, at)) is None:
            line = header[at:].split(b"\r\n", 1)[0]
            raise InputError("raw", f"{line[:60]!r} in its header is not a field; remove that line")
        at = found.end()
        yield found[1].decode("ascii"), found[2]


def _addresses(name: str, value: bytes) -> list[Mailbox]:
    field = name.lower()
    if len(value) > MOST:
        raise InputError(field, "is too long; write it as name <mailbox@domain>")
    try:
        text = value.replace(b"\r\n", b"").decode()
    except UnicodeDecodeError:
        raise InputError(field, "is neither ASCII nor UTF-8; write it anew") from None
    entries = read_list(text, field)
    found = [who.mailbox(field) for who in people_of(entries)]
    if not found or len(found) != len(entries):
        raise InputError(field, "names nobody, or a group; write it as name <mailbox@domain>")
    return found
