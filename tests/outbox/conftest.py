"""Both kinds of database, and a server whose moods a test decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.net.pki import PKI
from tests.outbox.database import Server
from tests.outbox.rig import Rig, rig_at

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
    async with rig_at(place, pki) as rig:
        yield rig
