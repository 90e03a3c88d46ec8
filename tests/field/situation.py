"""A situation: what is set up, what an expert says of it, and how an answer is judged.

The expert's part is written before the program is asked. It names causes by code where a code
means the cause, and by words where it does not say enough: then the words must be in what the
first finding says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .lab import HOST, Lab

Group = Literal[
    "interception", "certificates", "TLS", "below SMTP", "names", "network", "dialogue", "login",
    "envelope", "ports and security",
]  # fmt: skip
Fix = Literal["yes", "partly", "no"]

REMARKS = frozenset({
    # Said beside any cause, and true where they are said: they are judged by tests of their own.
    "tls.old_versions_accepted", "tls.weak_cipher_accepted", "auth.not_tried",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Situation:
    """One case.

    Attributes:
        what: what is set up, in a sentence.
        expert: the cause, in an expert's words.
        build: sets it up.
        target, options: what ``smtps check`` is given.
        runs: words in front of the command, such as those of faketime.
        causes: codes that name the cause; none where nothing is wrong.
        told: what the first finding must say (seen, meaning or fix), as a regular expression.
        also: further codes of errors and warnings that are true here.
        verdicts: what the verdict may be.
        fix: regular expressions that the fix must match, each.
        never: and must not match, any finding's.
        network: arguments of the test network.
        environment: of the client's process.
    """

    name: str
    group: Group
    what: str
    expert: str
    build: Callable[[Lab], None]
    target: str = HOST
    options: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    told: str = ""
    also: tuple[str, ...] = ()
    verdicts: tuple[str, ...] = ("fails",)
    fix: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    network: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Score:
    """Two points: the right cause first and no wrong one beside it. One: among others, or vague."""

    points: int
    fix: Fix
    why: str


HEALTHY = ("works", "warnings")


def judge(situation: Situation, report: Mapping[str, Any] | None) -> Score:
    """Judge a report, as ``smtps check --json`` prints it; None where there was none."""
    if report is None:
        return Score(0, "no", "no report")
    findings = report["findings"]
    grave = [each for each in findings if each["severity"] in ("error", "warning")]
    allowed = {*situation.causes, *situation.also, *REMARKS}
    wrong = [each["code"] for each in grave if each["code"] not in allowed]
    verdict = report["verdict"] in situation.verdicts
    harm = [
        pattern for pattern in situation.never for each in findings if _says(pattern, each, "fix")
    ]
    if not situation.causes and not situation.told:
        points = 2 * (verdict and not wrong)
        why = "" if points else f"verdict {report['verdict']}, {_codes(findings)}"
        return Score(points, "no" if harm or not points else "yes", why)
    named = [each for each in findings if each["code"] in situation.causes or not situation.causes]
    telling = [each for each in named if _says(situation.told, each)]
    points, why = _points(situation, findings, grave, telling, named, wrong, verdict)
    return Score(points, _fix(situation, telling or named, harm, points), why)


def _points(
    situation: Situation,
    findings: list[dict[str, Any]],
    grave: list[dict[str, Any]],
    telling: list[dict[str, Any]],
    named: list[dict[str, Any]],
    wrong: list[str],
    verdict: bool,
) -> tuple[int, str]:
    listed = grave or findings
    faults = []
    if not named or (not situation.causes and not telling):
        return 0, f"cause not named: {_codes(findings)}"
    if not telling:
        faults.append(f"not told: /{situation.told}/")
    if listed and listed[0] not in (telling or named):
        faults.append(f"first: {listed[0]['code']}")
    if wrong:
        faults.append(f"wrong: {', '.join(wrong)}")
    if not verdict:
        faults.append("verdict")
    return (1 if faults else 2), "; ".join(faults)


def _fix(situation: Situation, named: list[dict[str, Any]], harm: list[str], points: int) -> Fix:
    if harm or not points:
        return "no"
    text = " ".join(f"{each['fix']} {each['seen']}" for each in named)
    kept = [bool(re.search(pattern, text, re.IGNORECASE)) for pattern in situation.fix]
    if all(kept):
        return "yes"
    return "partly"


def _says(pattern: str, finding: Mapping[str, Any], *fields: str) -> bool:
    text = " ".join(str(finding[name]) for name in fields or ("seen", "meaning", "fix"))
    return re.search(pattern, text, re.IGNORECASE) is not None


def _codes(findings: list[dict[str, Any]]) -> str:
    return ", ".join(each["code"] for each in findings) or "no finding"
