"""The places in a dialogue where something happens, by name."""

from __future__ import annotations

from enum import StrEnum


class Phase(StrEnum):
    """Where in the dialogue something happened."""

    INPUT = "input"
    """Before anything went on the network."""
    DNS = "dns"
    TCP = "tcp"
    TLS = "tls"
    GREETING = "greeting"
    EHLO = "ehlo"
    TOKEN = "token"  # noqa: S105  # no secret, but a name
    """The access token for the login is due (OAuth 2)."""
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    FINAL = "final"
    """The whole message is out; its reply is due."""
    QUIT = "quit"


BEFORE_MAIL = frozenset({
    Phase.DNS, Phase.TCP, Phase.TLS, Phase.GREETING, Phase.EHLO, Phase.TOKEN, Phase.AUTH,
})  # fmt: skip
"""A failure in one of these is about the server or the account, whatever the message is."""
