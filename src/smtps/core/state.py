"""The dialogue as two tables: what may be sent when, and where a reply leads.

A connection is in two states at once. ``SEND`` moves the *sent* state, which takes it that every
answer under way will be yes; that is what lets commands go out together. ``REPLIES`` moves the
*confirmed* state. When no reply is due any more, the two are one again.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache

from smtps.core.command import PHASES, Verb
from smtps.errors import SessionError


class State(StrEnum):
    """Where the dialogue stands (RFC 5321 section 4.1.4)."""

    CONNECTED = "waiting for the greeting"
    GREETED = "greeted, no EHLO yet"
    REFUSED = "greeted with a refusal"
    READY = "ready for a login or a message"
    UPGRADING = "about to start TLS"
    LOGIN = "in a login"
    MAIL = "sender accepted"
    RCPT = "recipients accepted"
    CONTENT = "sending the message"
    CHUNKS = "sending the message in chunks"
    SPOILED = "left with a refused chunk"
    CLOSED = "over"


_ANYWHERE = {Verb.NOOP: None, Verb.RSET: State.READY, Verb.QUIT: State.CLOSED}
"""None: stays where it is."""

_IN_ENVELOPE = {**_ANYWHERE, Verb.EHLO: State.READY}
"""EHLO makes the server forget the envelope as RSET does (RFC 5321 section 4.1.4)."""

SEND: dict[State, dict[Verb, State | None]] = {
    State.CONNECTED: {},
    State.GREETED: {
        Verb.EHLO: State.READY,
        Verb.HELO: State.READY,
        Verb.NOOP: None,
        Verb.QUIT: State.CLOSED,
    },
    State.REFUSED: {Verb.QUIT: State.CLOSED},
    State.READY: {
        Verb.EHLO: None,
        Verb.HELO: None,
        Verb.STARTTLS: State.UPGRADING,
        Verb.AUTH: State.LOGIN,
        Verb.MAIL: State.MAIL,
        **_ANYWHERE,
    },
    State.UPGRADING: {},
    State.LOGIN: {Verb.RESPONSE: None},
    State.MAIL: {Verb.RCPT: State.RCPT, **_IN_ENVELOPE},
    State.RCPT: {
        Verb.RCPT: None,
        Verb.DATA: State.CONTENT,
        Verb.BDAT: State.CHUNKS,
        Verb.BDAT_LAST: State.READY,
        **_IN_ENVELOPE,
    },
    State.CONTENT: {Verb.END_OF_DATA: State.READY},
    State.CHUNKS: {Verb.BDAT: None, Verb.BDAT_LAST: State.READY, **_ANYWHERE},
    State.SPOILED: _ANYWHERE,
    State.CLOSED: {},
}

DONE, MORE, NO = 2, 3, 5
"""What a reply comes to: the command is done, goes on, or was refused, for now or for good."""

OK = 250
CLOSING = 421
"""May answer any command (RFC 5321 section 4.2.2), and is the last thing that a server says."""

YES: dict[Verb, dict[int, int]] = {
    Verb.GREETING: {220: DONE},
    Verb.EHLO: {OK: DONE},
    Verb.HELO: {OK: DONE},
    Verb.STARTTLS: {220: DONE},  # RFC 3207 section 4
    Verb.AUTH: {235: DONE, 334: MORE},  # RFC 4954 section 4
    Verb.RESPONSE: {235: DONE, 334: MORE},
    Verb.MAIL: {OK: DONE},
    Verb.RCPT: {OK: DONE, 251: DONE, 252: DONE},
    Verb.DATA: {354: MORE},
    Verb.END_OF_DATA: {OK: DONE},
    Verb.BDAT: {OK: DONE},  # RFC 3030 section 2
    Verb.BDAT_LAST: {OK: DONE},
    Verb.RSET: {OK: DONE},
    Verb.NOOP: {OK: DONE},
    Verb.QUIT: {221: DONE},
}
"""The codes that say yes to each command (RFC 5321 section 4.3.2).

Any other code below 400 answers another command: the server is out of step, and what it says next
would be taken for an answer that it is not. 252 belongs to VRFY, and some servers give it to RCPT
too; it promises the delivery (section 3.5.3).
"""

WHOSE: dict[int, str] = {
    211: "answers HELP",
    214: "answers HELP",
    220: "is a greeting",
    221: "answers QUIT",
    235: "answers a login",
    OK: "answers another command",
    251: "answers RCPT",
    252: "answers RCPT",
    334: "asks for more of a login",
    354: "answers DATA",
}
"""What the known codes below 400 say where they belong."""

HARMLESS = frozenset(
    {
        Verb.GREETING,
        Verb.EHLO,
        Verb.HELO,
        Verb.STARTTLS,
        Verb.AUTH,
        Verb.RESPONSE,
        Verb.RSET,
        Verb.NOOP,
        Verb.QUIT,
    }
)
"""Where nothing is lost if a no is believed that stands beside a yes in the same reply."""


_OF_THE_MESSAGE = frozenset({Verb.END_OF_DATA, Verb.BDAT, Verb.BDAT_LAST})


def outcome(verb: Verb, code: int) -> int | None:
    """What a code comes to as the answer to a command: DONE, MORE or NO; None if it is none."""
    return NO if code >= 400 else YES[verb].get(code)


def contradicts(verb: Verb, code: int, others: tuple[int, ...]) -> bool:
    """Whether the lines of one reply say different things, though they have to have one code (RFC
    5321 section 4.2.1).

    The last line's code counts. Postfix's postscreen depends on that: it begins with ``220-`` and
    may end with ``521``. A yes to a message beside a no to it is neither.

    Args:
        verb: what is answered.
        code: of the last line.
        others: of the other lines.
    """
    meant = outcome(verb, code)
    if meant == NO and (verb in HARMLESS or (code == CLOSING and verb not in _OF_THE_MESSAGE)):
        return False
    return meant is None or any(outcome(verb, other) != meant for other in others)


REPLIES: dict[Verb, dict[int, State | None]] = {
    Verb.GREETING: {DONE: State.GREETED, NO: State.REFUSED},
    Verb.EHLO: {DONE: State.READY, NO: None},
    Verb.HELO: {DONE: State.READY, NO: None},
    Verb.STARTTLS: {DONE: State.UPGRADING, NO: None},
    Verb.AUTH: {DONE: State.READY, MORE: State.LOGIN, NO: State.READY},
    Verb.RESPONSE: {DONE: State.READY, MORE: State.LOGIN, NO: State.READY},
    Verb.MAIL: {DONE: State.MAIL, NO: None},
    Verb.RCPT: {DONE: State.RCPT, NO: None},
    Verb.DATA: {MORE: State.CONTENT, NO: None},
    Verb.END_OF_DATA: {DONE: State.READY, NO: State.READY},
    Verb.BDAT: {DONE: State.CHUNKS, NO: State.SPOILED},
    Verb.BDAT_LAST: {DONE: State.READY, NO: State.READY},
    Verb.RSET: {DONE: State.READY, NO: None},
    Verb.NOOP: {DONE: None, NO: None},
    Verb.QUIT: {DONE: State.CLOSED, NO: State.CLOSED},
}
"""Where each of them leads. None: stays where it is."""

LAST_OF_GROUP = frozenset(
    {
        Verb.GREETING,
        Verb.EHLO,
        Verb.HELO,
        Verb.STARTTLS,
        Verb.AUTH,
        Verb.RESPONSE,
        Verb.DATA,
        Verb.NOOP,
        Verb.QUIT,
    }
)
"""Nothing may be sent behind these until their reply is here (RFC 2920 section 3.1)."""


@lru_cache(maxsize=1024)
def walk(
    state: State,
    before: Verb | None,
    verbs: tuple[Verb, ...],
    pipelining: bool,
) -> State:
    """Where commands lead that go out together, if they may; remembered, as they are mostly alike.

    Args:
        state: the sent state.
        before: the last command whose reply is due.
        verbs: what the commands are.
        pipelining: whether the server takes one before it has answered another (RFC 2920).

    Raises:
        SessionError: one of them has no place there.
    """
    for verb in verbs:
        moves = SEND[state]
        if verb not in moves:
            raise out_of_order(verb, f"cannot be sent while the session is {state.value}")
        if before is not None and (before in LAST_OF_GROUP or not pipelining):
            raise SessionError(
                "session.reply_due",
                f"{verb} has to wait for the reply to {before}.",
                phase=PHASES[verb],
            )
        state, before = moves[verb] or state, verb
    return state


PLAIN = frozenset({Verb.MAIL, Verb.RCPT, Verb.END_OF_DATA, Verb.BDAT_LAST, Verb.RSET})
"""Commands to which a yes changes nothing but the state."""


@lru_cache(maxsize=1024)
def all_granted(verbs: tuple[Verb, ...]) -> State | None:
    """Where a yes to each of these leads; None if it means more for one of them."""
    return REPLIES[verbs[-1]][DONE] if PLAIN.issuperset(verbs) else None


def out_of_order(verb: Verb, why: str) -> SessionError:
    """The error for a command that has no place where it was said."""
    return SessionError("session.out_of_order", f"{verb} {why}.", phase=PHASES[verb])
