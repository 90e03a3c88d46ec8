"""How the outbox stands: its accounts, and the notices that did not arrive."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from smtps.api.queueing import Printable
from smtps.api.service import Service
from smtps.outbox.notices import NoticeFilter, NoticeState
from smtps.outbox.reading import LARGEST_PAGE, PAGE


def router(service: Service) -> APIRouter:
    """``/api/smtps/accounts`` and ``/api/smtps/notices``."""
    routes = APIRouter(prefix="/api/smtps", tags=["the outbox"])

    @routes.get("/accounts", summary="The accounts you may use, and how they stand")
    async def accounts(http: Request) -> dict[str, Any]:
        mine = service.granted(http.scope)
        states = await service.need_outbox().account_states()
        return {"accounts": [s for s in states if mine is None or s["account"] in mine]}

    @routes.post("/accounts/{name}/resume", summary="Let an account that waits send again")
    async def resume(name: str, http: Request) -> dict[str, Any]:
        box = service.need_outbox()
        service.check_granted(http.scope, name)
        await box.resume(box.account(name).name)
        states = await box.account_states()
        return next(state for state in states if state["account"] == name)

    @routes.get(
        "/notices", summary="Webhook notices that were not delivered, newest messages first"
    )
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
