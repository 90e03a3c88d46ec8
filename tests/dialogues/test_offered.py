"""Nothing is sent that was not offered, whatever the message and the server."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.dialogues.strict import Strict, StrictWire

import smtps
from smtps.client.dry_run import probe_envelope
from smtps.client.handshake import Access
from smtps.client.session import Session
from smtps.endpoint import Partial

KEYWORDS = ("PIPELINING", "CHUNKING", "8BITMIME", "SMTPUTF8", "DSN", "REQUIRETLS", "SIZE 100000",
            "SIZE", "BINARYMIME", "AUTH PLAIN", "X-UNKNOWN")  # fmt: skip
NEEDS = {
    "SIZE": "SIZE", "BODY": "8BITMIME", "SMTPUTF8": "SMTPUTF8", "REQUIRETLS": "REQUIRETLS",
    "RET": "DSN", "ENVID": "DSN", "NOTIFY": "DSN", "ORCPT": "DSN", "AUTH": "AUTH",
}  # fmt: skip
"""Parameter of MAIL or RCPT → the keyword that allows it."""


class Noting(Strict):
    """Keeps every command line, and how many came in one write."""

    def __init__(self, offers: tuple[str, ...]) -> None:
        super().__init__(offers=(*offers, "HELP"))
        self.lines: list[str] = []
        self.most_together = 0

    def feed(self, data: bytes) -> None:
        before = len(self.lines)
        super().feed(data)
        self.most_together = max(self.most_together, len(self.lines) - before)

    def _command(self, line: str) -> None:
        self.lines.append(line)
        super()._command(line)


def check(server: Noting) -> None:
    offered = {word.partition(" ")[0] for word in server.offers}
    for line in server.lines:
        verb, _, rest = line.partition(" ")
        if verb in ("MAIL", "RCPT"):
            for parameter in rest.rpartition(">")[2].split():
                assert NEEDS[parameter.partition("=")[0]] in offered, line
            assert "SMTPUTF8" in offered or line.isascii(), line
        assert verb != "BDAT" or "CHUNKING" in offered, line
    assert server.most_together <= 1 or "PIPELINING" in offered


async def session_with(server: Noting) -> Session:
    session = Session(Access(StrictWire(server), smtps.Endpoint("x.test")))
    await session._access.greet()
    await session._access.hello()
    return session


MAILBOXES = st.sampled_from(["a@x.test", "jörg@x.test", "b@bücher.test", "c+d@x.test"])
MESSAGES = st.builds(
    lambda sender, to, top, body: (
        f"Subject: {top}\r\n\r\n{body}\r\n".encode(), smtps.Envelope.of(sender, to)
    ),
    st.none() | MAILBOXES,
    st.lists(MAILBOXES, min_size=1, max_size=4),
    st.sampled_from(["x", "é"]),
    st.sampled_from(["x", "ü", "x" * 900]),
)  # fmt: skip
DSNS = st.none() | st.builds(
    smtps.DSN,
    ret=st.sampled_from([None, "FULL", "HDRS"]),
    envid=st.sampled_from([None, "a"]),
    notify=st.sampled_from([None, ("NEVER",), ("SUCCESS", "DELAY")]),
    orcpt=st.booleans(),
)
OFFERS = st.lists(st.sampled_from(KEYWORDS), unique=True).map(tuple)


@given(
    OFFERS, st.lists(MESSAGES, min_size=1, max_size=6), DSNS, st.booleans(),
    st.sampled_from(["abort", "send"]), st.sampled_from([1, 4]),
)  # fmt: skip
async def test_whatever_is_sent_was_offered(
    offers: tuple[str, ...],
    messages: list[tuple[bytes, smtps.Envelope]],
    dsn: smtps.DSN | None,
    require_tls: bool,
    partial: Partial,
    window: int,
) -> None:
    server = Noting(offers=offers)
    session = await session_with(server)
    many = session.send_many(
        messages, window=window, dsn=dsn, require_tls=require_tls, partial=partial
    )
    results = [result async for _, result in many]
    assert len(results) == len(messages)
    check(server)


@given(OFFERS, MESSAGES, st.none() | st.integers(0, 10**9))
async def test_whatever_is_asked_without_a_message_was_offered(
    offers: tuple[str, ...], message: tuple[bytes, smtps.Envelope], size: int | None
) -> None:
    server = Noting(offers=offers)
    session = await session_with(server)
    try:
        await probe_envelope(session._access, message[1], size=size)
    except smtps.CapabilityError as error:
        assert error.code == "send.smtputf8_not_offered"  # noqa: PT017
        assert "SMTPUTF8" not in offers
    check(server)
