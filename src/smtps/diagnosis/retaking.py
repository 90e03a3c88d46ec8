"""Takes a deep look again that failed at a server that works: it counts if it fails each time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smtps.diagnosis.explaining import TRIAL, note, rest, time_for
from smtps.diagnosis.facts import AddressFacts
from smtps.diagnosis.looker import Looker
from smtps.diagnosis.looks import MADE_BY_HAND, Look
from smtps.diagnosis.steadiness import CONTRAST, Standing, Step, Trial
from smtps.errors import Failure, Phase

EXPECTED = ("TLSv1.2", "TLSv1.3", "large")
"""Deep looks that work at most servers, so that something is said of one where they fail."""

USUAL = "any"
"""The look that has to work, or it is not the difference that makes the other one fail."""


async def retake(
    seen: AddressFacts,
    looker: Callable[[float | None], Looker],
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
        look = await looker(until).look(name if same else USUAL)
        note(seen, look)
        if same:
            last = look
            trial.same(_end(look))
        else:
            trial.other(told=look.secured)
    if trial.standing is not Standing.CONFIRMED:
        _take_back(seen, name, last if trial.standing is Standing.PASSED else None)
        if trial.standing is not Standing.OPEN:
            seen.unsteady = (*seen.unsteady, seen.looks[_failed(name)])


def _usual(seen: AddressFacts) -> Look:
    """How long a whole session takes."""
    spent = sum(spent for phase, spent in seen.timings.items() if phase != "looks")
    return Look(USUAL, milliseconds=spent)


def _take_back(seen: AddressFacts, name: str, better: Look | None) -> None:
    """Let a look that worked stand for one that did not, or none at all."""
    first = seen.looks[name]
    kept = {key: look for key, look in seen.looks.items() if key != name and look is not better}
    seen.looks = kept if better is None else {**kept, name: better}
    seen.looks[_failed(name)] = first


def _failed(name: str) -> str:
    return f"{name} (failed)"


def _end(look: Look) -> Failure | None:
    """How a look failed, or None if it worked or was turned away in words."""
    if look.unwelcome:
        return None
    if look.name not in MADE_BY_HAND:
        return None if look.secured else look.failure
    if look.flight.version is not None:
        return None
    said = Failure(code="tls.handshake_refused", message=look.outcome, phase=Phase.TLS)
    return look.failure or said
