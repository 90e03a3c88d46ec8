"""What has broken out of a command line before, and every argument where it could be tried."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smtps.core.address import Mailbox
from smtps.core.command import Command, Verb, auth, ehlo, helo, mail, rcpt, response

ANN = Mailbox("ann", "example.org")

LINE_BREAKERS: dict[str, list[str]] = {
    "C0 and space": [chr(n) for n in range(0x21)],
    "DEL": ["\x7f"],
    "C1": [chr(n) for n in range(0x80, 0xA0)],
    "Unicode line ends": ["\u2028", "\u2029"],
    "surrogates": [chr(n) for n in range(0xD800, 0xE000)],
}

Build = Callable[[Any], Command]

REFUSING: dict[str, tuple[str, Build]] = {
    "EHLO name": ("client.example", ehlo),
    "EHLO literal": ("[192.0.2.1]", ehlo),
    "HELO name": ("client.example", helo),
    "AUTH mechanism": ("PLAIN", auth),
    "MAIL path": ("ann@example.org", lambda text: mail(Mailbox.parse(text))),
    "MAIL quoted path": ('"ann"@example.org', lambda text: mail(Mailbox.parse(text))),
    "MAIL beyond ASCII": ("jörg@bücher.example", lambda text: mail(Mailbox.parse(text))),
    "MAIL unparsed local part": ("ann", lambda text: mail(Mailbox(text, "example.org"))),
    "MAIL unparsed domain": ("example.org", lambda text: mail(Mailbox("ann", text))),
    "MAIL BODY": ("8BITMIME", lambda text: mail(ANN, body=text)),
    "MAIL RET": ("HDRS", lambda text: mail(ANN, ret=text)),
    "MAIL ENVID": ("QQ314159", lambda text: mail(ANN, envid=text)),
    "RCPT path": ("ann@example.org", lambda text: rcpt(Mailbox.parse(text))),
    "RCPT unparsed local part": ("ann", lambda text: rcpt(Mailbox(text, "example.org"))),
    "RCPT unparsed domain": ("example.org", lambda text: rcpt(Mailbox("ann", text))),
    "RCPT NOTIFY": ("DELAY", lambda text: rcpt(ANN, notify=[text])),
    "RCPT ORCPT": ("ann@example.org", lambda text: rcpt(ANN, orcpt=Mailbox.parse(text))),
    "RCPT unparsed ORCPT": ("ann", lambda text: rcpt(ANN, orcpt=Mailbox(text, "example.org"))),
}
"""Argument → something it takes, and the command with that. It has to refuse line breakers."""

HARMLESS: dict[str, Build] = {
    "AUTH initial response": lambda text: auth("PLAIN", text.encode("utf-8", "surrogatepass")),
    "SASL response": lambda text: response(text.encode("utf-8", "surrogatepass")),
    "MAIL SIZE": lambda text: mail(ANN, size=text),
    "MAIL SMTPUTF8": lambda text: mail(ANN, smtputf8=text),
    "MAIL REQUIRETLS": lambda text: mail(ANN, requiretls=text),
    "RCPT NOTIFY as one word": lambda text: rcpt(ANN, notify=text),
    "any line": lambda text: Command(Verb.NOOP, f"NOOP {text}"),
}
"""Arguments that encode, ignore or refuse what they are given."""

EVERY_ARGUMENT: dict[str, Build] = {name: build for name, (_, build) in REFUSING.items()} | HARMLESS

ADDRESSES = [
    '"a@x> ORCPT=test;admin"@y',
    '"a@x> SIZE=1 <b"@y',
    "a@b> SIZE=1",
    "a@b>SIZE=1",
    "a@b> ORCPT=rfc822;c@d <e@f",
    "<a@b>",
    "a@b>",
    "a@[192.0.2.1> SIZE=1]",
    "a@[x:y>SIZE=1]",
    "a@[x:y>ORCPT=rfc822;z<]",
    "a@b@c",
    '"a@b"@c',
    "a@b,c@d",
    "a@b;c@d",
    "a@b c@d",
    "a@b\tSIZE=1",
    "a@b\r\nRCPT TO:<c@d>",
    '"a\r\nRCPT TO:<c@d>"@b',
    "a@b\nDATA",
    "a@b\x00",
    "a@b.com(x)evil.com",
    "a(x)@b",
    "Ann <a@b>",
    "@relay:a@b",
    "a\\@b@c",
    '"a\\"@b> SIZE=1 "@c',
    '"a b"@c',
    '"a@c',
    'a"@c',
    '""@c',
]
"""Forms that ended a path early, gained a parameter, or were read as another mailbox."""
