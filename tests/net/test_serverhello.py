"""The key-exchange group in hand-made first bytes; real ones are in test_tls.py."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.net.server_hello import GROUPS, agreed, key_exchange_group

ECDHE_RSA_AES128_GCM, DHE_RSA_AES128_GCM, TLS_AES128_GCM = 0xC02F, 0x009E, 0x1301
SERVER_HELLO, CERTIFICATE, SERVER_KEY_EXCHANGE, SERVER_HELLO_DONE = 2, 11, 12, 14

VERSION_13 = (43, b"\3\4")


def number(value: int, size: int = 2) -> bytes:
    return value.to_bytes(size)


def record(*messages: bytes, kind: int = 22) -> bytes:
    body = b"".join(messages)
    return bytes([kind, 3, 3]) + number(len(body)) + body


def message(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + number(len(body), 3) + body


def hello(
    *extensions: tuple[int, bytes],
    session: bytes = b"",
    cipher: int = TLS_AES128_GCM,
    version: bytes = b"\3\3",
) -> bytes:
    rest = b"".join(number(kind) + number(len(body)) + body for kind, body in extensions)
    return message(
        SERVER_HELLO,
        version + bytes(32) + bytes([len(session)]) + session + number(cipher) + b"\0"
        + number(len(rest)) + rest,
    )  # fmt: skip


def key_share(group: int, key: bytes = bytes(32)) -> tuple[int, bytes]:
    return 51, number(group) + number(len(key)) + key


def ecdhe(group: int, point: bytes = b"\4" + bytes(64)) -> bytes:
    body = b"\3" + number(group) + bytes([len(point)]) + point + b"\4\3\0\7" + bytes(7)
    return message(SERVER_KEY_EXCHANGE, body)


def dhe(bits: int) -> bytes:
    prime = b"\xff" * (bits // 8)
    body = number(len(prime)) + prime + b"\0\1\2" + number(len(prime)) + prime
    return message(SERVER_KEY_EXCHANGE, body + b"\4\1\1\0" + bytes(256))


def split(data: bytes, size: int) -> bytes:
    """The same messages in many small records."""
    return b"".join(record(data[at : at + size]) for at in range(0, len(data), size))


TLS_12 = hello((65281, b"\0"), session=bytes(32), cipher=ECDHE_RSA_AES128_GCM)
BIG_CERTIFICATE = message(CERTIFICATE, bytes(9000))


@pytest.mark.parametrize(("group", "name"), GROUPS.items())
def test_a_group_by_its_name_in_both_versions(group: int, name: str) -> None:
    assert key_exchange_group(record(hello(VERSION_13, key_share(group)))) == name
    assert key_exchange_group(record(TLS_12) + record(ecdhe(group))) == name


def test_a_group_without_a_name_by_its_number() -> None:
    assert key_exchange_group(record(hello(key_share(0x2A2A)))) == "0x2a2a"
    assert key_exchange_group(record(TLS_12, ecdhe(0x12))) == "0x0012"


@pytest.mark.parametrize(
    "data",
    [
        record(hello(VERSION_13, key_share(0x1D), session=bytes(32))),
        record(hello(key_share(0x1D), VERSION_13)),
        record(hello((51, b"\0\x1d"), VERSION_13)),  # a HelloRetryRequest names the group alone
        split(hello(VERSION_13, key_share(0x1D)), 1),
        record(hello(key_share(0x1D))) + record(b"\1", kind=20) + record(bytes(50), kind=23),
        record(TLS_12, BIG_CERTIFICATE, ecdhe(0x1D), message(SERVER_HELLO_DONE, b"")),
        record(TLS_12) + record(BIG_CERTIFICATE) + record(ecdhe(0x1D)),
        split(TLS_12 + BIG_CERTIFICATE + ecdhe(0x1D), 100),
    ],
)
def test_however_it_is_wrapped(data: bytes) -> None:
    assert key_exchange_group(data) == "X25519"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"220 mail.example\r\n",
        b"\x16\3\3",
        b"\x15\3\3\0\2\2\x28",
        record(b""),
        record(b"", b""),
        record(message(SERVER_HELLO, b"")),
        record(message(SERVER_HELLO, bytes(34))),
        record(message(SERVER_HELLO, bytes(35))),
        record(message(SERVER_KEY_EXCHANGE, b"")),
        record(hello()),
        record(hello(VERSION_13)),
        record(TLS_12, BIG_CERTIFICATE, message(SERVER_HELLO_DONE, b"")),
        record(TLS_12, BIG_CERTIFICATE),
        record(b"\1", kind=20) + record(hello(key_share(0x1D))),
    ],
)
def test_none_where_it_does_not_show(data: bytes) -> None:
    assert key_exchange_group(data) is None


@pytest.mark.parametrize("bits", [1024, 2048, 3072, 4096, 6144, 8192])
def test_a_diffie_hellman_prime_is_no_curve(bits: int) -> None:
    first = hello(session=bytes(32), cipher=DHE_RSA_AES128_GCM)
    assert key_exchange_group(record(first) + split(dhe(bits), 16384)) is None


FLIGHTS = [
    record(hello(VERSION_13, key_share(0x1D), session=bytes(32))),
    record(hello(key_share(0x1D), VERSION_13)),
    record(TLS_12) + record(message(CERTIFICATE, bytes(40))) + record(ecdhe(0x1D)),
    split(TLS_12 + ecdhe(0x1D), 20),
]


@pytest.mark.parametrize("flight", FLIGHTS, ids=range(len(FLIGHTS)))
def test_a_flight_that_is_cut_short_gives_the_same_or_nothing(flight: bytes) -> None:
    """Never what the missing bytes would have changed."""
    cut = [flight[:size] for size in range(len(flight) + 1)]
    assert {key_exchange_group(data) for data in cut} == {None, "X25519"}
    assert {agreed(data) for data in cut} == {None, agreed(flight)}


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (record(hello(VERSION_13, key_share(0x1D))), ("TLSv1.3", 0x1301)),
        (record(hello(key_share(0x1D), VERSION_13, session=bytes(32))), ("TLSv1.3", 0x1301)),
        (record(hello((51, b"\0\x17"), VERSION_13)), ("TLSv1.3", 0x1301)),
        (record(hello((43, b"\x7f\x1c"))), ("0x7f1c", 0x1301)),
        (record(hello((43, b"\3"))), ("TLSv1.2", 0x1301)),
        (record(TLS_12, BIG_CERTIFICATE), ("TLSv1.2", 0xC02F)),
        (record(hello(cipher=0x2F, version=b"\3\2")), ("TLSv1.1", 0x2F)),
        (record(hello(cipher=0x2F, version=b"\3\1")), ("TLSv1", 0x2F)),
        (record(BIG_CERTIFICATE), None),
        (record(message(SERVER_HELLO, b"")), None),
        (record(message(SERVER_HELLO, bytes(34))), None),
        (record(message(SERVER_HELLO, bytes(35))), None),
        (b"220 mail.example\r\n", None),
        (b"\x15\3\3\0\2\2\x28", None),
        (b"", None),
    ],
)
def test_what_was_agreed(data: bytes, found: tuple[str, int] | None) -> None:
    assert agreed(data) == found


@given(st.binary(max_size=300))
def test_any_bytes_give_something_or_none(data: bytes) -> None:
    check(data)


@given(
    st.lists(st.tuples(st.sampled_from([2, 12, 11, 0]), st.binary(max_size=120)), max_size=4),
    st.integers(1, 60),
    st.binary(max_size=20),
)
def test_any_messages_give_something_or_none(
    messages: list[tuple[int, bytes]], size: int, tail: bytes
) -> None:
    stream = b"".join(message(kind, body) for kind, body in messages)
    check(split(stream, size) + tail)


def check(data: bytes) -> None:
    group, both = key_exchange_group(data), agreed(data)
    assert group is None or group in GROUPS.values() or group.startswith("0x")
    assert both is None or both[0].startswith(("TLSv1", "0x"))
