"""A mail server that takes the tokens of an authorization server, as long as they are live."""

from __future__ import annotations

import base64
import re

from tests.dialogues.strict import Strict
from tests.oauth.authorization import AuthorizationServer

_TOKEN = re.compile(r"Bearer ([^\x01]+)")
_USER = re.compile(r"(?:user=|a=)([^\x01,]+)")


class TokenMail(Strict):
    """One connection to it.

    Attributes:
        logins: who has logged in, or None for a token that was refused.
        echoes: whether it repeats a token that it refuses.
    """

    echoes = False

    def __init__(self, authority: AuthorizationServer, mechanisms: str = "XOAUTH2") -> None:
        super().__init__(offers=(f"AUTH {mechanisms}", "SIZE 100000"))
        self.authority = authority
        self.logins: list[str | None] = []
        self.echo = ""

    def _command(self, line: str) -> None:
        words = line.split()
        if words[:1] == ["AUTH"]:
            text = base64.b64decode(words[2]).decode()
            token, user = _TOKEN.search(text), _USER.search(text)
            assert token is not None
            assert user is not None
            if self.authority.takes(token[1], user[1]):
                self.logins.append(user[1])
                self._say("235 2.7.0 welcome")
            else:
                self.logins.append(None)
                self.echo = token[1] if self.echoes else ""
                self._say("334 " + base64.b64encode(b'{"status":"401"}').decode())
        elif line in ("", "AQ=="):
            self._say(f"535 5.7.8 no {self.echo}".rstrip())
        else:
            super()._command(line)
