"""The addresses of one server, tried in turn until one lets this client in.

RFC 5321 section 5.1 wants the other addresses tried when one fails. An answer that every address
would give, or one about the account, ends the attempts at once. ``Learned`` keeps what a server has
shown about itself beyond its reply to EHLO.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import islice

from smtps.errors import Failure, LocalError, Phase, SMTPSError
from smtps.net.dial import MOST_ADDRESSES
from smtps.net.resolve import Address

SHUNNED_FOR = 300.0
"""Seconds for which an address that failed stands behind the others."""

LEAST = 5.0
"""Seconds for an address, where that leaves as much for the others: many servers let a new client
wait as long before they greet."""

_OF_THIS_CLIENT = frozenset({"tls.client_certificate_refused", "net.out_of_sockets"})
"""Failures that no other address would mend: who this client is, and what this machine lacks."""

_PHASES = list(Phase)


@dataclass(slots=True)
class Shunned:
    """Addresses that failed a while ago. They are used all the same when no other is left.

    Attributes:
        until: address → the loop's time at which that is forgotten.
    """

    until: dict[str, float] = field(default_factory=dict)

    def note(self, ip: str, now: float) -> None:
        """An address failed."""
        self.until[ip] = now + SHUNNED_FOR

    def forgive(self, ip: str) -> None:
        """An address works."""
        self.until.pop(ip, None)

    def last(self, addresses: Iterable[Address], now: float) -> list[Address]:
        """The addresses in their order, but those that failed behind all others."""
        self.until = {ip: until for ip, until in self.until.items() if until > now}
        return sorted(addresses, key=lambda address: address.ip in self.until)


class Attempts:
    """Which address is next, how long it may take, and what the failure is when all have failed.

    Args:
        addresses: in the order of preference; what comes behind MOST_ADDRESSES is left out.
        deadline: the loop's time at which all has to be over.
        shunned: gets those that fail.

    Attributes:
        left: addresses that have not failed.
        errors: what the others failed by, in turn; ``connect_any`` adds to them.
    """

    def __init__(
        self,
        addresses: Iterable[Address],
        deadline: float | None = None,
        shunned: Shunned | None = None,
    ) -> None:
        self.left = list(islice(addresses, MOST_ADDRESSES))
        self.deadline = deadline
        self.errors: dict[Address, SMTPSError] = {}
        self._shunned = shunned or Shunned()

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Of the addresses that failed, in turn."""
        return tuple(error.failure for error in self.errors.values())

    def share(self, now: float) -> float | None:
        """The loop's time at which the next address has to have let this client in."""
        return share(self.deadline, now, len(self.left))

    def failed(self, error: SMTPSError, ip: str, now: float) -> None:
        """One of them did not let this client in."""
        error.locate(address=ip)
        self.errors |= {address: error.apart() for address in self.left if address.ip == ip}
        self.drop_failed(now)

    def drop_failed(self, now: float) -> None:
        """Take those that failed off the list."""
        for address in self.left:
            if address in self.errors:
                self._shunned.note(address.ip, now)
        self.left = [address for address in self.left if address not in self.errors]

    def go_on(self, error: SMTPSError, now: float, *, told: bool = False) -> bool:
        """Whether the next address is worth a try.

        Args:
            error: what the last one failed by.
            now: the loop's time.
            told: something of the credentials was sent.
        """
        over = self.deadline is not None and now >= self.deadline
        return bool(self.left) and not told and not over and another_may(error)

    def outcome(self, error: SMTPSError, *, told: bool = False) -> SMTPSError:
        """The error for all of them: of the address that got furthest, with the others beside it.

        Args:
            error: the last.
            told: something of the credentials was sent; then the last is what counts.
        """
        ends = told or not another_may(error)
        found = error if ends else self._furthest(error)
        others = tuple(each for each in self.failures if each.address != found.failure.address)
        if not others:
            return found
        may_heal = not ends and any(each.retryable for each in others)
        found.failure = replace(
            found.failure, others=others, retryable=found.failure.retryable or may_heal
        )
        # In place of what ``connect_any`` has noted of some of them.
        found.__notes__ = [f"{each.address}: {each.message}" for each in others]
        return found

    def _furthest(self, last: SMTPSError) -> SMTPSError:
        best = max(self.errors.values(), key=lambda error: _PHASES.index(error.phase or Phase.TCP))
        return last if best.failure == last.failure else best


def share(deadline: float | None, now: float, number: int) -> float | None:
    """When the next of several has to be done: each gets the same share of what is left, or LEAST
    seconds if that leaves as much for the others.

    Args:
        deadline: for all of them.
        now: the time of the same clock.
        number: how many are left.
    """
    if deadline is None or number < 2:
        return deadline
    whole = max(deadline - now, 0.0)
    return now + max(whole / number, min(LEAST, whole / 2))


def another_may(error: SMTPSError) -> bool:
    """Whether another host of the same name may not have this failure."""
    of_this_client = error.code in _OF_THIS_CLIENT or error.phase is Phase.TOKEN
    return not isinstance(error, LocalError) and not of_this_client


EXIM_RESETS = 10
"""Its option smtp_accept_max_nonmail, as it comes."""

_EXIM = re.compile(r"\bExim\b|^(?:X_)?PIPE_?CONNECT\b|^OK id=\w+-\w+-\w+$")


@dataclass(slots=True)
class Learned:
    """One for each server; all sessions with it share it, and none forgets.

    Attributes:
        overlapping: it takes the next envelope before it has answered the message before. RFC 2920
            section 3.1 allows that, and some servers refuse it since it helps to smuggle mail.
        pipelining: it takes commands that go out together.
        proven: it has answered such commands, each in its turn. Before, no message goes out with
            its envelope: a server that loses commands, or says a reply too many, is found out
            while nothing is in doubt.
        chunking: it takes BDAT.
        literal: it takes the client's address, and not its name, in EHLO.
        resets: so many RSET it takes on a connection, and hangs up at the next; the first behind
            a message that it took is not counted. None: it is not known to count them.
        shunned: its addresses that failed recently.
    """

    overlapping: bool = True
    pipelining: bool = True
    proven: bool = False
    chunking: bool = True
    literal: bool = False
    resets: int | None = None
    shunned: Shunned = field(default_factory=Shunned)

    def note(self, failure: Failure, *, silent: bool = False) -> None:
        """Draw conclusions from a message that was not sent.

        Args:
            failure: why.
            silent: the server said nothing until the time was over.
        """
        # Some servers, or what stands before them, take BDAT and then say nothing.
        mute = silent and failure.phase is Phase.FINAL
        if failure.code == "smtp.chunking_refused" or mute:
            self.chunking = False

    def recognise(self, *words: str) -> None:
        """Note what is known of a server that names itself.

        Args:
            words: of its greeting, its answer to EHLO, or to a message.
        """
        if self.resets is None and any(_EXIM.search(text) for text in words):
            self.resets = EXIM_RESETS
