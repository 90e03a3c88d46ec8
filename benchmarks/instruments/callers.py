"""Callers of the service: ``callers.py URL BODY N AGAIN``; each asks once, or again and again."""

from __future__ import annotations

import asyncio
import sys


async def one(host: str, port: int, request: bytes, *, again: bool) -> None:
    while True:
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(request)
        await reader.read()
        writer.close()
        if not again:
            return


async def main() -> None:
    url, body, n, again = sys.argv[1], sys.argv[2].encode(), int(sys.argv[3]), sys.argv[4] == "1"
    host, port = url.removeprefix("http://").split(":")
    lines = ["POST /api/smtps/connect HTTP/1.1", f"Host: {host}:{port}", "Connection: close",
             "Content-Type: application/json", f"Content-Length: {len(body)}", "", ""]  # fmt: skip
    request = "\r\n".join(lines).encode() + body
    await asyncio.gather(*(one(host, int(port), request, again=again) for _ in range(n)))


asyncio.run(main())
