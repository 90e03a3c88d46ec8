"""Messages that were put off by the end of their connection: which of them go over another."""

from __future__ import annotations

from typing import Any

from smtps.client.result import Outcome, Result

ATTEMPTS = 3
"""Times that a message is begun, or a connection tried, before it is given back as deferred."""

ANOTHER_WAY = frozenset(
    {
        "smtp.chunking_refused",
        "smtp.out_of_sequence",
        "smtp.pipelining_refused",
        "smtp.reset_refused",
    }
)
"""Failures that are about the way in which it was sent; by now another one is known."""

_ENDED = frozenset(
    {
        "tls.broken",
        "tls.plaintext_in_tls",
        "smtp.mixed_codes",
        "smtp.not_a_reply",
        "smtp.unexpected_reply",
        "smtp.wrong_code",
    }
)
"""Failures that say only that the connection is of no use any more."""


def may_go_again(result: Result, *, reused: bool) -> bool:
    """Whether a message was put off for no reason but its connection, and is safe to send again.

    Args:
        result: what became of it.
        reused: the connection was not made for it.
    """
    if result.outcome is not Outcome.DEFERRED or result.failure is None:
        return False
    code = result.failure.code
    if code in ANOTHER_WAY or code == "session.broken":
        return True
    ended = code.startswith("net.") or code in _ENDED or result.failure.smtp_code == 421
    return reused and ended


class Losses:
    """Counts how often messages were put off by connections that may have ended because of them."""

    def __init__(self) -> None:
        self.tries: dict[int, int] = {}

    def connection(self) -> Connection:
        """The next one, with nothing decided over it yet."""
        return Connection(self.tries)


class Connection:
    """What one connection decided, and what it left undone.

    A server may take only so many messages on a connection. So where some were decided, its end is
    laid to the first of those that were put off, and to no other.
    """

    def __init__(self, tries: dict[int, int]) -> None:
        self._tries = tries
        self._useful = self._blamed = False

    def decided(self, item: Any) -> None:
        """A message has its result."""
        self._useful = True
        if self._tries:
            self._tries.pop(id(item), None)

    def go_again(self, item: Any, result: Result) -> bool:
        """Whether to send a message over another connection, or in another way."""
        if not may_go_again(result, reused=True):
            return False
        tries = self._tries.get(id(item), 0)
        if not (self._useful and self._blamed):
            tries += 1
        self._blamed = True
        self._tries[id(item)] = tries
        return tries < ATTEMPTS
