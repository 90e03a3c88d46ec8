"""SCRAM on the server's side (RFC 5802, RFC 7677), by the scramp library."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import cache
from typing import Any

from smtps.core.server_commands import Refused
from smtps.core.server_sasl import Claim

SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-1")
_ITERATIONS = 4096


@cache
def stored(mechanism: str, password: str | None) -> Any:
    """Salt, keys and iterations of a password; None for a password that nobody has."""
    import scramp  # late: a fifth of a second to import  # noqa: PLC0415

    known = secrets.token_hex() if password is None else password
    return scramp.ScramMechanism(mechanism).make_auth_info(known, iteration_count=_ITERATIONS)


class ScramExchange:
    """One run of it.

    Args:
        mechanism: one of SCRAM.
        lookup: mechanism and user name → what is stored; see ``stored``.
    """

    def __init__(self, mechanism: str, lookup: Callable[[str, str], Any]) -> None:
        import scramp  # noqa: PLC0415

        self._user = ""
        self._heard = 0

        def known(user: str) -> Any:
            self._user = user
            return lookup(mechanism, user)

        self._server: Any = scramp.ScramMechanism(mechanism).make_server(known)

    def step(self, response: bytes | None) -> bytes | Claim:
        """Answer the client's first message, then its proof, then its last, empty line."""
        from scramp import ScramException  # noqa: PLC0415

        if response is None:
            return b""
        self._heard += 1
        if self._heard > 2 and self._server.error is None:
            return Claim(self._user, "", proven=True)
        try:
            text = response.decode()
            if self._heard == 1:
                self._server.set_client_first(text)
                challenge: str = self._server.get_server_first()
            else:
                self._server.set_client_final(text)
                challenge = self._server.get_server_final()
        except (ScramException, ValueError):
            raise Refused("535 5.7.8 Authentication credentials invalid") from None
        return challenge.encode()
