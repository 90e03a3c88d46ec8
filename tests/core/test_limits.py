"""Each limit of the language on its border and one byte beyond it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from smtps.core.address import Mailbox
from smtps.core.capabilities import Capabilities
from smtps.core.command import bdat, response
from smtps.core.grammar import MAX_AUTH_LINE, MAX_COMMAND, MAX_LOCAL_PART, MAX_PATH
from smtps.core.payload import find_long_line
from smtps.core.reply import MAX_REPLY_LINE, Limits, Quirk, Reply, ReplyParser
from smtps.core.sasl import fits_initial_response
from smtps.errors import InputError, ProtocolError

LIMITS = Limits(line=20, lines=3, total=40)


def replies(data: bytes, limits: Limits = LIMITS) -> list[Reply]:
    parser, found = ReplyParser(limits), []
    parser.feed(data)
    while (reply := parser.next_reply()) is not None:
        found.append(reply)
    return found


@pytest.mark.parametrize(
    ("data", "fits"),
    [
        (b"250 " + b"x" * 14 + b"\r\n", True),
        (b"250 " + b"x" * 15 + b"\r\n", False),
        (b"250 " + b"x" * 16, True),
        (b"250 " + b"x" * 17, False),
        (b"250-\r\n250-\r\n250 \r\n", True),
        (b"250-\r\n250-\r\n250-\r\n250 \r\n", False),
        (b"250-" + b"x" * 14 + b"\r\n250 " + b"x" * 14 + b"\r\n", True),
        (b"250-" + b"x" * 14 + b"\r\n250-" + b"x" * 10 + b"\r\n250\r\n", False),
    ],
    ids=["line", "line too long", "unfinished line", "unfinished line too long", "lines",
         "too many lines", "total", "total too large"],
)  # fmt: skip
def test_a_reply_may_have_its_limits(data: bytes, fits: bool) -> None:
    if fits:
        replies(data)
        return
    with pytest.raises(ProtocolError) as caught:
        replies(data)
    assert caught.value.code == "smtp.reply_too_long"


def test_the_limits_are_for_each_of_two_replies() -> None:
    one = b"250-" + b"x" * 14 + b"\r\n250 " + b"x" * 14 + b"\r\n"
    assert len(replies(one + one)) == 2


@pytest.mark.parametrize(("size", "long"), [(MAX_REPLY_LINE, False), (MAX_REPLY_LINE + 1, True)])
def test_a_reply_line_of_more_than_512_bytes_is_overlooked_and_noted(size: int, long: bool) -> None:
    (reply,) = replies(b"250 " + b"x" * (size - 6) + b"\r\n", Limits())
    assert (Quirk.LONG_LINE in reply.quirks) is long


def local(octets: int) -> str:
    return "x" * octets + "@y.test"


def path(octets: int) -> str:
    domain = ".".join(["d" * 49] * 4)
    return "x" * (octets - len(domain) - 1) + "@" + domain


@pytest.mark.parametrize(
    ("address", "fits"),
    [
        (local(MAX_LOCAL_PART), True),
        (local(MAX_LOCAL_PART + 1), False),
        ("é" * (MAX_LOCAL_PART // 2) + "@y.test", True),
        ("é" * (MAX_LOCAL_PART // 2) + "x@y.test", False),
        (path(MAX_PATH - 2), True),
        (path(MAX_PATH - 1), False),
    ],
)
def test_an_address_may_have_64_bytes_before_the_at_sign_and_254_altogether(
    address: str, fits: bool
) -> None:
    if fits:
        assert str(Mailbox.parse(address)) == address
        return
    with pytest.raises(InputError):
        Mailbox.parse(address)


@pytest.mark.parametrize(
    ("line", "size"),
    [
        ("SIZE 1", 1),
        ("SIZE 0", None),
        ("SIZE", None),
        ("SIZE " + "9" * 20, int("9" * 20)),
        ("SIZE " + "9" * 21, None),
        ("SIZE x", None),
    ],
)
def test_a_size_has_up_to_20_digits_and_0_is_none(line: str, size: int | None) -> None:
    assert Capabilities.of(Reply(250, ("x.test", line))).size == size


@pytest.mark.parametrize(
    ("lines", "size"), [(("SIZE 10", "SIZE 20"), 10), (("SIZE 20", "SIZE 10"), 20)]
)
def test_of_two_sizes_the_first_counts(lines: tuple[str, ...], size: int) -> None:
    assert Capabilities.of(Reply(250, ("x.test", *lines))).size == size


@pytest.mark.parametrize(
    ("line", "most"),
    [
        ("LIMITS RCPTMAX=1", 1),
        ("LIMITS RCPTMAX=0", None),
        ("LIMITS RCPTMAX=999999", 999999),
        ("LIMITS RCPTMAX=1000000", None),
        ("LIMITS RCPTMAX=", None),
    ],
)
def test_a_limit_has_up_to_6_digits_and_is_not_0(line: str, most: int | None) -> None:
    assert Capabilities.of(Reply(250, ("x.test", line))).limits.get("RCPTMAX") == most


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256-PLUS"])
def test_an_initial_response_goes_with_auth_up_to_a_line_of_512_bytes(mechanism: str) -> None:
    room = MAX_COMMAND - len(f"AUTH {mechanism} \r\n")
    most = room // 4 * 3
    assert fits_initial_response(mechanism, b"x" * most)
    assert not fits_initial_response(mechanism, b"x" * (most + 1))


def test_an_initial_response_may_fill_its_line_to_the_last_byte() -> None:
    name = "X" * ((MAX_COMMAND - len("AUTH  \r\n")) % 4)
    encoded = MAX_COMMAND - len(f"AUTH {name} \r\n")
    assert encoded % 4 == 0
    assert fits_initial_response(name, b"x" * (encoded // 4 * 3))


def accepts(make: Callable[[], object]) -> bool:
    try:
        make()
    except InputError:
        return False
    return True


def test_a_response_has_up_to_12288_bytes_with_its_line_end() -> None:
    most = (MAX_AUTH_LINE - 2) // 4 * 3
    assert accepts(lambda: response(b"x" * most))
    assert not accepts(lambda: response(b"x" * (most + 1)))


@pytest.mark.parametrize(
    ("size", "fits"), [(-1, False), (0, True), (10**20 - 1, True), (10**20, False), (True, False)]
)
def test_a_chunk_has_a_size_of_up_to_20_digits(size: int, fits: bool) -> None:
    assert accepts(lambda: bdat(size, last=True)) is fits


@pytest.mark.parametrize(
    ("data", "at"),
    [
        (b"x" * 5 + b"\r\n", None),
        (b"x" * 6 + b"\r\n", 0),
        (b"x" * 5, None),
        (b"x" * 6, 0),
        (b"a\r\n" + b"x" * 5 + b"\r\n", None),
        (b"a\r\n" + b"x" * 6 + b"\r\n", 3),
        (b"x" * 5 + b"\r\n" + b"y" * 6 + b"\r\n", 7),
        (b"x" * 6 + b"\r\n" + b"y" * 6 + b"\r\n", 0),
    ],
)
def test_of_the_lines_over_the_limit_the_first_is_found(data: bytes, at: int | None) -> None:
    assert find_long_line(data, 5) == at
