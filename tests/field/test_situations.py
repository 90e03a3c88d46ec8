"""A few of the situations that ``scripts/bench field`` measures, on each run of the tests.

They need root and network namespaces. Where these cannot be made the tests fail and say so: what
was not run has not passed.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .asking import try_out
from .network import namespaces_can_be_made
from .situation import Situation, judge
from .situations import SITUATIONS

ROOT = Path(__file__).parents[2]
FEW = (
    "redirected-port", "healthy-dovecot", "certificate-expired", "self-signed",
    "intermediate-missing", "tls-1.0-only", "client-certificate-stunnel",
    "postfix-without-certificate", "ml-kem-only", "large-hello-reset", "imaps",
    "stunnel-dead-backend", "haproxy-living-backend", "no-such-name", "both-families",
    "closed-port", "rejected-host-prohibited", "client-on-a-block-list", "wrong-password",
    "unknown-recipient", "own-domain-without-login", "465-without-wrapper", "587-as-it-is-meant",
)  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    reason = namespaces_can_be_made()
    assert reason is None, f"not run, and so not passed: {reason}"


NEWER = pytest.mark.debian12("OpenSSL 3.5 has ML-KEM, so that server works")


@pytest.mark.parametrize(
    "name", [pytest.param(each, marks=NEWER if each == "ml-kem-only" else ()) for each in FEW]
)
def test_what_is_said_is_what_an_expert_says(name: str) -> None:
    (situation,) = (each for each in SITUATIONS if each.name == name)
    (answer,) = try_out(situation, ROOT)
    score = judge(situation, answer.report)
    assert (score.points, score.fix) == (2, "yes"), f"{score}\n{answer}"


def test_every_name_is_given_once() -> None:
    names = [each.name for each in SITUATIONS]
    assert len(names) == len(set(names))
    assert len(names) >= 120


REPORT = {
    "verdict": "fails",
    "findings": [
        {"code": "tls.closed", "severity": "error", "seen": "closed", "meaning": "", "fix": "log"}
    ],
}


def made(**changes: object) -> Situation:
    fields: dict[str, object] = {"name": "x", "group": "TLS", "what": "", "expert": "",
                                 "build": lambda _: None, "causes": ("tls.closed",)}  # fmt: skip
    return Situation(**{**fields, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "points", "fix"),
    [
        ({}, 2, "yes"),
        ({"told": "closed", "fix": ("log",)}, 2, "yes"),
        ({"fix": ("restart",)}, 2, "partly"),
        ({"never": ("log",)}, 2, "no"),
        ({"told": "certificate"}, 1, "yes"),
        ({"verdicts": ("works",)}, 1, "yes"),
        ({"causes": ("net.reset",)}, 0, "no"),
        ({"causes": (), "verdicts": ("works",)}, 0, "no"),
    ],
)
def test_an_answer_is_judged_by_cause_words_verdict_and_fix(
    changes: dict[str, object], points: int, fix: str
) -> None:
    score = judge(made(**changes), REPORT)
    assert (score.points, score.fix) == (points, fix)


def test_a_wrong_finding_beside_the_right_one_costs_a_point() -> None:
    beside = {**REPORT["findings"][0], "code": "net.reset"}  # type: ignore[dict-item]
    report = {**REPORT, "findings": [*REPORT["findings"], beside]}
    assert judge(made(), report).points == 1
    assert judge(made(also=("net.reset",)), report).points == 2


def test_no_report_is_worth_nothing() -> None:
    assert judge(made(), None).points == 0
