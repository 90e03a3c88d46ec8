"""An event loop without a network: no name leads anywhere, and nobody answers."""

from __future__ import annotations

import asyncio
import socket
from functools import cache
from typing import Any


class Island(asyncio.SelectorEventLoop):
    """Refuses what would leave the process."""

    async def getaddrinfo(self, *_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    async def create_connection(self, *_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError(111, "refused")

    async def sock_connect(self, *_: Any, **__: Any) -> Any:
        raise ConnectionRefusedError(111, "refused")


@cache
def loop() -> Island:
    """One for all that needs one."""
    return Island()
