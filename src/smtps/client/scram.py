"""SCRAM (RFC 5802, RFC 7677): both sides prove that they know the password.

The arithmetic is the scramp library's; here is only the interface of the other mechanisms.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from smtps.core.reply import printable
from smtps.errors import LoginError

NAMES = ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1")


class Scram:
    """One run of a SCRAM mechanism.

    Args:
        name: one of NAMES.
        username: whom to log in.
        password: never sent, not even as a hash.
        channel_binding: type and data (RFC 5929), for ``-PLUS``.
    """

    def __init__(
        self,
        name: str,
        username: str,
        password: str,
        channel_binding: tuple[str, bytes] | None = None,
    ) -> None:
        import scramp  # late: a fifth of a second to import  # noqa: PLC0415

        # Without -PLUS the binding still says "I could have": the server notices if somebody on the
        # way took the -PLUS out of its offer (RFC 5802 section 6).
        self.name = name
        self._client: Any = self._checked(
            lambda: scramp.ScramClient([name], username, password, channel_binding=channel_binding)
        )
        self._step = 0
        self._error: str | None = None

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
        self._step += 1
        if self._step == 1:
            self._proven(lambda: self._client.set_server_first(text))
            final: str = self._checked(self._client.get_client_final)
            return final.encode()
        if self._step == 2 and text.startswith("e="):  # RFC 5802 section 7, server-error
            self._error = printable(challenge[2:80])
            return b""
        self._proven(lambda: self._client.set_server_final(text))
        return b""

    def finished(self) -> None:
        """The server must have proven that it knows the password too."""
        if self._step < 2 or self._error is not None:
            raise LoginError(
                "auth.server_not_proven",
                "The server accepted the login without proving that it knows the password: it may "
                "not be the real one.",
            )

    def explain(self) -> str | None:
        """The server's error, if it told one."""
        return self._error

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
