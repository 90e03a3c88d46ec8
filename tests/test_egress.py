"""The egress policy: judged on the address, whatever its spelling or name."""

from __future__ import annotations

import asyncio

import pytest

import smtps
from smtps.net.egress import Egress, is_public
from smtps.net.resolve import Address

CLOSED = """
    0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.1.2.3
    169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.1.1
    198.18.0.1 198.19.255.255 198.51.100.7 203.0.113.9 224.0.0.1 239.255.255.255 240.0.0.1
    255.255.255.255 :: ::1 ::7f00:1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:169.254.169.254
    64:ff9b::7f00:1 64:ff9b::a00:1 64:ff9b:1::1 100::1 2001::1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:10::1 2001:20::1 2001:db8::1 2002:7f00:1::1
    2002:a00:1::1 3fff::1 4000::1 5f00::1 fc00::1 fd12::1 fe80::1 fe80::1%lo fec0::1 ff02::1
    ff0e::1 localhost 127.1 0x7f000001 2130706433
""".split()

OPEN = """
    1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.1 100.63.255.255 100.128.0.1 126.255.255.255
    128.0.0.1 172.15.255.255 172.32.0.1 192.0.1.1 192.167.255.255 198.17.255.255 198.20.0.1
    223.255.255.255 2606:4700:4700::1111 2a00:1450:4001::1 2001:4860:4860::8888
    ::ffff:8.8.8.8 64:ff9b::808:808
""".split()


def test_there_are_enough_of_them() -> None:
    assert len(CLOSED) >= 40


@pytest.mark.parametrize("ip", CLOSED)
def test_not_public(ip: str) -> None:
    assert not is_public(ip)
    assert not Egress()(Address(ip, 465))


@pytest.mark.parametrize("ip", OPEN)
def test_public(ip: str) -> None:
    assert is_public(ip)
    assert Egress()(Address(ip, 465))


@pytest.mark.parametrize(("port", "allowed"), [(25, True), (465, True), (22, False), (80, False)])
def test_ports(port: int, allowed: bool) -> None:
    assert Egress()(Address("8.8.8.8", port)) is allowed
    assert Egress(ports=None)(Address("8.8.8.8", port))
    assert Egress(private=True)(Address("127.0.0.1", port)) is allowed


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "::ffff:127.0.0.1", "localhost", "LOCALHOST.", "0.0.0.0", "127.0.0.1."],
)
async def test_every_spelling_gets_the_same_answer(host: str) -> None:
    errors = set()
    for ask in (
        smtps.check(host, allow=Egress()),
        smtps.send(b"x", host, envelope=smtps.Envelope.of("a@x.test", "b@x.test"), allow=Egress()),
    ):
        with pytest.raises((smtps.ForbiddenError, smtps.InputError)) as caught:
            await ask
        errors.add((type(caught.value), str(caught.value)))
    assert len(errors) == 1


async def test_one_forbidden_address_forbids_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = ["8.8.8.8", "127.0.0.1"]

    async def both(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        return [(2, 1, 6, "", (ip, port)) for ip in answers]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", both)

    async def connect(*_: object, **__: object) -> None:
        raise AssertionError("something was connected to")

    monkeypatch.setattr(asyncio.get_running_loop(), "create_connection", connect)
    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", connect)
    with pytest.raises(smtps.ForbiddenError):
        await smtps.check("mail.x.test", allow=Egress())


async def test_a_name_that_changes_after_the_look_up_is_not_looked_up_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The address that was judged is the one connected to: a name is resolved once."""
    looked_up: list[str] = []
    judged: list[Address] = []

    async def turncoat(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        ip = "127.0.0.1" if len(looked_up) == 1 else "127.0.0.2"
        return [(2, 1, 6, "", (ip, port))]

    def allow(address: Address) -> bool:
        judged.append(address)
        return True

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", turncoat)
    report = await smtps.check("mail.x.test", port=1, allow=allow)
    assert looked_up == ["mail.x.test"]
    assert {address.ip for address in judged} == {"127.0.0.1"}
    assert [seen.address for seen in report.facts.addresses] == ["127.0.0.1"]
