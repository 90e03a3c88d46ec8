"""What a redactor takes out of a text, and what it leaves in it."""

from __future__ import annotations

import base64

import pytest

from smtps.client.transcript import Redactor
from smtps.core.command import HIDDEN
from smtps.core.reply import Reply

LENGTHS = range(4, 12)
SECRET = "Pa55-w0rd#x"


def knowing(*secrets: str | bytes) -> Redactor:
    redact = Redactor()
    for secret in secrets:
        redact.learn(secret)
    return redact


@pytest.mark.parametrize("length", LENGTHS)
def test_a_secret_of_4_to_11_characters_is_hidden(length: int) -> None:
    secret = SECRET[:length]
    assert knowing(secret)(f"535 {secret}: no") == f"535 {HIDDEN}: no"


def test_a_secret_of_3_characters_stays_as_it_would_take_words_apart() -> None:
    assert knowing("and")("250 and so on, sand") == "250 and so on, sand"


@pytest.mark.parametrize("after", ["", "z", "\0zoe"])
@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "\0zoe\0"])
@pytest.mark.parametrize("length", LENGTHS)
def test_each_character_of_base64_that_only_the_secret_decides_is_hidden(
    length: int, before: str, after: str
) -> None:
    secret = SECRET[:length]
    text = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    first, last = -(-8 * len(before) // 6), 8 * (len(before) + length) // 6
    shown = knowing(secret)(f"334 {text}")
    assert text[first:last] not in shown
    assert shown.startswith(f"334 {text[:first]}{HIDDEN}")


@pytest.mark.parametrize(
    ("secret", "shown"),
    [
        ("pässwort", "pässwort"),
        ("pässwort", "p\\xe4sswort"),
        ("tab\there", "tab\\there"),
        (b"\xffbytes", "\ufffdbytes"),
        (b"plain bytes", "plain bytes"),
    ],
    ids=str,
)
def test_a_secret_is_hidden_in_each_form_in_which_a_transcript_shows_it(
    secret: str | bytes, shown: str
) -> None:
    assert knowing(secret)(f"> {shown}.") == f"> {HIDDEN}."


@pytest.mark.parametrize("secrets", [("secret", "secret-2"), ("secret-2", "secret")])
def test_of_two_secrets_of_which_one_begins_like_the_other_nothing_is_left(
    secrets: tuple[str, str],
) -> None:
    assert knowing(*secrets)("secret-2, secret") == f"{HIDDEN}, {HIDDEN}"


def test_a_second_secret_does_not_replace_the_first() -> None:
    assert knowing("first", "other")("first other first") == f"{HIDDEN} {HIDDEN} {HIDDEN}"


def test_a_reply_that_was_clean_is_cleaned_again_after_a_secret_is_learnt() -> None:
    redact = knowing("other")
    reply = Reply(250, ("hello secret",), others=("220-secret",))
    assert redact.reply(reply) is reply
    redact.learn("secret")
    assert redact.reply(reply) == Reply(250, (f"hello {HIDDEN}",), others=(f"220-{HIDDEN}",))


def test_the_same_reply_is_cleaned_once() -> None:
    redact, reply = knowing("secret"), Reply(535, ("secret",))
    assert redact.reply(reply) is redact.reply(reply)


def test_two_replies_are_remembered_separately() -> None:
    redact = knowing("secret")
    one, two = Reply(250, ("one secret",)), Reply(250, ("two secret",))
    assert redact.reply(one).lines != redact.reply(two).lines


@pytest.mark.parametrize(("secret", "busy"), [(None, False), ("xy", False), ("word", True)])
def test_it_is_busy_as_soon_as_there_is_something_to_look_for(
    secret: str | None, busy: bool
) -> None:
    assert knowing(*([secret] if secret else [])).busy is busy
