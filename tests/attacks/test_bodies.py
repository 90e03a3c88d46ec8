"""Short requests that ask for much work, and requests that ask for what cannot be."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from unittest import mock

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.config.settings import Settings
from smtps.errors import InputError
from smtps.http import problems
from smtps.http.app import create_app
from smtps.http.guards import body as shape
from smtps.http.guards.body import bounds
from smtps.http.requests import SendRequest

SEND = "/api/smtps/send"
PATHS = ["/api/smtps/connect", "/api/smtps/check", SEND, "/api/smtps/messages",
         "/api/smtps/connect/events", "/api/smtps/check/events"]  # fmt: skip
LARGEST_ANSWER = 65_536
FORM = {"host": "127.0.0.1", "from": "a@x.test", "to": "b@x.test", "dry_run": "true"}
LONG = {"Content-Type": "application/json"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(Settings()), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as session:
        yield session


def bombs() -> dict[str, bytes]:
    """Name → a body of less than a megabyte that is no request."""
    return {
        "attachments": b'{"attachments":[' + b"{}," * 20_000 + b"{}]}",
        "a list in a list": json.dumps({"to": [[{}] * 99] * 999}).encode(),
        "recipients": json.dumps({"to": [{}] * 20_000}).encode(),
        "escaped name": b'{"attachments\\u0000":[' + b"{}," * 20_000 + b"{}]}",
        "objects in an envelope": json.dumps({"envelope": {"to": [{}] * 20_000}}).encode(),
        "unknown names": json.dumps({f"hos{i}": i for i in range(20_000)}).encode(),
        "some unknown names": json.dumps({f"hos{i}": i for i in range(900)}).encode(),
        "a long name": json.dumps({"h" * 100_000: 1}).encode(),
        "a long value": json.dumps({"host": "x", "security": "i" * 100_000}).encode(),
        "deep lists": b'{"to":' + b"[" * 100_000,
        "deep objects": b'{"headers":' + b'{"a":' * 100_000,
        "deep and whole": b"[" * 50_000 + b"]" * 50_000,
        "a huge number": b'{"host":"x","port":' + b"9" * 100_000 + b"}",
        "a huge exponent": b'{"host":"x","port":1e' + b"9" * 100_000 + b"}",
        "half a character": b'{"host":"\\ud800"}',
        "commas": b"," * 100_000,
        "nothing but brackets": b"]" * 100_000,
        "strings without commas": b'{"a"' + b' "a"' * 50_000,
        "an open string": b'{"host":"' + b"\\\\" * 50_000,
        "UTF-16": '{"host":"x"}'.encode("utf-16"),
        "not UTF-8": b'{"host":"\xff\xfe"}',
    }


@pytest.mark.parametrize("path", [*PATHS, f"{SEND}?detail=full"])
@pytest.mark.parametrize("name", ["unknown names", "a long name", "deep objects",
                                  "half a character"])  # fmt: skip
async def test_no_path_takes_a_bomb(client: httpx.AsyncClient, path: str, name: str) -> None:
    await judge(client, path, name)


@pytest.mark.parametrize("name", bombs())
async def test_no_body_makes_a_long_answer(client: httpx.AsyncClient, name: str) -> None:
    await judge(client, SEND, name)


async def judge(client: httpx.AsyncClient, path: str, name: str) -> None:
    answer = await client.post(path, content=bombs()[name], headers=LONG)
    assert answer.status_code in {400, 413}, answer.text[:500]
    assert answer.json()["code"].startswith(("api.", "input."))
    assert len(answer.content) < LARGEST_ANSWER


async def test_twenty_mistakes_are_named_and_the_rest_counted(client: httpx.AsyncClient) -> None:
    answer = await client.post(SEND, json={f"field{i}": 1 for i in range(50)})
    told = answer.json()
    assert len(told["errors"]) == 20
    assert told["more_errors"] == 32  # host and from are missing
    assert told["error"].endswith("(and 32 more)")


async def test_the_first_mistakes_are_named_wherever_they_are(client: httpx.AsyncClient) -> None:
    people: list[Any] = ["a@x.test"] * 450 + [{}] * 500
    body = {"host": "x", "from": "a@x.test", "to": people}
    told = (await client.post(SEND, json=body)).json()
    assert told["errors"][0]["field"] in {"to", "to[450]"}
    assert "to[450].email" in {error["field"] for error in told["errors"]}
    assert len(told["errors"]) == 20
    assert told["more_errors"] > 400


async def test_two_names_are_compared_with_ours(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = []

    def compare(name: str, *_: Any) -> str:
        compared.append(name)
        return "; did you mean host?"

    monkeypatch.setattr(problems, "did_you_mean", compare)
    body = {"host": "x", "from": "a@x.test"} | {f"hos{i}": 1 for i in range(10)}
    told = (await client.post(SEND, json=body)).json()
    assert len(compared) == 2
    assert [error["problem"].count("did you mean") for error in told["errors"]] == [1, 1] + [0] * 8


@pytest.mark.parametrize("field", ["attachments", "alternatives"])
async def test_a_list_is_bounded_before_its_entries_are_judged(
    client: httpx.AsyncClient, field: str
) -> None:
    answer = await client.post(SEND, json={"host": "x", "from": "a", field: [{}] * 101})
    told = answer.json()
    assert (answer.status_code, told["code"]) == (413, "api.too_many")
    assert [error["field"] for error in told["errors"]] == [field]


async def test_a_large_body_leaves_the_loop_alone(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    validate = SendRequest.model_validate_json

    def watched(*args: Any, **more: Any) -> Any:
        threads.append(threading.current_thread())
        return validate(*args, **more)

    monkeypatch.setattr(SendRequest, "model_validate_json", watched)
    for size in (10, 70_000):
        body = {**FORM, "body": "x" * size, "dry_run": True}
        assert (await client.post(SEND, json=body)).status_code == 200
    assert [thread is threading.main_thread() for thread in threads] == [True, False]


async def test_a_large_message_is_made_ready_apart(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = []
    ready = SendRequest.ready

    def watched(*args: Any) -> Any:
        threads.append(threading.current_thread())
        return ready(*args)

    monkeypatch.setattr(SendRequest, "ready", watched)
    for size in (10, 70_000):
        body = {**FORM, "body": "x\n" * size, "dry_run": True}
        assert (await client.post(SEND, json=body)).status_code == 200
    await client.post(SEND, data=FORM, files=[("attachments", b"x")])
    assert [thread is threading.main_thread() for thread in threads] == [True, False, False]


@pytest.mark.parametrize("query", ["", "?detail=full"])
@pytest.mark.parametrize("field", ["host", "subject", "username"])
async def test_half_a_character_is_refused(
    client: httpx.AsyncClient, field: str, query: str
) -> None:
    body = {**FORM, "dry_run": True, field: "\ud800"}
    answer = await client.post(SEND + query, content=json.dumps(body), headers=LONG)
    assert (answer.status_code, answer.json()["code"]) == (400, "api.malformed")


async def test_text_full_of_brackets_is_only_text(client: httpx.AsyncClient) -> None:
    text = '[{,"\\' * 50_000
    body = {**FORM, "dry_run": True, "body": text}
    for content in (json.dumps(body), json.dumps(body, ensure_ascii=False)):
        answer = await client.post(SEND, content=content, headers=LONG)
        assert answer.status_code == 200, answer.text[:500]


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_is_bounded(client: httpx.AsyncClient, method: str) -> None:
    query = "&".join(f"hos{i}=1" for i in range(6_000))
    answer = await client.request(method, f"/api/smtps/connect?{query}", json={"host": "x"})
    assert (answer.status_code, answer.json()["code"]) == (413, "api.too_many")
    assert len(answer.content) < LARGEST_ANSWER


@pytest.mark.parametrize("value", ["[" * 100_000, '{"a":' * 100_000, '{"a":{"b":{"c":"d"}}}',
                                   "[" * 100_000 + "]" * 100_000, "9" * 100_000,
                                   '"\\ud800"', "[" + "{}," * 5_000 + "{}]", "NaN"])  # fmt: skip
@pytest.mark.parametrize("field", ["headers", "envelope", "dsn", "alternatives", "metadata"])
async def test_json_in_a_form_is_bounded_too(
    client: httpx.AsyncClient, field: str, value: str
) -> None:
    answer = await client.post(SEND, data=FORM | {field: value}, files=[("attachments", b"x")])
    assert answer.status_code in {400, 413}, answer.text[:500]
    assert len(answer.content) < LARGEST_ANSWER


async def test_a_folder_that_takes_no_files_is_no_mistake_of_ours(tmp_path: Path) -> None:
    (tmp_path / "full").write_bytes(b"")
    app = create_app(Settings(upload_dir=str(tmp_path / "full")))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as session:
        answer = await session.post(SEND, data=FORM, files=[("attachments", b"x")])
    assert (answer.status_code, answer.json()["code"]) == (507, "api.no_space")


@pytest.mark.parametrize("field", ["expires_at", "send_at"])
@pytest.mark.parametrize(
    "moment",
    ["9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59.9999999Z", "0001-01-01T00:00:00+23:59",
     "0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", 0, 1e300, True, [], "2026-12-24"],
)  # fmt: skip
async def test_a_time_that_no_calendar_has_is_refused(
    client: httpx.AsyncClient, field: str, moment: Any
) -> None:
    body = {"account": "a", "from": "a@x.test", "to": "b@x.test", field: moment}
    told = (await client.post("/api/smtps/messages", json=body)).json()
    assert (told["status"], told["code"]) == (400, "input.invalid")
    assert [error["field"] for error in told["errors"]] == [field]


WRONG: list[Any] = [1, None, {}, [1], {"email": 1}, {"email": "a@x.test", "x": 1}, {"name": "Ann"}]


@pytest.mark.parametrize("wrong", WRONG)
async def test_a_validator_sees_few_of_many_mistakes(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, wrong: Any
) -> None:
    seen: list[int] = []
    of_body = problems.of_body

    def watched(found: Any, count: int) -> Any:
        seen.append(len(found))
        return of_body(found, count)

    monkeypatch.setattr(problems, "of_body", watched)
    people = ["a@x.test"] * 100 + [wrong] * 900
    body = {"host": "x", "from": "a@x.test", "to": people, "cc": people, "bcc": people}
    told = (await client.post(SEND, json=body)).json()
    assert seen[0] < 500
    assert len(told["errors"]) == 20
    assert told["more_errors"] > 2_600
    named = [error["field"] for error in told["errors"]]
    assert any(field.startswith("to[100]") for field in named)
    assert not any(field.startswith("to[99]") for field in named)


async def test_mistakes_are_named_by_where_they_stood(client: httpx.AsyncClient) -> None:
    files = [{"filename": "a", "content": "YQ=="}] * 60 + [{"filename": 1, "content": "YQ=="}] * 39
    body = {"host": "x", "from": "a@x.test", "envelope": {"to": ["b@x.test"] * 300 + [7] * 30},
            "attachments": files}  # fmt: skip
    told = (await client.post(SEND, json=body)).json()
    named = {error["field"] for error in told["errors"]}
    assert "attachments[60].filename" in named
    assert told["more_errors"] == 39 + 30 - 20
    body["attachments"] = []
    told = (await client.post(SEND, json=body)).json()
    assert [error["field"] for error in told["errors"]] == [
        f"envelope.to[{number}]" for number in range(300, 320)
    ]


async def test_a_large_body_without_mistakes_is_taken_as_it_is(client: httpx.AsyncClient) -> None:
    text = 'so "it" goes\\\n, [and] {so} on: \\" \\\\ \u2028é' * 20_000
    people = [{"email": f"a{number}@x.test", "name": f'Doe, "A" {number}'} for number in range(900)]
    body = {**FORM, "to": people, "body": text, "dry_run": True,
            "attachments": [{"filename": f"[{n}],", "content": "YQ=="} for n in range(100)],
            "headers": {f"X-{n}": "a, b" for n in range(50)}}  # fmt: skip
    for ascii_ in (True, False):
        content = json.dumps(body, ensure_ascii=ascii_)
        answer = await client.post(SEND, content=content, headers=LONG)
        assert answer.status_code == 200, answer.text[:500]
        assert len(answer.json()["to"]) == 900


@pytest.mark.parametrize(
    "body",
    [
        b'{"to":[' + b"1," * 2_000 + b"1]}",
        b'{"\\u0074o":[' + b"1," * 2_000 + b"1]}",
        b'{"to":[' + b"[[[[[[[[[[[1]]]]]]]]]]],1]}",
        b'{"a":{' + b",".join(b'"%d":1' % n for n in range(200)) + b"}}",
        b"{" + b",".join(b'"%d":1' % n for n in range(1_200)) + b"}",
        b'{"host":"' + b"x" * 65_530 + b'\\"","to":[' + b"1," * 2_000 + b"1]}",
        b'{"host":"' + b"x" * 70_000 + b'","to":[' + b"1," * 2_000 + b"1]}",
        b'{"host":"' + b"\\\\" * 40_000 + b'","to":[' + b"1," * 2_000 + b"1]}",
        b'""' * 200_000,
        b'{"to":' * 60_000,
    ],
)
async def test_what_is_too_wide_or_too_deep_is_found_wherever_it_is(body: bytes) -> None:
    with pytest.raises(InputError) as caught:
        await shape.judge(body, bounds(Settings()))
    assert caught.value.code == "api.too_many"


@given(st.binary(max_size=200), st.integers(1, 70_000))
async def test_no_body_breaks_the_reading(piece: bytes, many: int) -> None:
    body = (piece * many)[:200_000]
    try:
        short = await shape.judge(body, bounds(Settings()))
    except InputError:
        return
    assert len(short) <= len(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.text(min_size=60, max_size=80),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=30,
)


@given(JSON, st.booleans(), st.integers(200, 900))
async def test_shortening_leaves_the_structure(value: Any, ascii_: bool, stride: int) -> None:
    content = json.dumps(value, ensure_ascii=ascii_).encode("utf-8", "surrogatepass")

    def outline(value: Any) -> Any:
        if isinstance(value, dict):
            return [outline(entry) for entry in value.values()]
        return [outline(entry) for entry in value] if isinstance(value, list) else type(value)

    reading = shape._Shape(content, bounds(Settings()))
    with mock.patch.object(shape, "STRIDE", stride):
        while not reading.read():
            pass
    try:
        short = json.loads(reading.short())
    except UnicodeDecodeError:
        return
    if not any('"' in name or "\\" in name or len(name) > 5 for name in names(value)):
        assert outline(short) == outline(value)


def names(value: Any) -> list[str]:
    if isinstance(value, list):
        return [name for entry in value for name in names(entry)]
    if isinstance(value, dict):
        return [*value, *(name for entry in value.values() for name in names(entry))]
    return []
