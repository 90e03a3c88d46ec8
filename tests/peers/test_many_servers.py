"""In every way and with every window, each outcome is what the server's own files say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.many_servers import SERVERS, WAYS, WINDOWS, perform

from .server import Server

MESSAGES = 100


@pytest.fixture(scope="module", params=SERVERS)
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with SERVERS[request.param](tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("way", WAYS)
async def test_each_outcome_is_what_the_server_has(server: Server, way: str, window: int) -> None:
    row = await perform(server, way, window, MESSAGES)
    assert row.wrong == []
    assert row.counted == {"sent": MESSAGES * 4 // 5, "refused": MESSAGES // 5}
