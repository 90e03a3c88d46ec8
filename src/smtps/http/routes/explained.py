"""What words mean: ``/api/smtps/explain``."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Query
from pydantic import BaseModel, ConfigDict, Field

from smtps.errors import InputError
from smtps.explanations.explaining import LONGEST, explain
from smtps.http import threads
from smtps.http.answers import Document
from smtps.http.bodies import BodyRoute
from smtps.http.service import Service

LARGE = 4096
"""Characters from which on a text is explained in a thread."""


class ExplainRequest(BaseModel):
    """A text from anywhere."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(
        description="An error message of any program, a reply, an error number, a code of smtps; "
        f"at most {LONGEST} bytes (UTF-8)."
    )


_EXAMPLE: dict[str, Any] = {
    "a message": {"value": {"text": "ssl.SSLError: [SSL: WRONG_VERSION_NUMBER]"}}
}


def router(_service: Service) -> APIRouter:
    """``/api/smtps/explain``: nothing is sent anywhere, and nothing is kept."""
    routes = APIRouter(prefix="/api/smtps/explain", tags=["diagnosis"], route_class=BodyRoute)

    async def answer(text: str) -> Document:
        if len(text) > LONGEST or len(text.encode("utf-8", "replace")) > LONGEST:
            problem = f"is longer than {LONGEST} bytes: leave only the error message"
            raise InputError("text", problem, code="api.too_large")
        found = await threads.apart(explain, text) if len(text) > LARGE else explain(text)
        return Document(found.as_json())

    @routes.get("", summary="Say what an error message means")
    async def explain_get(query: Annotated[ExplainRequest, Query()]) -> Document:
        return await answer(query.text)

    @routes.post("", summary="Say what an error message means")
    async def explain_post(
        request: Annotated[ExplainRequest, Body(openapi_examples=_EXAMPLE)],
    ) -> Document:
        return await answer(request.text)

    return routes
