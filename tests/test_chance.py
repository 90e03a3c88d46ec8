"""No token is given twice, whoever asks."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor

from smtps.chance import token


def test_a_token_is_32_hexadecimal_digits() -> None:
    assert all(re.fullmatch(r"[0-9a-f]{32}", token()) for _ in range(600))


def test_threads_never_get_the_same() -> None:
    with ThreadPoolExecutor(8) as pool:
        lots = list(pool.map(lambda _: [token() for _ in range(2000)], range(8)))
    found = [one for lot in lots for one in lot]
    assert len(set(found)) == len(found)


def test_nor_do_a_process_and_its_child() -> None:
    token()  # some are drawn beforehand
    reading, writing = os.pipe()
    if (child := os.fork()) == 0:
        os.write(writing, "".join(token() for _ in range(100)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    text = os.read(reading, 3200).decode()
    theirs = {text[at : at + 32] for at in range(0, 3200, 32)}
    assert len(theirs) == 100
    assert not theirs & {token() for _ in range(300)}
    os.close(reading)
    os.close(writing)
