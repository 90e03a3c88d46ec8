"""Both kinds of database, and a server whose moods a test decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.client.farm import farm
from tests.net.pki import PKI
from tests.outbox.database import Server
from tests.outbox.rig import Moody, Rig

ENGINES = ("sqlite", "postgresql")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A server for all tests of a process; each has a database of its own."""
    with Server(fsync="off") as running:
        yield running


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database: each test that takes it runs on both kinds."""
    if request.param == "sqlite":
        return str(tmp_path / "mail.db")
    server: Server = request.getfixturevalue("postgres")
    return server.database()


@pytest.fixture
async def rig(place: str, pki: PKI) -> AsyncIterator[Rig]:
    """An outbox, a server, and a clock that a test moves."""
    moods: list[Callable[[str], str]] = [lambda _: "250 2.0.0 ok"]

    def make(_: int) -> Moody:
        return Moody(judge=lambda said: moods[0](said))  # noqa: PLW0108  # it changes

    async with farm(pki, make) as servers:
        rig = Rig(place, servers, moods)
        yield rig
        await rig.close()
