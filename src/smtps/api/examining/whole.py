"""All of an examination, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from smtps.api.examining.accounts import accounts
from smtps.api.examining.findings import Findings
from smtps.api.examining.places import port, uploads, whose_rights
from smtps.api.examining.store import outbox
from smtps.api.examining.values import examine
from smtps.api.outbox import check_worker


def examined(
    command: Literal["serve", "worker"], file: str | None, flags: Mapping[str, Any]
) -> Findings:
    """Find out whether a command would start with its settings.

    Args:
        command: which.
        file: of settings, if one was named.
        flags: settings of the command line; None counts as not given.
    """
    findings = Findings()
    settings = examine(findings, file, flags)
    if settings is None:
        return findings
    faulty = {problem.setting for problem in findings.problems}
    if command == "serve" and not faulty & {"host", "port"}:
        port(findings, settings)
    if command == "serve" and "upload_dir" not in faulty:
        uploads(findings, settings)
    place = settings.outbox
    if place is None and "outbox" not in faulty and command == "worker":
        findings.add("outbox", 'is not set; write outbox = "postgresql://…"')
    with findings.noting("outbox"):
        if command == "worker":
            check_worker(settings)
        if place is not None and "outbox" not in faulty:
            outbox(findings, place, own=settings.deliver)
    accounts(findings, settings)
    whose_rights(findings)
    findings.untried += [
        "mail servers and webhooks were not contacted: smtps check does that for a server",
        "names were not looked up",
    ]
    return findings
