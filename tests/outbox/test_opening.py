"""Several processes open a new outbox at the same moment, as they do when all machines start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.outbox.database import Server

from smtps.outbox.store import Store, backend

OPENERS = 6


def test_all_of_them_can() -> None:
    with Server(fsync="off") as server, ThreadPoolExecutor(OPENERS) as pool:
        for _ in range(3):
            url, together = server.database(), Barrier(OPENERS)

            def opened(url: str, together: Barrier) -> bool:
                behind = backend(url, own=False)
                behind.writing.connect().close()  # what takes time is done before
                together.wait()
                Store(behind).close()
                return True

            assert all(pool.map(opened, [url] * OPENERS, [together] * OPENERS))
