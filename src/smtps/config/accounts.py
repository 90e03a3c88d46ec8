"""The accounts of the outbox, as the operator writes them down."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from smtps.config.login_place import LoginPlace
from smtps.config.server_account import NAME, ServerAccount
from smtps.credentials import from_environment, from_file
from smtps.endpoint import Endpoint
from smtps.errors import InputError
from smtps.net.fetch import check_url
from smtps.net.proxies import Proxy, proxy_for
from smtps.net.tls import context_for
from smtps.outbox.account import Account, Webhook
from smtps.outbox.retry import LIFETIME, STEPS
from smtps.outbox.webhooks import signing_key

_SENDER = re.compile(r"(?:\*|[^@\s*]+)@[^@\s]+")
_HOUR = 60 * 60 * 1000


class WebhookSettings(BaseModel):
    """Whom to tell, and where the key is that signs it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, Field(pattern="^https?://", repr=False)]  # it may hold a password
    secret_env: str | None = None
    secret_file: str | None = None
    ca_file: str | None = None
    proxy: Annotated[str | None, Field(repr=False)] = None
    private: bool = True

    def webhook(self, resolver: str | None = None, *, secrets: bool = True) -> Webhook:
        """What the outbox tells.

        Args:
            resolver: DNS server in place of the system's.
            secrets: make sure of its parts and read its secret, which only deliveries need.

        Raises:
            InputError: something of it cannot be used; see ``parts``.
        """
        if not secrets:
            return Webhook(self.url, "", self.ca_file, resolver, None, self.private)
        for part in self.parts:
            part()
        return Webhook(
            self.url, self._secret(), self.ca_file, resolver, self._proxy(), self.private
        )

    @property
    def parts(self) -> tuple[Callable[[], object], ...]:
        """What makes sure of its URL, its secret, its CA file and its proxy.

        Each raises InputError if that cannot be used.
        """
        return self._check_url, self._secret, self._check_ca_file, self._proxy

    def _check_url(self) -> None:
        try:
            check_url(self.url)
        except InputError as error:
            raise InputError("webhook.url", error.problem) from None

    def _secret(self) -> str:
        if (self.secret_env is None) == (self.secret_file is None):
            raise InputError("webhook", "needs secret_env or secret_file, one of them")
        if self.secret_env is not None:
            secret = from_environment(self.secret_env, field="webhook.secret_env")
        else:
            secret = from_file(str(self.secret_file), field="webhook.secret_file")
        signing_key(secret)
        return secret

    def _check_ca_file(self) -> None:
        if self.ca_file is None:
            return
        try:
            context_for(Endpoint("localhost", ca_file=self.ca_file))
        except InputError as error:
            raise InputError("webhook.ca_file", error.problem) from None

    def _proxy(self) -> Proxy | None:
        proxy = proxy_for(self.url, self.proxy, "webhook.proxy")
        if proxy is not None and not self.private:
            raise InputError(
                "webhook.private",
                "cannot be false with a proxy, because the proxy decides where connections go",
            )
        return proxy


class AccountSettings(BaseModel, ServerAccount, frozen=True):
    """One account: its server and credentials (see ServerAccount), and what the outbox may do."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    senders: list[str] = []
    per_minute: Annotated[float | None, Field(gt=0)] = None
    per_day: Annotated[int | None, Field(gt=0)] = None
    concurrency: Annotated[int, Field(ge=1, le=100)] = 2
    window: Annotated[int, Field(ge=1, le=64)] = 8
    uncertain: Literal["hold", "retry"] = "hold"
    retry: Annotated[list[Annotated[float, Field(gt=0)]], Field(min_length=1)] = list(STEPS)
    lifetime_hours: Annotated[float, Field(gt=0)] = LIFETIME / _HOUR
    webhook: WebhookSettings | None = None

    @field_validator("senders")
    @classmethod
    def _addresses(cls, senders: list[str]) -> list[str]:
        for sender in senders:
            if not _SENDER.fullmatch(sender):
                raise ValueError(f"{sender!r} is neither an address nor *@domain")
        return senders

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        self.check_server()
        return self

    def account(
        self,
        name: str,
        resolver: str | None = None,
        logins: LoginPlace | None = None,
        config: str | None = None,
        *,
        secrets: bool = True,
    ) -> Account:
        """What the outbox sends through.

        Args:
            name: of the account.
            resolver: DNS server in place of the system's.
            logins: where logins are kept; None for the user's own folder.
            config: the file of settings, for the command that a failure names.
            secrets: read those that deliveries need.

        Raises:
            InputError: the key of its webhook, or those of logins, cannot be read.
            TokenError: there is no folder for its login.
        """
        tokens = None
        if self.oauth is not None:
            tokens = self.tokens(name, logins, resolver=resolver, config=config)
        return Account(
            name=name,
            endpoint=lambda: self.endpoint(self.password(), resolver, tokens=tokens),
            senders=tuple(self.senders),
            per_minute=self.per_minute,
            per_day=self.per_day,
            concurrency=self.concurrency,
            window=self.window,
            uncertain=self.uncertain,
            retry=tuple(self.retry),
            lifetime=round(self.lifetime_hours * _HOUR),
            webhook=None
            if self.webhook is None
            else self.webhook.webhook(resolver, secrets=secrets),
            login=tokens,
        )


def check_names(settings: Mapping[str, Any]) -> None:
    """Names go into paths and metrics.

    Raises:
        ValueError: one cannot.
    """
    for name in settings:
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} cannot be the name of an account")
