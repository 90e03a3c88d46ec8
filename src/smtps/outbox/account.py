"""An account: a server, a login, and limits. Its secret stays here.

An account may send only from certain addresses. Programs differ in what they take for a header
field, so a message is refused if any of them could read another sender in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, Protocol

from smtps.client.outgoing import Outgoing
from smtps.core.address import Mailbox
from smtps.endpoint import Endpoint
from smtps.errors import InputError
from smtps.message.addresses import people_of, read_list
from smtps.message.content import header
from smtps.net.proxies import Proxy
from smtps.oauth.standing import Standing
from smtps.outbox.decision import RetryPolicy
from smtps.outbox.retry import LIFETIME, STEPS

FIELDS = {name.lower(): name for name in ("From", "Sender", "Resent-From", "Resent-Sender")}
"""Header fields that say who a message is from (RFC 5322 sections 3.6.2, 3.6.6)."""

MAX_HEADER_LINE = 4096
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
    if len(value) > MAX_HEADER_LINE:
        raise InputError(field, "is too long; write it as name <mailbox@domain>")
    try:
        text = value.replace(b"\r\n", b"").decode()
    except UnicodeDecodeError:
        raise InputError(field, "is neither ASCII nor UTF-8; write it again in UTF-8") from None
    entries = read_list(text, field)
    found = [who.mailbox(field) for who in people_of(entries)]
    if not found or len(found) != len(entries):
        raise InputError(field, "names no mailbox, or a group; write it as name <mailbox@domain>")
    return found


@dataclass(frozen=True, slots=True)
class Webhook:
    """Whom to tell what becomes of messages.

    Attributes:
        url: gets a POST for each event.
        secret: signs it; ``whsec_`` and base64, as Standard Webhooks writes it.
        ca_file: PEM file of the only authorities to trust, in place of the system's.
        resolver: DNS server in place of the system's resolver.
        proxy: HTTP proxy to go through.
        private: whether it may be at an address that is not public.
    """

    url: str = field(repr=False)  # it may hold a password
    secret: str = field(repr=False)
    ca_file: str | None = None
    resolver: str | None = None
    proxy: Proxy | None = None
    private: bool = True


class KeptLogin(Protocol):
    """The login of an account, where one is kept here (OAuth 2)."""

    async def renew(self) -> None:
        """Renew the login if most of its access token's life is over.

        Raises:
            TokenError: it could not be renewed.
        """

    async def ends(self) -> tuple[float | None, float | None]:
        """When the access token and the login end, in seconds since 1970; None where that is not
        known, and 0.0 where it has happened.
        """

    async def standing(self) -> Standing:
        """How the login stands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Where mail goes out.

    Attributes:
        name: what requests call it.
        endpoint: makes the endpoint; reads the secret each time, as it may have been changed.
        senders: who may send, as ``ann@example.com`` or ``*@example.com``; empty for anybody.
        per_minute, per_day: messages; None for as many as the server takes.
        concurrency: sessions at the same time.
        window: messages under way on each; see ``Session.send_many`` for its price.
        uncertain: ``hold`` what may have arrived for a decision, or ``retry`` it, which may
            deliver it twice.
        retry: minutes after each attempt.
        lifetime: milliseconds after which a message expires, unless it says otherwise.
        webhook: what to call, if anything.
        login: that is kept here, if one is.
    """

    name: str
    endpoint: Callable[[], Endpoint]
    senders: tuple[str, ...] = ()
    per_minute: float | None = None
    per_day: int | None = None
    concurrency: int = 2
    window: int = 8
    uncertain: Literal["hold", "retry"] = "hold"
    retry: tuple[float, ...] = STEPS
    lifetime: int = LIFETIME
    webhook: Webhook | None = None
    login: KeptLogin | None = None

    @property
    def policy(self) -> RetryPolicy:
        """What to do with what does not go smoothly."""
        return RetryPolicy(self.uncertain == "retry", self.retry)

    def admit(self, outgoing: Outgoing) -> None:
        """Make sure that a message is from somebody who may send: envelope and header.

        Raises:
            InputError: it is not, or cannot be read without doubt; names the field.
        """
        if not self.senders:
            return
        envelope = outgoing.envelope.sender
        if envelope is not None and not self._may_send(envelope):
            raise self._refusal("envelope.from", str(envelope))
        # A null reverse-path says nothing, so then the header alone has to.
        for named, who in senders(header(outgoing.content)):
            if not self._may_send(who):
                raise self._refusal(named, str(who))

    def _may_send(self, who: Mailbox) -> bool:
        domain = who.domain.lower()
        names = {f"{who.local.lower()}@{domain}", f"*@{domain}"}
        return any(allowed.lower() in names for allowed in self.senders)

    def _refusal(self, field: str, who: str) -> InputError:
        return InputError(
            field,
            f"{who} may not send through the account {self.name}",
            code="outbox.sender_not_allowed",
        )
