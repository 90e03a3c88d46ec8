"""All personas side by side, each on a port of its own, with one inbox and one authority."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any, Self

from smtps.sandbox.certificates import Authority
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.personas import PERSONAS
from smtps.sandbox.server import PASSWORD, USERNAME, Sandbox


class Gallery:
    """Starts a sandbox for every persona.

    Args:
        port: of the first; the others follow it. 0 takes free ones.

    Attributes:
        inbox: the mail that any of them took.
        boxes: persona → sandbox.

    Raises:
        InputError: a port is taken.
    """

    def __init__(self, port: int = 0) -> None:
        self.inbox = Inbox()
        self.boxes: dict[str, Sandbox] = {}
        self._port = port
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        authority = Authority()
        try:
            for number, name in enumerate(PERSONAS):
                port = self._port and self._port + number
                box = Sandbox(name, port=port, authority=authority, inbox=self.inbox)
                self.boxes[name] = await self._stack.enter_async_context(box)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def at(self, host: str, port: int) -> Sandbox | None:
        """The sandbox at an address."""
        for box in self.boxes.values():
            if port == box.port and host in (box.host, "127.0.0.1", "localhost"):
                return box
        return None

    def as_json(self) -> dict[str, Any]:
        """For the page's menu, and for scripts."""
        first = next(iter(self.boxes.values()))
        return {
            "username": USERNAME,
            "password": PASSWORD,
            "ca_file": str(first.ca_file),
            "personas": [
                {**box.persona.as_json(), "host": box.host, "port": box.port}
                for box in self.boxes.values()
            ],
        }
