"""An answer in JSON."""

from __future__ import annotations

from typing import Any

from fastapi.responses import JSONResponse
from pydantic_core import to_json


class Document(JSONResponse):
    """The same as its base, written by pydantic, which takes a quarter of the time."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return to_json(content)
