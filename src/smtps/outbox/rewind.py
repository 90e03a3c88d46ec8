"""When the clock has gone back: what waits a while from then on would wait that much longer.

The outbox keeps the latest time that it has seen. A process whose clock stands before that moves
what waits for a pause to be over. What somebody has set for a time of day stays there.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Column, Connection, case, select, update

from smtps.outbox import control, tables
from smtps.outbox.clock import JUMP
from smtps.outbox.states import State

SEEN = "seen"

_M, _L, _N, _T = tables.messages.c, tables.lanes.c, tables.notices.c, tables.meta.c


AWAY = 60 * 60_000
"""Milliseconds between two looks: after more, the clock may have been set forward instead."""


class Seen(NamedTuple):
    """What a look has shown.

    Attributes:
        moved: milliseconds by which waits were moved.
        long_ago: whether the look before was long ago, by this clock.
    """

    moved: int = 0
    long_ago: bool = False


class Sight(NamedTuple):
    """A look at the clock.

    Attributes:
        now: milliseconds since 1970.
        back: whether the clock may have gone back since the last look; otherwise another process
            has a clock that is ahead.
    """

    now: int
    back: bool


def look(connection: Connection, sights: Sequence[Sight]) -> list[Seen]:
    """Keep the time that is seen, and move what waits if it is behind the one before."""
    return [_look(connection, sight) for sight in sights]


def _look(connection: Connection, sight: Sight) -> Seen:
    # Of two processes that find the clock behind, the second waits for what the first has seen.
    query = select(_T.value).where(_T.name == SEEN).with_for_update()
    seen = int(connection.execute(query).scalar() or "0")
    by = seen - sight.now
    if by < JUMP:
        if by < 0:
            control.write_meta(connection, [(SEEN, str(sight.now))])
        return Seen(long_ago=seen > 0 and by < -AWAY)
    if not sight.back:
        return Seen()
    waiting = _M.state.in_((State.QUEUED.value, State.RETRYING.value))
    connection.execute(
        update(tables.messages)
        .where(waiting, _M.due > sight.now)
        .values(due=_moved(_M.due, by, sight.now))
    )
    connection.execute(
        update(tables.lanes)
        .where(_L.not_before > sight.now)
        .values(not_before=_moved(_L.not_before, by, sight.now))
    )
    connection.execute(
        update(tables.notices).where(_N.due > sight.now).values(due=_moved(_N.due, by, sight.now))
    )
    control.write_meta(connection, [(SEEN, str(sight.now))])
    return Seen(moved=by)


def _moved(column: Column[Any], by: int, now: int) -> Any:
    return case((column - by < now, now), else_=column - by)
