"""Several processes open a new outbox at the same moment, as they do when all machines start."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from tests.outbox.database import Server

from smtps.outbox import control, reading
from smtps.outbox.store import Store, backend, prepare

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


def test_two_that_keep_the_same_about_it_at_once_do_not_meet() -> None:
    with Server(fsync="off") as server, ThreadPoolExecutor(OPENERS) as pool:
        engine = backend(server.database(), own=False).writing
        prepare(engine)
        together = Barrier(OPENERS)

        def keep(value: int) -> None:
            with engine.begin() as connection:
                together.wait()
                control.write_meta(connection, [("x", str(value))])

        list(pool.map(keep, range(OPENERS)))
        with engine.connect() as connection:
            assert reading.meta(connection)["x"] in map(str, range(OPENERS))
        engine.dispose()
