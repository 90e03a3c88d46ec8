"""The service: bodies on every route, and heads of requests with both parsers."""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import tempfile
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote_to_bytes

import uvicorn
from tests.fuzz.island import loop
from tests.fuzz.target import Cursor, Target
from uvicorn.server import ServerState

from smtps.config.settings import Settings
from smtps.endpoint import Endpoint
from smtps.http import connections
from smtps.http.app import Application, create_app
from smtps.http.connections import Crowd
from smtps.outbox.account import Account
from smtps.outbox.outbox import Outbox
from smtps.sandbox.gallery import Gallery

# Bodies.

KINDS = (
    b"application/json", b"multipart/form-data; boundary=b", b"text/plain", b"",
    b"application/x-www-form-urlencoded", b"multipart/form-data", b"application/json; charset=x",
    b'multipart/form-data; boundary="\xff',
)  # fmt: skip
LARGEST_ERROR = 65_536
EXPECTED = {
    200,
    201,
    202,
    204,
    307,
    400,
    401,
    403,
    404,
    405,
    409,
    411,
    413,
    415,
    422,
    429,
    431,
    502,
    504,
}


@cache
def service() -> tuple[Application, list[tuple[str, str]]]:
    """The application with everything in it, and method and path of each route."""
    folder = tempfile.mkdtemp(prefix="smtps-fuzz-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    endpoint = Endpoint("x.test", username="ann", password="secret")
    main = Account(name="main", endpoint=lambda: endpoint)

    async def opened() -> Outbox:
        box = Outbox(str(Path(folder) / "mail.db"), {"main": main}, deliver=False)
        await box.__aenter__()
        return box

    outbox = loop().run_until_complete(opened())
    settings = Settings(caller_rate="", target_rate="", max_body=1 << 20)
    app = create_app(settings, Gallery(), outbox=outbox)
    paths = app.openapi()["paths"]
    ways = sorted((method.upper(), path) for path, told in paths.items() for method in told)
    ways.remove(("GET", "/api/sandbox"))  # asks those that run
    return app, ways


def bodies(data: bytes) -> None:
    """No request is answered with a 500 or without a document, and no mistake with a long one."""
    app, ways = service()
    cursor = Cursor(data)
    method, path = cursor.pick(ways)
    kind = cursor.pick(KINDS)
    name, _, rest = cursor.rest().partition(b"\n")
    where, _, query = name.partition(b"?")
    filled = path.partition("{")[0] + (where.decode("latin-1") if "{" in path else "")
    status, headers, content = loop().run_until_complete(
        _answered(app, method, filled, kind, query, rest)
    )
    assert status in EXPECTED, (method, path, status, content[:300])
    if status >= 400 and method != "HEAD":
        assert len(content) <= LARGEST_ERROR, (method, path, status, len(content))
        assert headers[b"content-type"].startswith(b"application/problem+json"), (path, headers)
        assert json.loads(content)["code"]


async def _answered(
    app: Application, method: str, path: str, kind: bytes, query: bytes, body: bytes
) -> tuple[int, dict[bytes, bytes], bytes]:
    headers = [(b"host", b"127.0.0.1"), (b"content-length", str(len(body)).encode())]
    if kind:
        headers.append((b"content-type", kind))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": unquote_to_bytes(path).decode("utf-8", "replace"),
        "raw_path": path.encode("utf-8", "replace"), "query_string": query.replace(b"#", b""),
        "root_path": "", "headers": headers, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 2),
    }  # fmt: skip
    pieces = [body[at : at + 4000] for at in range(0, len(body), 4000)] or [b""]
    sent: list[Any] = []
    over = asyncio.Event()

    async def receive() -> Any:
        if pieces:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces)}
        await over.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and (
            not message.get("more_body") or "/events" in path
        ):
            over.set()

    await asyncio.wait_for(app(scope, receive, send), 20)
    content = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
    return sent[0]["status"], dict(sent[0]["headers"]), content


def route(method: str, path: str) -> int:
    """The octet that stands for a route."""
    return service()[1].index((method, path))


BODY_WORDS = (
    b'{"', b'"}', b'":"', b",", b"[", b"]", b"null", b"true", b"1e9", b"\\ud800", b"host",
    b"port", b"from", b"to", b"attachments", b"headers", b"envelope", b"dsn", b"raw", b"dry_run",
    b"account", b"main", b"send_at", b"9999-12-31T23:59:59Z", b"metadata", b"tags", b"--b\r\n",
    b'Content-Disposition: form-data; name="', b'"; filename="', b"\r\n\r\n", b"--b--", b"?",
    b"text", b"127.0.0.1", b"@x.test", b"0",
)  # fmt: skip
SEND = ("POST", "/api/smtps/send")
MESSAGES = ("POST", "/api/smtps/messages")


def body(begin: bytes, part: bytes, end: bytes = b"", where: Any = SEND, kind: int = 0) -> Any:
    """A request with so many parts."""
    return lambda n: bytes([route(*where), kind]) + b"\n" + begin + part * n + end


# Heads.


class _Transport(asyncio.Transport):
    """Takes all that is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 1), "sockname": ("127.0.0.1", 2)})
        self.written = b""
        self.closing = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.closing = True

    abort = close

    def is_closing(self) -> bool:
        return self.closing

    def pause_reading(self) -> None:
        """Nothing more comes than is there."""

    resume_reading = pause_reading

    def set_protocol(self, protocol: Any) -> None:
        """It stays."""


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    size = 0
    while True:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            break
    answer = str(size).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(answer)).encode())]})  # fmt: skip
    await send({"type": "http.response.body", "body": answer})


@cache
def _config() -> uvicorn.Config:
    config = uvicorn.Config(
        _echo, ws="none", h11_max_incomplete_event_size=4 * connections.LONGEST, log_config=None,
        access_log=False, server_header=False, lifespan="off",
    )  # fmt: skip
    config.load()
    return config


def request_heads(data: bytes, *, fast: bool = False) -> None:
    """Any octets get answers that are HTTP, or the connection ends."""
    cursor = Cursor(data)
    how = cursor.byte()
    made = connections.protocol_class() if fast else connections.PlainProtocol
    loop().run_until_complete(_served(made, cursor.pieces(b"\xff|"), how))


async def _served(made: Any, pieces: list[bytes], how: int) -> None:
    transport = _Transport()
    protocol = partial(made, crowd=Crowd(10))(_config(), ServerState(), {})
    protocol.connection_made(transport)
    for piece in pieces:
        for part in _cut(piece, how):
            if transport.closing:
                break
            protocol.data_received(part)
        for _ in range(4):
            await asyncio.sleep(0)
    whole = b"".join(pieces)
    # What is over the bound is refused, unless it was no head.
    if len(whole) > 2 * connections.LONGEST and b"\n" not in whole:
        assert transport.closing
    if not transport.closing:
        protocol.eof_received()
    protocol.connection_lost(None)
    for _ in range(4):
        await asyncio.sleep(0)
    assert transport.written == b"" or transport.written.startswith(b"HTTP/1.1 "), transport.written
    assert b"HTTP/1.1 500" not in transport.written, transport.written


def _cut(data: bytes, how: int) -> list[bytes]:
    size = (len(data) or 1, 1000, 7)[how % 3]
    return [data[at : at + size] for at in range(0, len(data), size)]


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"
HEADS = {
    "letters of a field": lambda n: b"\1" + GET + b"X: " + b"a" * 10 * n,
    "letters of a target": lambda n: b"\1GET /" + b"a" * 10 * n,
    "fields": lambda n: b"\1" + GET + b"X: y\r\n" * n + b"\r\n",
    "folds": lambda n: b"\1" + GET + b"X: y\r\n" + b" z\r\n" * n + b"\r\n",
    "empty lines": lambda n: b"\1" + b"\r\n" * n + GET + b"\r\n",
    "requests": lambda n: b"\1" + (GET + b"\r\n") * n,
    "pieces of a body": lambda n: (
        b"\1POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * n
        + b"0\r\n\r\n"
    ),
    "fields behind a body": lambda n: (
        b"\1POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * n
    ),
}  # fmt: skip
HEAD_WORDS = (
    b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\n", b"Host: x\r\n", b"Content-Length: 3\r\n",
    b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b"Expect: 100-continue\r\n",
    b"Upgrade: websocket\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n", b"\xff|",
    b"HTTP/1.0", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"OPTIONS * ", b"CONNECT x:1 ",
    b"GET http://[::1]:1/ HTTP/1.1\r\n", b": ", b"\0", b"%",
)  # fmt: skip

TARGETS = (
    Target(
        "bodies",
        bodies,
        {
            "files": body(b'{"attachments":[', b"{},", b"{}]}"),
            "unknown names": lambda n: body(b"", json.dumps(
                {f"hos{each}": each for each in range(n)}).encode())(1),
            "brackets": body(b'{"to":', b"["),
            "letters": body(b'{"host":"', b"x", b'"}'),
            "digits": body(b'{"host":"x","port":', b"9", b"}"),
            "text": body(b'{"host":"127.0.0.1","from":"a@x.test","to":"b@x.test","dry_run":true,'
                         b'"body":"', b"word\\n", b'"}'),
            "recipients": body(b'{"host":"127.0.0.1","from":"a@x.test","dry_run":true,"to":["b@x"',
                               b',"c@x.test"', b"]}"),
            "parts": body(b"", b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n',
                          b"--b--\r\n", kind=1),
            "fields of a part": body(b"--b\r\n", b"X: y\r\n", b"\r\n--b--\r\n", kind=1),
            "half boundaries": body(b"--b\r\n\r\n", b"\r\n--", kind=1),
            "query": lambda n: bytes([route("GET", "/api/smtps/connect"), 0]) + b"?" + b"a=b&" * n,
        },
        unit=60,
        words=BODY_WORDS,
    ),
    Target("heads", request_heads, HEADS, unit=50, words=HEAD_WORDS,
           instrument=("smtps", "h11", "uvicorn")),
    Target("fast_heads", partial(request_heads, fast=True), HEADS, unit=50, words=HEAD_WORDS,
           instrument=("smtps", "uvicorn")),
)  # fmt: skip
