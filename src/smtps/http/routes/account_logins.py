"""Logins of the service's accounts, which a person makes elsewhere (``smtps login --service``).

The service begins the login and keeps its state and its verifier; the person's computer shows the
page, hears the redirect, and hands the answer back.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Body, Request
from pydantic import BaseModel, ConfigDict, Field

from smtps.config.login_facts import login_facts
from smtps.errors import InputError
from smtps.http.pending_logins import Pending
from smtps.http.service import Service
from smtps.oauth.forms import INTERACTIVE
from smtps.oauth.standing import moment
from smtps.oauth.tokens import StoredLogin

if TYPE_CHECKING:  # an extra
    from smtps.oauth.token_source import StoredTokens

LONGEST = 20_000
"""Characters of an answer."""


class LoginRequest(BaseModel):
    """How to log in."""

    model_config = ConfigDict(extra="forbid")

    way: Annotated[
        Literal["browser", "device"], Field(description="by a page, or by a code on any device")
    ] = "browser"
    redirect_uri: Annotated[
        str | None,
        Field(
            max_length=300, examples=["http://127.0.0.1:49152"],
            description="where the caller waits for the browser's answer; with a port of its own",
        ),
    ] = None  # fmt: skip


class LoginAnswer(BaseModel):
    """What came back from the page."""

    model_config = ConfigDict(extra="forbid")

    answer: Annotated[
        str,
        Field(
            max_length=LONGEST, repr=False,
            description="the address that the browser was sent to, or the code that was shown",
        ),
    ]  # fmt: skip


def router(service: Service) -> APIRouter:
    """``/api/smtps/accounts/{name}/login`` and ``/api/smtps/logins``."""
    routes = APIRouter(prefix="/api/smtps", tags=["logins"])

    @routes.get("/accounts/{name}/login", summary="How an account logs in to its provider")
    async def how(name: str, http: Request) -> dict[str, Any]:
        return await _how(service, name, service.login_of(name, http.scope))

    @routes.post("/accounts/{name}/login", summary="Begin a login at the account's provider")
    async def begin(
        name: str, http: Request, request: Annotated[LoginRequest, Body()]
    ) -> dict[str, Any]:
        source = service.login_of(name, http.scope)
        if source.exchange.registration.grant not in INTERACTIVE:
            await source.token(refused="")
            return {"login": None, **login_facts(name, _host(service, name), source, None)}
        caller = http.scope["smtps.caller"]
        if request.way == "device":
            return await _begin_device(service, name, caller, source)
        return await _begin_browser(service, name, caller, source, request.redirect_uri)

    @routes.delete("/accounts/{name}/login", summary="Forget and revoke an account's login")
    async def forget(name: str, http: Request) -> dict[str, Any]:
        there, revoked = await service.login_of(name, http.scope).log_out()
        return {"account": name, "forgotten": there, "revoked": revoked}

    @routes.post("/logins/{id}", summary="Finish a login with the answer of its page")
    async def finish(
        id: str, http: Request, request: Annotated[LoginAnswer, Body()]  # noqa: A002
    ) -> dict[str, Any]:  # fmt: skip
        caller = http.scope.get("smtps.caller")
        found = service.logins.get(id, caller)
        service.login_of(found.account, http.scope)
        if found.begun is None:
            raise InputError("answer", "is not expected: the login is finished by its code")
        service.logins.take(id, caller)
        tokens = await found.source.exchange.redeem(found.begun, request.answer)
        return _made(service, found, await found.source.log_in(tokens))

    @routes.get("/logins/{id}", summary="Whether a login by a code is finished")
    async def state(id: str, http: Request) -> dict[str, Any]:  # noqa: A002
        caller = http.scope.get("smtps.caller")
        found = service.logins.get(id, caller)
        service.login_of(found.account, http.scope)
        if found.polling is None or not found.polling.done():
            return {"account": found.account, "state": "pending"}
        service.logins.take(id, caller)
        return _made(service, found, found.polling.result())

    return routes


async def with_logins(service: Service, states: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How accounts stand, with ``login``: how the login stands, or null where none is kept here."""
    box = service.need_outbox()
    accounts, told = box.accounts, await box.login_notices()
    found = [accounts.get(state["account"]) for state in states]
    logins = [None if account is None else account.login for account in found]
    standings = iter(await asyncio.gather(*(each.standing() for each in logins if each)))
    return [
        {**state, "login": None if login is None else {
            **_server(service, state["account"]), **next(standings).as_json(),
            "webhook": told.get(state["account"])}}
        for state, login in zip(states, logins, strict=True)
    ]  # fmt: skip


def _server(service: Service, name: str) -> dict[str, str | None]:
    if (account := service.settings.accounts.get(name)) is None:
        return {"host": None, "username": None}
    return {"host": account.host, "username": account.username}


async def _how(service: Service, name: str, source: StoredTokens) -> dict[str, Any]:
    exchange = source.exchange
    host, registered = exchange.redirect
    form = exchange.registration.form
    standing = await source.standing()
    return {
        "account": name,
        "host": _host(service, name),
        "username": exchange.registration.username,
        "provider": form.id if form is not None else None,
        "grant": exchange.registration.grant,
        "redirect_host": host,
        "redirect_uri": registered,
        "login": standing.as_json(),
    }


async def _begin_browser(
    service: Service, name: str, caller: str, source: StoredTokens, redirect_uri: str | None
) -> dict[str, Any]:
    redirect_uri = _checked(redirect_uri, *source.exchange.redirect)
    begun = await source.exchange.begin(redirect_uri)
    until = service.logins.until
    pending = Pending(account=name, caller=caller, source=source, begun=begun, until=until)
    authority = await source.exchange.authority()
    return {
        "login": service.logins.add(pending), "account": name, "provider": authority.name,
        "url": begun.url, "redirect_uri": begun.redirect_uri,
    }  # fmt: skip


async def _begin_device(
    service: Service, name: str, caller: str, source: StoredTokens
) -> dict[str, Any]:
    authority = await source.exchange.authority()
    code = await source.exchange.begin_device()

    async def poll() -> StoredLogin:
        return await source.log_in(await source.exchange.poll(code))

    polling = asyncio.create_task(poll())
    polling.add_done_callback(lambda task: task.cancelled() or task.exception())
    until = service.logins.until + code.expires_in
    pending = Pending(account=name, caller=caller, source=source, polling=polling, until=until)
    return {
        "login": service.logins.add(pending), "account": name, "provider": authority.name,
        "user_code": code.user_code, "verification_uri": code.url, "interval": code.interval,
        "expires_in": code.expires_in,
    }  # fmt: skip


def _made(service: Service, found: Pending, login: StoredLogin) -> dict[str, Any]:
    facts = login_facts(found.account, _host(service, found.account), found.source, login)
    return {**facts, "state": "ready", "logged_in_at": moment(login.logged_in_at)}


def _checked(redirect_uri: str | None, host: str, registered: str | None) -> str:
    """Where the answer goes: a port on the caller's loopback, or what is registered.

    Raises:
        InputError: it is something else.
    """
    if registered is not None and urlsplit(registered).port is None and _loopback(registered):
        host, registered = urlsplit(registered).hostname or host, None
    if registered is not None:
        if redirect_uri not in (None, registered):
            raise InputError("redirect_uri", f"must be the one that is registered: {registered}")
        return registered
    try:
        parts = urlsplit(redirect_uri or "")
        fits = (parts.scheme, parts.hostname) == ("http", host) and bool(parts.port)
    except ValueError:
        fits = False
    if redirect_uri is None or not fits or "@" in redirect_uri or parts.query or parts.fragment:
        raise InputError("redirect_uri", f"must be http://{host}: with the port where you listen")
    return redirect_uri


def _loopback(uri: str) -> bool:
    return urlsplit(uri).scheme == "http"


def _host(service: Service, name: str) -> str:
    return service.settings.accounts[name].host
