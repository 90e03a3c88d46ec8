"""The outbox: messages to queue, their state, and the state of accounts and notices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response, StreamingResponse
from starlette.types import Scope

from smtps.errors import InputError
from smtps.http import answers, events
from smtps.http.answers import Document
from smtps.http.bodies import BodyRoute, apart
from smtps.http.fast_path import Shortcut
from smtps.http.guards.body import judge_message
from smtps.http.message_requests import MessageRequest, Moment, Printable, idempotency_key
from smtps.http.routes.account_logins import with_logins
from smtps.http.service import Service
from smtps.message.message import Attachment
from smtps.outbox import reading
from smtps.outbox.control import ControlError
from smtps.outbox.notices import NoticeFilter, NoticeState
from smtps.outbox.outbox import Outbox
from smtps.outbox.reading import LARGEST_PAGE, PAGE, Filter
from smtps.outbox.records import FINAL, Key, State
from smtps.outbox.writer import StoreError


def accounts_router(service: Service) -> APIRouter:
    """``/api/smtps/accounts`` and ``/api/smtps/notices``."""
    routes = APIRouter(prefix="/api/smtps", tags=["the outbox"])

    @routes.get("/accounts", summary="The accounts you may use, and their status")
    async def accounts(http: Request) -> dict[str, Any]:
        mine = service.granted(http.scope)
        states = await service.need_outbox().account_states()
        found = [s for s in states if mine is None or s["account"] in mine]
        return {"accounts": await with_logins(service, found)}

    @routes.post("/accounts/{name}/resume", summary="Let a waiting account send again")
    async def resume(name: str, http: Request) -> dict[str, Any]:
        box = service.need_outbox()
        service.check_granted(http.scope, name)
        await box.resume(box.account(name).name)
        states = await box.account_states()
        return (await with_logins(service, [s for s in states if s["account"] == name]))[0]

    @routes.get("/notices", summary="Undelivered webhook notices, newest messages first")
    async def notices(
        http: Request,
        status: NoticeState = NoticeState.UNDELIVERED,
        account: Annotated[list[Printable], Query(max_length=10)] = [],  # noqa: B006
        cursor: Printable | None = None,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
    ) -> dict[str, Any]:
        found = await service.need_outbox().notices(
            NoticeFilter(
                state=status,
                accounts=service.asked(http.scope, account),
                before=cursor,
                limit=limit,
            )
        )
        return {
            "notices": found, "cursor": found[-1]["message"] if len(found) == limit else None
        }  # fmt: skip

    return routes


PATH = "/api/smtps/messages"

LONGEST = 600.0
"""Seconds of a stream; whoever still waits asks again."""

LOOK = 0.5
"""Seconds between looks for a change, for whoever waits for one."""

_ID = Annotated[str, "32 hexadecimal digits"]
_ACCEPTED: dict[int | str, dict[str, Any]] = {202: {"model": answers.AcceptedAnswer}}
_BODY = Body(openapi_examples={"a message": {"value": answers.EXAMPLE_MESSAGE}})


def router(service: Service) -> APIRouter:
    """``/api/smtps/messages``."""
    routes = APIRouter(prefix="/api/smtps", tags=["the outbox"], route_class=BodyRoute)

    @routes.post(
        "/messages",
        summary="Submit a message",
        status_code=202,
        responses=_ACCEPTED,
        openapi_extra={"requestBody": {"content": answers.MESSAGE_FORM}},
    )
    async def accept(request: Annotated[MessageRequest, _BODY], http: Request) -> Document:
        return await take(service, request, http.scope)

    @routes.get("/messages", summary="Messages, the newest first")
    async def page(  # noqa: PLR0917  # names of the query
        http: Request,
        status: Annotated[list[State], Query(max_length=10)] = [],  # noqa: B006  # FastAPI copies it
        account: Annotated[list[Printable], Query(max_length=10)] = [],  # noqa: B006
        tag: Printable | None = None,
        since: Moment | None = None,
        until: Moment | None = None,
        cursor: Printable | None = None,
        limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = PAGE,
    ) -> dict[str, Any]:
        found = await service.need_outbox().page(
            Filter(
                states=[state.value for state in status] or None,
                accounts=service.asked(http.scope, account),
                tag=tag,
                since=None if since is None else round(since.timestamp() * 1000),
                until=None if until is None else round(until.timestamp() * 1000),
                before=cursor,
                limit=limit,
            )
        )
        return {
            "messages": found, "cursor": found[-1]["id"] if len(found) == limit else None
        }  # fmt: skip

    _about_one(routes, service)
    return routes


_STEPS = (
    ("DELETE", "/messages/{id}", Outbox.cancel, "Cancel it"),
    ("POST", "/messages/{id}/retry", Outbox.retry, "Send it now, or again"),
    ("POST", "/messages/{id}/notify", Outbox.notify, "Deliver its webhook notice again"),
)
"""What can be done with a message: method, path, what does it, summary."""


def _about_one(routes: APIRouter, service: Service) -> None:
    """What can be asked about one message, and done with it."""

    @routes.get("/messages/{id}", summary="One message, its recipients and attempts")
    async def show(id: _ID, http: Request) -> dict[str, Any]:  # noqa: A002  # the path's name
        return await message(service, http.scope, id)

    def step(act: Callable[[Outbox, str], Awaitable[None]]) -> Callable[..., Awaitable[Any]]:
        async def taken(id: _ID, http: Request) -> dict[str, Any]:  # noqa: A002
            await message(service, http.scope, id)
            await act(service.need_outbox(), id)
            return await message(service, http.scope, id)

        return taken

    for method, path, act, summary in _STEPS:
        routes.add_api_route(path, step(act), methods=[method], name=act.__name__, summary=summary)

    @routes.get("/messages/{id}/transcript", summary="The dialogue of each attempt")
    async def transcript(id: _ID, http: Request) -> dict[str, Any]:  # noqa: A002
        await message(service, http.scope, id)
        return {"attempts": await service.need_outbox().transcript(id)}

    @routes.get("/messages/{id}/raw", summary="The message itself", response_class=Response)
    async def raw(id: _ID, http: Request) -> Response:  # noqa: A002
        await message(service, http.scope, id)
        if (data := await service.need_outbox().body(id)) is None:
            raise ControlError("outbox.body_gone", "The message itself has been deleted.")
        # As text: a browser must not render what a stranger wrote.
        return Response(data, media_type="text/plain")

    @routes.get(
        "/messages/{id}/events",
        summary="Each change until the final state",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}},
    )
    async def changes(id: _ID, http: Request) -> StreamingResponse:  # noqa: A002
        await message(service, http.scope, id)
        return StreamingResponse(_changes(service, id), media_type="text/event-stream")


async def take(service: Service, request: MessageRequest, scope: Scope) -> Document:
    """The answer to a message that is handed over.

    Raises:
        SMTPSError: it was not taken.
    """
    box = service.need_outbox()
    judge_message(request, service.settings)
    service.check_granted(scope, request.account)  # first: whether there is one is not told
    account = box.account(request.account)
    files: Sequence[Attachment] = scope.get("smtps.files", ())
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    name = idempotency_key(headers)
    outgoing = await apart(request.ready, request, files)
    if outgoing.content.size > service.settings.outbox_message:
        most = service.settings.outbox_message
        raise InputError("body", f"has more than {most} bytes", code="api.too_large")
    account.admit(outgoing)
    key = None
    if name is not None:
        digest = await apart(request.digest, request, files)
        key = Key(scope.get("smtps.caller") or "", name, digest)
    now = box.clock.now()
    try:
        submission = request.submission(outgoing, account, key, box.new_id(), now)
    except InputError:  # its times may be over by now
        if (accepted := await box.known(key)) is None:
            raise
    else:
        accepted = await box.accept(submission)
    if not accepted.replayed:
        service.metrics.outbox.accepted.labels(account.name).inc()
    answer = {**accepted.answer, "replayed": accepted.replayed}
    return Document(answer, 202, {"Location": f"{PATH}/{answer['id']}"})


async def message(service: Service, scope: Scope, id_: str) -> dict[str, Any]:
    """A message that the caller may know of.

    Raises:
        ControlError: there is none, or it is another's.
    """
    box, mine = service.need_outbox(), service.granted(scope)
    if id_.isprintable():  # PostgreSQL can be asked for nothing else
        found: dict[str, Any] = await box.show(id_)
        if mine is None or found["account"] in mine:
            return found
    raise ControlError("outbox.not_found", f"There is no message {id_}.")


async def _changes(service: Service, id_: str) -> AsyncIterator[bytes]:
    box, before, silent = service.need_outbox(), None, 0.0
    end = asyncio.get_running_loop().time() + LONGEST
    while not service.stopping.is_set() and asyncio.get_running_loop().time() < end:
        try:
            now = await box.store.read(reading.state, id_)
            if now is None:
                return
            shown = await box.show(id_) if now != before else None
        except StoreError:  # whoever waits for a change waits for the database, too
            now, shown = before, None
        if shown is not None and now is not None:
            before, silent = now, 0.0
            yield events.event("message", shown)
            if now[0] in FINAL:
                return
        elif silent >= events.KEEP_ALIVE:
            silent = 0.0
            yield events.COMMENT
        await asyncio.sleep(LOOK)
        silent += LOOK


def express(service: Service) -> dict[tuple[str, str], Shortcut]:
    """A shortcut for the request that comes most."""

    async def take_now(request: MessageRequest, scope: Scope) -> Document:
        return await take(service, request, scope)

    return {("POST", PATH): Shortcut(MessageRequest, take_now)}
