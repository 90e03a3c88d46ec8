"""Taking messages in: the message, its recipients, its body and its key in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select, tuple_

from smtps.errors import LocalError, Phase
from smtps.outbox import tables
from smtps.outbox.records import Key, RecipientStatus, Submission
from smtps.outbox.tables import insert_all, insert_new


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that is on the disk.

    Attributes:
        answer: what its caller was told the first time.
        replayed: whether it was there already.
    """

    answer: dict[str, Any]
    replayed: bool = False


class KeyReusedError(LocalError):
    """The key belongs to another request."""

    def __init__(self) -> None:
        super().__init__(
            "outbox.key_reused",
            "This Idempotency-Key was used for another request; take a new one.",
            phase=Phase.INPUT,
            field="Idempotency-Key",
        )


def accept(
    connection: Connection, submissions: list[Submission]
) -> list[Accepted | KeyReusedError]:
    """Keep messages; one whose key is known already is not kept again."""
    known = _take_keys(connection, [s for s in submissions if s.key is not None])
    fresh = [s for s in submissions if s.key is None or known[_name(s.key)]["message"] == s.id]
    if fresh:
        _keep(connection, fresh)
    kept = {submission.id for submission in fresh}
    return [_answer(s, known, new=s.id in kept) for s in submissions]


def _keep(connection: Connection, fresh: list[Submission]) -> None:
    insert_all(connection, tables.messages, [s.as_row() for s in fresh])
    insert_all(
        connection,
        tables.bodies,
        [{"id": s.id, "data": bytes(s.outgoing.content)} for s in fresh],
    )
    insert_all(
        connection,
        tables.recipients,
        [
            {"message": s.id, "n": n, "email": str(who), "standing": _PENDING}
            for s in fresh
            for n, who in enumerate(s.outgoing.envelope.recipients)
        ],
    )
    marks = [{"tag": tag, "message": s.id} for s in fresh for tag in dict.fromkeys(s.tags)]
    insert_all(connection, tables.tags, marks)


_PENDING = RecipientStatus.PENDING.value


def _take_keys(
    connection: Connection, submissions: Iterable[Submission]
) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """Write the keys that are new, and read who has each of them now."""
    # In one order, so that two processes never wait for each other.
    wanted = sorted(
        ((s.key, s) for s in submissions if s.key is not None), key=lambda pair: _name(pair[0])
    )
    if not wanted:
        return {}
    insert_new(
        connection,
        tables.keys,
        [
            {
                "scope": key.scope, "key": key.key, "digest": key.digest, "message": s.id,
                "answer": json.dumps(s.answer()), "created": s.created,
            }
            for key, s in wanted
        ],
    )  # fmt: skip
    names = [_name(key) for key, _ in wanted]
    keys = tables.keys.c
    found = connection.execute(
        select(tables.keys).where(tuple_(keys.scope, keys.key).in_(names))
    ).mappings()
    return {(row["scope"], row["key"]): dict(row) for row in found}


def _answer(
    submission: Submission, known: Mapping[tuple[str, str], Mapping[str, Any]], *, new: bool
) -> Accepted | KeyReusedError:
    if new:
        return Accepted(submission.answer())
    assert submission.key is not None
    return _again(submission.key, known[_name(submission.key)])


def _again(key: Key, row: Mapping[str, Any]) -> Accepted | KeyReusedError:
    if row["digest"] != key.digest:
        return KeyReusedError()
    return Accepted(json.loads(row["answer"]), replayed=True)


def known(connection: Connection, key: Key) -> Accepted | None:
    """The answer to a request that was kept before, or None.

    Raises:
        KeyReusedError: the key belongs to another.
    """
    keys = tables.keys.c
    this = select(tables.keys).where(keys.scope == key.scope, keys.key == key.key)
    if (row := connection.execute(this).mappings().first()) is None:
        return None
    found = _again(key, dict(row))
    if isinstance(found, KeyReusedError):
        raise found
    return found


def _name(key: Key) -> tuple[str, str]:
    return key.scope, key.key
