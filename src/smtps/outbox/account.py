"""An account: a server, who to be there, and how much may be asked of it. Its secret stays here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from smtps.client.outgoing import Outgoing
from smtps.content import header
from smtps.core.address import Mailbox
from smtps.errors import InputError
from smtps.net.proxies import Proxy
from smtps.options import Endpoint
from smtps.outbox.ruling import Course
from smtps.outbox.schedule import LIFETIME, STEPS
from smtps.outbox.senders import senders


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
        uncertain: ``hold`` what may have arrived until somebody decides, or ``retry`` it, which may
            deliver it twice.
        retry: minutes after each attempt.
        lifetime: milliseconds after which a message expires, unless it says otherwise.
        webhook: whom to tell, if anybody.
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

    @property
    def course(self) -> Course:
        """What to do with what does not go smoothly."""
        return Course(self.uncertain == "retry", self.retry)

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
