"""SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password.

The arithmetic is the scramp library's; here is only the interface of the other mechanisms.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from smtps.core.reply import Reply, printable
from smtps.errors import LoginError

PLUS = "-PLUS"
NAMES = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1")

MOST_ITERATIONS = 1_000_000
"""Of the hash function, for which the server asks (RFC 5802 section 5.1): about half a second.
Servers ask for 4,096 to some 100,000."""

_LONG = 20_000
"""Iterations that take ten milliseconds."""

_ITERATIONS = re.compile(rb"(?:^|,)i=([0-9]+)")


class Scram:
    """One run of a SCRAM mechanism.

    Args:
        name: one of NAMES.
        username: whom to log in.
        password: never sent, not even as a hash.
        channel_binding: type and data (RFC 5929), for ``-PLUS``. Given to another, it says that
            this client could have and the server does not offer it; see ``bound``.

    Attributes:
        error: what the server called the reason of a refusal, if it did (RFC 5802 section 7).
        heard: challenges of the server so far; the first answers nothing but the user name.
    """

    def __init__(
        self,
        name: str,
        username: str,
        password: str,
        channel_binding: tuple[str, bytes] | None = None,
    ) -> None:
        import scramp  # late: a fifth of a second to import  # noqa: PLC0415

        self.name = name
        self._client: Any = self._checked(
            lambda: scramp.ScramClient([name], username, password, channel_binding=channel_binding)
        )
        self.heard = 0
        self.error: str | None = None

    @property
    def listens(self) -> bool:
        """What the server says is half of the proof."""
        return True

    def initial(self) -> bytes:
        """client-first-message."""
        first: str = self._checked(self._client.get_client_first)
        return first.encode()

    def respond(self, challenge: bytes) -> bytes:
        """client-final-message; then the empty line behind the server's proof, or its error."""
        text = challenge.decode("utf-8", "replace")
        self.heard += 1
        if self.heard == 1:
            self._judge_iterations(challenge)
            self._proven(lambda: self._client.set_server_first(text))
            final: str = self._checked(self._client.get_client_final)
            return final.encode()
        if self.heard == 2 and text.startswith("e="):  # RFC 5802 section 7, server-error
            self.error = printable(challenge[2:80])
            return b""
        self._proven(lambda: self._client.set_server_final(text))
        return b""

    def takes_long(self, challenge: bytes) -> bool:
        """Whether to answer this apart from the event loop."""
        return self.heard == 0 and _LONG < _iterations(challenge) <= MOST_ITERATIONS

    def _judge_iterations(self, challenge: bytes) -> None:
        """Refuse to calculate for hours."""
        if _iterations(challenge) > MOST_ITERATIONS:
            raise LoginError(
                "auth.scram_failed",
                f"The {self.name} exchange failed: the server asks for more than "
                f"{MOST_ITERATIONS} iterations.",
            )

    def finished(self) -> None:
        """The server must have proven that it knows the password too."""
        if self.heard < 2 or self.error is not None:
            raise LoginError(
                "auth.server_not_proven",
                "The server accepted the login without proving that it knows the password: it may "
                "not be the real one.",
            )

    def explain(self) -> str | None:
        """The server's error, if it told one."""
        return self.error

    def _proven(self, step: Callable[[], Any]) -> None:
        """What only a server that knows the password can say."""
        try:
            step()
        except Exception as error:  # the library raises whatever comes to hand
            raise LoginError(
                "auth.server_not_proven",
                f"The server did not prove that it knows the password ({self.name}: "
                f"{str(error)[:200]}): it may not be the real one.",
            ) from error

    def _checked(self, step: Callable[[], Any]) -> Any:
        from scramp import ScramException  # noqa: PLC0415

        try:
            return step()
        except (ScramException, ValueError) as error:
            raise LoginError(
                "auth.scram_failed", f"The {self.name} exchange failed: {error}."
            ) from error


def _iterations(challenge: bytes) -> int:
    """How many a server asks for."""
    found = _ITERATIONS.search(challenge)
    return int(found[1][:12]) if found is not None else 0


def bound(
    name: str, offered: tuple[str, ...], channel_binding: tuple[str, bytes] | None
) -> tuple[str, bytes] | None:
    """The binding to give to a mechanism, by which it chooses its flag (RFC 5802 section 6).

    With ``-PLUS`` it is ``p``: the login is bound. Without, and where no ``-PLUS`` is offered, it
    is ``y``: the server notices if somebody on the way took its offer out. Where one is offered and
    not used, ``y`` would be a lie that the server has to refuse, so it is ``n``.
    """
    if name.endswith(PLUS) or not any(each.endswith(PLUS) for each in offered):
        return channel_binding
    return None


_NO_SUCH_BINDING = ("unsupported-channel-binding-type", "channel-binding-not-supported")
_ANOTHER_CHANNEL = "channel-bindings-dont-match"


def knows_no_such_binding(mechanism: object, reply: Reply) -> bool:
    """Whether a server refused the type of channel binding, and not the credentials.

    It says so by name, or refuses for good what was said first: that has only the user's name and
    the type in it. A binding of the right type that does not match is never taken for this.
    """
    if not isinstance(mechanism, Scram) or not mechanism.name.endswith(PLUS):
        return False
    return mechanism.error in _NO_SUCH_BINDING or (mechanism.heard == 0 and reply.kind == 5)


def code_of(mechanism: object, reply: Reply) -> str | None:
    """A better code for a refused login than the reply's words give, or None."""
    if not isinstance(mechanism, Scram):
        return None
    if mechanism.error == _ANOTHER_CHANNEL or _ANOTHER_CHANNEL in reply.text:
        return "auth.channel_binding_mismatch"
    return "auth.no_channel_binding" if mechanism.error in _NO_SUCH_BINDING else None
