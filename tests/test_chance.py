"""No token is given twice, whoever asks; and Python's own generator is left alone."""

from __future__ import annotations

import os
import random
import re
from concurrent.futures import ThreadPoolExecutor

from smtps.chance import between, fraction, token


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


def test_what_is_drawn_is_within_its_bounds() -> None:
    assert all(0 <= fraction() < 1 for _ in range(1000))
    assert all(0.8 <= between(0.8, 1.2) <= 1.2 for _ in range(1000))
    assert len({fraction() for _ in range(100)}) > 1


def test_a_program_that_seeded_random_gets_its_numbers() -> None:
    before = random.getstate()
    fraction(), between(1, 2), token()
    assert random.getstate() == before


def test_a_child_draws_other_pauses() -> None:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.write(writing, repr(fraction()).encode())
        os._exit(0)
    os.wait()
    assert float(os.read(reading, 100)) != fraction()
    os.close(reading)
    os.close(writing)
