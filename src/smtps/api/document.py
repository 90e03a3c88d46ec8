"""An answer in JSON."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse
from pydantic_core import PydanticSerializationError, to_json


class Document(JSONResponse):
    """The same as its base, written by pydantic, which takes a quarter of the time."""

    def render(self, content: Any) -> bytes:
        """The body."""
        try:
            return to_json(content)
        except PydanticSerializationError:  # half a character: only as an escape can it be told
            return json.dumps(content, separators=(",", ":")).encode()
