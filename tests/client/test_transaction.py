"""What a transaction makes of the replies: the table behind `uncertain` and RSET."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from smtps.client.commands import EnvelopeCommands, UsableExtensions
from smtps.client.transaction import ONE_WRITE, Transaction
from smtps.core.address import Mailbox
from smtps.core.command import Verb, mail, rcpt
from smtps.core.reply import EnhancedCode, Reply
from smtps.endpoint import Partial
from smtps.errors import NetworkError, ProtocolError, RefusedError, SMTPSError
from smtps.message.content import Content

ANN, BOB, EVE = (Mailbox.parse(f"{name}@example.com") for name in ("ann", "bob", "eve"))
YES, LATER, NO = Reply(250, ("ok",)), Reply(451, ("later",)), Reply(550, ("no",))
GO_ON, FULL, UNKNOWN = Reply(354, ("go on",)), Reply(452, ("enough",)), Reply(502, ("what?",))

LOCKSTEP = UsableExtensions()
PIPELINING = UsableExtensions(pipelining=True)
CHUNKING = UsableExtensions(chunking=True)
BOTH = UsableExtensions(pipelining=True, chunking=True)


def transaction(
    way: UsableExtensions = BOTH,
    *,
    people: tuple[Mailbox, ...] = (BOB, EVE),
    partial: Partial = "send",
    size: int = 5,
    lockstep: bool = False,
) -> Transaction:
    commands = EnvelopeCommands(mail(ANN), {who: rcpt(who) for who in people}, way, partial)
    return Transaction(commands, Content(b"x" * size), lockstep=lockstep)


def answered(
    *replies: Reply,
    way: UsableExtensions = BOTH,
    partial: Partial = "send",
    complete: bool = True,
    reset: bool = False,
    error: SMTPSError | None = None,
    unread: bool = False,
) -> Transaction:
    """One that says what it may and gets the replies; the message is handed over in time."""
    found = transaction(way, partial=partial)
    due: list[Verb] = []
    left = list(replies)
    while not found.said and (step := found.say(reset=reset and not found.begun)) is not None:
        (verbs, _), content, stuffed = step
        due += [*verbs, *([Verb.END_OF_DATA] if stuffed else [])]
        found.complete = found.complete or (content is not None and complete)
        while due and left:
            found.take(due.pop(0), left.pop(0))
        if due:
            break
    assert not left
    if error is not None:
        found.fail(error, unread=unread)
    return found


CUT = NetworkError("net.closed_by_server", "gone")
GIBBERISH = ProtocolError("smtp.malformed_reply", "what")


@dataclass(frozen=True)
class Case:
    """What was answered, and whether the message is in doubt then."""

    name: str
    replies: tuple[Reply, ...]
    in_doubt: bool
    complete: bool = True
    error: SMTPSError | None = CUT
    unread: bool = False


DOUBTS = [
    Case("nothing was answered", (), in_doubt=True),
    Case("the sender was accepted", (YES,), in_doubt=True),
    Case("one was accepted", (YES, YES), in_doubt=True),
    Case("both were accepted", (YES, YES, YES), in_doubt=True),
    Case("the first was refused, the second not answered", (YES, NO), in_doubt=True),
    Case("the first was refused, the second accepted", (YES, NO, YES), in_doubt=True),
    Case("the first was accepted, the second refused", (YES, YES, NO), in_doubt=True),
    Case("both were refused", (YES, NO, NO), in_doubt=False),
    Case("both were put off", (YES, LATER, LATER), in_doubt=False),
    Case("the sender was refused", (NO,), in_doubt=False),
    Case("the sender was put off", (LATER,), in_doubt=False),
    Case("the sender was refused, a recipient accepted", (NO, YES), in_doubt=False),
    Case("the message was taken", (YES, YES, YES, YES), in_doubt=False, error=None),
    Case("the message was refused", (YES, YES, YES, NO), in_doubt=False, error=None),
    Case("not all of it was written", (YES, YES, YES), in_doubt=False, complete=False),
    Case("the server reads no further", (YES, YES, YES), in_doubt=False, unread=True),
    Case("what follows makes no sense", (YES, NO, NO), in_doubt=True, error=GIBBERISH),
    Case("not all was written and what follows makes no sense", (YES,), in_doubt=False,
         complete=False, error=GIBBERISH),
    Case("a message for nobody was taken", (YES, NO, NO, YES), in_doubt=True, error=None),
    Case("a message for nobody was refused", (YES, NO, NO, NO), in_doubt=False, error=None),
    Case("BDAT is unknown", (YES, YES, YES, UNKNOWN), in_doubt=False, error=None),
]  # fmt: skip


@pytest.mark.parametrize("case", DOUBTS, ids=lambda case: case.name)
def test_a_message_is_in_doubt_only_if_all_of_it_was_written_and_a_recipient_may_be_accepted(
    case: Case,
) -> None:
    found = answered(*case.replies, complete=case.complete, error=case.error, unread=case.unread)
    assert found.in_doubt is case.in_doubt


@pytest.mark.parametrize(
    ("final", "taken"),
    [(None, False), (Reply(250, ("",)), True), (Reply(399, ("",)), True),
     (Reply(400, ("",)), False), (NO, False)],
    ids=str,
)  # fmt: skip
def test_a_message_is_taken_if_its_last_reply_is_below_400(
    final: Reply | None, taken: bool
) -> None:
    found = answered(YES, YES, YES, *([final] if final else []))
    assert found.taken is taken


@pytest.mark.parametrize("error", [CUT, GIBBERISH])
def test_an_error_after_the_final_reply_leaves_no_doubt(error: SMTPSError) -> None:
    found = answered(YES, YES, YES, YES, error=error)
    assert found.taken
    assert not found.in_doubt


def test_a_reply_too_many_puts_the_answer_to_a_blind_message_in_doubt() -> None:
    found = answered(YES, YES, YES, YES)
    found.doubt(GIBBERISH)
    assert found.in_doubt
    assert not found.taken


def test_a_reply_too_many_changes_nothing_where_the_message_waited_for_its_envelope() -> None:
    found = answered(YES, YES, YES, YES, way=CHUNKING)
    found.doubt(GIBBERISH)
    assert found.taken
    assert not found.in_doubt


def test_a_refusal_in_the_middle_of_the_message_is_the_answer_to_it() -> None:
    found = answered(YES, YES, YES, complete=False)
    found.refuse_midway(
        RefusedError("smtp.too_large", "no", smtp_code=552, enhanced="5.3.4", lines=("too large",))
    )
    assert found.final == Reply(552, ("too large",), EnhancedCode(5, 3, 4))
    assert not found.taken
    assert not found.in_doubt


# Recipients that the server may still keep, who would get the next message too.

LEFT_OPEN: list[tuple[str, tuple[Reply, ...], UsableExtensions, bool]] = [
    ("taken", (YES, YES, YES, YES), BOTH, False),
    ("refused behind BDAT", (YES, YES, YES, NO), BOTH, True),
    ("refused behind DATA", (YES, YES, YES, GO_ON, NO), PIPELINING, False),
    ("DATA refused", (YES, YES, YES, NO), PIPELINING, True),
    ("all recipients refused", (YES, NO, NO), CHUNKING, True),
    ("sender refused, recipients too", (NO, NO, NO, NO), BOTH, False),
    ("sender refused, a recipient accepted", (NO, NO, YES, NO), BOTH, True),
    ("sender refused in lockstep", (NO,), LOCKSTEP, False),
]


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    ("replies", "way", "left_open"),
    [row[1:] for row in LEFT_OPEN],
    ids=[row[0] for row in LEFT_OPEN],
)
def test_the_server_may_keep_recipients_until_it_has_decided_on_the_message(
    replies: tuple[Reply, ...], way: UsableExtensions, left_open: bool, before: bool
) -> None:
    nothing_was_accepted = not replies[0].positive and YES not in replies
    found = answered(*replies, way=way)
    assert found.leaves_open(before=before) is (left_open or (before and nothing_was_accepted))


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize(
    ("rset", "left_open"), [(YES, False), (NO, True)], ids=["taken", "refused"]
)
def test_the_recipients_before_are_gone_only_after_a_reset_that_was_accepted(
    rset: Reply, left_open: bool, before: bool
) -> None:
    found = answered(rset, NO, NO, NO, way=PIPELINING, reset=True)
    assert found.leaves_open(before=before) is (before and left_open)


# Who is accepted, and who has to go with another transaction.


@pytest.mark.parametrize(
    ("replies", "overflow"),
    [
        ((YES, FULL), [EVE]),
        ((YES, Reply(552, ("",))), [EVE]),
        ((YES, Reply(452, ("",), EnhancedCode(4, 5, 3))), [EVE]),
        ((YES, Reply(452, ("",), EnhancedCode(4, 2, 2))), []),
        ((YES, Reply(451, ("",))), []),
        ((FULL, YES), []),
        ((FULL, FULL), []),
    ],
    ids=str,
)
def test_a_recipient_is_one_too_many_only_after_one_that_was_accepted(
    replies: tuple[Reply, ...], overflow: list[Mailbox]
) -> None:
    assert answered(YES, *replies, way=PIPELINING).overflow == overflow


@pytest.mark.parametrize(
    ("partial", "replies", "go_on"),
    [
        ("abort", (YES, YES), True),
        ("abort", (YES, NO), False),
        ("abort", (YES, FULL), True),
        ("send", (YES, NO), True),
        ("send", (NO, YES), True),
        ("send", (NO, NO), False),
    ],
)
def test_the_message_goes_to_those_accepted_and_with_abort_only_if_none_was_refused(
    partial: Partial, replies: tuple[Reply, ...], go_on: bool
) -> None:
    assert answered(YES, *replies, way=CHUNKING, partial=partial).go_on is go_on


@pytest.mark.parametrize(("size", "blind"), [(ONE_WRITE, True), (ONE_WRITE + 1, False)])
def test_a_message_of_the_limit_goes_out_with_its_envelope_and_a_larger_one_waits(
    size: int, blind: bool
) -> None:
    found = transaction(size=size)
    step = found.say()
    assert step is not None
    assert (step[1] is not None) is blind
    assert found.blind is blind


@pytest.mark.parametrize(
    ("people", "partial", "blind"),
    [((BOB,), "abort", True), ((BOB, EVE), "abort", False), ((BOB, EVE), "send", True)],
)
def test_the_message_goes_out_with_its_envelope_if_no_refusal_could_stop_it(
    people: tuple[Mailbox, ...], partial: Partial, blind: bool
) -> None:
    found = transaction(people=people, partial=partial)
    found.say()
    assert found.blind is blind


def test_of_two_recipients_in_lockstep_the_second_is_not_named_after_a_refusal() -> None:
    found = transaction(LOCKSTEP, partial="abort")
    for verb, reply in ((Verb.MAIL, YES), (Verb.RCPT, NO)):
        step = found.say()
        assert step is not None
        assert step[0][0] == (verb,)
        found.take(verb, reply)
    assert found.say() is None
    assert found.over
    assert not found.in_doubt
