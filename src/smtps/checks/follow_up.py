"""Follow-up probes: an address that failed is looked at again until the cause is known.

One failed attempt has many possible causes, and OpenSSL or the system names at most one. So the
connection is made again with one thing changed, and the difference is the evidence:

    failure ──→ suspects.second_looks ──→ probes worth making, most telling first
                       │
                       ▼
    unchanged · probe · unchanged · unchanged · probe      a probe that succeeds proves something
        ✗         ✓         ✗           ✗         ✓        only if what failed goes on failing
                       │
                       ▼
    inference.infer(failure, probes) ──→ the cause, or the failure itself

Servers behind one address differ, and networks lose packets. ``steadiness`` therefore says which
attempts have to be repeated, and what follows: the fault is there each time (``fails``), it comes
and goes (``net.inconsistent``), or it has passed (``net.intermittent``). All probes share one
budget of time, and the report lists each of them with its duration. A deep probe that fails at a
server that otherwise works counts only if it fails each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from smtps.checks.facts import AddressFacts
from smtps.checks.inference import at_last, infer, known
from smtps.checks.prober import BUDGET, Prober
from smtps.checks.probes import FIRST, MADE_BY_HAND, SILENT, UNCHANGED, Probe
from smtps.checks.steadiness import (
    CONTRAST,
    NARROWER,
    Steadiness,
    Step,
    Trial,
    about_certificate,
    behind,
    evident,
    judged,
    patience,
    steps_behind,
    steps_for,
)
from smtps.checks.suspects import Case, second_looks, worth_it
from smtps.client.handshake import Access
from smtps.errors import Failure, Phase
from smtps.net.timing import spend

PAUSE = 0.5
"""Seconds before an attempt that is repeated: whoever limits connections must not be met again by
those that were made to find out."""

PAUSES = 8
"""The pause is at most that part of what is left of the time."""

TRIAL = 12.0
"""Seconds for all repetitions at an address."""

SHARE = 0.6
"""Of what is left of ``timeouts.total``, for the looks; the rest is for the repetitions."""

USEFUL = 0.35
"""Seconds without which a look can tell nothing: a connection, TLS and an answer take some round
trips of 80 milliseconds."""

AT_LEAST = 3
"""Looks that are taken however little time there is, the most telling first."""


@dataclass(slots=True)
class Attempt:
    """The first attempt once more, up to the answer to EHLO.

    Attributes:
        seen: what was seen, with the failure if it failed.
        session: open if it did not.
    """

    seen: AddressFacts
    session: Access | None = None


Again = Callable[[float | None], Awaitable[Attempt]]
"""Makes the first attempt once more; over at that time of the loop."""


class Explainer:
    """Finds out what the failure at one address was.

    Args:
        case: the first attempt; what is seen from now on is noted there.
        looker: takes second looks, until its deadline.
        again: makes the first attempt once more.
        deadline: the loop's time at which all has to be over.
        earlier: how an attempt before this one failed, in another way.
    """

    def __init__(
        self,
        case: Case,
        looker: Callable[[float | None], Prober],
        again: Again,
        deadline: float | None,
        earlier: Failure | None = None,
    ) -> None:
        self._case = case
        self._seen = case.seen
        self._looker = looker
        self._again = again
        self._deadline = deadline
        self._earlier = earlier
        # What was seen while the failure was another says nothing about this one.
        self._looks = {} if earlier is not None else dict(case.seen.looks)

    async def explain(self) -> Attempt | None:
        """Note the failure as it is known in the end.

        Returns:
            A later attempt that came through, if the failure has passed, or one that failed in
            another way, if that is to be explained in its place.
        """
        case, seen, looks = self._case, self._seen, self._looks
        if (cause := known(case)) is not None:
            return await self.confirm(cause, steps_for(case, cause, ()))
        told = (infer(case, look) for look in seen.looks.values() if evident(look))
        if (cause := next(filter(None, told), None)) is not None:
            self._note(cause)
            return None
        until = self._until(BUDGET, SHARE)
        names, looker, taken = second_looks(case), self._looker(until), 0
        for number, name in enumerate(names, 1):
            if name in looks or not worth_it(name, looks):
                continue
            left = until - asyncio.get_running_loop().time()
            if (most := room_for(left, taken)) < 1:
                break
            look = looks[name] = await looker.look(name, more=min(len(names) - number, most - 1))
            taken += 1
            note(seen, look)
            cause = infer(case, look)
            if cause is not None and not evident(look):
                return await self.confirm(cause, steps_behind(case), look)
            if cause is not None or look.unwelcome:
                self._note(cause or case.failure)
                return None
        cause = at_last(case)
        return await self.confirm(cause, steps_for(case, cause, looks.values()))

    async def confirm(
        self, cause: Failure, steps: tuple[Step, ...], look: Probe | None = None
    ) -> Attempt | None:
        """Note the cause if it holds; else, what holds instead. Returns as ``explain``.

        Args:
            cause: what the failure is then.
            steps: what has to be tried for that.
            look: that worked where the first attempt failed.
        """
        if not steps:
            self._note(cause)
            return None
        trial, end = Trial(self._case.failure, steps), self._until(TRIAL)
        attempt: Attempt | None = None
        while trial.steps:
            start = asyncio.get_running_loop().time()
            await rest(end)
            if trial.steps[0] is Step.OTHER and look is not None:
                await self._other(trial, cause, look, start, end)
            else:
                attempt = await self._same(trial, look, start, end)
        if trial.standing is Steadiness.CONFIRMED and look is not None:
            await self._narrower(trial, look.name, end)
        if trial.standing is Steadiness.PASSED or self._starts_over(trial):
            return attempt
        self._note(judged(self._case, trial, cause, 1 + len(self._seen.looks)))
        return None

    def _starts_over(self, trial: Trial) -> bool:
        """Whether the failure has given way to another, which may last."""
        changed = trial.standing is Steadiness.CHANGED and self._earlier is None
        return changed and not about_certificate(self._case.failure)

    def _note(self, failure: Failure) -> None:
        earlier = self._earlier
        self._seen.failure = failure if earlier is None else behind(earlier, failure)

    async def _narrower(self, trial: Trial, name: str, end: float) -> None:
        narrower = NARROWER.get(name)
        if narrower is not None and narrower in self._looks:
            look = await self._looker(end).look(narrower)
            note(self._seen, look)
            trial.narrower(told=infer(self._case, look) is not None)

    async def _other(
        self, trial: Trial, cause: Failure, first: Probe, start: float, end: float
    ) -> None:
        loop = asyncio.get_running_loop()
        look = await self._looker(end).look(first.name, more=len(trial.steps) - 1)
        spent = (loop.time() - start) * 1000
        note(self._seen, replace(look, milliseconds=round(spent, 3)))
        found = infer(self._case, look)
        trial.other(told=found is not None and found.code == cause.code)

    async def _same(
        self, trial: Trial, look: Probe | None, start: float, end: float
    ) -> Attempt | None:
        loop, until = asyncio.get_running_loop(), time_for(trial, look, end)
        if until <= loop.time():
            trial.out_of_time()
            return None
        attempt = await self._again(until)
        seen = attempt.seen
        spent = round((loop.time() - start) * 1000, 3)
        note(
            self._seen, Probe(UNCHANGED, seen.tls, seen.greeting, seen.failure, milliseconds=spent)
        )
        if seen.failure is not None and seen.failure.code in SILENT and loop.time() >= end:
            trial.out_of_time()  # it was cut short
        else:
            trial.same(seen.failure)
        return attempt

    def _until(self, seconds: float, share: float = 1.0) -> float:
        now = asyncio.get_running_loop().time()
        end = now + seconds
        return end if self._deadline is None else min(end, now + (self._deadline - now) * share)


def room_for(left: float, taken: int) -> int:
    """How many more looks get a useful part of the time, should none of them be answered.

    Args:
        left: seconds for all of them.
        taken: how many there were.
    """
    return max(AT_LEAST - taken, int(max(left, 0.0) / USEFUL))


def time_for(trial: Trial, look: Probe | None, end: float) -> float:
    """The loop's time at which an unchanged attempt has to be over; now, if it is not worth one.

    Args:
        trial: the attempt is its next step.
        look: one that worked, which tells how long an answer takes.
        end: for all steps.
    """
    if trial.first.code not in (*SILENT, "net.timeout"):
        return end
    now = asyncio.get_running_loop().time()
    return now + (patience(look, end - now, trial.steps) or 0.0)


async def rest(end: float) -> None:
    """Leave the server alone for a moment, but not beyond that time of the loop."""
    left = max(end - asyncio.get_running_loop().time(), 0.0)
    await asyncio.sleep(min(PAUSE, left / PAUSES))


def take_over(seen: AddressFacts, other: AddressFacts, failure: Failure) -> None:
    """Change places: what a later attempt has seen, and the first as one of the looks.

    Args:
        seen: of the first attempt and the looks, the last of which is the other attempt.
        other: what that has seen.
        failure: how the first ended.
    """
    *before, last = seen.looks.values()
    took = sum(spent for phase, spent in seen.timings.items() if phase != "looks")
    took += last.milliseconds - sum(other.timings.values())  # the pause between them
    first = Probe(FIRST, seen.tls, seen.greeting, failure, milliseconds=round(took, 3))
    for name in _OF_THE_DIALOGUE:
        setattr(seen, name, getattr(other, name))
    seen.passed = failure if other.failure is None else None
    seen.looks, seen.timings = {}, dict(other.timings)
    for look in (first, *before):
        note(seen, look)


_OF_THE_DIALOGUE = (
    "failure",
    "tls",
    "chain",
    "path",
    "unreadable",
    "walk",
    "greeting",
    "capabilities",
    "offered_in_clear",
    "ehlo_name",
    "ehlo_name_refused",
    "ehlo_refusal",
    "quirks",
    "transcript",
)
"""Facts that one connection shows."""


def note(seen: AddressFacts, look: Probe) -> None:
    """Keep a look, and count its time; one that was taken before gets a number."""
    number, name = 2, look.name
    while name in seen.looks:
        name, number = f"{look.name} ({number})", number + 1
    seen.looks[name] = look
    spend(seen.timings, "looks", look.milliseconds)


EXPECTED = ("TLSv1.2", "TLSv1.3", "large")
"""Deep looks that work at most servers, so that something is said of one where they fail."""

DEFAULT_PROBE = "any"
"""The look that has to work, or it is not the difference that makes the other one fail."""


async def retake(
    seen: AddressFacts,
    looker: Callable[[float | None], Prober],
    name: str,
    deadline: float | None,
) -> None:
    """Find out whether a look fails each time, if it did.

    Args:
        seen: of a server that works. A look that does not fail each time gives way to one that
            worked, or counts no more.
        looker: takes looks, until its deadline.
        name: one of EXPECTED that was taken.
        deadline: the loop's time at which all has to be over.
    """
    failure = _end(seen.looks[name])
    if failure is None or failure.code == "tls.protocol_version":  # the server's own words
        return
    trial, last, usual = Trial(failure, CONTRAST), seen.looks[name], _usual(seen)
    now = asyncio.get_running_loop().time
    end = now() + TRIAL if deadline is None else min(now() + TRIAL, deadline)
    while trial.steps:
        await rest(end)
        same = trial.steps[0] is Step.SAME
        until = time_for(trial, usual, end) if same else end
        if until <= now():
            trial.out_of_time()
            break
        look = await looker(until).look(name if same else DEFAULT_PROBE)
        note(seen, look)
        if same:
            last = look
            trial.same(_end(look))
        else:
            trial.other(told=look.secured)
    if trial.standing is not Steadiness.CONFIRMED:
        _take_back(seen, name, last if trial.standing is Steadiness.PASSED else None)
        if trial.standing is not Steadiness.OPEN:
            seen.unsteady = (*seen.unsteady, seen.looks[_failed(name)])


def _usual(seen: AddressFacts) -> Probe:
    """How long a whole session takes."""
    spent = sum(spent for phase, spent in seen.timings.items() if phase != "looks")
    return Probe(DEFAULT_PROBE, milliseconds=spent)


def _take_back(seen: AddressFacts, name: str, better: Probe | None) -> None:
    """Let a look that worked stand for one that did not, or none at all."""
    first = seen.looks[name]
    kept = {key: look for key, look in seen.looks.items() if key != name and look is not better}
    seen.looks = kept if better is None else {**kept, name: better}
    seen.looks[_failed(name)] = first


def _failed(name: str) -> str:
    return f"{name} (failed)"


def _end(look: Probe) -> Failure | None:
    """How a look failed, or None if it worked or was turned away in words."""
    if look.unwelcome:
        return None
    if look.name not in MADE_BY_HAND:
        return None if look.secured else look.failure
    if look.flight.version is not None:
        return None
    said = Failure(code="tls.handshake_refused", message=look.outcome, phase=Phase.TLS)
    return look.failure or said
