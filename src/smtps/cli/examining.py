"""``--check-config``: what an examination of the settings says, for people and for programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from smtps.cli import exits, output

if TYPE_CHECKING:
    from smtps.config.places import Findings

HELP = "report whether it would start with these settings, and exit"


def examine(
    command: Literal["serve", "worker"],
    file: str | None,
    flags: Mapping[str, Any],
    *,
    as_json: bool,
) -> int:
    """Say it; 0 if it would start, 78 (EX_CONFIG) if not."""
    from smtps.config.examination import examined  # noqa: PLC0415

    findings = examined(command, file, flags)
    if as_json:
        output.show_json(findings.as_json())
    else:
        output.show(_text(command, findings))
    return exits.CONFIG if findings.problems else exits.OK


def _text(command: str, findings: Findings) -> str:
    count = len(findings.problems)
    if count:
        problems = "1 problem" if count == 1 else f"{count} problems"
        lines = [f"smtps {command} would not start, or not work, as configured: {problems}."]
    else:
        lines = [f"smtps {command} would start with these settings."]
    lines += [f"  ✗ {one.where}: {one.problem}" for one in findings.problems]
    lines += [f"  ✓ {line}" for line in findings.tried]
    lines += [f"  – {line}" for line in findings.notes]
    if findings.untried:
        lines += ["Not tried:", *(f"  · {line}" for line in findings.untried)]
    return "\n".join(lines) + "\n"
