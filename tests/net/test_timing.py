"""Time-outs say what was waited for, and for how long."""

from __future__ import annotations

import asyncio
import errno
import re
import time

import pytest

from smtps.advice import ADVICE
from smtps.errors import NetworkError, Phase, PhaseTimeoutError
from smtps.net.timing import timed_out, within


def now() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize(
    ("phase", "code", "message"),
    [
        (Phase.INPUT, "smtp.timeout", "The server did not answer INPUT within 7 seconds."),
        (Phase.DNS, "dns.timeout", "The name look-up timed out after 7 seconds."),
        (Phase.TCP, "net.timeout", "The connection timed out after 7 seconds."),
        (Phase.TLS, "tls.timeout", "The server did not answer the TLS handshake within 7 seconds."),
        (Phase.GREETING, "smtp.greeting_timeout", "The server sent no greeting within 7 seconds."),
        (Phase.EHLO, "smtp.timeout", "The server did not answer EHLO within 7 seconds."),
        (
            Phase.TOKEN,
            "oauth.timeout",
            "The authorization server gave no access token within 7 seconds.",
        ),
        (Phase.AUTH, "smtp.timeout", "The server did not answer the login within 7 seconds."),
        (Phase.MAIL, "smtp.timeout", "The server did not answer MAIL within 7 seconds."),
        (Phase.RCPT, "smtp.timeout", "The server did not answer RCPT within 7 seconds."),
        (
            Phase.DATA,
            "smtp.timeout",
            "The server did not accept the message data within 7 seconds.",
        ),
        (Phase.FINAL, "smtp.timeout", "The server did not answer the message within 7 seconds."),
        (Phase.QUIT, "smtp.timeout", "The server did not answer QUIT within 7 seconds."),
    ],
)
def test_each_phase_has_its_words(phase: Phase, code: str, message: str) -> None:
    error = timed_out(phase, 7.0, "192.0.2.1")
    assert (error.code, str(error), error.phase) == (code, message, phase)
    assert error.failure.address == "192.0.2.1"
    assert error.failure.retryable
    assert code in ADVICE


def test_every_phase_is_in_the_table_above() -> None:
    marks = test_each_phase_has_its_words.pytestmark  # type: ignore[attr-defined]
    assert [row[0] for row in marks[0].args[1]] == list(Phase)


def test_fractions_of_a_second_are_told() -> None:
    assert "after 0.25 seconds" in str(timed_out(Phase.TCP, 0.25))
    assert "after 1 second." in str(timed_out(Phase.TCP, 1.0))


async def test_what_is_done_in_time_is_left_alone() -> None:
    async with within(5, Phase.TCP):
        await asyncio.sleep(0)
        done = True
    assert done


async def test_too_long_is_cancelled_and_told() -> None:
    waited = asyncio.get_running_loop().create_future()
    start = time.perf_counter()
    with pytest.raises(PhaseTimeoutError) as caught:
        async with within(0.05, Phase.TLS, "192.0.2.1"):
            await waited
    assert waited.cancelled()
    assert time.perf_counter() - start > 0.04
    assert (caught.value.code, caught.value.phase) == ("tls.timeout", Phase.TLS)
    assert caught.value.failure.address == "192.0.2.1"
    assert "0.05 seconds" in str(caught.value)
    assert isinstance(caught.value.__cause__, TimeoutError)


async def test_it_is_a_builtin_time_out_as_well() -> None:
    with pytest.raises(TimeoutError):
        async with within(0.01, Phase.DNS):
            await asyncio.Event().wait()


async def test_a_deadline_that_comes_first_counts() -> None:
    with pytest.raises(PhaseTimeoutError) as caught:
        async with within(3600, Phase.TCP, deadline=now() + 0.05):
            await asyncio.Event().wait()
    assert "3600" not in str(caught.value)  # that is not how long it waited


async def test_what_is_left_until_a_deadline_is_told_in_a_round_number() -> None:
    with pytest.raises(PhaseTimeoutError) as caught:
        async with within(60, Phase.TCP, deadline=now() + 0.0123456):
            await asyncio.Event().wait()
    assert re.search(r" after 0(\.[0-9]{1,2})? seconds\.$", str(caught.value)), caught.value


async def test_a_deadline_that_comes_later_does_not() -> None:
    with pytest.raises(PhaseTimeoutError, match=r"after 0\.05 seconds"):
        async with within(0.05, Phase.TCP, deadline=now() + 60):
            await asyncio.Event().wait()


@pytest.mark.parametrize("ago", [0.0, 0.001, 3600.0])
async def test_a_deadline_in_the_past_ends_it_at_the_first_wait(ago: float) -> None:
    with pytest.raises(PhaseTimeoutError, match=r"(within|after) 0 seconds"):
        async with within(3600, Phase.MAIL, deadline=now() - ago):
            await asyncio.Event().wait()


async def test_the_inner_one_comes_out_as_it_is() -> None:
    with pytest.raises(PhaseTimeoutError) as caught:
        async with within(5, Phase.FINAL, "outer"), within(0.01, Phase.DNS, "inner"):
            await asyncio.Event().wait()
    assert (caught.value.phase, caught.value.failure.address) == (Phase.DNS, "inner")


async def test_the_outer_one_goes_through_the_inner_one() -> None:
    with pytest.raises(PhaseTimeoutError) as caught:
        async with within(0.01, Phase.FINAL, "outer"), within(5, Phase.DNS, "inner"):
            await asyncio.Event().wait()
    assert (caught.value.phase, caught.value.failure.address) == (Phase.FINAL, "outer")


async def test_the_systems_own_time_out_keeps_its_number() -> None:
    with pytest.raises(TimeoutError) as caught:
        async with within(5, Phase.TCP):
            raise TimeoutError(errno.ETIMEDOUT, "Connection timed out")
    assert caught.value.errno == errno.ETIMEDOUT
    assert not isinstance(caught.value, PhaseTimeoutError)


async def test_a_bare_time_out_inside_gets_the_phase() -> None:
    with pytest.raises(PhaseTimeoutError) as caught:
        async with within(5, Phase.EHLO, "192.0.2.1"):
            raise TimeoutError
    assert (caught.value.code, caught.value.phase) == ("smtp.timeout", Phase.EHLO)


@pytest.mark.parametrize("error", [NetworkError("net.reset", "Reset."), KeyError("x"), OSError(1)])
async def test_other_errors_pass(error: Exception) -> None:
    with pytest.raises(type(error)) as caught:
        async with within(5, Phase.TCP):
            raise error
    assert caught.value is error


async def test_a_cancelled_task_is_cancelled_and_not_timed_out() -> None:
    async def wait() -> None:
        async with within(5, Phase.TCP):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_nothing_is_left_of_it() -> None:
    before = asyncio.all_tasks()
    for _ in range(3):
        with pytest.raises(PhaseTimeoutError):
            async with within(0.0, Phase.TCP):
                await asyncio.Event().wait()
    assert asyncio.all_tasks() == before
    await asyncio.sleep(0)  # no late cancellation comes after
