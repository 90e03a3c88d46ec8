# ruff: noqa: E501  # a script reads best in one line
"""The dialogues: each a script and how it must end, however the bytes are cut."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

LOCK = "S 220 mail.x.test ESMTP\nC EHLO portofcall\nS 250-mail.x.test\nS 250 HELP\n"
PIPE = "S 220 mail.x.test ESMTP\nC EHLO portofcall\nS 250-mail.x.test\nS 250 PIPELINING\n"
CHUNK = (
    "S 220 mail.x.test ESMTP\nC EHLO portofcall\nS 250-mail.x.test\nS 250-PIPELINING\n"
    "S 250 CHUNKING\n"
)
MAIL = "C MAIL FROM:<a@x.test>\n"
ONE = "C RCPT TO:<b@x.test>\n"
TWO = "C RCPT TO:<b@x.test>\nC RCPT TO:<c@x.test>\n"
OK = "S 250 ok\n"
GO = "S 354 go on\n"
BYE = "C QUIT\nS 221 bye\nclose"
DATA = "C DATA\nS 354 go on\nC <message>\n"
RAW = b"Subject: x\r\n\r\nline\r\n.\r\n..two\r\n"
SENT_BY_BDAT = f"C BDAT {len(RAW)} LAST\nC <{len(RAW)}>\n"


@dataclass(frozen=True)
class Dialogue:
    """A script and its end: outcome or error code, statuses, code and phase of the failure; whether
    the session can go on, or None if that depends on what has been heard.

    ``proven``: the server is known to pipeline, so the message goes out with its envelope, and a
    reply too many cannot be told from the one that is due.
    """

    script: str
    end: str
    statuses: str = ""
    code: str | None = None
    phase: str | None = None
    usable: bool | None = False
    proven: bool = False
    to: tuple[str, ...] = ("b@x.test",)
    options: dict[str, Any] = field(default_factory=dict)
    send: dict[str, Any] = field(default_factory=dict)


BOTH = ("b@x.test", "c@x.test")
ANY = {"partial": "send"}
LOGIN = {"username": "u", "password": "p"}
AUTH = "S 220 x\nC EHLO portofcall\nS 250-x\nS 250 AUTH {}\n"
REST = MAIL + OK + ONE + OK + DATA + OK + BYE


def failed(script: str, code: str, phase: str, **more: Any) -> Dialogue:
    return Dialogue(script, code, code=code, phase=phase, **more)


def unsent(
    script: str, outcome: str, statuses: str, code: str, phase: str, **more: Any
) -> Dialogue:
    return Dialogue(script, outcome, statuses, code, phase, **more)


DIALOGUES: dict[str, Dialogue] = {
    # Success, in each way.
    "in lock-step": Dialogue(LOCK + REST, "sent", "a", usable=True),
    "pipelined, DATA with the only recipient": Dialogue(
        PIPE + MAIL + ONE + "C DATA\n" + OK * 2 + GO + "C <message>\n" + OK + BYE,
        "sent", "a", usable=True),
    "pipelined, DATA apart since one of two may be refused": Dialogue(
        PIPE + MAIL + TWO + OK * 3 + DATA + OK + BYE, "sent", "aa", usable=True, to=BOTH),
    "by BDAT": Dialogue(
        CHUNK + MAIL + TWO + OK * 3 + SENT_BY_BDAT + OK + BYE, "sent", "aa", usable=True, to=BOTH),
    "BDAT offered but switched off": Dialogue(
        CHUNK + MAIL + ONE + "C DATA\n" + OK * 2 + GO + "C <message>\n" + OK + BYE,
        "sent", "a", usable=True, options={"chunking": False}),
    "multi-line replies everywhere": Dialogue(
        "S 220-mail.x.test\nS 220 ESMTP\nC EHLO portofcall\nS 250-x\nS 250-SIZE 99999\nS 250 HELP\n"
        f"C MAIL FROM:<a@x.test> SIZE={len(RAW)}\nS 250-2.1.0 sender\nS 250 2.1.0 ok\n"
        + ONE + "S 250-2.1.5 recipient\nS 250 2.1.5 ok\n" + DATA + "S 250-2.0.0 queued\n"
        "S 250 2.0.0 as 1\n" + BYE, "sent", "a", usable=True),
    "replies without any text": Dialogue(
        "S 220\nC EHLO portofcall\nS 250\n" + MAIL + "S 250\n" + ONE + "S 250\n"
        "C DATA\nS 354\nC <message>\nS 250\nC QUIT\nS 221\nclose", "sent", "a", usable=True),
    "a continuation line that looks like an end": Dialogue(
        "S 220 x\nC EHLO portofcall\nS 250-odd at your service, client 127 001\nS 250 HELP\n" + REST,
        "sent", "a", usable=True),
    "line feeds alone": Dialogue(
        "R 220 x\\n\nC EHLO portofcall\nR 250-x\\n250 HELP\\n\n" + MAIL + "R 250 ok\\n\n" + ONE
        + "R 250 ok\\n\nC DATA\nR 354 go\\n\nC <message>\nR 250 ok\\n\nC QUIT\nR 221 bye\\n\nclose",
        "sent", "a", usable=True),
    "251 and 252 are yes": Dialogue(
        LOCK + MAIL + OK + "C RCPT TO:<b@x.test>\nS 251 will forward\nC RCPT TO:<c@x.test>\n"
        "S 252 cannot verify\n" + DATA + OK + BYE, "sent", "aa", usable=True, to=BOTH),
    "EHLO unknown, HELO known": Dialogue(
        "S 220 x\nC EHLO portofcall\nS 502 no EHLO here\nC HELO portofcall\nS 250 x\n" + REST,
        "sent", "a", usable=True),
    **{
        f"the name is refused with {code}, the address literal taken": Dialogue(
            f"S 220 x\nC EHLO portofcall\nS {code} need FQDN\nC EHLO [192.0.2.9]\nS 250 x\n" + REST,
            "sent", "a", usable=True)
        for code in (501, 504, 550)
    },
    "QUIT is never answered": Dialogue(
        LOCK + MAIL + OK + ONE + OK + DATA + OK + "C QUIT\nsilence", "sent", "a", usable=True),
    "QUIT is answered by a reset": Dialogue(
        LOCK + MAIL + OK + ONE + OK + DATA + OK + "C QUIT\nreset", "sent", "a", usable=True),
    # Before the login.
    "greeted with 554": failed(
        "S 554 no\nC QUIT\nS 221 bye\nclose", "smtp.greeting_refused", "greeting"),
    "greeted with 421": failed("S 421 closing\nclose", "smtp.shutting_down", "greeting"),
    "no greeting": failed("silence", "smtp.greeting_timeout", "greeting"),
    "closed before the greeting": failed("close", "net.closed_by_server", "greeting"),
    "reset before the greeting": failed("reset", "net.closed_by_server", "greeting"),
    "another protocol": failed("R HTTP/1.1 400 Bad Request\\r\\n\nclose", "smtp.not_a_reply",
                               "greeting"),
    "a greeting that means go on": failed("S 354 go on\nclose", "smtp.wrong_code", "greeting"),
    "EHLO refused": failed(
        "S 220 x\nC EHLO portofcall\nS 554 no\nC QUIT\nS 221 bye\nclose", "smtp.ehlo_refused",
        "ehlo"),
    "closed at EHLO": failed("S 220 x\nC EHLO portofcall\nclose", "net.closed_by_server", "ehlo"),
    "silent at EHLO": failed("S 220 x\nC EHLO portofcall\nsilence", "smtp.timeout", "ehlo"),
    "codes differ in one reply": failed(
        "S 220 x\nC EHLO portofcall\nS 250-x\nS 251 HELP\nclose", "smtp.mixed_codes", "ehlo"),
    "postscreen's teaser": failed(
        "S 220-mx.x.test ESMTP\nS 521 5.7.1 Service unavailable; client [192.0.2.9] blocked using "
        "list.example\nclose", "smtp.blocklisted", "greeting"),
    "a teaser, and too many connections": failed(
        "S 220-mx.x.test ESMTP\nS 421 4.7.0 mx.x.test Error: too many connections\nclose",
        "smtp.rate_limited", "greeting"),
    "greeted twice at once": failed("S 220 x\nS 220 y\nclose", "smtp.greets_twice", "ehlo"),
    "greeted twice": failed(
        "S 220 x\nC EHLO portofcall\nS 220 y\nclose", "smtp.greets_twice", "ehlo"),
    **{
        f"greeted with {code}": failed(f"S {code} x\nclose", "smtp.wrong_code", "greeting")
        for code in (100, 200, 221, 250, 354, 600)
    },
    "a line without end": failed(
        "S 220 x\nC EHLO portofcall\nR 250 " + "x" * 5000 + "\nclose", "smtp.reply_too_long", "ehlo"),
    "lines without end": failed(
        "S 220 x\nC EHLO portofcall\n" + "S 250-x\n" * 300 + "close", "smtp.reply_too_long", "ehlo"),
    # The login.
    "PLAIN": Dialogue(AUTH.format("PLAIN LOGIN") + "C AUTH PLAIN AHUAcA==\nS 235 ok\n" + REST,
                      "sent", "a", usable=True, options=LOGIN),
    "LOGIN": Dialogue(
        AUTH.format("LOGIN") + "C AUTH LOGIN\nS 334 VXNlcm5hbWU6\nC dQ==\nS 334 UGFzc3dvcmQ6\n"
        "C cA==\nS 235 ok\n" + REST, "sent", "a", usable=True, options=LOGIN),
    "CRAM-MD5": Dialogue(
        AUTH.format("CRAM-MD5 PLAIN") + "C AUTH CRAM-MD5\nS 334 PDE+\n"
        "C dSAyYjBhZDNlZmRiZjkxNGI1NmVhY2UwNzFhOTcwNmEzZA==\nS 235 ok\n" + REST,
        "sent", "a", usable=True, options=LOGIN),
    "XOAUTH2": Dialogue(
        AUTH.format("XOAUTH2") + "C AUTH XOAUTH2 dXNlcj11AWF1dGg9QmVhcmVyIHQBAQ==\nS 235 ok\n" + REST,
        "sent", "a", usable=True, options={"username": "u", "access_token": "t"}),
    "a token that has expired": failed(
        AUTH.format("XOAUTH2") + "C AUTH XOAUTH2 …\nS 334 eyJzdGF0dXMiOiI0MDEifQ==\nC \n"
        "S 535 5.7.8 no\nC QUIT\nS 221 bye\nclose", "auth.token_rejected", "auth",
        options={"username": "u", "access_token": "t"}),
    "535 is definite": failed(
        AUTH.format("PLAIN LOGIN") + "C AUTH PLAIN AHUAcA==\nS 535 5.7.8 no\nC QUIT\nS 221 bye\nclose",
        "auth.rejected", "auth", options=LOGIN),
    "504 is about the mechanism": Dialogue(
        AUTH.format("PLAIN LOGIN") + "C AUTH PLAIN AHUAcA==\nS 504 no\nC AUTH LOGIN\nS 334 VQ==\n"
        "C dQ==\nS 334 UA==\nC cA==\nS 235 ok\n" + REST, "sent", "a", usable=True, options=LOGIN),
    "454 is for later": failed(
        AUTH.format("PLAIN LOGIN") + "C AUTH PLAIN AHUAcA==\nS 454 4.7.0 wait\nC QUIT\nS 221 bye\n"
        "close", "auth.unavailable", "auth", options=LOGIN),
    "421 in the login": failed(
        AUTH.format("PLAIN LOGIN") + "C AUTH PLAIN AHUAcA==\nS 421 too many\nclose",
        "smtp.rate_limited", "auth", options=LOGIN),
    "a challenge that is no base64": failed(
        AUTH.format("CRAM-MD5") + "C AUTH CRAM-MD5\nS 334 !\nC *\nS 501 cancelled\nC QUIT\nS 221 bye\n"
        "close", "auth.bad_challenge", "auth", options=LOGIN),
    **{
        f"LOGIN with prompts like {first!r} and {second!r}": Dialogue(
            AUTH.format("LOGIN") + f"C AUTH LOGIN\nS 334 {first}\nC dQ==\nS 334 {second}\nC cA==\n"
            "S 235 ok\n" + REST, "sent", "a", usable=True, options=LOGIN)
        for first, second in (("", ""), ("Username:", "Password:"), ("VXNlcg", "!"))
    },
    "LOGIN that asks a third time": failed(
        AUTH.format("LOGIN") + "C AUTH LOGIN\nS 334 !\nC dQ==\nS 334 !\nC cA==\nS 334 !\nC *\n"
        "S 501 cancelled\nC QUIT\nS 221 bye\nclose", "auth.unexpected_challenge", "auth",
        options=LOGIN),
    "PLAIN asked for what was given already": Dialogue(
        AUTH.format("PLAIN") + "C AUTH PLAIN AHUAcA==\nS 334 \nC AHUAcA==\nS 235 ok\n" + REST,
        "sent", "a", usable=True, options=LOGIN),
    "a challenge too many": failed(
        AUTH.format("PLAIN") + "C AUTH PLAIN AHUAcA==\nS 334 \nC AHUAcA==\nS 334 \nC *\n"
        "S 501 cancelled\nC QUIT\nS 221 bye\nclose", "auth.unexpected_challenge", "auth",
        options=LOGIN),
    "no login offered": failed(
        LOCK + "C QUIT\nS 221 bye\nclose", "auth.not_offered", "auth", options=LOGIN),
    "no login in common": failed(
        AUTH.format("GSSAPI") + "C QUIT\nS 221 bye\nclose", "auth.no_common_mechanism", "auth",
        options=LOGIN),
    **{
        f"AUTH answered with {code}": failed(
            AUTH.format("PLAIN") + f"C AUTH PLAIN AHUAcA==\nS {code} x\nclose", "smtp.wrong_code",
            "auth", options=LOGIN)
        for code in (220, 221, 250, 354)
    },
    "421 behind a login": unsent(
        AUTH.format("PLAIN") + "C AUTH PLAIN AHUAcA==\nS 235 ok\nS 421 4.3.2 restarting\nclose",
        "deferred", "d", "smtp.shutting_down", "mail", options=LOGIN),
    "421 behind EHLO": unsent(
        LOCK + "S 421 4.7.0 too many connections\nclose", "deferred", "d", "smtp.rate_limited",
        "mail"),
    "421 behind EHLO, before a login": failed(
        AUTH.format("PLAIN") + "S 421 4.3.2 restarting\nclose", "smtp.shutting_down", "auth",
        options=LOGIN),
    "closed in the login": failed(
        AUTH.format("PLAIN") + "C AUTH PLAIN AHUAcA==\nclose", "net.closed_by_server", "auth",
        options=LOGIN),
    # The envelope.
    "MAIL refused, in lock-step": unsent(
        LOCK + MAIL + "S 550 5.7.1 no\n" + BYE, "refused", "r", "send.mail_refused", "mail",
        usable=True),
    "MAIL put off, pipelined, and what follows masks nothing": unsent(
        PIPE + MAIL + TWO + "S 451 4.3.0 later\nS 503 x\nS 503 x\n" + BYE, "deferred", "dd",
        "send.deferred", "mail", usable=True, to=BOTH),
    "MAIL refused, but DATA accepted": unsent(
        PIPE + MAIL + ONE + "C DATA\nS 550 no\nS 503 x\n" + GO + "close",
        "refused", "r", "send.mail_refused", "mail"),
    "the first of two refused": unsent(
        LOCK + MAIL + OK + "C RCPT TO:<b@x.test>\nS 550 5.1.1 no\n" + BYE, "refused", "ru",
        "send.recipient_unknown", "rcpt", usable=True, to=BOTH),
    "the second of two refused, pipelined": unsent(
        PIPE + MAIL + TWO + OK * 2 + "S 550 5.1.1 no\n" + BYE, "refused", "ur",
        "send.recipient_unknown", "rcpt", usable=True, to=BOTH),
    "the second of two put off": unsent(
        PIPE + MAIL + TWO + OK * 2 + "S 450 4.7.1 greylisted\n" + BYE, "deferred", "ud",
        "send.greylisted", "rcpt", usable=True, to=BOTH),
    "one of two refused, the other gets it": unsent(
        PIPE + MAIL + TWO + "C DATA\n" + OK + "S 550 no\n" + OK + GO + "C <message>\n" + OK + BYE,
        "partial", "ra", "send.recipient_refused", "rcpt", usable=True, to=BOTH, send=ANY),
    "one of two refused, the other gets it by BDAT": unsent(
        CHUNK + MAIL + TWO + SENT_BY_BDAT + OK + "S 550 no\n" + OK + OK + BYE, "partial", "ra",
        "send.recipient_refused", "rcpt", usable=True, to=BOTH, send=ANY, proven=True),
    "the same, from a server that has not shown that it pipelines": unsent(
        CHUNK + MAIL + TWO + OK + "S 550 no\n" + OK + SENT_BY_BDAT + OK + BYE, "partial", "ra",
        "send.recipient_refused", "rcpt", usable=True, to=BOTH, send=ANY),
    "all refused, but DATA accepted": unsent(
        PIPE + MAIL + TWO + "C DATA\n" + OK + "S 550 no\nS 550 no\n" + GO + "close",
        "refused", "rr", "send.recipient_refused", "rcpt", to=BOTH, send=ANY),
    "too many recipients for one transaction": Dialogue(
        PIPE + MAIL + TWO + OK * 2 + "S 452 4.5.3 too many\n" + DATA + OK + MAIL
        + "C RCPT TO:<c@x.test>\nC DATA\n" + OK * 2 + GO + "C <message>\n" + OK + BYE,
        "sent", "aa", usable=True, to=BOTH),
    "421 at MAIL": unsent(
        LOCK + MAIL + "S 421 closing\nclose", "deferred", "d", "smtp.shutting_down", "mail"),
    "421 at the second recipient, pipelined": unsent(
        PIPE + MAIL + TWO + OK * 2 + "S 421 closing\nclose", "deferred", "dd", "smtp.shutting_down",
        "rcpt", to=BOTH),
    "421 at a recipient though the others would get it": unsent(
        LOCK + MAIL + OK + ONE + OK + "C RCPT TO:<c@x.test>\nS 421 closing\nclose", "deferred", "dd",
        "smtp.shutting_down", "rcpt", to=BOTH, send=ANY),
    "closed after MAIL": unsent(
        LOCK + MAIL + "close", "deferred", "d", "net.closed_by_server", "mail"),
    "closed between recipients": unsent(
        PIPE + MAIL + TWO + OK * 2 + "close", "deferred", "dd", "net.closed_by_server", "rcpt",
        to=BOTH),
    "silent at MAIL": unsent(LOCK + MAIL + "silence", "deferred", "d", "smtp.timeout", "mail"),
    "silent at RCPT": unsent(
        LOCK + MAIL + OK + ONE + "silence", "deferred", "d", "smtp.timeout", "rcpt"),
    "MAIL answered with go on": unsent(
        LOCK + MAIL + "S 354 go\nclose", "deferred", "d", "smtp.wrong_code", "mail"),
    # The message.
    "DATA refused": unsent(
        LOCK + MAIL + OK + ONE + OK + "C DATA\nS 554 no\n" + BYE, "refused", "r",
        "send.data_refused", "data", usable=True),
    "DATA answered with ok": unsent(
        LOCK + MAIL + OK + ONE + OK + "C DATA\nS 250 ok\nclose", "deferred", "d", "smtp.wrong_code",
        "data"),
    "closed after 354": unsent(
        LOCK + MAIL + OK + ONE + OK + "C DATA\nclose", "deferred", "d", "net.closed_by_server",
        "data"),
    "refused at the end": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "S 552 5.3.4 too big\n" + BYE, "refused", "r",
        "send.too_large", "final", usable=True),
    "put off at the end": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "S 451 4.3.0 later\n" + BYE, "deferred", "d",
        "send.deferred", "final", usable=True),
    "refused at the end, by BDAT": unsent(
        CHUNK + MAIL + ONE + SENT_BY_BDAT + OK * 2 + "S 554 spam\n" + BYE, "refused", "r",
        "send.spam", "final", usable=True, proven=True),
    "421 at the end": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "S 421 closing\nclose", "deferred", "d",
        "smtp.shutting_down", "final"),
    "closed after the dot": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "close", "uncertain", "x", "send.uncertain", "final"),
    "reset after the dot": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "reset", "uncertain", "x", "send.uncertain", "final"),
    "silent after the dot": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "silence", "uncertain", "x", "send.uncertain", "final"),
    "silent after the last chunk": unsent(
        CHUNK + MAIL + ONE + SENT_BY_BDAT + OK * 2 + "silence", "uncertain", "x", "send.uncertain",
        "final", proven=True),
    "a message by BDAT for nobody is taken": unsent(
        CHUNK + MAIL + ONE + SENT_BY_BDAT + OK + "S 550 no\n" + OK + "close", "uncertain", "x",
        "send.uncertain", "final", proven=True),
    "a message by BDAT from nobody is taken": unsent(
        CHUNK + MAIL + ONE + SENT_BY_BDAT + "S 550 no\n" + OK * 2 + "close", "uncertain", "x",
        "send.uncertain", "final", proven=True),
    "half a reply after the dot": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "R 250 o\nclose", "uncertain", "x", "send.uncertain",
        "final"),
    "garbage after the dot": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "R Segmentation fault\\r\\n\nclose", "uncertain", "x",
        "send.uncertain", "final"),
    **{
        f"{code} after the dot": unsent(
            LOCK + MAIL + OK + ONE + OK + DATA + f"S {code} x\nclose", "uncertain", "x",
            "send.uncertain", "final")
        for code in (150, 200, 211, 220, 221, 235, 251, 252, 299, 334, 354, 600)
    },
    **{
        f"{first} and {last} in one reply after the dot": unsent(
            LOCK + MAIL + OK + ONE + OK + DATA + f"S {first}-x\nS {last} y\nclose", "uncertain",
            "x", "send.uncertain", "final")
        for first, last in ((250, 550), (550, 250), (250, 421), (250, 451), (250, 251), (354, 250))
    },
    "two refusals in one reply after the dot": unsent(
        LOCK + MAIL + OK + ONE + OK + DATA + "S 451-x\nS 554 5.7.1 no\n" + BYE, "refused", "r",
        "send.message_refused", "final", usable=True),
    "sent, and 421 with it": Dialogue(
        LOCK + MAIL + OK + ONE + OK + DATA + OK + "S 421 4.4.2 bye\nclose", "sent", "a",
        usable=None),
    "sent by BDAT, and 421 with it": Dialogue(
        CHUNK + MAIL + ONE + SENT_BY_BDAT + OK * 3 + "S 421 4.4.2 bye\nclose", "sent", "a",
        usable=None, proven=True),
    "421 in place of the answer to a message by BDAT": unsent(
        CHUNK + MAIL + ONE + SENT_BY_BDAT + OK * 2 + "S 421 4.3.2 bye\nclose", "deferred", "d",
        "smtp.shutting_down", "final", proven=True),
    **{
        f"MAIL answered with {code}": unsent(
            LOCK + MAIL + f"S {code} x\nclose", "deferred", "d", "smtp.wrong_code", "mail")
        for code in (200, 220, 221, 235, 251, 252, 334)
    },
    **{
        f"RCPT answered with {code}": unsent(
            LOCK + MAIL + OK + ONE + f"S {code} x\nclose", "deferred", "d", "smtp.wrong_code",
            "rcpt")
        for code in (200, 220, 221, 235, 253, 334, 354)
    },
    "yes and no to a recipient": unsent(
        LOCK + MAIL + OK + ONE + "S 250-x\nS 550 y\nclose", "deferred", "d", "smtp.mixed_codes",
        "rcpt"),
}  # fmt: skip
