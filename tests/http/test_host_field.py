"""What may stand in ``host``, and names of fields that are nearly right."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError
from tests.http.test_contract import account, check_problem, gallery, sandbox, service

from smtps.advice import ADVICE
from smtps.http.requests import CheckRequest, ConnectRequest
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.server import Sandbox

__all__ = ["gallery", "sandbox"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"host": "x.test"}, ("x.test", 465, None)),
        ({"host": "x.test:587"}, ("x.test", 587, None)),
        ({"host": "x.test 587"}, ("x.test", 587, None)),
        ({"host": "x.test:587", "port": 587}, ("x.test", 587, None)),
        ({"host": "[2001:db8::1]:465"}, ("[2001:db8::1]", 465, None)),
        ({"host": "2001:db8::1"}, ("2001:db8::1", 465, None)),
        ({"host": "smtps://x.test:2465"}, ("x.test", 2465, "implicit")),
        ({"host": "smtp://x.test"}, ("x.test", 587, None)),
    ],
)
def test_host_and_port_are_taken_apart(given: dict[str, Any], expected: tuple[Any, ...]) -> None:
    found = ConnectRequest.model_validate(given)
    assert (found.host, found.port, found.security) == expected


def test_a_mail_address_stays_one_in_a_check() -> None:
    assert CheckRequest(host="ann@x.test").host == "ann@x.test"


def test_the_user_of_a_url_logs_in_where_there_is_a_password() -> None:
    url = "smtps://ann%40x.test@smtp.x.test"
    assert ConnectRequest(host=url, password="p").username == "ann@x.test"
    assert ConnectRequest(host=url, password="p", username="bob").username == "bob"
    assert ConnectRequest(host=url).username is None


@pytest.mark.parametrize(
    ("given", "field", "problem"),
    [
        ({"host": "x.test:587", "port": 465}, "port", "is 465, but the host has 587"),
        (
            {"host": "smtps://x.test", "security": "starttls"},
            "security",
            "is starttls, but the host has implicit",
        ),
        ({"host": "x.test:0"}, "host", "must be between 1 and 65535, not '0'"),
        ({"host": "https://x.test"}, "host", "is the address of a web page"),
        ({"host": "smtps://ann:hunter2@x.test"}, "host", "is a URL with a password in it"),
    ],
)
async def test_what_contradicts_or_cannot_be_read_is_400(
    given: dict[str, Any], field: str, problem: str
) -> None:
    with pytest.raises(ValidationError):
        ConnectRequest.model_validate(given)
    async with service(None) as client:
        for answer in (
            await client.post("/api/smtps/connect", json=given),
            await client.get("/api/smtps/connect", params=given),
            await client.post("/api/smtps/check", json=given),
        ):
            (error,) = check_problem(answer, 400, "input.invalid")["errors"]
            assert error["field"] == field
            assert problem in error["problem"]
            assert "hunter2" not in answer.text


async def test_the_answer_has_host_and_port_apart(gallery: Gallery, sandbox: Sandbox) -> None:
    given = {**account(sandbox), "host": f"smtps://{sandbox.host}:{sandbox.port}"}
    del given["port"]
    async with service(gallery) as client:
        answer = (await client.post("/api/smtps/connect", json=given)).json()
    assert (answer["success"], answer["host"], answer["port"]) == (True, sandbox.host, sandbox.port)


@pytest.mark.parametrize(
    ("name", "ours"),
    [("text", "body"), ("user", "username"), ("hostname", "host"), ("subjct", "subject")],
)
async def test_a_name_of_another_program_is_answered_with_ours(name: str, ours: str) -> None:
    async with service(None) as client:
        answer = await client.post("/api/smtps/send", json={"host": "x", "from": "a@x", name: "y"})
    (error,) = [each for each in answer.json()["errors"] if each["field"] == name]
    assert error["problem"] == f"is not a known field; did you mean {ours}?"


async def test_an_answer_ends_its_line_and_its_title_names_the_problem(gallery: Gallery) -> None:
    async with service(gallery) as client:
        for path in ("/api/smtps/ports", "/api/smtps/providers", "/healthz", "/api/smtps/connect"):
            assert (await client.get(path)).text.endswith("}\n"), path
        refused = await client.get("/api/smtps/connect?host=127.0.0.1:1")
    problem = check_problem(refused, 502, "net.refused")
    assert problem["title"] == ADVICE["net.refused"].meaning
    assert problem["detail"] == problem["error"]
