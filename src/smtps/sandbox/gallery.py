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

    Attributes:
        inbox: the mail that any of them took.
        boxes: persona → sandbox.
    """

    def __init__(self) -> None:
        self.inbox = Inbox()
        self.boxes: dict[str, Sandbox] = {}
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        authority = Authority()
        for name in PERSONAS:
            box = Sandbox(name, authority=authority, inbox=self.inbox)
            self.boxes[name] = await self._stack.enter_async_context(box)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def at(self, host: str, port: int) -> Sandbox | None:
        """The sandbox at an address."""
        for box in self.boxes.values():
            if port == box.port and host in (box.host, "localhost"):
                return box
        return None

    def as_json(self) -> dict[str, Any]:
        """For the page's menu."""
        return {
            "username": USERNAME,
            "password": PASSWORD,
            "personas": [
                {
                    "name": box.persona.name,
                    "summary": box.persona.summary,
                    "finding": box.persona.finding,
                    "host": box.host,
                    "port": box.port,
                }
                for box in self.boxes.values()
            ],
        }
