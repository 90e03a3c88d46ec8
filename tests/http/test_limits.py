"""Each limit at its border, and what two of a kind share: tokens, addresses, callers, tries."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2 as httpx
import pytest
from starlette.types import Message

from smtps.config import callers
from smtps.config.settings import Settings
from smtps.endpoint import Endpoint
from smtps.errors import InputError
from smtps.http.app import create_app
from smtps.http.connections import Crowd
from smtps.http.guards import pace
from smtps.http.guards.body import (
    DEEPEST,
    FEW,
    LONGEST,
    LONGEST_HEAD,
    MOST_PARAMETERS,
    Bounds,
    judge,
    judge_head,
    judge_headers,
)
from smtps.http.guards.limits import BUSY, HAD, ROUND, Shares, Turns
from smtps.http.guards.pace import Watch
from smtps.http.message_requests import LONGEST_KEY, idempotency_key
from smtps.http.session_cache import WarmPools

TOKENS = {name: callers.hash_token(name) for name in ("ann", "bob")}
ADDRESSES = ("192.0.2.1", "192.0.2.2")


# Rates: by token where there are tokens, else by address.


async def statuses(settings: Settings, *requests: tuple[str, str]) -> list[int]:
    """What each gets, from an address and with a token."""
    app, found = create_app(settings), []
    for address, token in requests:
        transport = httpx.ASGITransport(app, client=(address, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            headers = {"Authorization": f"Bearer {token}"} if token else {}
            found.append((await client.get("/api/smtps/ports", headers=headers)).status_code)
    return found


@pytest.mark.parametrize(
    ("tokens", "second", "status"),
    [
        (True, (ADDRESSES[0], "ann"), 429),
        (True, (ADDRESSES[0], "bob"), 200),
        (True, (ADDRESSES[1], "ann"), 429),
        (False, (ADDRESSES[0], ""), 429),
        (False, (ADDRESSES[1], ""), 200),
    ],
    ids=["same token", "two tokens", "same token elsewhere", "same address", "two addresses"],
)
async def test_a_rate_counts_tokens_where_there_are_any_and_else_addresses(
    monkeypatch: pytest.MonkeyPatch, tokens: bool, second: tuple[str, str], status: int
) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_030.0)  # in the middle of a minute
    settings = Settings(caller_rate="1/minute", tokens=TOKENS if tokens else {})
    first = (ADDRESSES[0], "ann" if tokens else "")
    assert await statuses(settings, first, second) == [200, status]


# Places.


def held(*amounts: tuple[str, int]) -> Shares:
    shares = Shares(3)
    for caller, amount in amounts:
        shares.take(caller, amount)
    return shares


@pytest.mark.parametrize(
    ("shares", "caller", "amount", "code"),
    [
        (held(), "a", 1, None),
        (held(), "a", 6, None),
        (held(), "a", 7, BUSY),
        (held(("a", 2)), "a", 1, None),
        (held(("a", 3)), "a", 1, BUSY),
        (held(("a", 3)), "b", 1, None),
        (held(("a", 3)), "b", 3, None),
        (held(("a", 3)), "b", 4, BUSY),
        (held(("a", 2), ("b", 2)), "a", 1, HAD),
        (held(("a", 2), ("b", 1)), "a", 1, None),
        (held(("a", 3), ("b", 3)), "c", 1, BUSY),
        (held(("a", 3), ("b", 2)), "c", 1, None),
    ],
)
def test_one_caller_gets_half_of_all_places_two_a_third_each_and_a_newcomer_the_last(
    shares: Shares, caller: str, amount: int, code: str | None
) -> None:
    assert shares.refuse(caller, amount) == code


def test_what_one_of_two_callers_gives_back_is_free_and_the_other_keeps_its_own() -> None:
    shares = held(("a", 3), ("b", 2))
    shares.give("a", 3)
    assert len(shares) == 1
    assert shares.refuse("b", 1) is None
    assert shares.refuse("c", 5) == BUSY
    assert shares.refuse("c", 4) is None


async def test_a_round_has_its_number_of_requests_and_each_caller_one_of_them_first() -> None:
    turns = Turns()
    begun: list[str] = []

    async def ask(caller: str) -> None:
        await turns.wait(caller)
        begun.append(caller)

    tasks = [asyncio.create_task(ask("a")) for _ in range(ROUND + 2)]
    tasks.append(asyncio.create_task(ask("b")))
    await asyncio.sleep(0)
    assert begun.count("a") == ROUND
    assert begun.count("b") == 1
    await asyncio.gather(*tasks)
    assert begun.count("a") == ROUND + 2


# Bodies and heads.


def streamed(*sizes: int) -> Callable[[], Awaitable[Message]]:
    pieces: list[Message] = [
        {"type": "http.request", "body": b" " * size, "more_body": True} for size in sizes
    ]
    pieces.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return pieces.pop(0)

    return receive


@pytest.mark.parametrize(
    ("sizes", "code"),
    [
        ((1024,), None),
        ((1025,), "api.too_large"),
        ((512, 512), None),
        ((512, 513), "api.too_large"),
        ((1024, 1), "api.too_large"),
    ],
)
@pytest.mark.parametrize("path", ["/api/smtps/send", "/api/smtps/connect"])
async def test_a_streamed_body_may_have_its_limit_and_not_one_byte_more(
    sizes: tuple[int, ...], code: str | None, path: str
) -> None:
    app = create_app(Settings(max_body=1024))
    receive, answers = streamed(*sizes), list[Message]()
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(),
        "query_string": b"", "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        "scheme": "http", "http_version": "1.1", "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"content-type", b"application/json")],
    }  # fmt: skip

    async def send(message: Message) -> None:
        answers.append(message)

    await app(scope, receive, send)
    said = b"".join(answer.get("body", b"") for answer in answers)
    assert (b"api.too_large" in said) is (code is not None)
    assert answers[0]["status"] == (413 if code else 400)


@pytest.mark.parametrize(("length", "code"), [("1024", None), ("1025", "api.too_large")])
@pytest.mark.parametrize("form", [False, True])
def test_a_body_is_refused_by_its_stated_length_if_that_is_over_the_limit_of_its_kind(
    length: str, code: str | None, form: bool
) -> None:
    limits: dict[str, Any] = {"max_upload": 1024} if form else {"max_body": 1024}
    kind = "multipart/form-data; boundary=x" if form else "application/json"
    headers = {"content-type": kind, "content-length": length}
    assert judge_headers("POST", "/api/smtps/send", headers, Settings(**limits)) == code


@pytest.mark.parametrize(
    ("parameters", "code"), [(MOST_PARAMETERS, None), (MOST_PARAMETERS + 1, "api.too_many")]
)
def test_a_query_may_have_its_number_of_parameters(parameters: int, code: str | None) -> None:
    query = b"&".join([b"a=1"] * parameters)
    assert judge_headers("GET", "/api/smtps/ports", {}, Settings(), query) == code


@pytest.mark.parametrize(("more", "code"), [(0, None), (1, "api.head_too_large")])
def test_a_head_may_have_its_size(more: int, code: str | None) -> None:
    rest = len(b"host") + len(b"x") + 4 + len(b"a") + 4 + len(b"/") + len(b"q")
    headers = [(b"host", b"x"), (b"a", b"x" * (LONGEST_HEAD - rest + more))]
    scope = {"headers": headers, "raw_path": b"/", "query_string": b"q"}
    assert judge_head(scope) == code


@pytest.mark.parametrize(("hosts", "code"), [(0, None), (1, None), (2, "api.malformed")])
def test_a_head_has_one_host_at_most(hosts: int, code: str | None) -> None:
    scope = {"headers": [(b"host", b"x")] * hosts, "raw_path": b"/", "query_string": b""}
    assert judge_head(scope) == code


BOUNDS = Bounds({"to": 150, "tags": 5}, total=400)


def nested(depth: int) -> bytes:
    """So many containers within each other, the widest so that counting is worth while."""
    inner = b"[" * (depth - 1) + b"]" * (depth - 1)
    return b'{"a":' + inner + b',"b":"' + b"x" * (LONGEST + 1) + b'"}'


def listed(field: bytes, entries: int) -> bytes:
    return b'{"' + field + b'":[' + b",".join([b"1"] * entries) + b"]}"


def numbered(digits: int) -> bytes:
    return b'{"a":' + b"1" * digits + b"}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (nested(DEEPEST), None),
        (nested(DEEPEST + 1), "body"),
        (listed(b"to", 150), None),
        (listed(b"to", 151), "to"),
        (listed(b"tags", FEW), None),
        (listed(b"tags", FEW + 2), "tags"),
        (listed(b"other", FEW + 2), "body"),
        (numbered(LONGEST), None),
        (numbered(LONGEST + 1), "body"),
    ],
    ids=["depth", "too deep", "list", "list too long", "few", "too many", "unknown field",
         "number", "number too long"],
)  # fmt: skip
async def test_a_body_may_be_as_deep_and_as_wide_as_its_bounds(
    body: bytes, field: str | None
) -> None:
    if field is None:
        await judge(body, BOUNDS)
        return
    with pytest.raises(InputError) as caught:
        await judge(body, BOUNDS)
    assert caught.value.field == field


@pytest.mark.parametrize("key", ["", "k" * (LONGEST_KEY + 1), "é", "a\tb"])
def test_what_is_no_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(InputError):
        idempotency_key({"idempotency-key": key})


@pytest.mark.parametrize("key", ["k", "k" * LONGEST_KEY])
def test_an_idempotency_key_has_1_to_256_characters(key: str) -> None:
    assert idempotency_key({"idempotency-key": key}) == key


# Who is watched, kept and let in.


async def test_a_request_that_its_watch_has_ended_may_go_on() -> None:
    """Else the next wait of its task, for the refusal to be written, would be cancelled too."""

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    task = asyncio.current_task()
    assert task is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pace, "BEGIN", 0.0)
        watch = Watch(receive, asyncio.Event(), 0)
    try:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
        assert watch.cancelled_it()
        assert not task.cancelling()
    finally:
        watch.close()


async def test_a_watch_takes_no_other_cancellation_for_its_own() -> None:
    async def receive() -> Any:
        await asyncio.Event().wait()

    seen: list[bool] = []

    async def request() -> None:
        watch = Watch(receive, asyncio.Event(), 0)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            seen.append(watch.cancelled_it())
            raise
        finally:
            watch.close()

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    assert seen == [False]


async def test_sessions_are_kept_for_each_password_apart() -> None:
    cache = WarmPools(30)
    one, again, other = [
        await cache.pool(Endpoint("x.test", username="u", password=password))
        for password in ("one", "one", "other")
    ]
    assert one is again
    assert one is not other
    await cache.aclose()


async def test_the_pool_that_was_used_longest_ago_goes_for_one_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("smtps.http.session_cache.MAX_POOLS", 2)
    cache = WarmPools(30)
    first = await cache.pool(Endpoint("one.test"))
    second = await cache.pool(Endpoint("two.test"))
    assert await cache.pool(Endpoint("one.test")) is first
    await cache.pool(Endpoint("three.test"))
    assert await cache.pool(Endpoint("one.test")) is first
    assert await cache.pool(Endpoint("two.test")) is not second
    await cache.aclose()


def test_the_limit_of_connections_is_reached_and_not_passed() -> None:
    open_now = Crowd(2, now=lambda: 0.0)
    assert open_now.enter("one", "192.0.2.1") is None
    assert open_now.enter("two", "192.0.2.2") is None
    assert open_now.enter("three", "192.0.2.3") in ("one", "two")
