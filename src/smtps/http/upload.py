"""A form with files (multipart/form-data, RFC 7578): files go to disk as they come."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from pydantic_core import from_json
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from smtps.errors import InputError
from smtps.http import threads
from smtps.http.guards.body import FEW, Bounds, judge
from smtps.message.message import Attachment

FILES = "attachments"
"""Parts of this name are files; all others are fields of the message."""

SEVERAL = ("to", "cc", "bcc", "reply_to", "tags")
OBJECTS = ("headers", "envelope", "dsn", "metadata", "alternatives")

OTHERS = 100
"""Parts that are neither files nor recipients: each field once, and some of them several times."""

_AT_ONCE = 1 << 20
"""Octets written to the disk at once, by a thread: it may be slow."""


_FEW = Bounds({}, FEW)


@dataclass(slots=True)
class _Part:
    name: str = ""
    filename: str | None = None
    content_type: str = ""
    path: Path | None = None
    content: bytearray = field(default_factory=bytearray)


class Upload:
    """Takes a form in, chunk by chunk.

    Attributes:
        fields: octets so far of all that are not files.

    Args:
        content_type: of the request, with the boundary.
        folder: where files go; whoever made it removes it.
        max_fields: octets of all that are not files.
        max_files: how many.
        max_recipients: how many parts may name one, each.
        bounds: of the parts that are JSON.

    Raises:
        InputError: there is no boundary.
    """

    def __init__(
        self,
        content_type: str,
        folder: Path,
        *,
        max_fields: int,
        max_files: int,
        max_recipients: int,
        bounds: Bounds = _FEW,
    ) -> None:
        _, options = parse_options_header(content_type)
        boundary = options.get(b"boundary")
        if not boundary or len(boundary) > 200:
            raise InputError("body", "is a form without a boundary", code="api.malformed")
        self._folder = folder
        self._bounds = bounds
        self.fields = 0
        self._most_fields = max_fields
        self._files_left = max_files
        self._most_parts = max_files + max_recipients + OTHERS
        self._parts: list[_Part] = []
        self._header = [b"", b""]
        self._headers: dict[str, bytes] = {}
        self._file: BinaryIO | None = None
        self._unwritten: list[bytes] = []
        self._size = 0
        self._ended = False
        self._parser = MultipartParser(boundary, self._callbacks())

    async def feed(self, chunk: bytes) -> None:
        """The next octets of the body.

        Raises:
            InputError: it is no form, or too much of one.
            OSError: the disk is full.
        """
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise InputError(
                "body", f"is not a valid form: {error}", code="api.malformed"
            ) from error
        if self._size >= _AT_ONCE:
            await self._write()

    async def finish(self) -> tuple[bytes, list[Attachment]]:
        """The fields as the JSON object that they stand for, and the files.

        Raises:
            InputError: the form has no end, or a part cannot be used; names it.
        """
        if not self._ended:
            raise InputError("body", "ends in the middle of the form", code="api.malformed")
        files = [_attachment(part) for part in self._parts if part.path is not None]
        fields = await self._fields()
        return await threads.apart(_json, fields), files

    def close(self) -> None:
        """Let go of a file that is half written."""
        if self._file is not None:
            self._file.close()

    async def _fields(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for part in self._parts:
            if part.path is not None:
                continue
            if part.name in OBJECTS:
                await self._judge(part)
            value = _value(part)
            if part.name in SEVERAL:
                fields.setdefault(part.name, []).append(value)
            elif part.name in fields:
                raise InputError(part.name, "appears more than once")
            else:
                fields[part.name] = value
        return fields

    async def _judge(self, part: _Part) -> None:
        try:
            await judge(bytes(part.content), self._bounds)
        except InputError as error:
            raise InputError(part.name, error.problem, code=error.code) from error

    # What the parser calls.

    def _callbacks(self) -> Any:
        names = ("part_begin", "part_data", "part_end", "header_field", "header_value",
                 "header_end", "headers_finished", "end")  # fmt: skip
        return {f"on_{name}": getattr(self, f"_{name}") for name in names}

    def _part_begin(self) -> None:
        # An empty part costs its sender nothing, and memory here.
        if len(self._parts) == self._most_parts:
            message = f"has more than {self._most_parts} parts"
            raise InputError("body", message, code="api.too_many")
        self._headers.clear()
        self._parts.append(_Part())

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header[0] += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._header[1] += data[start:end]

    def _header_end(self) -> None:
        name, value = self._header
        self._headers[name.decode("latin-1").lower()] = value
        self._header = [b"", b""]

    def _headers_finished(self) -> None:
        part = self._parts[-1]
        _, options = parse_options_header(self._headers.get("content-disposition", b""))
        part.name = options.get(b"name", b"").decode("utf-8", "replace")
        part.content_type = self._headers.get("content-type", b"").decode("latin-1")
        if b"filename" in options:
            part.filename = options[b"filename"].decode("utf-8", "replace")
        if part.name == FILES:
            self._files_left -= 1
            if self._files_left < 0:
                raise InputError(FILES, "are too many", code="api.too_many")
            part.path = self._folder / str(len(self._parts))
            self._file = part.path.open("wb")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._file is not None:
            self._unwritten.append(data[start:end])
            self._size += end - start
            return
        self.fields += end - start
        if self.fields > self._most_fields:
            raise InputError("body", "has too much data besides its files", code="api.too_large")
        self._parts[-1].content += data[start:end]

    def _part_end(self) -> None:
        if self._file is not None:
            self._file.write(b"".join(self._take()))
            self._file.close()
            self._file = None

    def _end(self) -> None:
        self._ended = True

    def _take(self) -> list[bytes]:
        pieces, self._unwritten, self._size = self._unwritten, [], 0
        return pieces

    async def _write(self) -> None:
        if self._file is not None:
            write: Callable[[bytes], int] = self._file.write
            await asyncio.to_thread(write, b"".join(self._take()))


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields).encode()


def _value(part: _Part) -> Any:
    content = bytes(part.content)
    if part.name == "raw":
        return base64.b64encode(content).decode()
    try:
        text = content.decode()
        return from_json(content) if part.name in OBJECTS else text
    except UnicodeDecodeError as error:
        raise InputError(part.name, "is not UTF-8") from error
    except ValueError as error:
        raise InputError(part.name, f"is not a JSON object: {error}") from error


def _attachment(part: _Part) -> Attachment:
    assert part.path is not None
    # What a browser sends of a path on its own machine is not for the reader.
    filename = (part.filename or "").replace("\\", "/").rpartition("/")[2]
    kind = part.content_type
    if kind == "application/octet-stream":
        kind = ""  # what programs say that do not know: the name tells more
    return Attachment(filename=filename, content=part.path, content_type=kind)
