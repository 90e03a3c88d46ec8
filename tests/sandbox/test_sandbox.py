"""The sandbox as a mail server, seen by other clients than ours."""

from __future__ import annotations

import asyncio
import base64
import smtplib
import socket
import ssl
from email.message import EmailMessage

import pytest

import smtps
from smtps.core.server_commands import Refused
from smtps.sandbox.inbox import Inbox
from smtps.sandbox.personas import persona_named
from smtps.sandbox.scram import ScramExchange, stored
from smtps.sandbox.server import Sandbox


def client(box: Sandbox) -> smtplib.SMTP_SSL:
    context = ssl.create_default_context(cafile=str(box.ca_file))
    return smtplib.SMTP_SSL(box.host, box.port, context=context, timeout=10)


def a_message() -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "a@x.test", "b@x.test", "Grüße"
    message.set_content("Hallo\n.\n..\n")
    message.add_attachment(b"\0\1\2", maintype="application", subtype="x", filename="ü.bin")
    return message


def test_keeps_what_smtplib_sends(sandbox: Sandbox) -> None:
    with client(sandbox) as session:
        session.login(sandbox.username, sandbox.password)
        session.send_message(a_message())
    (stored,) = sandbox.inbox.all()
    assert (stored.sender, stored.recipients) == ("a@x.test", ("b@x.test",))
    details = stored.details()
    assert details["subject"] == "Grüße"
    assert details["text"] == "Hallo\r\n.\r\n..\r\n"
    assert details["attachments"] == [
        {"filename": "ü.bin", "content_type": "application/x", "size": 3}
    ]


def test_wants_a_login_before_mail(sandbox: Sandbox) -> None:
    with client(sandbox) as session, pytest.raises(smtplib.SMTPSenderRefused, match="530"):
        session.send_message(a_message())


def test_refuses_a_wrong_password(sandbox: Sandbox) -> None:
    with client(sandbox) as session, pytest.raises(smtplib.SMTPAuthenticationError):
        session.login(sandbox.username, "wrong")


def test_a_strict_client_accepts_its_certificate(sandbox: Sandbox) -> None:
    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with smtplib.SMTP_SSL("localhost", sandbox.port, context=context, timeout=10) as session:
        assert session.noop()[0] == 250


async def test_stop_leaves_no_client_and_no_file() -> None:
    box = await Sandbox().start()
    path = box.ca_file
    context = ssl.create_default_context(cafile=str(path))
    reader, writer = await asyncio.open_connection(box.host, box.port, ssl=context)
    assert (await reader.readline()).startswith(b"220 ")
    assert len(box.clients) == 1
    await box.stop()
    await asyncio.sleep(0)
    assert not box.clients
    assert not path.exists()
    assert await reader.read() == b""
    writer.close()


async def test_a_taken_port_is_named() -> None:
    async with Sandbox() as box:
        with pytest.raises(smtps.InputError, match=f"port {box.port}"):
            await Sandbox(port=box.port).start()


def test_listens_on_loopback_only() -> None:
    with pytest.raises(smtps.InputError, match="loopback only"):
        Sandbox(host="0.0.0.0")


@pytest.mark.parametrize(("name", "said"), [("expird", "did you mean expired"), ("xyz", "--list")])
def test_an_unknown_persona_is_answered_with_those_that_are_near(name: str, said: str) -> None:
    with pytest.raises(smtps.InputError, match=said):
        persona_named(name)


async def test_the_inbox_is_bounded_by_count_and_size() -> None:
    inbox = Inbox(max_messages=2, max_octets=100)
    for size in (10, 20, 30):
        inbox.add("a@x", ("b@x",), b"x" * size)
    assert [stored.id for stored in inbox.all()] == ["2", "3"]
    inbox.add("a@x", ("b@x",), b"x" * 90)
    assert [stored.id for stored in inbox.all()] == ["4"]


async def test_the_inbox_can_be_waited_for() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(inbox.wait(2))
    newer = asyncio.create_task(inbox.after("1"))
    await asyncio.sleep(0)
    inbox.add("a@x", ("b@x",), b"one")
    await asyncio.sleep(0)
    assert not waiting.done()
    assert not newer.done()
    inbox.add("a@x", ("b@x",), b"two")
    assert [stored.data for stored in await waiting] == [b"one", b"two"]
    assert [stored.data for stored in await newer] == [b"two"]
    inbox.clear()
    assert len(inbox) == 0


def test_broken_content_does_not_break_the_listing() -> None:
    inbox = Inbox()
    data = b"Subject: x\r\nContent-Type: text/plain; charset=nonsense\r\n\r\n\xff\r\n"
    assert inbox.add("", ("b@x",), data).details()["text"] is None
    assert inbox.add("", ("b@x",), b"").details()["subject"] == ""


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN", "LOGIN"])
@pytest.mark.parametrize(("user", "password"), [("", ""), ("", "wrong"), ("nobody", "")])
async def test_each_mechanism_takes_the_account_and_no_other(
    mechanism: str, user: str, password: str
) -> None:
    async with Sandbox() as box:
        login = smtps.connect(
            box.host, port=box.port, ca_file=box.ca_file, mechanism=mechanism,
            username=user or box.username, password=password or box.password,
        )  # fmt: skip
        if user or password:
            with pytest.raises(smtps.LoginError) as caught:
                async with login:
                    pass
            assert caught.value.code == "auth.rejected"
        else:
            async with login as session:
                assert "LIMITS" in session.capabilities


async def test_a_proof_that_was_refused_is_not_accepted_by_an_empty_line() -> None:
    """The last line of SCRAM says nothing, so it must not be what the login hangs on."""
    from scramp import ScramClient  # noqa: PLC0415

    exchange = ScramExchange("SCRAM-SHA-256", lambda mechanism, _user: stored(mechanism, "right"))
    client = ScramClient(["SCRAM-SHA-256"], "ann", "wrong")
    assert exchange.step(None) == b""
    first = exchange.step(client.get_client_first().encode())
    assert isinstance(first, bytes)
    client.set_server_first(first.decode())
    with pytest.raises(Refused):
        exchange.step(client.get_client_final().encode())
    with pytest.raises(Refused):
        exchange.step(b"")


def raw(box: Sandbox, *pieces: bytes) -> list[bytes]:
    """What is answered to these octets, after a login, until the server hangs up."""
    context = ssl.create_default_context(cafile=str(box.ca_file))
    token = base64.b64encode(f"\0{box.username}\0{box.password}".encode())
    with (
        socket.create_connection((box.host, box.port), 10) as plug,
        context.wrap_socket(plug, server_hostname=box.host) as tls,
    ):
        for piece in (b"EHLO c.example\r\nAUTH PLAIN " + token + b"\r\n", *pieces):
            tls.sendall(piece)
        said = b""
        while piece := tls.recv(65536):
            said += piece
    return said.splitlines()


ENVELOPE = b"MAIL FROM:<a@x.test>\r\nRCPT TO:<b@x.test>\r\n"


def test_commands_may_go_out_together(sandbox: Sandbox) -> None:
    chunk = b"BDAT 6\r\nS: 1\r\nBDAT 4 LAST\r\n\r\nx\n"
    said = raw(sandbox, ENVELOPE + chunk + ENVELOPE + b"DATA\r\n", b"..\r\n.\r\nQUIT\r\n")
    codes = [line[:3] for line in said if line[3:4] == b" "]
    assert codes == [b"220", b"250", b"235", *[b"250"] * 4, b"250", b"250", b"354", b"250", b"221"]
    assert [stored.data for stored in sandbox.inbox.all()] == [b"S: 1\r\n\r\nx\n", b".\r\n"]


def test_what_only_some_take_for_the_end_of_a_message_is_part_of_it(sandbox: Sandbox) -> None:
    smuggled = b"x\n.\nMAIL FROM:<evil@x.test>\r\n\r\n.\nRCPT TO:<b@x.test>\r\n.\r\nQUIT\r\n"
    raw(sandbox, ENVELOPE + b"DATA\r\n", smuggled)
    (stored,) = sandbox.inbox.all()
    assert stored.sender == "a@x.test"
    assert b"evil" in stored.data
