"""A hello made by hand is one that TLS servers understand."""

from __future__ import annotations

import ssl

import pytest
from tests.net.conftest import Dial, Serve
from tests.net.pki import PKI
from tests.net.servers import V12, V13, Peer, says, secured, server_context, silence

from smtps.errors import NetworkError, Phase, PhaseTimeoutError
from smtps.net.client_hello import LARGE, X25519MLKEM768, client_hello, hybrid_share, large_hello
from smtps.net.prompt import ask
from smtps.net.server_hello import flight

OFFERED = (0x001D, 0x0017)


async def answer(serve: Serve, dial: Dial, context: ssl.SSLContext, hello: bytes) -> bytes:
    wire = await dial(await serve(secured(context)))
    return await ask(wire, hello, Phase.TLS, seconds=5)


async def test_without_a_share_a_server_names_the_group_that_it_wants(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    context = server_context(pki.good.pem, minimum=V13, group="secp521r1")
    found = flight(await answer(serve, dial, context, client_hello("mail.example.com")))
    assert (found.version, found.group, found.retry) == ("TLSv1.3", "P-521", True)


async def test_a_group_that_openssl_has_not_by_itself(serve: Serve, dial: Dial, pki: PKI) -> None:
    context = server_context(pki.good.pem, maximum=V12, group="brainpoolP256r1")
    found = flight(await answer(serve, dial, context, client_hello("mail.example.com")))
    assert (found.version, found.group, found.retry) == ("TLSv1.2", "brainpoolP256r1", False)


@pytest.mark.parametrize("name", [None, "mail.example.com"])
async def test_a_large_one_is_understood(
    serve: Serve, dial: Dial, pki: PKI, name: str | None
) -> None:
    hello = large_hello(name)
    assert len(hello) == LARGE
    context = server_context(pki.good.pem, group="X25519")
    found = flight(await answer(serve, dial, context, hello))
    assert (found.version, found.group, found.retry) == ("TLSv1.3", "X25519", False)


async def test_one_that_asks_for_nothing_that_the_server_has(
    serve: Serve, dial: Dial, pki: PKI
) -> None:
    context = server_context(pki.good.pem, minimum=V13, group="X25519")
    hello = client_hello("mail.example.com", groups=(X25519MLKEM768,))
    found = flight(await answer(serve, dial, context, hello))
    assert (found.version, found.alert) == (None, 40)


def test_coefficients_are_below_the_modulus() -> None:
    """FIPS 203 section 7.2: a server refuses any other key."""
    number, share = hybrid_share()
    assert (number, len(share)) == (0x11EC, 1216)
    whole = int.from_bytes(share[:1152], "little")
    assert all((whole >> 12 * i) & 0xFFF < 3329 for i in range(768))


async def test_silence_and_an_end_are_told_apart(serve: Serve, dial: Dial) -> None:
    with pytest.raises(PhaseTimeoutError):
        await ask(await dial(await serve(silence)), b"EHLO x\r\n", Phase.GREETING, seconds=0.1)

    async def hangs_up(peer: Peer) -> None:
        await peer.hear()

    with pytest.raises(NetworkError) as caught:
        await ask(await dial(await serve(hangs_up)), b"EHLO x\r\n", Phase.GREETING, seconds=5)
    assert caught.value.code == "net.closed_by_server"


async def test_an_answer_in_pieces_is_heard_to_its_end(serve: Serve, dial: Dial) -> None:
    wire = await dial(await serve(says(b"HTTP/1.1 400 Bad Request\r\n", first=False)))
    assert await ask(wire, b"EHLO x\r\n", Phase.GREETING, seconds=5) == (
        b"HTTP/1.1 400 Bad Request\r\n"
    )
