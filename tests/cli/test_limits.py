"""What the commands do at the end of a page, of a block, of a list, and with two of a kind."""

from __future__ import annotations

import io
from argparse import Namespace
from pathlib import Path
from typing import Any, cast

import pytest

from smtps.cli import exits
from smtps.cli.outbox import _pages
from smtps.cli.results import _last_line
from smtps.cli.targets import Done, Shard, _Lines
from smtps.errors import Failure, InputError, Phase
from smtps.outbox.reading import LARGEST_PAGE, Filter


class Pages:
    """An outbox of so many messages, the newest first."""

    def __init__(self, number: int) -> None:
        self.left = [{"id": f"{n:04}"} for n in reversed(range(number))]
        self.asked: list[int] = []

    async def page(self, wanted: Filter) -> list[dict[str, Any]]:
        self.asked.append(wanted.limit)
        older = [m for m in self.left if wanted.before is None or m["id"] < wanted.before]
        return older[: wanted.limit]


P = LARGEST_PAGE


@pytest.mark.parametrize(
    ("number", "most", "asked"),
    [
        (3, 2, [2]),
        (3, 3, [3]),
        (2, 3, [3]),
        (P, P, [P]),
        (P, P + 1, [P, 1]),
        (P + 1, P + 1, [P, 1]),
        (P + 2, P + 1, [P, 1]),
        (2 * P + 5, 3 * P, [P, P, P]),
    ],
)
async def test_each_message_is_listed_once_up_to_the_number_wanted(
    number: int, most: int, asked: list[int]
) -> None:
    outbox = Pages(number)
    options = Namespace(status=None, account=None, tag=None)
    found = [m["id"] async for m in _pages(cast(Any, outbox), options, most)]
    assert found == [m["id"] for m in outbox.left[:most]]
    assert outbox.asked == asked


BLOCK = 65536


@pytest.mark.parametrize(
    ("before", "last"),
    [(0, 0), (0, 5), (5, 0), (5, 5), (1, BLOCK - 1), (1, BLOCK), (1, BLOCK + 1), (BLOCK, 5),
     (BLOCK + 1, 2 * BLOCK)],
)  # fmt: skip
def test_the_last_line_is_found_wherever_its_block_begins(before: int, last: int) -> None:
    whole = b"a" * (before - 1) + b"\n" if before else b""
    assert _last_line(io.BytesIO(whole + b"b" * last)) == before


@pytest.mark.parametrize("results", [1, 2])
def test_each_of_two_results_is_for_one_of_the_targets_that_stand_twice(
    tmp_path: Path, results: int
) -> None:
    line = '{"target": "x.test", "verdict": "works"}\n'
    (tmp_path / "out").write_text(line * results)
    done = Done.of(tmp_path / "out", "ndjson")
    assert [done.take("x.test") for _ in range(3)] == [number < results for number in range(3)]
    done.put_back()
    assert done.take("x.test")


@pytest.mark.parametrize(
    ("text", "fits"),
    [("1/1", True), ("1/2", True), ("2/2", True), ("0/2", False), ("3/2", False), ("1/0", False)],
)
def test_a_shard_is_one_of_its_number(text: str, fits: bool) -> None:
    if fits:
        Shard.parse(text)
        return
    with pytest.raises(InputError):
        Shard.parse(text)


def test_of_two_shards_each_target_is_in_one() -> None:
    one, two = Shard.parse("1/2"), Shard.parse("2/2")
    targets = [f"host{number}.test" for number in range(50)]
    assert all((target in one) != (target in two) for target in targets)


@pytest.mark.parametrize("size", [1023, 1024, 1025])
def test_a_line_is_cut_at_its_longest(size: int) -> None:
    lines = _Lines()
    assert [*lines.cut(b"x" * size), *lines.cut(b"\n")] == ["x" * min(size, 1024)]


REFUSED = Failure(code="send.spam", message="x", phase=Phase.DATA)
LATER = Failure(code="send.greylisted", message="x", phase=Phase.RCPT, retryable=True)


@pytest.mark.parametrize(
    ("failure", "outcome", "code"),
    [
        (None, "sent", exits.OK),
        (REFUSED, "refused", exits.REFUSED),
        (LATER, "deferred", exits.TRY_AGAIN),
        (LATER, "partial", exits.REFUSED),
        (LATER, "uncertain", exits.UNCERTAIN),
        (LATER, "", exits.TRY_AGAIN),
    ],
)
def test_nothing_that_may_arrive_twice_is_to_be_tried_again(
    failure: Failure | None, outcome: str, code: int
) -> None:
    assert exits.of_send(failure, outcome) == code
