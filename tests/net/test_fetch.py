"""The HTTP client: whatever a server says, an answer or an error of ours, in time and in bounds."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.nameserver import name_server
from tests.net.pki import PKI
from tests.webserver import Request, Site, answer, website

from smtps.errors import (
    CertificateError,
    ForbiddenError,
    InputError,
    NetworkError,
    PhaseTimeoutError,
    SMTPSError,
    TLSError,
)
from smtps.net.egress import Egress
from smtps.net.fetch import LARGEST, Client, Document, without_secrets
from smtps.net.proxies import Proxy, proxy_for
from smtps.net.resolve import Address

Keeping = Callable[..., Client]
EVERY_PORT = Egress(private=True, ports=None)

CHUNKED = (
    b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Long: a\r\n\r\n"
    b"5;ext=1\r\nHello\r\n8\r\n, world!\r\n0\r\nX-Trailer: t\r\n\r\n"
)


async def get(site: Site, ca_file: Path, path: str = "/", **options: object) -> Document:
    settings: dict[str, object] = {"timeout": 5, "ca_file": ca_file, **options}
    return await Client(**settings).get(f"https://127.0.0.1:{site.port}{path}")  # type: ignore[arg-type]


async def post(site: Site, client: Client | None = None) -> Document:
    url = f"http://127.0.0.1:{site.port}/hook"
    return await (client or Client(timeout=5)).post(url, b"{}", {"content-type": "text/plain"})


@pytest.fixture
async def keeping() -> AsyncIterator[Keeping]:
    made: list[Client] = []

    def make(keep: int = 5, timeout: float = 5) -> Client:
        made.append(Client(keep=keep, timeout=timeout))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


# What servers say.


async def test_an_answer_may_come_in_any_pieces(pki: PKI) -> None:
    async def script(request: Request) -> None:
        cut = request.connection - 1
        await request.say(CHUNKED[:cut])
        await asyncio.sleep(0)
        await request.say(CHUNKED[cut:])

    async with website(script, pki.good.pem) as site:
        for _ in range(len(CHUNKED) + 1):
            found = await get(site, pki.ca)
            assert (found.status, found.body) == (200, b"Hello, world!")


async def test_an_answer_may_come_octet_by_octet(pki: PKI) -> None:
    async def script(request: Request) -> None:
        for octet in CHUNKED:
            await request.say(bytes([octet]))

    async with website(script, pki.good.pem) as site:
        assert (await get(site, pki.ca)).body == b"Hello, world!"


@pytest.mark.parametrize(
    ("said", "content"),
    [
        (answer(b"all"), b"all"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (b"HTTP/1.0 200 OK\r\n\r\nold", b"old"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (answer(b"x" * LARGEST), b"x" * LARGEST),
        (answer(b"as it is", "Content-Encoding: identity"), b"as it is"),
    ],
)
async def test_the_end_of_a_document_is_found(pki: PKI, said: bytes, content: bytes) -> None:
    async with website(said, pki.good.pem) as site:
        assert (await get(site, pki.ca)).body == content


@pytest.mark.parametrize(
    ("said", "code", "words"),
    [
        (b"", "web.closed", "without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Le", "web.malformed", "valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "web.malformed", "valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "web.malformed", "valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "web.malformed",
         "valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nHel", "web.malformed",
         "valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnone\r\n", "web.malformed",
         "valid HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "web.malformed", "valid HTTP"),
        (b"HTTP/1.1 99 x\r\n\r\n", "web.malformed", "valid HTTP"),
        (b"220 mail.test ESMTP\r\n", "web.malformed", "valid HTTP"),
        (b"\0\xff" * 50, "web.malformed", "valid HTTP"),
        (answer(gzip.compress(bytes(10**7)), "Content-Encoding: gzip"), "web.malformed", "gzip"),
        (answer(b"x" * (LARGEST + 1)), "web.too_large", "bytes"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3 * LARGEST, "web.too_large", "bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, "web.too_large", "bytes"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, "web.too_large", "bytes"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, "web.too_large", "bytes"),
    ],
)  # fmt: skip
async def test_what_is_no_document_is_an_error(
    pki: PKI, said: bytes, code: str, words: str
) -> None:
    async with website(said, pki.good.pem) as site:
        with pytest.raises(NetworkError, match=words) as caught:
            await get(site, pki.ca)
    assert caught.value.code == code
    assert len(str(caught.value)) < 300


async def test_what_has_no_end_is_left(pki: PKI) -> None:
    async def endless(request: Request) -> None:
        await request.say(b"HTTP/1.1 200 OK\r\n")
        while True:
            await request.say(b"X-More: more\r\n" * 100)

    async with website(endless, pki.good.pem) as site:
        with pytest.raises(NetworkError, match="bytes"):
            await get(site, pki.ca)
        await site.ended.wait()


async def test_compression_is_declined(pki: PKI) -> None:
    async with website(answer(), pki.good.pem) as site:
        await get(site, pki.ca)
    assert site.requests[0].fields["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"", "did not answer within 0.2 seconds"),
        (b"HTTP/1.1 200 OK\r\n", "did not finish its response within 0.2 seconds"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsome", "did not finish its response"),
    ],
)
async def test_a_server_that_goes_silent(pki: PKI, said: bytes, words: str) -> None:
    async def script(request: Request) -> None:
        await request.say(said)
        await request.gone()

    async with website(script, pki.good.pem) as site:
        with pytest.raises(PhaseTimeoutError, match=words) as caught:
            await get(site, pki.ca, timeout=0.2)
    assert caught.value.code == "web.timeout"


async def test_the_time_is_for_all_of_it_however_often_something_comes(pki: PKI) -> None:
    async def drip(request: Request) -> None:
        await request.say(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            await request.say(b"x")
            await asyncio.sleep(0.02)

    async with website(drip, pki.good.pem) as site:
        with pytest.raises(PhaseTimeoutError, match="did not finish"):
            await get(site, pki.ca, timeout=0.3)
        await site.ended.wait()


PIECES = st.sampled_from(
    [b"HTTP/1.1 ", b"HTTP/1.0 ", b"200", b"100", b"302", b" OK", b"\r\n", b"\n", b"\r", b"\r\n\r\n",
     b"Content-Length: ", b"Transfer-Encoding: chunked", b"Location: ", b"Content-Encoding: gzip",
     b"5", b"0", b"ffffffffffffffff", b"-1", b"+5", b" ", b":", b";", b"Hello", b"\0", b"\xff",
     b"https://127.0.0.1:1/", b"//[", b"x" * 5000, CHUNKED, answer(b"all")]
)  # fmt: skip


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    said=st.lists(PIECES, max_size=12).map(b"".join) | st.binary(max_size=200), keep=st.booleans()
)
def test_whatever_is_said_gives_an_answer_or_an_error_of_ours(
    pki: PKI, said: bytes, keep: bool
) -> None:
    site = Site()

    async def script(request: Request) -> bool:
        await request.say(said)
        return keep and len(site.requests) < 3

    async def ask() -> None:
        nonlocal site
        async with website(script, pki.good.pem) as site:
            url = f"https://127.0.0.1:{site.port}/"
            client = Client(ca_file=pki.ca, timeout=0.3, keep=2)
            for request in (
                client.get(url),
                client.post(url, b"{}", {}),
                client.post(url, b"", {}),
            ):
                with suppress(SMTPSError):
                    found = await request
                    assert 100 <= found.status < 1000
            await client.aclose()

    asyncio.run(ask())


# Redirections.


async def test_a_redirection_is_followed_where_documents_are_got(pki: PKI) -> None:
    async def script(request: Request) -> None:
        moved = request.line.startswith("GET /old?q=1 ")
        more = ("Location: new",) if moved else ()
        await request.say(answer(b"here", *more, status="302 Found" if moved else "200 OK"))

    async with website(script, pki.good.pem) as site:
        found = await get(site, pki.ca, "/old?q=1")
    assert (found.url, found.body) == (f"https://127.0.0.1:{site.port}/new", b"here")


@pytest.mark.parametrize(
    ("location", "error"),
    [
        ("http://127.0.0.1/", InputError),
        ("ftp://127.0.0.1/", InputError),
        ("https://[::1", InputError),
        ("https://127.0.0.1:99999/", InputError),
        ("https://169.254.169.254/latest", ForbiddenError),
        ("https://[::ffff:10.0.0.1]/", ForbiddenError),
        ("https://2130706433/", InputError),
        ("/again", NetworkError),
        ("https:///", NetworkError),  # relative, as Python reads it
        ("/\xfc b\x01", NetworkError),
    ],
)
async def test_a_redirection_leads_nowhere_else(
    pki: PKI, location: str, error: type[SMTPSError]
) -> None:
    def allow(address: Address) -> bool:
        return address == Address("127.0.0.1", site.port)

    said = f"HTTP/1.1 302 Found\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    async with website(said.encode("latin-1"), pki.good.pem) as site:
        with pytest.raises(SMTPSError) as caught:
            await get(site, pki.ca, allow=allow)
    assert type(caught.value) is error


async def test_nothing_is_posted_to_where_a_redirection_leads() -> None:
    said = answer(b"", "Location: /elsewhere", status="307 Temporary Redirect")
    async with website(said) as site:
        found = await post(site)
    assert (found.status, found.location) == (307, "/elsewhere")
    assert len(site.requests) == 1


# Posting.


async def test_a_post_says_what_it_has_to_say() -> None:
    async with website(answer(b"never mind", status="201 Created")) as site:
        assert (await post(site)).status == 201
    (request,) = site.requests
    assert request.line == "POST /hook HTTP/1.1"
    assert request.content == b"{}"
    assert request.fields["host"] == f"127.0.0.1:{site.port}"
    assert request.fields["content-type"] == "text/plain"


@pytest.mark.parametrize("rest", [b"", b"x" * 3 * LARGEST, b"Transfer-Encoding: nonsense"])
async def test_of_the_answer_to_a_post_only_the_status_counts(
    rest: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.net.fetch._REMAINDER", 0.05)

    async def script(request: Request) -> None:
        await request.say(b"HTTP/1.1 202 Accepted\r\n\r\n" + rest)
        await request.gone()

    async with website(script) as site:
        assert (await post(site)).status == 202
        await site.ended.wait()


async def test_an_answer_before_the_end_of_a_post_is_heard() -> None:
    async def early(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer(status="413 Content Too Large"))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(early, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        found = await Client(timeout=5).post(url, bytes(10**6), {})
    assert found.status == 413


@pytest.mark.parametrize(
    "url",
    ["http://", "smtp://127.0.0.1/", "http://[::1/", "http://127.0.0.1:0x50/", "http://a b/",
     "http://xn--/", "//127.0.0.1/", "", "http://127.0.0.1:99999/"],
)  # fmt: skip
async def test_what_is_no_url_is_an_error(url: str) -> None:
    with pytest.raises(InputError):
        await Client().post(url, b"", {})


async def test_a_header_cannot_be_two() -> None:
    async with website(answer()) as site:
        url = f"http://127.0.0.1:{site.port}/"
        with pytest.raises(InputError):
            await Client().post(url, b"", {"X-Name": "a\r\nX-Other: b"})
    assert not site.requests


# Connections.


async def hang(request: Request) -> None:
    await request.gone()


async def test_a_connection_is_kept_for_the_next_request(
    keeping: Keeping,
) -> None:
    async def script(request: Request) -> bool:
        await request.say(answer(b"x" * 100))
        return True

    client = keeping()
    async with website(script) as site:
        for _ in range(3):
            await post(site, client)
    assert (len(site.requests), site.connections) == (3, 1)


async def test_a_connection_is_not_kept_behind_an_answer_that_was_not_read(
    keeping: Keeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smtps.net.fetch._REMAINDER", 0.05)

    async def script(request: Request) -> bool:
        await request.say(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n")
        return True

    client = keeping()
    async with website(script) as site:
        for _ in range(2):
            await post(site, client)
    assert site.connections == 2


async def test_a_kept_connection_that_the_server_gives_up_is_replaced(
    keeping: Keeping,
) -> None:
    async def script(request: Request) -> bool:
        number = sum(r.connection == request.connection for r in site.requests)
        if number == 1:
            await request.say(answer())
            return True
        return False  # hangs up on the second request of a connection, as if it had been idle

    client = keeping()
    async with website(script) as site:
        for _ in range(2):
            assert (await post(site, client)).status == 200
    assert site.connections == 2


async def test_a_new_connection_that_the_server_gives_up_is_an_error(
    keeping: Keeping,
) -> None:
    async with website(b"") as site:
        with pytest.raises(NetworkError, match="without an answer"):
            await post(site, keeping())
    assert site.connections == 1


async def test_what_fails_takes_nobody_s_place(pki: PKI, keeping: Keeping) -> None:
    client = keeping(2, 0.3)
    async with website(hang) as silent, website(answer(), pki.good.pem) as strange:
        for _ in range(3):
            with pytest.raises(PhaseTimeoutError):
                await post(silent, client)
            with pytest.raises(CertificateError):
                await client.post(f"https://127.0.0.1:{strange.port}/", b"", {})
    async with website(answer()) as site:
        assert (await post(site, client)).status == 200


async def test_who_is_cancelled_takes_nobody_s_place(keeping: Keeping) -> None:
    client = keeping(1)
    async with website(hang) as silent:
        posting = asyncio.create_task(post(silent, client))
        while not silent.requests:
            await asyncio.sleep(0.01)
        waiting = asyncio.create_task(post(silent, client))
        await asyncio.sleep(0)
        for task in (waiting, posting):
            task.cancel()
        await asyncio.wait([posting, waiting])
        await silent.ended.wait()
    async with website(answer()) as site:
        assert (await post(site, client)).status == 200


async def test_who_waits_for_a_place_waits_for_its_time_only(
    keeping: Keeping,
) -> None:
    client = keeping(1, 0.3)
    async with website(hang) as silent:
        found = await asyncio.gather(
            post(silent, client), post(silent, client), return_exceptions=True
        )
    assert all(isinstance(error, PhaseTimeoutError) for error in found)


# Names, addresses, certificates.


@pytest.mark.parametrize(
    ("records", "code"),
    [
        ({"A": ["127.0.0.1"]}, "net.forbidden"),
        ({"A": ["93.184.215.14", "10.0.0.1"]}, "net.forbidden"),
        ({"A": ["93.184.215.14"], "AAAA": ["::1"]}, "net.forbidden"),
        ({"AAAA": ["::ffff:192.168.0.1"]}, "net.forbidden"),
        ({"AAAA": ["fe80::1"]}, "net.forbidden"),
        ({"A": ["169.254.169.254"]}, "net.forbidden"),
        ({}, "dns.name_not_found"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_name_that_leads_inside_is_not_followed(
    records: dict[str, list[str]], code: str, scheme: str
) -> None:
    zone = {("hooks.test", kind): values for kind, values in records.items()}
    async with name_server({**zone}) as server, website(answer()) as site:
        client = Client(allow=Egress(ports=None), resolver=server.place)
        with pytest.raises(SMTPSError) as caught:
            await client.post(f"{scheme}://hooks.test:{site.port}/", b"", {})
    assert caught.value.code == code
    assert site.connections == 0


async def test_a_dead_first_address_is_no_failure() -> None:
    zone = {("hooks.test", "AAAA"): ["::1"], ("hooks.test", "A"): ["127.0.0.1"]}
    async with name_server({**zone}) as server, website(answer()) as site:
        client = Client(allow=EVERY_PORT, resolver=server.place)
        found = await client.post(f"http://hooks.test:{site.port}/", b"", {})
    assert found.status == 200
    assert site.requests[0].fields["host"] == f"hooks.test:{site.port}"


async def test_ipv6(pki: PKI) -> None:
    async with website(answer(b"six"), pki.good.pem, "::1") as site:
        found = await Client(ca_file=pki.ca).get(f"https://[::1]:{site.port}/")
    assert found.body == b"six"
    assert site.requests[0].fields["host"] == f"[::1]:{site.port}"


async def test_a_certificate_that_is_not_to_be_trusted(
    pki: PKI, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What turns verification off in other clients does not here.
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")
    monkeypatch.setenv("CURL_CA_BUNDLE", "")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pki.ca))
    for party, ca_file, code in (
        (pki.good, pki.other_ca, "tls.certificate_incomplete_chain"),
        (pki.expired, pki.ca, "tls.certificate_expired"),
        (pki.elsewhere, pki.ca, "tls.certificate_wrong_host"),
        (pki.good, None, "tls.certificate_incomplete_chain"),
    ):
        async with website(answer(), party.pem) as site:
            with pytest.raises(CertificateError) as caught:
                await Client(ca_file=ca_file).get(f"https://127.0.0.1:{site.port}/")
        assert caught.value.code == code
        assert not site.requests


async def test_https_to_a_port_that_speaks_http() -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(status="400 Bad Request"))
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(TLSError):
            await Client().get(f"https://127.0.0.1:{port}/")


async def test_a_ca_file_that_cannot_be_read_is_an_error_of_the_request(tmp_path: Path) -> None:
    async with website(answer()) as site:
        client = Client(ca_file=tmp_path / "none.pem")
        with pytest.raises(InputError, match="ca_file"):
            await client.get(f"https://127.0.0.1:{site.port}/")


async def test_the_environment_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ALL_PROXY", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "all_proxy"):
        monkeypatch.setenv(name, "socks5h://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.2,[::1]")
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    monkeypatch.setenv("SSLKEYLOGFILE", "/nowhere/keys")
    async with website(answer()) as site:
        assert (await post(site)).status == 200


# Proxies.


@pytest.mark.parametrize(
    ("place", "host"),
    [
        ("ann:secret@x.test:80", "x.test"),
        ("x.test:8443", "x.test:8443"),
        ("X.test", "x.test"),
        ("[2001:db8::1]", "[2001:db8::1]"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("münchen.test", "xn--mnchen-3ya.test"),
    ],
)
async def test_the_host_header_has_no_user_and_no_usual_port(place: str, host: str) -> None:
    async with website(answer()) as proxy:
        client = Client(proxy=Proxy("127.0.0.1", proxy.port))
        await client.post(f"http://{place}/ä b?q#part", b"", {})
    (request,) = proxy.requests
    assert request.fields["host"] == host
    assert re.fullmatch(rf"POST http://{re.escape(host)}(:80)?/%C3%A4%20b\?q HTTP/1.1",
                        request.line)  # fmt: skip


async def test_https_goes_through_a_tunnel_and_is_verified_at_its_end(pki: PKI) -> None:
    async with website(answer(b"inside"), pki.good.pem) as site:

        async def tunnel(request: Request) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
            await request.say(b"HTTP/1.1 200 Connection established\r\n\r\n")
            try:
                while data := await request.reader.read(65536):
                    writer.write(data)
                    await request.say(await reader.read(65536))
            finally:
                writer.close()

        async with website(tunnel) as proxy:
            through = Proxy("127.0.0.1", proxy.port, ("ann", "pässword"))
            found = await Client(proxy=through, ca_file=pki.ca).get("https://127.0.0.1/x")
            with pytest.raises(CertificateError):
                await Client(proxy=through, ca_file=pki.other_ca).get("https://127.0.0.1/x")
    assert found.body == b"inside"
    assert proxy.requests[0].line == "CONNECT 127.0.0.1:443 HTTP/1.1"
    assert proxy.requests[0].fields["proxy-authorization"] == "Basic YW5uOnDDpHNzd29yZA=="
    assert "proxy-authorization" not in site.requests[0].fields


async def test_a_proxy_that_refuses_is_named_without_its_password() -> None:
    said = answer(status="407 Proxy Authentication Required")
    async with website(said) as proxy:
        through = Proxy("127.0.0.1", proxy.port, ("ann", "secret"))
        with pytest.raises(NetworkError, match="407 Proxy Auth") as caught:
            await Client(proxy=through).post("https://x.test/", b"", {})
    assert caught.value.code == "web.proxy_refused"
    assert "secret" not in f"{caught.value} {through!r} {through}"


@pytest.mark.parametrize(
    ("url", "setting", "environment", "proxy"),
    [
        ("https://x.test/", None, {"HTTPS_PROXY": "http://p:1"}, None),
        ("https://x.test/", "environment", {"HTTPS_PROXY": "http://p:1"}, Proxy("p", 1)),
        ("https://x.test/", "environment", {"https_proxy": "p:1"}, Proxy("p", 1)),
        ("https://x.test/", "environment", {"HTTP_PROXY": "http://p:1"}, None),
        ("http://x.test/", "environment", {"http_proxy": "http://p"}, Proxy("p", 8080)),
        ("http://x.test/", "environment", {"ALL_PROXY": "http://p:1"}, Proxy("p", 1)),
        ("http://x.test/", "environment", {"ALL_PROXY": "http://p:1", "NO_PROXY": "*"}, None),
        ("http://x.test/", "environment", {"ALL_PROXY": "http://p:1", "NO_PROXY": "test"}, None),
        ("http://x.test/", "environment", {"ALL_PROXY": "http://p", "NO_PROXY": "[::1],y"},
         Proxy("p", 8080)),
        ("http://x.test/", "http://ann:a%40b@[::1]:3128", {}, Proxy("::1", 3128, ("ann", "a@b"))),
        ("http://x.test/", "environment", {}, None),
    ],
)  # fmt: skip
def test_which_proxy(
    monkeypatch: pytest.MonkeyPatch,
    url: str,
    setting: str | None,
    environment: dict[str, str],
    proxy: Proxy | None,
) -> None:
    for name in ("HTTP", "HTTPS", "ALL", "NO"):
        monkeypatch.delenv(f"{name}_PROXY", raising=False)
        monkeypatch.delenv(f"{name.lower()}_proxy", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url, setting, "webhook.proxy") == proxy


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("environment", "ALL_PROXY in the environment names a proxy of type socks5h://"),
        ("https://ann:secret@p:1", "type https://"),
        ("http://ann:secret@p:x", "is not the URL of a proxy"),
        ("http://", "names no host"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_an_error_without_a_password(
    monkeypatch: pytest.MonkeyPatch, setting: str, words: str
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5h://ann:secret@127.0.0.1:1080")
    with pytest.raises(InputError, match=re.escape(words)) as caught:
        proxy_for("https://x.test/", setting, "webhook.proxy")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ann:secret@x.test:1/a?token=secret#x", "https://x.test:1/a"),
        ("https://x.test/a@b", "https://x.test/a@b"),
        ("https://x.test", "https://x.test"),
        ("https://secret", "https://secret"),
    ],
)
def test_a_url_in_a_log_has_no_secrets(url: str, shown: str) -> None:
    assert without_secrets(url) == shown
