"""Any reply at any phase, and no more than is offered."""

from __future__ import annotations

import asyncio
import smtplib
import ssl

import pytest
from tests.field.test_replies import Entry, corpus

import smtps
from smtps.errors import InputError, Phase
from smtps.sandbox.persona import Persona
from smtps.sandbox.personas import persona_named
from smtps.sandbox.server import Sandbox

VERBS = {"greeting": "GREETING", "ehlo": "EHLO", "auth": "AUTH", "mail": "MAIL", "rcpt": "RCPT",
         "data": "DATA", "final": "FINAL"}  # fmt: skip


def shown() -> list[Entry]:
    """Of each cause and phase, the first reply of the corpus.

    An EHLO that is not known is no refusal: HELO follows.
    """
    found: dict[tuple[str, Phase], Entry] = {}
    for entry in corpus():
        if str(entry.phase) in VERBS and entry.reply.code >= 400:
            found.setdefault((entry.cause, entry.phase), entry)
    found.pop(("smtp.command_refused", Phase.EHLO))
    return list(found.values())


async def met(box: Sandbox, entry: Entry) -> str | None:
    """The code of what a client meets."""
    endpoint = smtps.Endpoint(box.host, box.port, ca_file=box.ca_file, username=box.username,
                              password=box.password)  # fmt: skip
    message = smtps.Message(from_=box.username, to="you@example.test", subject="x", text="x")
    try:
        async with smtps.connect(endpoint) as session:
            result = await session.send(message)
    except smtps.SMTPSError as error:
        return error.failure.code
    return result.failure.code if result.failure else None


@pytest.mark.parametrize("entry", shown(), ids=lambda entry: f"{entry.phase}-{entry.cause}")
async def test_every_cause_that_a_server_can_show_is_shown(entry: Entry) -> None:
    said = "\n".join((str(entry.reply.code) + " " + line) for line in entry.reply.lines)
    persona = Persona(name="x", summary="").saying([f"{VERBS[str(entry.phase)]}={said}"])
    async with Sandbox(persona) as box:
        code = await met(box, entry)
    assert code is not None
    if entry.cause == "send.login_required" and entry.phase != "auth":
        assert code == "send.login_ignored"  # this client has logged in
    elif entry.cause != "unknown":
        assert code == entry.cause


def asked(box: Sandbox, *lines: str) -> list[tuple[int, bytes]]:
    context = ssl.create_default_context(cafile=str(box.ca_file))
    with smtplib.SMTP_SSL(box.host, box.port, context=context, timeout=10) as client:
        client.ehlo("client.example.test")
        return [client.docmd(line) for line in lines]


@pytest.mark.parametrize(
    ("persona", "line", "code"),
    [
        ("tokens-only", "AUTH PLAIN AHRlc3RlckBleGFtcGxlLnRlc3QAc2FuZGJveC1wYXNzd29yZA==", 504),
        ("no-auth", "AUTH PLAIN AHRlc3RlckBleGFtcGxlLnRlc3QAc2FuZGJveC1wYXNzd29yZA==", 503),
        ("tokens-only", "AUTH XOAUTH2 eA==", 535),
        ("healthy", "AUTH CRAM-MD5", 504),
        ("healthy", "AUTH PLAIN AHRlc3RlckBleGFtcGxlLnRlc3QAc2FuZGJveC1wYXNzd29yZA==", 235),
    ],
)
async def test_a_mechanism_that_is_not_offered_is_refused(
    persona: str, line: str, code: int
) -> None:
    async with Sandbox(persona) as box:
        ((found, _),) = await asyncio.to_thread(asked, box, line)
    assert found == code


def test_a_reply_may_have_several_lines_and_a_phase_several_replies() -> None:
    persona = persona_named("healthy").saying(
        ["auth=334 eA==", r"AUTH=535-5.7.8 No\n535 5.7.8 and no", "GREETING=421 later"]
    )
    assert persona.replies["AUTH"] == ("334 eA==", "535-5.7.8 No\r\n535 5.7.8 and no")
    assert persona.greeting == "421 later"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("RPCT=550 no", "did you mean RCPT"),
        ("RCPT=no", "with a reply code"),
        ("RCPT", "with a reply code"),
    ],
)
def test_what_is_no_reply_is_named(text: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        persona_named("healthy").saying([text])
