"""A mailbox, as strictly as RFC 5321 writes it.

One addr-spec, no display name, no comment, no list: what the policy judges, what the header shows
and what RCPT says are the same string.
"""

from __future__ import annotations

from typing import NamedTuple, Self

from smtps.core import grammar
from smtps.errors import InputError


class Mailbox(NamedTuple):
    """``local@domain`` (RFC 5321 section 4.1.2); with RFC 6531 also beyond ASCII.

    Build it with ``parse``: only that checks.
    """

    local: str
    domain: str

    @classmethod
    def parse(cls, text: str, field: str = "address") -> Self:
        """Read one addr-spec.

        Args:
            text: the address, without angle brackets.
            field: what to call it in the error.

        Raises:
            InputError: it is not one mailbox; says where it fails.
        """
        if not isinstance(text, str):
            raise InputError(field, f"must be a string, not {type(text).__name__}")
        if len(text) > grammar.MAX_PATH:
            raise InputError(field, f"is longer than {grammar.MAX_PATH - 2} bytes: {_short(text)}")
        if grammar.FORBIDDEN.search(text):
            raise InputError(field, "contains a control character; remove it")
        local, at, domain = text.rpartition("@")
        if not at or not local or not domain:
            raise InputError(field, f"{_short(text)} is not of the form name@domain")
        mailbox = cls(local, domain)
        mailbox._check_local(field)
        mailbox._check_domain(field)
        if len(str(mailbox).encode()) > grammar.MAX_PATH - 2:
            raise InputError(field, f"is longer than {grammar.MAX_PATH - 2} bytes")
        return mailbox

    def _check_local(self, field: str) -> None:
        local = self.local
        if len(local.encode()) > grammar.MAX_LOCAL_PART:
            raise InputError(field, f"has more than {grammar.MAX_LOCAL_PART} bytes before the @")
        if "=?" in local:
            raise InputError(
                field, "has =? before the @, which mail programs interpret as an encoded word"
            )
        if local.startswith('"'):
            if not grammar.QUOTED_STRING.fullmatch(local):
                raise InputError(
                    field, f"{_short(local)} is not a quoted local part that all servers accept"
                )
        elif not grammar.UTF8_DOT_STRING.fullmatch(local) or not local.isprintable():
            raise InputError(
                field,
                f"{_short(local)} before the @ has a space, a comma, a bracket, or a dot at "
                "either end; give one bare address, without a display name",
            )

    def _check_domain(self, field: str) -> None:
        domain = self.domain
        if grammar.DOMAIN.fullmatch(domain) or grammar.is_address_literal(domain):
            return
        labels = domain.split(".")
        if domain.isascii() or not all(_is_label(label) for label in labels):
            raise InputError(field, f"{_short(domain)} after the @ is not a domain name")

    @property
    def needs_smtputf8(self) -> bool:
        """Whether it can be said only to a server with SMTPUTF8 (RFC 6531)."""
        return not (self.local.isascii() and self.domain.isascii())

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"


def _is_label(label: str) -> bool:
    return grammar.UTF8_LABEL.fullmatch(label) is not None and label.isprintable()


def _short(text: str) -> str:
    return repr(text if len(text) <= 50 else text[:47] + "...")
