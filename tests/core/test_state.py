"""The two tables: what may be sent when, and where a reply leads."""

from __future__ import annotations

import pytest

from smtps.core.command import Verb
from smtps.core.state import DONE, LAST_OF_GROUP, MORE, NO, REPLIES, SEND, State

ALL_WAYS = [
    (state, verb, optimistic) for state, verbs in SEND.items() for verb, optimistic in verbs.items()
]


def test_every_state_says_what_may_be_sent() -> None:
    assert set(SEND) == set(State)


def test_every_verb_says_where_its_replies_lead() -> None:
    assert set(REPLIES) == set(Verb)


def test_every_verb_but_the_greeting_can_be_sent_somewhere() -> None:
    assert {verb for _, verb, _ in ALL_WAYS} == set(Verb) - {Verb.GREETING}


def test_every_state_can_be_reached() -> None:
    reached, more = {State.CONNECTED}, {State.GREETED, State.REFUSED}
    while more:
        reached |= more
        leads_to = [REPLIES[v].values() for s, v, _ in ALL_WAYS if s in reached]
        more = {state for states in leads_to for state in states if state} - reached
    assert reached == set(State)


@pytest.mark.parametrize(("state", "verb", "optimistic"), ALL_WAYS)
def test_the_sent_state_is_one_that_a_good_answer_leads_to(
    state: State, verb: Verb, optimistic: State | None
) -> None:
    good = [lead or state for kind, lead in REPLIES[verb].items() if kind != NO]
    assert (optimistic or state) in good


@pytest.mark.parametrize("verb", Verb)
def test_every_verb_can_be_refused(verb: Verb) -> None:
    assert NO in REPLIES[verb]


@pytest.mark.parametrize("verb", Verb)
def test_only_data_and_logins_go_on_with_a_3yz(verb: Verb) -> None:
    asks_for_more = {Verb.DATA, Verb.AUTH, Verb.RESPONSE}
    assert (MORE in REPLIES[verb]) is (verb in asks_for_more)
    assert (DONE in REPLIES[verb]) is (verb is not Verb.DATA)


@pytest.mark.parametrize(
    ("verb", "states"),
    [
        (Verb.EHLO, {State.GREETED, State.READY, State.MAIL, State.RCPT}),
        (Verb.STARTTLS, {State.READY}),
        (Verb.AUTH, {State.READY}),  # RFC 4954 section 4: not during a mail transaction
        (Verb.RESPONSE, {State.LOGIN}),
        (Verb.MAIL, {State.READY}),
        (Verb.RCPT, {State.MAIL, State.RCPT}),
        (Verb.DATA, {State.RCPT}),  # RFC 3030 section 2: not behind a BDAT
        (Verb.END_OF_DATA, {State.CONTENT}),
        (Verb.BDAT, {State.RCPT, State.CHUNKS}),
        (Verb.BDAT_LAST, {State.RCPT, State.CHUNKS}),
        (Verb.RSET, {State.READY, State.MAIL, State.RCPT, State.CHUNKS, State.SPOILED}),
    ],
)
def test_the_order_of_commands(verb: Verb, states: set[State]) -> None:
    """RFC 5321 section 4.1.4."""
    assert {state for state, verbs in SEND.items() if verb in verbs} == states


@pytest.mark.parametrize("state", [State.CONNECTED, State.UPGRADING, State.CLOSED])
def test_where_the_client_has_nothing_to_say(state: State) -> None:
    assert SEND[state] == {}


def test_after_a_refused_greeting_only_quit_is_left() -> None:
    """RFC 5321 section 3.1."""
    assert set(SEND[State.REFUSED]) == {Verb.QUIT}


def test_inside_the_message_no_command_is_understood() -> None:
    assert set(SEND[State.CONTENT]) == {Verb.END_OF_DATA}


def test_what_may_be_followed_at_once() -> None:
    """RFC 2920 section 3.1 and RFC 3030 section 4.2; STARTTLS and AUTH change the language."""
    followed = {Verb.MAIL, Verb.RCPT, Verb.RSET, Verb.END_OF_DATA, Verb.BDAT, Verb.BDAT_LAST}
    assert set(Verb) - LAST_OF_GROUP == followed
