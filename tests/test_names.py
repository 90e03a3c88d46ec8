"""One name for each place: options in the shell, fields in requests."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.http.test_contract import gallery, sandbox, service

from smtps.advice import ADVICE
from smtps.endpoint import Endpoint
from smtps.errors import InputError
from smtps.http.requests import SendRequest
from smtps.main import build_parser, main
from smtps.names import FLAGS, for_requests, for_the_shell
from smtps.sandbox.gallery import Gallery

__all__ = ["gallery", "sandbox"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("set allow_unverified_login as well", "set --allow-unverified-login as well"),
        ("give ca_file or fingerprint", "give --ca-file or fingerprint"),
        ("accounts.main.ca_file: x", "accounts.main.ca_file: x"),
        ("my_ca_file", "my_ca_file"),
        ("--ca-file", "--ca-file"),
    ],
)
def test_the_shell_names_options(text: str, expected: str) -> None:
    assert for_the_shell(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("or this port with --starttls.", 'or this port with "security": "starttls".'),
        ("add --security implicit.", 'add "security": "implicit".'),
        ("leave out --security", "leave out security"),
        ("Try --mechanism PLAIN, or", 'Try "mechanism": "PLAIN", or'),
        ("that one with --mechanism. If not", "that one with mechanism. If not"),
        ("trust it with --ca-file instead", "trust it with ca_file instead"),
        ("smtps login --account NAME", "smtps login --account NAME"),
        ("firewall-cmd --add-service=smtps", "firewall-cmd --add-service=smtps"),
    ],
)
def test_requests_name_fields(text: str, expected: str) -> None:
    assert for_requests(text) == expected


def test_each_option_of_the_table_exists_in_the_shell_and_each_field_in_python_or_a_request() -> (
    None
):
    known = {
        name
        for line in ("check x", "send")
        for name in build_parser().read(line.split()).command.known
    }
    assert set(FLAGS.values()) <= known
    fields = {*Endpoint.__dataclass_fields__, *SendRequest.model_fields}
    assert set(FLAGS) <= fields


def test_no_advice_keeps_an_option_of_check_or_send_in_an_answer_by_http() -> None:
    for code, advice in ADVICE.items():
        for option in ("--starttls", "--ca-file", "--ehlo-name", "--mechanism", "--no-verify"):
            assert option not in for_requests(advice.fix), code


def test_the_shell_says_how_to_allow_what_python_refuses(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PW", "x")
    login = ["--username", "ann", "--password-env", "PW"]
    assert main(["check", "x.test", *login, "--no-verify"]) == 64
    assert (
        "give --ca-file or fingerprint, or set --allow-unverified-login" in capsys.readouterr().err
    )
    with pytest.raises(InputError, match="or set allow_unverified_login as well"):
        Endpoint("x.test", username="ann", password="x", verify=False)


async def test_answers_by_http_name_fields(gallery: Gallery) -> None:
    async with service(gallery) as client:
        answer = await client.get("/api/smtps/connect?host=no-greeting&timeout=1500")
        text = await client.get("/smtps/self-signed")
    assert "allow more time with timeout" in answer.json()["advice"]
    assert "[tls.certificate_self_signed]" in text.text
    assert not {"--fingerprint", "--ca-file"} & set(text.text.replace(".", " ").split())


def test_the_documents_say_where_a_name_is_read() -> None:
    text = Path(__file__).parent.parent.joinpath("docs/http.md").read_text()
    assert "Advice names fields here, and options in the shell" in " ".join(text.split())
