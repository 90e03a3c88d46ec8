"""What a server offers, read from its answer to EHLO."""

from __future__ import annotations

import copy
import pickle
import time

import pytest

from smtps.core.capabilities import Capabilities
from smtps.core.reply import Limits, Reply, ReplyParser


def offer(*lines: str) -> Capabilities:
    return Capabilities.of(Reply(250, ("mail.example at your service", *lines)))


def test_nothing_is_offered_before_ehlo() -> None:
    nothing = Capabilities()
    assert nothing.server_name == ""
    assert nothing.auth == ()
    assert nothing.size is None
    assert nothing.limits == {}
    assert "PIPELINING" not in nothing


def test_an_answer_is_a_name_and_keywords_with_parameters() -> None:
    found = offer("PIPELINING", "SIZE 10240000", "auth PLAIN login", "X-CUSTOM a b")
    assert found.server_name == "mail.example"
    assert found.lines == ("PIPELINING", "SIZE 10240000", "auth PLAIN login", "X-CUSTOM a b")
    assert dict(found.keywords) == {
        "PIPELINING": (),
        "SIZE": ("10240000",),
        "AUTH": ("PLAIN", "login"),
        "X-CUSTOM": ("a", "b"),
    }
    assert "PIPELINING" in found
    assert "CHUNKING" not in found


@pytest.mark.parametrize("first", ["mail.example", "mail.example hello", "mail.example  hi"])
def test_the_first_word_is_the_name_of_the_server(first: str) -> None:
    assert Capabilities.of(Reply(250, (first,))).server_name == "mail.example"


def test_the_first_line_offers_nothing() -> None:
    assert not Capabilities.of(Reply(250, ("PIPELINING SIZE",))).keywords


@pytest.mark.parametrize("line", ["", " ", "-NOT", "ÄUTH PLAIN", "SIZE=100", "no_keyword x", "+"])
def test_a_line_that_is_no_keyword_is_only_kept(line: str) -> None:
    found = offer(line, "HELP")
    assert found.lines == (line, "HELP")
    assert list(found.keywords) == ["HELP"]


def test_what_is_offered_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        offer("SIZE 1").keywords["SIZE"] = ()  # type: ignore[index]


@pytest.mark.parametrize(
    ("lines", "mechanisms"),
    [
        ((), ()),
        (("AUTH",), ()),
        (("AUTH PLAIN LOGIN",), ("PLAIN", "LOGIN")),
        (("auth plain Login PLAIN",), ("PLAIN", "LOGIN")),
        (("AUTH=LOGIN PLAIN",), ("LOGIN", "PLAIN")),
        (("auth=login",), ("LOGIN",)),
        (("AUTH=",), ()),
        (("AUTH PLAIN", "AUTH=PLAIN LOGIN"), ("PLAIN", "LOGIN")),
        (("AUTH PLAIN", "AUTH LOGIN PLAIN"), ("PLAIN", "LOGIN")),
        (("AUTHX PLAIN",), ()),
        (("AUTH X=1 PLAIN",), ("X=1", "PLAIN")),
    ],
)
def test_mechanisms_come_once_and_in_the_order_of_the_server(
    lines: tuple[str, ...], mechanisms: tuple[str, ...]
) -> None:
    assert offer(*lines).auth == mechanisms


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("SIZE 35882577", 35882577),
        ("size 1", 1),
        ("SIZE", None),
        ("SIZE 0", None),
        ("SIZE 000", None),
        ("SIZE unlimited", None),
        ("SIZE -1", None),
        ("SIZE 1e6", None),
        ("SIZE 1_000", None),
        ("SIZE ٣", None),
        ("SIZE ²", None),
        ("SIZE " + "9" * 20, 10**20 - 1),
        ("SIZE " + "9" * 21, None),
        ("SIZE about 500", 500),
        ("PIPELINING", None),
    ],
)
def test_size_is_a_positive_number_or_no_limit(line: str, size: int | None) -> None:
    assert offer(line).size == size


@pytest.mark.parametrize(
    ("line", "limits"),
    [
        ("LIMITS RCPTMAX=20 MAILMAX=5", {"RCPTMAX": 20, "MAILMAX": 5}),
        ("limits rcptmax=20", {"RCPTMAX": 20}),
        ("LIMITS", {}),
        ("LIMITS RCPTMAX", {}),
        ("LIMITS RCPTMAX=", {}),
        ("LIMITS RCPTMAX=0 MAILMAX=000", {}),
        ("LIMITS RCPTMAX=-1", {}),
        ("LIMITS RCPTMAX=999999", {"RCPTMAX": 999999}),
        ("LIMITS RCPTMAX=1000000", {}),
        ("LIMITS RCPTMAX=٣ MAILMAX=7", {"MAILMAX": 7}),
        ("SIZE 5", {}),
    ],
)
def test_malformed_limits_are_left_out(line: str, limits: dict[str, int]) -> None:
    assert offer(line).limits == limits


def test_the_longest_answer_that_is_let_in_is_read_at_once() -> None:
    """Reading is linear in the words: a server must not be able to stop the program with one."""
    words = iter(range(1_000_000))
    limits = Limits()
    lines = []
    for _ in range(limits.total // limits.line - 1):
        line = "AUTH"
        while len(line) < limits.line - 20:
            line += f" {next(words):x}"
        lines.append(line)
    parser = ReplyParser(limits)
    parser.feed(b"".join(f"250-{line}\r\n".encode() for line in ["mail.example", *lines]))
    parser.feed(b"250 HELP\r\n")
    reply = parser.next_reply()
    assert reply is not None
    began = time.process_time()
    found = Capabilities.of(reply)
    assert len(found.auth) == next(words)
    assert time.process_time() - began < 0.25


def test_it_survives_a_pickle_and_a_copy() -> None:
    found = offer("mail.example.com", "SIZE 1000", "AUTH PLAIN")
    for other in (pickle.loads(pickle.dumps(found)), copy.deepcopy(found)):
        assert other == found
        assert (other.size, other.auth) == (1000, ("PLAIN",))
