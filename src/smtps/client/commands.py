"""What a server supports, and the envelope of a message as commands in bytes.

Only the message's size is left open, so many messages to the same recipients share one set of
commands.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Self

from smtps.client.attempts import Learned
from smtps.client.outgoing import DSN, Outgoing
from smtps.client.result import Recipient, Status
from smtps.core.address import Mailbox
from smtps.core.capabilities import Capabilities
from smtps.core.command import Command, Verb, mail, rcpt
from smtps.core.reply import Reply
from smtps.endpoint import Endpoint, Partial


@dataclass(frozen=True, slots=True, kw_only=True)
class SendOptions:
    """What is asked of the server beyond taking the message.

    Attributes:
        partial: ``abort``: one refused recipient and nothing is sent. ``send``: the others get it.
        dsn: delivery status notifications to ask for.
        require_tls: ask for TLS on the whole way (RFC 8689).
    """

    partial: Partial = "abort"
    dsn: DSN | None = None
    require_tls: bool = False


class UsableExtensions(NamedTuple):
    """How a server can be sent to.

    Attributes:
        pipelining: commands may go out together (RFC 2920).
        chunking: the message goes out by BDAT (RFC 3030).
    """

    pipelining: bool = False
    chunking: bool = False

    @classmethod
    def to(cls, endpoint: Endpoint, offered: Capabilities, learned: Learned) -> Self:
        """What a server offers, unless its endpoint or what was learned speaks against it."""
        return cls(
            endpoint.pipelining and learned.pipelining and "PIPELINING" in offered,
            endpoint.chunking and learned.chunking and "CHUNKING" in offered,
        )


Group = tuple[tuple[Verb, ...], bytes]
"""Commands that go out together: what they are, and the bytes of them all."""

NO_COMMANDS: Group = ((), b"")


class EnvelopeCommands:
    """MAIL and RCPT of a transaction, for any message.

    Args:
        sender: MAIL, without SIZE if that is to be stated.
        rcpt: RCPT for each of the people.
        way: how the server can be sent to.
        partial: ``abort`` when one recipient is refused, or ``send`` to the others.
        sized: whether MAIL states the size of the message (RFC 1870).

    Attributes:
        people: the recipients, in order.
        safe_to_pipeline_data: whether the message may go out before the replies to RCPT. With
            ``abort`` one of several recipients may be refused, and the others would get it.
        fits_one_write: whether a small message may go out with its envelope.
        octets: of all its commands, at most.
    """

    def __init__(
        self,
        sender: Command,
        rcpt: dict[Mailbox, Command],
        way: UsableExtensions,
        partial: Partial = "send",
        *,
        sized: bool = False,
    ) -> None:
        self.people = tuple(rcpt)
        self.way = way
        self.partial = partial
        self.safe_to_pipeline_data = len(rcpt) == 1 or partial == "send"
        self.fits_one_write = self.safe_to_pipeline_data and way.pipelining and way.chunking
        self._sized = sized
        self._verbs = _verbs(len(rcpt))
        lines = b"".join([command.encode() for command in (sender, *rcpt.values())])
        # SIZE goes behind the path, and no path holds a bracket.
        path, _, after = lines.partition(b">") if sized else (lines, b"", b"")
        before = path + b"> SIZE=" if sized else path
        self._before = (before, b"RSET\r\n" + before)
        self._after = after
        self.octets = len(before) + len(after) + len(b"RSET\r\nDATA\r\n") + 20
        self._known: tuple[Sequence[Reply], tuple[Recipient, ...]] = ((), ())

    def envelope(self, size: int, *, reset: bool = False) -> Group:
        """MAIL and all RCPT.

        Args:
            size: octets of the message.
            reset: whether RSET stands before them.
        """
        return self._verbs.envelope[reset], self._lines(size, reset)

    def by_data(self, size: int, *, reset: bool = False) -> Group:
        """The same with DATA."""
        return self._verbs.by_data[reset], self._lines(size, reset) + b"DATA\r\n"

    def by_bdat(self, size: int, *, reset: bool = False) -> Group:
        """The same with BDAT, behind which the whole message follows."""
        before, verbs = self._before[reset], self._verbs.by_bdat[reset]
        if self._sized:
            return verbs, b"%b%d%bBDAT %d LAST\r\n" % (before, size, self._after, size)
        return verbs, b"%bBDAT %d LAST\r\n" % (before, size)

    def one_by_one(self, size: int, *, reset: bool = False) -> Iterator[Group]:
        """The commands of ``envelope``, each for itself."""
        verbs, lines = self.envelope(size, reset=reset)
        for verb, line in zip(verbs, lines.splitlines(keepends=True), strict=True):
            yield (verb,), line

    def _lines(self, size: int, reset: bool) -> bytes:
        before = self._before[reset]
        return b"%b%d%b" % (before, size, self._after) if self._sized else before

    def accepted(self, replies: Sequence[Reply]) -> tuple[Recipient, ...]:
        """The recipients of a message that was sent for all.

        Args:
            replies: to each RCPT; mostly they are the same as the last time.
        """
        if self._known[0] != replies:
            taken = [
                Recipient(str(who), Status.ACCEPTED, reply)
                for who, reply in zip(self.people, replies, strict=True)
            ]
            self._known = (replies, tuple(taken))
        return self._known[1]


class _Verbs(NamedTuple):
    """Of each group of commands; the second with RSET before it."""

    envelope: tuple[tuple[Verb, ...], tuple[Verb, ...]]
    by_data: tuple[tuple[Verb, ...], tuple[Verb, ...]]
    by_bdat: tuple[tuple[Verb, ...], tuple[Verb, ...]]


@lru_cache(maxsize=256)
def _verbs(people: int) -> _Verbs:
    envelope = (Verb.MAIL, *[Verb.RCPT] * people)
    groups = (envelope, (*envelope, Verb.DATA), (*envelope, Verb.BDAT_LAST))
    return _Verbs(*[(group, (Verb.RSET, *group)) for group in groups])


RECIPIENTS_PER_TRANSACTION = 100
"""What every server has to take (RFC 5321 section 4.5.3.1.8); RCPTMAX of LIMITS goes before it."""

MAX_REMEMBERED = 1024
"""Wordings that a factory remembers."""


class CommandFactory:
    """The wordings for one server; many messages go out with the same one.

    Args:
        capabilities: of the server.
        terms: what is asked of it.
        way: how it can be sent to.

    Attributes:
        room: recipients that it takes in one transaction.
        seven_bit: whether it takes no octets above 127 (RFC 6152).
        ascii_header: whether it takes none in a header (RFC 6531).
    """

    __slots__ = ("_known", "ascii_header", "capabilities", "room", "seven_bit", "terms", "way")

    def __init__(
        self, capabilities: Capabilities, terms: SendOptions, way: UsableExtensions
    ) -> None:
        self.capabilities = capabilities
        self.terms = terms
        self.way = way
        self.room = capabilities.limits.get("RCPTMAX", RECIPIENTS_PER_TRANSACTION)
        self.seven_bit = "8BITMIME" not in capabilities
        self.ascii_header = "SMTPUTF8" not in capabilities
        self._known: dict[object, EnvelopeCommands] = {}

    def commands(self, outgoing: Outgoing, people: tuple[Mailbox, ...]) -> EnvelopeCommands:
        """For some of a message's recipients."""
        sender = outgoing.envelope.sender
        key = (sender, people, outgoing.eight_bit, outgoing.smtputf8)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._new(outgoing, people)
        return found

    def _new(self, outgoing: Outgoing, people: tuple[Mailbox, ...]) -> EnvelopeCommands:
        terms, dsn = self.terms, self.terms.dsn
        sender = mail(
            outgoing.envelope.sender,
            body="8BITMIME" if outgoing.eight_bit else None,
            smtputf8=outgoing.smtputf8,
            requiretls=terms.require_tls,
            ret=dsn.ret if dsn else None,
            envid=dsn.envid if dsn else None,
        )
        said = {who: _rcpt(who, dsn) for who in people}
        return EnvelopeCommands(
            sender, said, self.way, terms.partial, sized="SIZE" in self.capabilities
        )


@lru_cache(maxsize=1024)
def _rcpt(who: Mailbox, dsn: DSN | None) -> Command:
    """Lists of recipients repeat themselves."""
    if dsn is None:
        return rcpt(who)
    return rcpt(who, notify=dsn.notify, orcpt=who if dsn.orcpt else None)
