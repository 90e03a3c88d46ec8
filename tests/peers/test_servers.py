"""Check, login and send against servers of many makes; what they hold is what was sent."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import smtps
from smtps.core.payload import normalize
from smtps.message.mime import compose

from . import server as peers
from .exim import Exim
from .mailhost import MailHost
from .node_servers import Haraka, Nodemailer
from .sendmail import Sendmail
from .server import Server, lives

MAKES: dict[str, type[Server]] = {
    make.name: make for make in (Exim, Sendmail, Haraka, Nodemailer, MailHost)
}
OFFERED = {  # words of EHLO after TLS began; AUTH and SIZE are looked at by themselves
    "Exim": {"8BITMIME", "PIPELINING", "PIPECONNECT", "CHUNKING", "PRDR", "HELP"},
    "sendmail": {
        "ENHANCEDSTATUSCODES", "PIPELINING", "EXPN", "VERB", "8BITMIME", "DSN", "ETRN",
        "DELIVERBY", "HELP",
    },
    "Haraka": {"PIPELINING", "8BITMIME", "SMTPUTF8"},
    "nodemailer": {"PIPELINING", "8BITMIME", "SMTPUTF8"},
    "Postfix": {
        "PIPELINING", "VRFY", "ETRN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8",
        "CHUNKING",
    },
}  # fmt: skip
MECHANISMS = {
    "Exim": ("PLAIN", "LOGIN"),
    "sendmail": ("CRAM-MD5", "PLAIN", "LOGIN"),
    "Haraka": ("PLAIN", "LOGIN", "CRAM-MD5"),
    "nodemailer": ("LOGIN", "PLAIN"),
    "Postfix": ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"),
}
SIZES = {"Exim": 52_428_800, "Haraka": 26_214_400, "Postfix": 67_108_864}
# Before TLS, AUTH is offered by these in the default that each has for a client on loopback.
IN_CLEAR = {"sendmail", "Haraka", "nodemailer"}
REFUSALS = {
    "Exim": "550 restricted characters in address",
    "sendmail": "550 5.1.1 <nobody1@refused.example>... User unknown",
    "Haraka": "550 No such user here",
    "nodemailer": "550 No such user here",
    "Postfix": "550 5.1.1 <user1@refused.example>: Recipient address rejected: "
    "this host delivers to example.test only",
}
SENDER, RECIPIENT = "from@example.test", "to@example.test"


@pytest.fixture(scope="module", params=MAKES)
def running(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with MAKES[request.param](tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    running.clear()
    return running


def message(*people: str, **more: Any) -> smtps.Message:
    return smtps.Message(from_=SENDER, to=people or [RECIPIENT], text="x", **more)


def parts(stored: bytes) -> tuple[bytes, bytes]:
    """The header and the body of a message, lines ending in CRLF."""
    header, _, body = normalize(stored).partition(b"\r\n\r\n")
    return header + b"\r\n", body


def unfolded(header: bytes) -> list[bytes]:
    """Its fields, each on one line: servers fold lists of addresses their own way."""
    return re.sub(rb"\r\n[ \t]+", b" ", header).split(b"\r\n")[:-1]


@pytest.mark.parametrize("security", ["implicit", "starttls"])
async def test_check_with_login_says_that_it_works(server: Server, security: str) -> None:
    report = await smtps.check(server.endpoint(security))
    odd = security == "starttls" and server.name in IN_CLEAR
    assert [f.code for f in report.findings] == (["auth.offered_in_clear"] if odd else [])
    assert report.verdict == ("warnings" if odd else "works")
    best = report.facts.best
    assert best is not None
    assert best.mechanism is not None
    assert best.capabilities is not None
    offered = best.capabilities.keywords
    hidden = {"ETRN"} if server.name == "sendmail" and security == "starttls" else set()
    assert set(offered) - {"AUTH", "SIZE"} == OFFERED[server.name] - hidden
    assert set(offered["AUTH"]) >= set(MECHANISMS[server.name])
    assert offered.get("SIZE", ()) == ((str(SIZES[server.name]),) if server.name in SIZES else ())


async def test_check_without_login_says_that_none_was_tried(server: Server) -> None:
    report = await smtps.check(server.endpoint(username=None, password=None))
    assert report.verdict in {"works", "warnings"}, report.findings
    assert report.facts.best is not None
    assert report.facts.best.mechanism is None
    assert server.taken() == []


async def test_check_names_a_wrong_password(server: Server) -> None:
    report = await smtps.check(server.endpoint(password="wrong"))
    assert report.verdict == "fails"
    codes = [finding.code for finding in report.findings]
    assert codes[0] == "auth.rejected"
    assert set(codes[1:]) <= {"auth.another_mechanism"}  # where CRAM-MD5 or SCRAM was tried


async def test_check_asks_for_recipients_and_sends_nothing(server: Server) -> None:
    ask = smtps.Envelope.of(SENDER, [RECIPIENT, server.refused(1)])
    report = await smtps.check(server.endpoint(), envelope=ask)
    best = report.facts.best
    assert best is not None
    assert best.asked is not None
    assert [reply.code for _, reply in best.asked.recipients] == [250, 550]
    assert report.verdict == "fails"
    assert server.taken() == []


# Debian's GnuTLS and Postfix are made for opportunistic TLS between servers, and it shows.
OLD = ["tls.old_versions_accepted"]
EXPERT = {"Exim": OLD, "Postfix": [*OLD, "tls.weak_cipher_accepted"]}


async def test_a_deep_check_says_what_an_expert_would(server: Server) -> None:
    ask = smtps.Envelope.of(SENDER, [RECIPIENT])
    report = await smtps.check(server.endpoint(), deep=True, envelope=ask)
    assert [finding.code for finding in report.findings] == EXPERT.get(server.name, [])
    (address,) = report.facts.addresses
    # The wheel's Node has OpenSSL 3.5; the others' libraries do not know ML-KEM.
    new = server.name in {"Haraka", "nodemailer"}
    assert (address.looks["large"].flight.group == "X25519MLKEM768") == new
    assert server.taken() == []


async def test_login_by_each_mechanism_and_send(server: Server) -> None:
    mechanisms = MECHANISMS[server.name]
    for mechanism in mechanisms:
        async with smtps.connect(server.endpoint(mechanism=mechanism)) as session:
            assert session.mechanism == mechanism
            assert (await session.send(message(subject=mechanism))).outcome == "sent"
    taken = server.taken()
    assert [one.recipients for one in taken] == [(RECIPIENT,)] * len(mechanisms)
    subjects = {str(email.message_from_bytes(one.data)["Subject"]) for one in taken}
    assert subjects == set(mechanisms)


async def test_send_over_starttls(server: Server) -> None:
    result = await smtps.send(message(), server.endpoint("starttls"))
    assert result.outcome == "sent", result
    assert [one.recipients for one in server.taken()] == [(RECIPIENT,)]


async def test_a_wrong_password_sends_nothing(server: Server) -> None:
    with pytest.raises(smtps.LoginError) as caught:
        await smtps.send(message(), server.endpoint(password="wrong"))
    assert caught.value.failure.code == "auth.rejected"
    assert server.taken() == []


async def test_one_refused_recipient_and_nothing_is_sent(server: Server) -> None:
    bad = server.refused(1)
    people = ["one@example.test", bad, "three@example.test"]
    async with smtps.connect(server.endpoint()) as session:
        result = await session.send(message(*people))
        assert result.outcome == "refused"
        assert session.usable
        (person,) = [p for p in result.recipients if p.status == "refused"]
        assert person.email == bad
        assert person.reply is not None
        assert str(person.reply).strip() == REFUSALS[server.name]
        assert server.taken() == []
        again = await session.send(message(*people), partial="send")
    assert again.outcome == "partial"
    assert [str(p.status) for p in again.recipients] == ["accepted", "refused", "accepted"]
    (taken, *others) = server.taken()
    if others:  # one file for each recipient
        assert {taken.recipients, *(one.recipients for one in others)} == {
            ("one@example.test",), ("three@example.test",),
        }  # fmt: skip
    else:
        assert set(taken.recipients) == {"one@example.test", "three@example.test"}


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("chunking", [True, False])
async def test_ten_megabytes_arrive_octet_for_octet(
    server: Server, pipelining: bool, chunking: bool
) -> None:
    content = bytes(range(256)) * 40_000
    files = [
        smtps.Attachment(filename="all octets.bin", content=content),
        smtps.Attachment(filename="Grüße.txt", content=".\r\n..\r\nGrüße\r\n".encode()),
    ]
    sent = compose(message(subject="Zehn Megabyte ✓", attachments=files)).data
    result = await smtps.send(
        sent,
        server.endpoint(pipelining=pipelining, chunking=chunking),
        envelope=smtps.Envelope.of(SENDER, RECIPIENT),
    )
    assert result.outcome == "sent", result
    (taken,) = server.taken()
    (their_header, their_body), (header, body) = parts(taken.data), parts(sent)
    assert their_body == body
    assert set(unfolded(header)) <= set(unfolded(their_header))
    read = email.message_from_bytes(taken.data, policy=email.policy.default)
    assert next(part.get_content() for part in read.iter_attachments()) == content


@pytest.mark.parametrize("running", SIZES, indirect=True)
async def test_a_message_beyond_the_size_that_is_offered_is_not_begun(server: Server) -> None:
    limit = SIZES[server.name]
    async with smtps.connect(server.endpoint()) as session:
        with pytest.raises(smtps.CapabilityError, match=str(limit)):
            await session.send(message(html="y" * limit))
        assert session.usable
    assert server.taken() == []


def test_a_server_leaves_nothing(tmp_path: Path, server: Server) -> None:
    with type(server)(tmp_path) as other:
        run, groups = other.run, [process.pid for process in other._servers]
        assert run.exists()
        assert all(lives(group) for group in groups)
    assert not any(lives(group) for group in groups)
    assert not run.exists()
    assert server.greets(server.tls_port, implicit=True)  # the first one goes on


def test_what_was_not_fetched_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(peers, "FETCHED", tmp_path)
    for make in (Exim, Sendmail, Haraka, Nodemailer):
        with pytest.raises(RuntimeError, match=r"is missing: run scripts/peers"):
            make(tmp_path).start()
