"""SMTP itself: replies, whole dialogues, logins, first words, and what a refusal means."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

from tests.fuzz.island import loop
from tests.fuzz.target import Cursor, Target, text

import smtps
from smtps.checks.chain import greeted_at
from smtps.client import login
from smtps.client.attempts import Learned
from smtps.client.handshake import Access
from smtps.client.result import explained
from smtps.client.session import Session
from smtps.core import sasl
from smtps.core.address import Mailbox
from smtps.core.command import DATA, END_OF_DATA, NOOP, QUIT, RSET, STARTTLS, auth, ehlo, mail, rcpt
from smtps.core.connection import Connection
from smtps.core.reply import Limits, Reply
from smtps.errors import LoginError, NetworkError, Phase, RemoteError, SessionError, SMTPSError
from smtps.net.services import recognise
from smtps.net.translate import translate
from smtps.net.wire import Wire
from smtps.replies import may_mean, meaning

ANN = Mailbox("ann", "x.test")
COMMANDS = (
    ehlo("c.test"), mail(ANN), rcpt(ANN), DATA, RSET, NOOP, STARTTLS, auth("PLAIN", b"x"),
    END_OF_DATA, QUIT,
)  # fmt: skip
REPLIES = (
    b"220 x\r\n", b"250-x\r\n", b"250 PIPELINING\r\n", b"250-CHUNKING\r\n", b"250-SIZE 1000\r\n",
    b"250-AUTH PLAIN LOGIN\r\n", b"354 x\r\n", b"334 eA==\r\n", b"235 2.7.0 x\r\n", b"421 x\r\n",
    b"450 4.7.1 x\r\n", b"550 5.1.1 x\r\n", b"571", b"\r\n", b"\n", b"|", b"\xff", b"\0",
)  # fmt: skip


# Replies.


def replies(data: bytes) -> None:
    """Any octets give answers, or an error of the server's; and the connection is over then."""
    cursor = Cursor(data)
    limits = (None, Limits(24, 4, 64))[cursor.byte() % 2]
    connection = Connection(limits)
    try:
        for number, piece in enumerate(cursor.pieces()):
            if number:
                with suppress(SessionError):
                    connection.send(COMMANDS[(len(piece) + number) % len(COMMANDS)])
            connection.receive_data(piece)
            if piece[:1] == b"\xff":
                with suppress(SessionError):
                    connection.upgraded()
            for answer in connection.answers():
                assert 200 <= answer.reply.code <= 599
                assert all(line.replace("\t", "").isprintable() for line in answer.reply.lines)
        connection.receive_data(b"")
        connection.answers()
    except (RemoteError, NetworkError) as error:
        assert len(str(error)) < 200_000
        assert error.phase is not None or not connection.pending
        explained(error)


def many_lines(size: int) -> bytes:
    return b"\0" + b"250-a line of a reply\r\n" * size + b"250 the end\r\n"


def many_replies(size: int) -> bytes:
    return b"\0" + b"|".join([b"220 a reply\r\n"] + [b"250 a reply\r\n"] * size)


def one_long_line(size: int) -> bytes:
    return b"\0" + b"|".join([b"220 x"] + [b"xxxx"] * size)


# A whole session.


class ScriptedServer(Wire):
    """Says the next piece whenever the client has written something, and closes at the end."""

    def __init__(self, pieces: list[bytes]) -> None:
        super().__init__()
        self.address = "192.0.2.1"
        self._pieces = pieces[::-1]
        self._said = b""
        self._over = False
        self._speak()

    def _speak(self) -> None:
        if self._pieces:
            self._said += self._pieces.pop()

    @property
    def has_unread(self) -> bool:
        return bool(self._said) or not self._pieces

    async def receive(self, until: float | None = None) -> bytes:
        if not self._said:
            if not self._pieces:
                return b""
            self._speak()
        said, self._said = self._said, b""
        return said

    def write(self, data: bytes | memoryview) -> None:
        if self._over:
            raise NetworkError("net.closed", "closed", phase=Phase.TCP)
        self._speak()

    async def drain(self, until: float | None = None) -> bool:
        return True

    async def rest(self) -> bytes:
        said, self._said = self._said, b""
        return said

    async def close(self, timeout: float = 1.0) -> None:
        self._over = True

    def abort(self) -> None:
        self._over = True


MECHANISMS = (None, "PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "XOAUTH2", "OAUTHBEARER")
RAW = b"From: <a@x.test>\r\nTo: <b@x.test>\r\nSubject: x\r\n\r\n" + b"line\r\n" * 20


def dialogue(data: bytes) -> None:
    """A server that says anything gets a result, or an error with a code and a phase."""
    cursor = Cursor(data)
    how = cursor.byte()
    pieces = cursor.pieces()
    loop().run_until_complete(_converse(pieces, how))


async def _converse(pieces: list[bytes], how: int) -> None:
    mechanism = MECHANISMS[how % len(MECHANISMS)]
    secret: dict[str, Any] = {"access_token": "t"} if "B" in (mechanism or "")[:6] else {}
    if not secret:
        secret = {"password": "secret"}
    endpoint = smtps.Endpoint(
        "x.test", 465, username="ann", mechanism=mechanism, ehlo_name="c.test", **secret
    )
    session = Session(Access(ScriptedServer(pieces), endpoint, learned=Learned()))
    envelope = smtps.Envelope.of("a@x.test", ["b@x.test", "c@x.test"])
    try:
        await session._access.greet()
        await session._access.hello()
        if how & 64:
            await session._access.login()
        if how & 128:
            many = session.send_many([(RAW, envelope)] * 3)
            results = [result async for _, result in many]
        else:
            results = [await session.send(RAW, envelope, partial="send" if how & 32 else "abort")]
        for result in results:
            assert len(result.recipients) == 2
        await session.quit()
    except SMTPSError as error:
        assert error.code
        assert error.phase is not None or isinstance(error, SessionError), error


def long_session(size: int) -> bytes:
    return bytes([192 + 1]) + b"220 x\r\n|" + b"250-x\r\n" * size + b"250 x\r\n|" * (size + 1)


def pieces_of_a_reply(size: int) -> bytes:
    return b"\0" + b"|".join([b"220-"] + [b"x y z"] * size + [b"\r\n220 x\r\n"])


# Logins.

WAYS = (*sasl.SIMPLE, *login.NAMES)
BINDING = ("tls-server-end-point", b"x" * 32)


def challenges(data: bytes) -> None:
    """A server's challenges give responses, or LoginError."""
    cursor = Cursor(data)
    name = cursor.pick(WAYS)
    mechanism: sasl.Mechanism
    try:
        if name in login.NAMES:
            mechanism = login.Scram(name, "ann", "secret", BINDING if "PLUS" in name else None)
        else:
            mechanism = sasl.SIMPLE[name]("ann", "secret", "x.test", 465)
        mechanism.initial()
        for piece in cursor.pieces():
            said = sasl.decode_challenge(text(piece)) if piece[:1] == b"=" else piece
            mechanism.respond(_with_nonce(said, mechanism))
        mechanism.finished()
    except LoginError as error:
        assert len(str(error)) < 1000
    why = mechanism.explain() if name not in login.NAMES or "mechanism" in locals() else None
    assert why is None or len(why) <= 5000


def _with_nonce(said: bytes, mechanism: sasl.Mechanism) -> bytes:
    """A challenge whose nonce begins as it has to, so that more than that is looked at."""
    client = getattr(mechanism, "_client", None)
    nonce = getattr(client, "c_nonce", None)
    return said.replace(b"NONCE", str(nonce).encode()) if nonce else said


def long_challenge(size: int) -> bytes:
    return bytes([WAYS.index("CRAM-MD5")]) + b"<x@y>" * size


def long_json(size: int) -> bytes:
    pairs = b",".join(b'"k%d": "v"' % number for number in range(size))
    return bytes([WAYS.index("XOAUTH2")]) + b"{" + pairs + b"}"


def many_iterations(size: int) -> bytes:
    salt = base64.b64encode(b"salt")
    number = b"9" * size
    return bytes([WAYS.index("SCRAM-SHA-256")]) + b"r=NONCEx,s=" + salt + b",i=" + number


def long_attributes(size: int) -> bytes:
    return bytes([WAYS.index("SCRAM-SHA-256")]) + b"r=NONCEx,s=eA==,i=4096" + b",x=y" * size


# First words.


def first_words(data: bytes) -> None:
    """Whatever a server says first is a service that is known, or none; and an error of ours."""
    cursor = Cursor(data)
    phase = cursor.pick(tuple(Phase))
    error = cursor.pick(
        (ConnectionResetError(), EOFError(), OSError(5, "x"), TimeoutError(110, ""))
    )
    said = cursor.rest()
    found = recognise(said)
    assert found is None or found.code.startswith("smtp.")
    told = translate(error, phase, address="192.0.2.1", first_bytes=said)
    assert told.phase is not None
    greeted_at(Reply(220, (text(said).encode("utf-8", "replace").decode(),)))


def filled(begin: bytes, part: bytes, end: bytes = b"") -> Any:
    """So many parts, between a beginning and an end."""
    return lambda size: begin + part * size + end


# What a refusal means.

PHASES = (Phase.GREETING, Phase.EHLO, Phase.AUTH, Phase.MAIL, Phase.RCPT, Phase.DATA, Phase.FINAL)


def refusals(data: bytes) -> None:
    """Any words of a refusal mean something, if only that the phase failed."""
    cursor = Cursor(data)
    phase = cursor.pick(PHASES)
    code = 400 + (cursor.byte() << 8 | cursor.byte()) % 200
    said = text(cursor.rest()).encode("utf-8", "replace").decode()
    lines = tuple(said.split("\n"))
    found = meaning.__wrapped__(phase, code, lines)
    assert found.code
    assert found.asked is None or 0 < found.asked <= 86_400
    may_mean.__wrapped__(frozenset({"send.greylisted"}), phase, code, lines)


def _refusal(begin: bytes, part: bytes) -> Any:
    return lambda size: b"\x04\0\x96" + begin + part * size


TARGETS = (
    Target(
        "replies",
        replies,
        {"lines of a reply": many_lines, "replies": many_replies, "pieces": one_long_line},
        unit=8,
        words=REPLIES,
    ),
    Target(
        "dialogue",
        dialogue,
        {"pieces of a reply": pieces_of_a_reply, "replies": long_session},
        unit=3,
        words=REPLIES,
    ),
    Target(
        "challenges",
        challenges,
        {
            "a challenge": long_challenge,
            "error JSON": long_json,
            "digits of the iteration count": many_iterations,
            "attributes": long_attributes,
        },
        words=(
            b"r=NONCEx",
            b",s=eA==",
            b",i=4096",
            b"v=",
            b"e=other-error",
            b"=",
            b"|",
            b"{",
            b"}",
        ),
        instrument=("smtps", "scramp"),
    ),
    Target(
        "first_words",
        first_words,
        {
            "letters": filled(b"\0\0", b"a"),
            "lines": filled(b"\0\0", b"a b\n"),
            "spaces": filled(b"\0\0", b" "),
            "half a tag": filled(b"\0\0", b"<?xml "),
            "half an FTP greeting": filled(b"\0\0220 ", b"user "),
            "dates": filled(b"\0\0220 ", b"1 Jan 2026 "),
            "records of TLS": filled(b"\0\0", b"\x16\3\1\0\1x"),
        },
        unit=300,
        words=(b"HTTP/1.1", b"* OK", b"+OK", b"SSH-2.0", b"220 ", b"\x16\x03\x03", b"\x15\x03"),
    ),
    Target(
        "refusals",
        refusals,
        {
            "letters": _refusal(b"", b"a"),
            "words": _refusal(b"", b"user "),
            "dots": _refusal(b"", b"a."),
            "colons": _refusal(b"", b": "),
            "half mailboxes": _refusal(b"", b"a@"),
            "pages": _refusal(b"", b"http://x "),
            "numbers": _refusal(b"", b"1.2."),
            "waiting": _refusal(b"", b"try again in "),
            "lines": _refusal(b"", b"5.7.1 no\n"),
            "refusals": _refusal(b"", b"message rejected by policy user "),
            "spaces": _refusal(b"x", b" "),
        },
        unit=100,
        words=(
            b"5.7.1 ",
            b"user unknown",
            b"try again in 5 minutes",
            b"a@b.test",
            b"\n",
            b"(#5.1.1)",
        ),
    ),
)
