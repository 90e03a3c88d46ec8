"""The sandbox's inbox: what is found in it, and what its HTML would do."""

from __future__ import annotations

import asyncio

import pytest

from smtps.sandbox.held_back import MOST, held_back
from smtps.sandbox.inbox import Inbox, Wanted
from smtps.sandbox.personas import PERSONAS


@pytest.fixture
def inbox() -> Inbox:
    filled = Inbox()
    for n, (persona, to) in enumerate([("healthy", "bob"), ("spam", "ann"), ("healthy", "ann")]):
        head = f"From: Dana <dana@x.test>\r\nSubject: Order {n}\r\n\r\n"
        filled.add("s@x.test", (f"{to}@x.test",), f"{head}Parcel {n}.\r\n".encode(), persona)
    return filled


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Wanted(), "321"),
        (Wanted(persona="healthy"), "31"),
        (Wanted(recipient="ANN@"), "32"),
        (Wanted(sender="other"), ""),
        (Wanted(subject="order 1"), "2"),
        (Wanted(text="dana"), "321"),
        (Wanted(text="parcel 2"), "3"),
        (Wanted(after=1, persona="healthy"), "3"),
    ],
    ids=repr,
)
def test_messages_are_found_the_newest_first(inbox: Inbox, wanted: Wanted, ids: str) -> None:
    assert "".join(message.id for message in inbox.newest(wanted)) == ids


def test_one_message_is_deleted(inbox: Inbox) -> None:
    assert inbox.remove("2")
    assert not inbox.remove("2")
    assert [message.id for message in inbox.all()] == ["1", "3"]


async def test_a_wait_ends_with_the_message_that_was_wanted(inbox: Inbox) -> None:
    waiting = asyncio.create_task(inbox.newest_in(Wanted(recipient="carol"), 30))
    await asyncio.sleep(0)
    inbox.add("s@x.test", ("bob@x.test",), b"", "healthy")
    await asyncio.sleep(0)
    inbox.add("s@x.test", ("carol@x.test",), b"", "healthy")
    (found,) = await waiting
    assert found.recipients == ("carol@x.test",)
    assert await inbox.newest_in(Wanted(recipient="nobody"), 0) == []


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ("<p>Hello", []),
        ("<img src=data:image/png;base64,AA><img src=cid:a>", [("image", "cid:a")]),
        ("<img src=https://x.test/a.png><img src=https://x.test/a.png>",
         [("image", "https://x.test/a.png")]),
        ("<script>alert(1)</script>", [("script", "")]),
        ("<a onclick=go()>x</a>", [("script", "onclick of a")]),
        ("<form action=https://x.test>", [("form", "https://x.test")]),
        ("<link rel=stylesheet href=https://x.test/a.css>", [("stylesheet", "https://x.test/a.css")]),
        ("<style>@import 'https://x.test/b.css'; p{background:url(https://x.test/c)}</style>",
         [("stylesheet", "https://x.test/b.css"), ("image", "https://x.test/c")]),
        ("<td style=\"background: url('//x.test/d')\">", [("image", "//x.test/d")]),
    ],
)  # fmt: skip
def test_what_html_would_load_or_run_is_listed(html: str, found: list[tuple[str, str]]) -> None:
    assert [(each["kind"], each["source"]) for each in held_back(html)] == found


def test_the_list_is_bounded() -> None:
    assert len(held_back("".join(f"<img src=https://x.test/{n}>" for n in range(500)))) == MOST


def test_each_persona_has_a_group() -> None:
    groups = {name: persona.group for name, persona in PERSONAS.items()}
    assert groups["healthy"] == "Nothing wrong"
    assert groups["expired"] == "Certificate"
    assert groups["starttls-missing"] == "STARTTLS"
    assert groups["greylisting"] == "Sending"
