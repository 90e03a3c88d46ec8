"""From a mail address to its server: each source alone, and in their order."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from tests.nameserver import NameServer, Zone, name_server

from smtps.checks.checking import check
from smtps.checks.discovery import Means, discover, mail_domain
from smtps.checks.facts import Facts
from smtps.checks.route import outgoing_servers
from smtps.endpoint import Endpoint, Timeouts
from smtps.errors import InputError
from smtps.net.dns import Resolver
from smtps.net.fetch import LARGEST, Client
from smtps.providers import Place
from smtps.report.text import render
from smtps.sandbox.gallery import Gallery
from smtps.sandbox.pki import Authority

DOCUMENT = """<?xml version="1.0"?>
<clientConfig version="1.1"><emailProvider id="x.test">
  <incomingServer type="imap"><hostname>imap.x.test</hostname><port>993</port>
    <socketType>SSL</socketType></incomingServer>
  <outgoingServer type="smtp"><hostname>clear.x.test</hostname><port>25</port>
    <socketType>plain</socketType></outgoingServer>
  <outgoingServer type="smtp"><hostname>smtp.%EMAILDOMAIN%</hostname><port>587</port>
    <socketType>STARTTLS</socketType></outgoingServer>
  <outgoingServer type="smtp"><hostname> smtp.x.test </hostname><port>465</port>
    <socketType>SSL</socketType><username>%EMAILADDRESS%</username></outgoingServer>
</emailProvider></clientConfig>"""

IMPLICIT, STARTTLS = Place("smtp.x.test", 465, "implicit"), Place("smtp.x.test", 587, "starttls")


def test_a_document_names_servers_with_tls_the_implicit_first() -> None:
    assert outgoing_servers(DOCUMENT.encode(), "ann@x.test") == (IMPLICIT, STARTTLS)


@pytest.mark.parametrize(
    "document",
    [
        "", "no XML", "<a><b></a>",
        '<!DOCTYPE a [<!ENTITY b "c">]><clientConfig>&b;</clientConfig>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><clientConfig/>',
        "<a>&undeclared;</a>",
    ],
)  # fmt: skip
def test_what_is_no_such_document(document: str) -> None:
    with pytest.raises(ValueError):  # its text is for people
        outgoing_servers(document.encode(), "ann@x.test")


@pytest.mark.parametrize("change", ["<port>0</port>", "<port>x</port>", "<port/>", ""])
def test_servers_that_can_be_none_are_left_out(change: str) -> None:
    document = DOCUMENT.replace("<port>465</port>", change)
    assert outgoing_servers(document.encode(), "ann@x.test") == (STARTTLS,)


@pytest.mark.parametrize("host", ["", "-", "a b", "1.2", "%EMAILADDRESS%", "x.test/"])
def test_hosts_that_can_be_none_are_left_out(host: str) -> None:
    document = DOCUMENT.replace(" smtp.x.test ", host)
    assert outgoing_servers(document.encode(), "ann@x.test") == (STARTTLS,)


Answer = Callable[[str], bytes]
"""Path → the whole answer."""


def http(body: str, status: str = "200 OK", head: str = "") -> bytes:
    data = body.encode()
    length = f"Content-Length: {len(data)}\r\n"
    return f"HTTP/1.1 {status}\r\n{length}{head}\r\n".encode() + data


@asynccontextmanager
async def web(directory: Path, answer: Answer) -> AsyncIterator[tuple[int, Path, list[str]]]:
    """Port, CA file, and what was asked for."""
    authority, asked = Authority(), list[str]()
    names = ("x.test", "autoconfig.x.test", "list.test", "127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority.issue(names).write(directory, "web"))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path, host = head.split(" ")[1], head.lower().partition("host: ")[2].partition("\r\n")[0]
        asked.append(host.partition(":")[0] + path)
        writer.write(answer(asked[-1]))
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        yield port, authority.write(directory / "ca.pem"), asked


LOOPBACK: Zone = {
    (name, "A"): ["127.0.0.1"] for name in ("x.test", "autoconfig.x.test", "list.test")
}


def means(
    server: NameServer, port: int = 1, ca_file: Path | None = None, *, ispdb: bool = False
) -> Means:
    return Means(
        resolver=Resolver(server.place, lifetime=2),
        server=server.place,
        fetcher=Client(resolver=server.place, ca_file=ca_file, timeout=3),
        ispdb=f"https://list.test:{port}/v1.1/" if ispdb else None,
        https_port=port,
        patience=1,
    )


async def test_srv_records_come_first() -> None:
    zone: Zone = {
        ("_submission._tcp.x.test", "SRV"): ["0 0 587 smtp.x.test."],
        ("_submissions._tcp.x.test", "SRV"): ["0 0 465 smtp.x.test."],
    }
    async with name_server(zone) as server:
        found = await discover("ann@x.test", means(server))
    assert found.servers == (IMPLICIT, STARTTLS)
    assert [step.source for step in found.steps] == ["srv"]
    assert found.server("starttls") == STARTTLS


async def refusal(zone: Zone) -> tuple[str, list[str]]:
    """The finding of a check by mail address, and the sources that were asked."""
    async with name_server(zone) as server:
        asked = means(server)
        report = await check("ann@x.test", finder=asked)
        found = await discover("ann@x.test", asked)
    (finding,) = report.findings
    assert report.verdict == "fails"
    return finding.code, [step.source for step in found.steps]


async def test_a_domain_that_says_it_has_no_server_at_all_is_believed() -> None:
    none = ["0 0 0 ."]
    zone: Zone = {
        ("_submission._tcp.x.test", "SRV"): none,
        ("_submissions._tcp.x.test", "SRV"): none,
        ("x.test", "MX"): ["10 mx.x.test."],
    }
    code, sources = await refusal(zone)
    assert code == "dns.submission_not_offered"
    assert set(sources) == {"srv"}


async def test_a_domain_that_takes_no_mail_is_not_guessed_at() -> None:
    code, sources = await refusal({("x.test", "MX"): ["0 ."]})
    assert code == "dns.null_mx"
    assert "guess" not in sources


async def test_a_domain_that_does_not_exist() -> None:
    code, sources = await refusal({("other.test", "MX"): ["10 mx.other.test."]})
    assert code == "dns.name_not_found"
    assert sources[-1] == "guess"  # a name server may be wrong about it


async def test_a_domain_may_say_that_it_has_no_server_of_a_kind() -> None:
    zone: Zone = {
        ("_submission._tcp.x.test", "SRV"): ["0 0 0 ."],
        ("_submissions._tcp.x.test", "SRV"): ["0 0 465 smtp.x.test."],
    }
    async with name_server(zone) as server:
        found = await discover("ann@x.test", means(server))
    assert found.servers == (IMPLICIT,)
    assert [step.remark for step in found.steps] == ["the domain says that it has none", ""]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("autoconfig.x.test/mail/config-v1.1.xml", "autoconfig"),
        ("x.test/.well-known/autoconfig/mail/config-v1.1.xml", "autoconfig"),
        ("list.test/v1.1/x.test", "ispdb"),
    ],
)
async def test_documents(tmp_path: Path, path: str, source: str) -> None:
    def answer(asked: str) -> bytes:
        return http(DOCUMENT) if asked == path else http("", "404 Not Found")

    async with name_server(dict(LOOPBACK)) as server, web(tmp_path, answer) as (port, ca, asked):
        found = await discover("ann@x.test", means(server, port, ca, ispdb=True))
    assert found.servers == (IMPLICIT, STARTTLS)
    assert found.steps[-1].source == source
    assert path in asked
    assert not [each for each in asked if "ann" in each], "only the domain is told"


async def test_a_redirection_is_followed_to_https_only(tmp_path: Path) -> None:
    def answer(asked: str) -> bytes:
        if asked == "x.test/moved":
            return http(DOCUMENT)
        to = "/moved" if asked.startswith("x.test") else "http://x.test/moved"
        return http("", "302 Found", f"Location: {to}\r\n")

    async with name_server(dict(LOOPBACK)) as server, web(tmp_path, answer) as (port, ca, asked):
        found = await discover("ann@x.test", means(server, port, ca))
    assert found.servers == (IMPLICIT, STARTTLS)
    assert "x.test/moved" in asked
    assert any("must begin with https://" in step.remark for step in found.steps)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("x" * (LARGEST + 1)), "bytes"),
        (b"220 mail.x.test ESMTP\r\n", "not valid HTTP"),
        (b"", "without an answer"),
        (http("", "302 Found", "Location: /again\r\n"), "redirections"),
        (http("", "302 Found", "Location: /a b\r\n"), "redirections"),
        (http("", "302 Found", "Location: /\xfc\r\n"), "redirections"),
        (http("", "302 Found", "Location: https://[::1\r\n"), "url: is not a valid URL"),
        (http("", "302 Found", "Location: https://x.test:99999/\r\n"), "url: is not a valid URL"),
        (http("", "302 Found", "Location: https://a b/\r\n"), "host"),
        (http("<html/>"), "no server with TLS"),
        (http("no XML"), "not a document of this kind"),
        (http("", "500 Oops"), "500"),
    ],
)
async def test_a_document_that_does_not_come_is_a_remark(
    tmp_path: Path, answer: bytes, words: str
) -> None:
    async with (
        name_server(dict(LOOPBACK)) as server,
        web(tmp_path, lambda _: answer) as (port, ca, _),
    ):
        found = await discover("ann@x.test", means(server, port, ca))
    assert words in found.steps[2].remark
    assert found.servers == ()


async def test_a_web_server_that_is_not_to_be_trusted_is_not_asked(tmp_path: Path) -> None:
    async with (
        name_server(dict(LOOPBACK)) as server,
        web(tmp_path, lambda _: http(DOCUMENT)) as (port, _, asked),
    ):
        found = await discover("ann@x.test", means(server, port))
    assert asked == []
    assert found.servers == ()


async def test_the_table_of_providers() -> None:
    async with name_server({}) as server:
        found = await discover("ann@gmail.com", means(server))
    assert found.server() == Place("smtp.gmail.com", 465, "implicit")
    assert found.steps[-1].source == "providers"


async def test_who_takes_the_domain_s_mail() -> None:
    zone: Zone = {("x.test", "MX"): ["10 aspmx.l.google.com.", "20 other.test."]}
    async with name_server(zone) as server:
        found = await discover("ann@x.test", means(server))
    assert found.server() == Place("smtp.gmail.com", 465, "implicit")
    assert (found.steps[-1].source, found.steps[-1].asked) == ("mx", "aspmx.l.google.com")


async def test_thunderbird_s_list_is_asked_for_an_unknown_exchanger(tmp_path: Path) -> None:
    def answer(asked: str) -> bytes:
        return http(DOCUMENT) if asked.endswith("/hosting.test") else http("", "404 Not Found")

    zone: Zone = {**LOOPBACK, ("x.test", "MX"): ["10 mx1.hosting.test."]}
    async with name_server(zone) as server, web(tmp_path, answer) as (port, ca, _):
        found = await discover("ann@x.test", means(server, port, ca, ispdb=True))
    assert found.servers == (IMPLICIT, STARTTLS)
    assert found.steps[-1].source == "mx"


async def test_usual_names_come_last_and_count_only_if_something_listens(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Gallery() as gallery:
        port = gallery.boxes["healthy"].port
        ports = ((1, "starttls"), (port, "implicit"))
        monkeypatch.setattr("smtps.checks.discovery._GUESSED", ports)
        zone: Zone = {("mail.x.test", "A"): ["127.0.0.1"]}
        async with name_server(zone) as server:
            found = await discover("ann@x.test", means(server))
    assert found.servers == (Place("mail.x.test", port, "implicit"),)
    assert [step.asked for step in found.steps[-2:]] == ["smtp.x.test", "mail.x.test"]


async def test_nothing_is_found_and_every_step_is_shown() -> None:
    async with name_server({("x.test", "TXT"): ['"no mail"']}) as server:
        report = await check("ann@x.test", finder=means(server))
    assert [finding.code for finding in report.findings] == ["dns.no_submission_server"]
    told = report.as_json()["discovery"]
    assert [step["source"] for step in told["steps"]] == [
        "srv", "srv", "autoconfig", "autoconfig", "providers", "mx", "guess", "guess", "guess",
    ]  # fmt: skip
    assert render(report).startswith("✗ ann@x.test does not work (no server was found)")


async def test_a_resolver_that_fails_says_nothing_about_the_domain() -> None:
    import dns.rcode  # noqa: PLC0415

    async with name_server({}, rcode=dns.rcode.SERVFAIL) as server:
        report = await check("ann@x.test", finder=means(server))
    assert report.verdict.value == "unknown"
    assert [finding.code for finding in report.findings] == ["dns.lookup_failed"]


async def test_the_search_ends_with_the_time_for_everything() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        server = NameServer({}, place=f"127.0.0.1:{deaf.getsockname()[1]}")
        report = await check("ann@x.test", finder=means(server), timeouts=Timeouts(total=0.2))
    assert [finding.code for finding in report.findings] == ["dns.timeout"]
    assert report.verdict.value == "unknown"
    told = report.as_json()["discovery"]["steps"]
    assert (told[-1]["source"], "within the time limit" in told[-1]["remark"]) == ("srv", True)


async def test_what_the_search_took_is_gone_for_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    zone: Zone = {
        ("_submissions._tcp.x.test", "SRV"): ["0 0 465 mail.x.test."],
        ("mail.x.test", "A"): ["127.0.0.1"],
    }
    given: list[float | None] = []

    async def gather(endpoint: Endpoint, *, deadline: float | None, **_: Any) -> Facts:
        given.append(deadline)
        return Facts("x", endpoint.host, endpoint.port, endpoint.security, datetime.now(UTC))

    monkeypatch.setattr("smtps.checks.checking.gather", gather)
    now = asyncio.get_running_loop().time()
    async with name_server(zone) as server:
        await check("ann@x.test", finder=means(server), timeouts=Timeouts(total=30))
        known = asyncio.get_running_loop().time()
        await check("ann@x.test", finder=means(server))
    assert given[0] is not None
    assert now + 30 <= given[0] < known + 30
    assert given[1] is None


async def test_a_mail_address_is_checked_at_the_server_that_was_found() -> None:
    async with Gallery() as gallery:
        box = gallery.boxes["healthy"]
        zone: Zone = {
            ("_submissions._tcp.x.test", "SRV"): [f"0 0 {box.port} mail.x.test."],
            ("mail.x.test", "A"): ["127.0.0.1"],
        }
        async with name_server(zone) as server:
            report = await check(
                "ann@x.test",
                finder=means(server),
                resolver=server.place,
                ca_file=box.ca_file,
                verify=False,
            )
    facts = report.facts
    assert (facts.target, facts.host, facts.port) == ("ann@x.test", "mail.x.test", box.port)
    assert facts.addresses[0].greeting is not None
    assert facts.discovery is not None


def records(*found: str, service: str = "_submissions") -> Zone:
    return {(f"{service}._tcp.x.test", "SRV"): list(found)}


LOOPBACK_HOSTS: Zone = {(f"{name}.x.test", "A"): ["127.0.0.1"] for name in ("a", "b", "c")}


async def test_priority_comes_before_weight_and_weights_are_drawn() -> None:
    zone = records("20 0 465 last.x.test.", "10 1 465 b.x.test.", "10 99 465 a.x.test.")
    async with name_server(zone) as server:
        for chance, first in ((0.0, "b.x.test"), (0.5, "a.x.test")):
            asked = replace(means(server), chance=repeat(chance).__next__)
            found = await discover("ann@x.test", asked)
            assert [place.host for place in found.servers][::2] == [first, "last.x.test"]
    assert "last.x.test:465 (priority 20, weight 0)" in str(found.steps[-1])


async def test_targets_that_do_not_answer_come_last() -> None:
    async with Gallery() as gallery:
        port = gallery.boxes["healthy"].port
        zone = records("0 0 1 a.x.test.", "10 0 465 gone.x.test.", f"20 0 {port} b.x.test.")
        async with name_server({**zone, **LOOPBACK_HOSTS}) as server:
            found = await discover("ann@x.test", means(server))
            told = await discover("ann@x.test", means(server), listening=False)
    assert [place.host for place in found.servers] == ["b.x.test", "a.x.test", "gone.x.test"]
    assert "no connection to a.x.test:1 and gone.x.test:465" in found.steps[-1].remark
    assert [place.host for place in told.servers] == ["a.x.test", "gone.x.test", "b.x.test"]


async def test_the_search_for_an_answer_costs_no_record_its_place_in_the_answer() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        port = full.getsockname()[1]
        zone = records(f"0 0 {port} a.x.test.", f"10 0 {port} b.x.test.")
        async with name_server({**zone, **LOOPBACK_HOSTS}) as server:
            now = asyncio.get_running_loop().time()
            found = await discover("ann@x.test", means(server), deadline=now + 0.01)
    assert {place.host for place in found.servers} <= {"a.x.test", "b.x.test"}


async def check_targets(zone: Zone, box: Any, **options: Any) -> Any:
    async with name_server({**zone, **LOOPBACK_HOSTS}) as server:
        return await check(
            "ann@x.test",
            finder=means(server),
            resolver=server.place,
            ca_file=box.ca_file,
            verify=False,
            **options,
        )


async def test_a_check_goes_on_at_the_next_target_and_tells_what_the_first_did() -> None:
    async with Gallery() as gallery:
        box = gallery.boxes["healthy"]
        zone = records("0 0 1 a.x.test.", "5 0 465 gone.x.test.", f"10 0 {box.port} b.x.test.")
        report = await check_targets(zone, box)
    assert report.verdict == "warnings"
    assert (report.facts.host, report.facts.port) == ("b.x.test", box.port)
    seen = [each.seen for each in report.findings if each.code == "dns.srv_target_fails"]
    assert [words.partition(" ")[0].rstrip(":") for words in seen] == [
        "a.x.test:1", "gone.x.test:465",
    ]  # fmt: skip


async def test_where_all_targets_fail_the_first_is_reported_and_the_others_are_named() -> None:
    async with Gallery() as gallery:
        box = gallery.boxes["healthy"]
        report = await check_targets(records("0 0 1 a.x.test.", "5 0 2 b.x.test."), box)
    assert report.verdict == "fails"
    assert report.facts.port == 1
    assert [each.code for each in report.findings] == ["net.refused", "dns.srv_target_fails"]
    assert report.findings[1].seen.startswith("b.x.test:2 (127.0.0.1): ")


async def test_a_target_that_refuses_the_login_is_the_last() -> None:
    async with Gallery() as gallery:
        box = gallery.boxes["healthy"]
        zone = records(f"0 0 {box.port} a.x.test.", f"5 0 {box.port} b.x.test.")
        report = await check_targets(
            zone, box, username="nobody", password="wrong", allow_unverified_login=True
        )
    assert report.facts.host == "a.x.test"
    assert report.facts.passed_over == ()
    assert report.verdict == "fails"


async def test_starttls_alone_is_used_where_it_is_asked_for() -> None:
    zone = {
        **records("0 0 1 a.x.test."),
        **records("0 0 2 b.x.test.", "5 0 3 c.x.test.", service="_submission"),
    }
    async with Gallery() as gallery:
        report = await check_targets(zone, gallery.boxes["healthy"], security="starttls")
    assert (report.facts.host, report.facts.security) == ("b.x.test", "starttls")
    assert [place for place, _ in report.facts.passed_over] == ["c.x.test:3"]


async def test_nowhere_beside_a_place_is_no_refusal() -> None:
    zone = {
        **records("0 0 0 .", "0 0 465 smtp.x.test."),
        **records("0 0 0 .", service="_submission"),
    }
    async with name_server(zone) as server:
        found = await discover("ann@x.test", means(server))
    assert found.servers == (IMPLICIT,)


async def test_a_record_without_a_port_leads_nowhere_and_says_nothing() -> None:
    zone = {**records("0 0 0 smtp.x.test."), ("x.test", "MX"): ["10 aspmx.l.google.com."]}
    async with name_server(zone) as server:
        found = await discover("ann@x.test", means(server))
    assert found.steps[0].remark == "no record names a host and a port"
    assert found.server() == Place("smtp.gmail.com", 465, "implicit")


@pytest.mark.parametrize("address", ["ann", "ann@", "@", "ann@[192.0.2.1]", "a b@x.test", "a@1.2"])
def test_what_is_no_mail_address(address: str) -> None:
    with pytest.raises(InputError):
        mail_domain(address)


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("ann@X.test", "x.test"),
        ("@x.test", "x.test"),
        ("X.test", "x.test"),
        ("ann@münchen.test", "xn--mnchen-3ya.test"),
    ],
)
def test_the_domain_of_a_mail_address(address: str, domain: str) -> None:
    assert mail_domain(address) == domain
