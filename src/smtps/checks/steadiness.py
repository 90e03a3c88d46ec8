"""Whether a fault is there each time: what is tried again, and what follows from it; pure.

A cause that rests on "this failed, that worked" holds only if the first attempt, unchanged, fails
again behind the one that worked, and goes on failing while the other goes on working. Otherwise it
is a server that fails now and then: one that restarts, has too much to do, limits its connections,
or is one of several behind an address.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, auto

from smtps.checks.inference import at_last
from smtps.checks.probes import HUNG_UP, SILENT, Probe
from smtps.checks.suspects import Case
from smtps.errors import Failure, Phase
from smtps.net.tls import TLSFacts


class Step(Enum):
    """What is tried."""

    SAME = auto()
    """The first attempt, unchanged."""
    OTHER = auto()
    """The look that worked."""


CONTRAST = (Step.SAME, Step.OTHER, Step.SAME, Step.SAME, Step.OTHER)
"""Behind a first attempt that failed and a look that worked. No fault at every second, third or
fourth connection fits all of these, and one that comes by chance does once in 32 times at most."""

UNREACHED = (Step.SAME, Step.SAME)
"""Behind a first attempt that came to no connection, where another port is open: the system has
asked several times already (RFC 6298), and it is not a matter of what the client says."""

STATEMENT = (Step.SAME, Step.SAME, Step.SAME)
"""Behind a failure that blames something by itself, such as an alert that names its reason."""

LEAST_TRIED = 3
"""Connections before it is said of a failure that blames nothing that it is there each time."""

_BLAMELESS = frozenset(
    (
        *HUNG_UP,
        *SILENT,
        "net.refused",
        "net.timeout",
        "tls.handshake_refused",
        "tls.server_error",
        "tls.failed",
        "tls.not_tls",
        "tls.plaintext_in_tls",
        "smtp.not_a_reply",
        "smtp.closed_before_greeting",
    )
)
"""Failures that tell what happened and not why."""

REFUSAL = 400
"""The least reply code that refuses (RFC 5321 section 4.2.1)."""

_SHOWN = frozenset(
    {
        "smtp.web_server",
        "smtp.incoming_mail_server",
        "smtp.other_service",
        "smtp.proxy_header_refused",
        "tls.starttls_masked",
        "tls.starttls_injection",
    }
)
"""Failures that the server's own words prove; and no attack is taken back because it is over."""

_PHASES = frozenset({Phase.TCP, Phase.TLS, Phase.GREETING, Phase.EHLO})
_AT_ONCE = frozenset({"net.refused", "net.reset"})
"""Of the failures to connect, those that tell of a server that is there."""

EVIDENT = frozenset({"icmp", "clear", "implicit", "TLS inside"})
"""Looks whose answer shows by itself what the server is, whatever the first attempt met; so do all
prompts."""

_ALIKE = (frozenset(HUNG_UP), frozenset(SILENT))
"""Codes of one and the same thing: the system decides whether an end is seen as RST or FIN."""

LEAST = 0.25
LONGEST_PAUSE = 5.0
ENOUGH = 2.0
"""Seconds for an unchanged attempt where the first met silence: a packet that is lost is sent again
after one (RFC 6298 section 2)."""


NARROWER = {"modest": "small", "old": "modest", "anonymous": "old"}
"""A look → one that differs from the first attempt in less, and explains it if it works: it is
taken once more, in case it has failed by chance."""


class Steadiness(Enum):
    """What came of it."""

    CONFIRMED = auto()
    """The same fault, each time."""
    PASSED = auto()
    """The unchanged attempt worked."""
    CHANGED = auto()
    """The unchanged attempt failed in another way."""
    UNSTEADY = auto()
    """The unchanged attempt fails, and what worked instead has failed as well."""
    OPEN = auto()
    """There was no time to find out."""


@dataclass(slots=True)
class Trial:
    """A cause that has to hold.

    Attributes:
        first: how the first attempt failed.
        steps: still to come.
        standing: None while there are steps to come.
        last: how the last unchanged attempt failed.
    """

    first: Failure
    steps: tuple[Step, ...]
    standing: Steadiness | None = None
    last: Failure | None = None
    _done: list[Step] = field(default_factory=list)
    _doubted: bool = False

    def same(self, failure: Failure | None) -> None:
        """The unchanged attempt failed like that, or worked."""
        self.last = failure
        if failure is None:
            self._end(Steadiness.PASSED)
        elif not alike(self.first, failure):
            self._end(Steadiness.CHANGED)
        else:
            self._go_on(Step.SAME)

    def other(self, *, told: bool) -> None:
        """The other attempt told the same cause again, or did not."""
        if told:
            self._go_on(Step.OTHER)
        else:
            # Whether the server works at all now is worth one attempt more.
            self._doubted, self.steps = True, (Step.OTHER, Step.SAME)
            self._go_on(Step.OTHER)

    def narrower(self, *, told: bool) -> None:
        """An attempt that differs in less told another cause, or none as before."""
        if told:
            self._end(Steadiness.UNSTEADY)

    def out_of_time(self) -> None:
        """No further step is possible; one of each is better than nothing."""
        enough = {Step.SAME, Step.OTHER} <= set(self._done) and not self._doubted
        self._end(Steadiness.CONFIRMED if enough else Steadiness.OPEN)

    def _go_on(self, step: Step) -> None:
        self._done.append(step)
        self.steps = self.steps[1:]
        if not self.steps:
            self._end(Steadiness.UNSTEADY if self._doubted else Steadiness.CONFIRMED)

    def _end(self, standing: Steadiness) -> None:
        self.standing, self.steps = standing, ()


def alike(first: Failure, other: Failure) -> bool:
    """Whether two attempts have failed in the same way."""
    if first.phase is not other.phase:
        return False
    pair = {first.code, other.code}
    return len(pair) == 1 or any(pair <= family for family in _ALIKE)


def evident(look: Probe) -> bool:
    """Whether a look shows what the server is, without any comparison."""
    return look.name in EVIDENT or look.name.startswith("say ")


def steps_behind(case: Case) -> tuple[Step, ...]:
    """What has to hold before a look that worked explains why the first attempt did not."""
    return UNREACHED if case.failure.phase is Phase.TCP else CONTRAST


def steps_for(case: Case, cause: Failure, looks: Collection[Probe]) -> tuple[Step, ...]:
    """How often the first attempt is made again for a cause that rests on no comparison.

    Args:
        case: the first attempt.
        cause: what it comes to.
        looks: that were taken since and did not explain it.

    A server that gave its reason in words is taken at its word, and one that was silent to all
    looks is not asked to be silent again.
    """
    if not _may_pass(case, looks) or cause.code in _SHOWN:
        return ()
    if cause.code not in _BLAMELESS:
        return STATEMENT
    return (Step.SAME,) * max(1, LEAST_TRIED - 1 - len(looks))


def _may_pass(case: Case, looks: Collection[Probe]) -> bool:
    failure = case.failure
    refused = failure.smtp_code is not None and failure.smtp_code >= REFUSAL
    if refused or failure.phase not in _PHASES:
        return False
    if failure.phase is Phase.TCP:
        return failure.code in _AT_ONCE
    return failure.code not in SILENT or not looks or any(map(_answered, looks))


def _answered(look: Probe) -> bool:
    return look.secured or look.greeting is not None or bool(look.heard)


def certificate_steps(
    cause: Failure, first: TLSFacts | None, other: TLSFacts | None
) -> tuple[Failure, tuple[Step, ...]]:
    """What a refused certificate comes to, once another connection has seen the server's.

    Args:
        cause: why the first was refused.
        first, other: the handshakes of both connections.

    Returns:
        The failure, and how often the first attempt is made again: not at all as long as both have
        seen the same certificate.
    """
    shown = [tls.chain[0] for tls in (first, other) if tls is not None and tls.chain]
    if len(shown) < 2 or shown[0] == shown[1]:
        return cause, ()
    words = (
        f"{cause.message} Another connection to the same address received a different certificate."
    )
    return replace(cause, message=words), STATEMENT


def patience(look: Probe | None, left: float, steps: Iterable[Step]) -> float | None:
    """Seconds for an unchanged attempt where the first met silence.

    Args:
        look: the one that worked, which tells how long an answer takes.
        left: seconds for all steps.
        steps: still to come, this one among them.

    Returns:
        None where there is no time to tell silence from slowness. Where there is not enough for all
        steps, this one gets what it needs, so that one of each is taken.
    """
    answer = 4 * look.milliseconds / 1000 if look is not None else 0.0
    share, need = left / max(sum(step is Step.SAME for step in steps), 1), max(LEAST, answer)
    if share < need:
        return need if left >= 2 * need else None
    return min(share, max(ENOUGH, answer), LONGEST_PAUSE)


def judged(case: Case, trial: Trial, cause: Failure, tried: int) -> Failure:
    """The failure that an address has after a trial that the unchanged attempt did not pass.

    Args:
        case: the first attempt.
        trial: which is over.
        cause: what the failure is if the trial confirms it.
        tried: how many attempts there were in all.
    """
    if about_certificate(case.failure) or trial.standing is Steadiness.CONFIRMED:
        return cause  # a certificate that was seen was seen
    if trial.standing is Steadiness.CHANGED and trial.last is not None:
        words = (
            f"The same attempt fails in different ways. First: {case.failure.message} Then: "
            f"{trial.last.message}"
        )
        return _inconsistent(case, words)
    if trial.standing is Steadiness.UNSTEADY:
        words = (
            f"{tried} attempts gave no consistent result: the same variation worked once and "
            f"failed once. The first attempt: {case.failure.message}"
        )
        return _inconsistent(case, words)
    return at_last(case)


def _inconsistent(case: Case, words: str) -> Failure:
    return Failure(
        code="net.inconsistent",
        message=words,
        phase=case.failure.phase,
        retryable=True,
        address=case.failure.address,
    )


def behind(earlier: Failure, failure: Failure) -> Failure:
    """A failure that lasts, with the one before it that has passed."""
    words = f"{failure.message} The first attempt ended differently: {earlier.message}"
    return replace(failure, message=words)


def about_certificate(failure: Failure) -> bool:
    """Whether the server's certificate was refused here."""
    return failure.code.startswith("tls.certificate_")
