"""What goes through a task queue or to another process comes back as it was, without secrets."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

import smtps
from smtps import errors
from smtps.client.outgoing import prepare
from smtps.client.result import SendError, unsent
from smtps.core.capabilities import Capabilities
from smtps.core.reply import Reply
from smtps.errors import Failure, InputError, Phase, SMTPSError

COPIES = pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy]
    + [
        lambda value, n=n: pickle.loads(pickle.dumps(value, n))
        for n in range(2, pickle.HIGHEST_PROTOCOL + 1)
    ],
    ids=["copy", "deepcopy", *(f"pickle {n}" for n in range(2, pickle.HIGHEST_PROTOCOL + 1))],
)
Copied = Callable[[Any], Any]

FILE = smtps.Attachment(filename="a.txt", content=b"x", content_id="i", disposition="inline")
MESSAGE = smtps.Message(
    from_="Ann <ann@example.com>", sender="office@example.com", to=["bob@example.org"],
    bcc="c@example.org", subject="é", text="x", html="<p>", attachments=[FILE],
    alternatives=[FILE], headers={"X-A": "é"}, date=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip
ENVELOPE = smtps.Envelope.of("ann@example.com", ["jürgen@bücher.example"])
ENDPOINT = smtps.Endpoint("smtp.example.com", security="starttls", timeouts=smtps.Timeouts(dns=3))

VALUES = {
    "Message": MESSAGE,
    "a bare Message": smtps.Message(from_="ann@example.com"),
    "Attachment": FILE,
    "Envelope": ENVELOPE,
    "the null reverse-path": smtps.Envelope.of(None, "a@example.com"),
    "Endpoint": ENDPOINT,
    "DSN": smtps.DSN(notify=("NEVER",)),
    "Failure": Failure(code="a.b", message="c", lines=("d",), phase=Phase.RCPT),
    "Result": unsent(SMTPSError("a.b", "c", phase=Phase.TCP)),
    "Capabilities": Capabilities.of(Reply(250, ("x.test", "SIZE 10", "AUTH PLAIN"))),
    "NameAddr": smtps.NameAddr("ann@example.com", "Ann"),
}


@COPIES
@pytest.mark.parametrize("name", VALUES)
def test_a_value_comes_back_equal(name: str, copied: Copied) -> None:
    value = VALUES[name]
    found = copied(value)
    assert found == value
    assert type(found) is type(value)


@COPIES
def test_a_message_that_comes_back_is_sent_like_the_first(copied: Copied) -> None:
    found = copied(MESSAGE)
    assert found.recipients == MESSAGE.recipients
    with pytest.raises(TypeError):
        found.headers["Bcc"] = "x@example.com"
    fixed = replace(MESSAGE, message_id="<1@example.com>", attachments=(), alternatives=(), html="")
    again = copied(fixed)
    first, second = (prepare(replace(m, html=None), None) for m in (fixed, again))
    assert (first.data, first.envelope) == (second.data, second.envelope)


KINDS = [
    kind for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, SMTPSError) and kind is not InputError
]  # fmt: skip
ERRORS = [
    *(kind("a.b", "c", phase=Phase.TLS, lines=("d", "e"), address="192.0.2.1") for kind in KINDS),
    InputError("to", "is wrong", code="input.other"),
    SendError(unsent(SMTPSError("a.b", "c"))),
]


@COPIES
@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_as_it_was(error: SMTPSError, copied: Copied) -> None:
    error.note = "and what was put on it"  # type: ignore[attr-defined]
    found = copied(error)
    assert type(found) is type(error)
    assert vars(found) == vars(error)
    assert (str(found), found.args, found.failure) == (str(error), error.args, error.failure)


def test_each_subclass_elsewhere_comes_back_too() -> None:
    from smtps.http.guards.limits import RateError  # noqa: F401, PLC0415
    from smtps.outbox.control import ControlError  # noqa: F401, PLC0415
    from smtps.outbox.intake import KeyReusedError  # noqa: F401, PLC0415

    def below(kind: type[SMTPSError]) -> set[type[SMTPSError]]:
        return {kind}.union(*(below(each) for each in kind.__subclasses__()))

    for kind in below(SMTPSError):
        error = kind.__new__(kind, "x")
        error.failure = Failure(code="a.b", message="x")
        assert pickle.loads(pickle.dumps(error)).failure == error.failure


# Secrets.


@pytest.mark.parametrize("secret", ["password", "access_token", "token_source"])
def test_an_endpoint_with_a_secret_is_not_pickled(secret: str) -> None:
    endpoint = replace(ENDPOINT, username="ann", **{secret: "canary"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"cannot be pickled.*password=None, access_token=None"):
        pickle.dumps(endpoint)
    assert copy.copy(endpoint) is copy.deepcopy(endpoint) is endpoint
    none = dict.fromkeys(("username", "password", "access_token", "token_source"))
    without = replace(endpoint, **none)  # type: ignore[arg-type]
    assert pickle.loads(pickle.dumps(without)) == without
    assert "canary" not in repr(endpoint)


def test_a_result_and_a_report_carry_no_secret() -> None:
    with smtps.sync.sandbox() as box:
        server: Any = {
            "port": box.port, "ca_file": box.ca_file, "username": box.username,
            "password": box.password,
        }  # fmt: skip
        result = smtps.sync.send(MESSAGE, box.host, **server)
        report = smtps.sync.check(box.host, **server)
    assert result.outcome == "sent"
    for value in (result, report):
        for found in (pickle.dumps(value), pickle.dumps(copy.deepcopy(value))):
            assert box.password.encode() not in found
    again = pickle.loads(pickle.dumps(result))
    assert again == result
    assert str(again.transcript) == str(result.transcript)
    assert pickle.loads(pickle.dumps(report)).as_json() == report.as_json()
