"""What the routes share: how a request becomes a call, within the operator's bounds."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from starlette.types import Scope

from smtps.checks.checking import check
from smtps.checks.discovery import Means, means
from smtps.checks.report import Report
from smtps.checks.visit import Progress
from smtps.client.handshake import Leave, check_endpoint, deadline_of
from smtps.client.lending import BackgroundQuits
from smtps.client.result import Result
from smtps.client.session import send
from smtps.config.open_outbox import account_of
from smtps.config.settings import Right, Settings
from smtps.endpoint import Endpoint
from smtps.errors import ForbiddenError, InputError, LocalError, Phase
from smtps.http import problems
from smtps.http.answers import connect_answer, facts_answer
from smtps.http.bodies import apart
from smtps.http.guards.limits import Rates
from smtps.http.metrics import Metrics
from smtps.http.pending_logins import PendingLogins
from smtps.http.requests import CheckRequest, ConnectRequest, SendRequest, ServerFields
from smtps.http.session_cache import WarmPools
from smtps.message.message import Attachment
from smtps.net.egress import WEB_PORTS, Allow
from smtps.net.resolve import Address
from smtps.outbox.account import Account
from smtps.outbox.outbox import Outbox
from smtps.providers import by_id
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.persona import DOMAIN
from smtps.sandbox.server import Sandbox

if TYPE_CHECKING:  # an extra
    from smtps.oauth.token_source import StoredTokens

Fields = TypeVar("Fields", bound=ServerFields)

_BARE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
"""A name that may be another than a host's."""


def _says_port(request: ServerFields) -> bool:
    return "port" in request.model_fields_set


def _at_persona(request: Fields, box: Sandbox, host: str) -> Fields:
    """A request at a persona; its port goes with the name."""
    return request.named("persona", host=host, port=box.port, security=box.persona.asked_with)


@dataclass(frozen=True, slots=True)
class Service:
    """One running service.

    Attributes:
        settings: what the operator decided.
        gallery: the sandboxes, if there are any.
        rates, metrics: count.
        stopping: set when the service is about to end.
        quits: where sessions quit that are of no more use; their callers are answered first.
        warm: sessions kept for the next message, if any are.
        outbox: mail that is delivered later, if there is one.
        logins: that have begun and wait for their answer.
    """

    settings: Settings
    gallery: Gallery | None
    rates: Rates
    metrics: Metrics
    stopping: asyncio.Event
    quits: BackgroundQuits
    warm: WarmPools | None = None
    outbox: Outbox | None = None
    logins: PendingLogins = field(default_factory=PendingLogins)
    _accounts: dict[str, Account] = field(default_factory=dict)

    def need_outbox(self) -> Outbox:
        """The outbox.

        Raises:
            LocalError: there is none.
        """
        if self.outbox is None:
            raise LocalError(
                "outbox.not_configured", "This service has no outbox.", phase=Phase.INPUT
            )
        return self.outbox

    def granted(self, scope: Scope) -> set[str] | None:
        """The accounts that a caller may use; None for all."""
        grants = self.settings.grants.get(scope.get("smtps.caller") or "")
        return None if grants is None else set(grants)

    def asked(self, scope: Scope, names: Sequence[str]) -> list[str] | None:
        """The accounts that a question is about; None for all.

        Args:
            scope: of the caller, who learns nothing of accounts that it may not use.
            names: those that it asks about; none for all that it may use.
        """
        mine = self.granted(scope)
        if mine is None:
            return sorted(set(names)) or None
        return sorted(mine.intersection(names) if names else mine)

    def check_granted(self, scope: Scope, account: str) -> None:
        """Make sure that a caller may use an account: one that there is not is one that it may not
        use, and no word tells the two apart.

        Raises:
            ForbiddenError: it may not.
        """
        mine = self.granted(scope)
        if mine is not None and account not in mine:
            raise ForbiddenError(
                "outbox.account_not_allowed", f"Your token may not use the account {account}.",
                phase=Phase.INPUT, field="account",
            )  # fmt: skip

    def has_right(self, scope: Scope, right: Right) -> bool:
        """Whether a caller may do more than use accounts; who has no grants may do all."""
        token = scope.get("smtps.caller") or ""
        return token not in self.settings.grants or right in self.settings.rights.get(token, ())

    def allow(self) -> Allow:
        """The egress policy for one request; counts each target once."""
        egress, counted = self.settings.egress, set[str]()

        def judge(address: Address) -> bool:
            if not egress(address):
                return False
            if address.ip not in counted:
                counted.add(address.ip)
                self.rates.target(address.ip)
            return True

        return judge

    def endpoint(
        self, request: ServerFields, timeout: int, *, transcript: bool = False
    ) -> Endpoint:
        """The server that a request means, trusted as the operator allows."""
        authority = self.authority(request.host, request.port)
        return request.endpoint(timeout, authority, self.settings.resolver, transcript=transcript)

    def account(self, name: str) -> Account:
        """An account of the settings; the same one each time, with its source of tokens.

        Raises:
            InputError: there is none, or something of it cannot be used.
        """
        if self.outbox is not None and name in self.outbox.accounts:
            return self.outbox.accounts[name]
        if name not in self.settings.accounts:
            raise InputError("account", f"there is no account {name!r}", code="outbox.no_account")
        if name not in self._accounts:
            self._accounts[name] = account_of(self.settings, name)
        return self._accounts[name]

    def login_of(self, name: str, scope: Scope) -> StoredTokens:
        """The login of an account, for a caller that may make and forget it.

        Raises:
            ForbiddenError: it may not.
            InputError: there is no such account, or it has no login.
        """
        self.check_granted(scope, name)
        if scope.get("smtps.caller") is None or not self.has_right(scope, "logins"):
            raise ForbiddenError(
                "api.right_needed", "Logging an account in takes a token that may do so.",
                phase=Phase.INPUT,
            )  # fmt: skip
        if (login := self.account(name).login) is None:
            raise InputError("account", f"{name} has no login to make: it has no table oauth")
        from smtps.oauth.token_source import StoredTokens  # noqa: PLC0415  # an extra

        assert isinstance(login, StoredTokens)
        return login

    async def endpoint_of(self, account: str) -> Endpoint:
        """The server of an account of the settings, with its login.

        Raises:
            InputError: its secret cannot be read.
        """
        # Elsewhere, as a command may have to be run for its secret.
        return await asyncio.to_thread(self.account(account).endpoint)

    async def placed(self, request: Fields, scope: Scope) -> Fields:
        """A request at the server that it names: an account's, a provider's, a persona's of the
        sandbox, or a host's; the first that its name is one of.

        Raises:
            InputError: there is no such account, or the request has a server as well.
            ForbiddenError: the caller may not use it.
        """
        if request.account is not None:
            request.check_account_alone()
            self.check_granted(scope, request.account)
            found = request.at(await self.endpoint_of(request.account))
            return found.named("account")
        name = request.host
        if _BARE.fullmatch(name) is None:
            box = self.gallery.named(name) if self.gallery is not None else None
            return request if box is None else _at_persona(request, box, name)
        mine = self.granted(scope)
        is_mine = name in self.settings.accounts and (mine is None or name in mine)
        if is_mine and not request.logs_in():
            placed = request.at(await self.endpoint_of(name))
            return placed.named("account", account=name)
        if (provider := by_id(name)) is not None:
            place = provider.place(request.security, request.port if _says_port(request) else 0)
            return request.named(
                "provider", host=place.host, port=place.port, security=place.security
            )
        box = self.gallery.boxes.get(name) if self.gallery is not None else None
        return request if box is None else _at_persona(request, box, f"{name}.{DOMAIN}")

    def authority(self, host: str, port: int) -> str | None:
        """The sandbox's own authority, for a sandbox's address and nothing else."""
        box = self.gallery.at(host, port) if self.gallery is not None else None
        return None if box is None else str(box.ca_file)

    async def check(
        self,
        endpoint: Endpoint,
        target: str,
        progress: Progress | None,
        *,
        allow: Allow | None,
    ) -> Report:
        """Check one server at the address that answers first."""
        return await self._check(
            endpoint, allow=allow, target=target, first=True, progress=progress
        )

    async def report(
        self,
        request: CheckRequest,
        progress: Progress | None = None,
        *,
        target: str | None = None,
        transcript: bool = False,
    ) -> Report:
        """Check all addresses of a server, as far as the request says."""
        return await self._check(
            self.endpoint(request, request.timeout, transcript=transcript),
            allow=self.allow_for(request),
            target=target or request.host,
            deep=request.deep,
            envelope=request.envelope(),
            size=request.size,
            control=request.control,
            progress=progress,
            origin="request",
        )

    def allow_for(self, request: ServerFields) -> Allow | None:
        """The egress policy for a request; the server of an account is the operator's choice."""
        return self.allow() if request.account is None else None

    async def _check(self, endpoint: Endpoint, *, allow: Allow | None, **more: Any) -> Report:
        finder = None
        if allow is not None and "@" in endpoint.host:
            finder = self.finder(allow)
        leave = self._leave(endpoint)
        report = await check(endpoint, allow=allow, finder=finder, leave=leave, **more)
        self.metrics.checks.labels(report.verdict.value).inc()
        return report

    def _leave(self, endpoint: Endpoint) -> Leave | None:
        """Who lets its session quit: a transcript tells of that too, so its caller waits."""
        return None if endpoint.transcript else self.quits.quit

    def finder(self, allow: Allow) -> Means:
        """What to find the server of a mail address with: the web is asked for documents only."""
        web = replace(self.settings.egress, ports=WEB_PORTS)
        return means(resolver=self.settings.resolver, allow=allow, allow_web=web)

    async def connect(
        self, request: ConnectRequest, *, transcript: bool, progress: Progress | None = None
    ) -> dict[str, Any]:
        """The answer to a connection test: success, or the error document."""
        endpoint = self.endpoint(request, request.timeout, transcript=transcript)
        allow = self.allow_for(request)
        report = await self.check(endpoint, request.host, progress, allow=allow)
        if report.failure is None:
            return connect_answer(report, transcript=transcript)
        return problems.document(report.failure, **facts_answer(report, transcript=transcript))

    async def send(
        self, request: SendRequest, files: Sequence[Attachment] = (), *, transcript: bool = False
    ) -> Result:
        """Send one message; ``files`` came beside the fields of the request."""
        endpoint = self.endpoint(request, request.timeout, transcript=transcript)
        ready = await apart(request.ready, request, files)
        if request.account is not None:
            self.account(request.account).admit(ready)
        terms: dict[str, Any] = {
            "partial": request.partial,
            "dsn": request.notifications(),
            "require_tls": request.require_tls,
            "allow": self.allow_for(request),
        }
        if self.warm is None:
            result = await send(ready, endpoint, leave=self._leave(endpoint), **terms)
        else:
            check_endpoint(endpoint)
            pool = await self.warm.pool(endpoint)
            result = await pool.send(ready, deadline=deadline_of(endpoint), **terms)
        self.metrics.messages.labels(result.outcome.value).inc()
        return result
