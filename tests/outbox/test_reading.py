"""What lists and failures tell beyond the columns of their tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event, insert

from smtps.advice import ADVICE
from smtps.outbox import reading, tables
from smtps.outbox.reading import Filter

MESSAGE: dict[str, Any] = {
    "account": "ann", "state": "failed", "created": 0, "expires": 1, "tries": 1, "step": 0,
    "told": False, "kept": False, "sender": "ann@example.com", "subject": "", "size": 1,
    "terms": "{}", "tags": "[]", "metadata": "{}",
}  # fmt: skip


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    tables.metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


def keep(connection: Connection, id_: str, *people: tuple[str, str], code: str) -> None:
    failure = json.dumps({"code": code, "message": "No."})
    connection.execute(
        insert(tables.messages), {**MESSAGE, "id": id_.rjust(32, "0"), "failure": failure}
    )
    connection.execute(
        insert(tables.recipients),
        [
            {"message": id_.rjust(32, "0"), "n": n, "email": email, "standing": standing}
            for n, (email, standing) in enumerate(people)
        ],
    )


def test_a_list_names_the_first_recipient_and_counts_them_all(connection: Connection) -> None:
    many = [(f"x{n}@example.org", "accepted" if n else "refused") for n in range(300)]
    keep(connection, "1", ("bob@example.org", "accepted"), code="send.failed")
    keep(connection, "2", *many, code="send.failed")
    asked = []
    event.listen(connection, "before_cursor_execute", lambda *given: asked.append(given))
    newest, oldest = reading.page(connection, Filter())
    assert (newest["first_recipient"], newest["standings"]) == (
        "x0@example.org", {"accepted": 299, "refused": 1},
    )  # fmt: skip
    assert (oldest["first_recipient"], oldest["standings"]) == ("bob@example.org", {"accepted": 1})
    assert len(asked) == 3  # however many messages there are


def test_a_failure_comes_with_its_advice_if_its_code_is_known(connection: Connection) -> None:
    keep(connection, "1", ("bob@example.org", "refused"), code="send.recipient_unknown")
    keep(connection, "2", ("bob@example.org", "refused"), code="send.of_another_release")
    strange, known = (message["failure"] for message in reading.page(connection, Filter()))
    row = ADVICE["send.recipient_unknown"]
    assert (known["meaning"], known["advice"], known["message"]) == (row.meaning, row.fix, "No.")
    assert (strange["meaning"], strange["advice"]) == (None, None)


def test_it_says_whether_a_message_is_still_kept(connection: Connection) -> None:
    keep(connection, "1", ("bob@example.org", "refused"), code="send.failed")
    found = reading.show(connection, "1".rjust(32, "0"))
    assert found is not None
    assert found["kept"] is False
    assert found["failure"]["advice"] == ADVICE["send.failed"].fix


def test_an_account_that_waits_comes_with_advice(connection: Connection) -> None:
    lane = {"token": 0, "level": 0.0, "level_at": 0, "day": 0, "spent": 0, "not_before": 5}
    connection.execute(
        insert(tables.lanes),
        [
            {**lane, "account": "a", "failures": 1, "stopped": True, "code": "auth.rejected"},
            {**lane, "account": "b", "failures": 0, "stopped": False, "code": None},
        ],
    )
    stopped, fine = reading.account_states(connection, 0)
    assert (stopped["status"], stopped["advice"]) == ("stopped", ADVICE["auth.rejected"].fix)
    assert (fine["status"], fine["advice"]) == ("ok", None)
