"""``smtps ports``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from smtps.cli import exits, output
from smtps.target import read_target

NAME = "ports"
HELP = "compare the submission ports of a host"
DESCRIPTION = """\
Try ports 25, 465, 587 and 2525 at the same time, and report which to use and why."""
EPILOG = """\
examples:
  smtps ports smtp.example.com
  smtps ports smtp.example.com --json

exit codes: 0 a port can be used, 2 none can, 64 usage error
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("host", metavar="HOST", help="name or address")
    parser.add_argument(
        "--timeout", type=float, default=10.0, metavar="SECONDS", help="for each port; default 10"
    )
    parser.add_argument("--ca-file", metavar="FILE", help="trust the authorities in this PEM file")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: Namespace) -> int:
    """Compare and show."""
    import asyncio  # noqa: PLC0415

    from smtps.checks.ports import compare  # noqa: PLC0415
    from smtps.cli.progress import waiting_for  # noqa: PLC0415

    host = read_target(options.host, field="host").host
    work = compare(host, timeout=options.timeout, ca_file=options.ca_file)
    found = asyncio.run(waiting_for(host, work))
    if options.json:
        output.show_json(found.as_json())
    else:
        output.show(_table(found.as_json()))
    return exits.OK if found.recommended else exits.CHECK["fails"]


def _table(found: dict[str, Any]) -> str:
    lines = [f"{found['host']}\n"]
    for row in found["ports"]:
        auth = ", ".join(row["auth"]) or "no login offered"
        what = auth if row["verdict"] in ("works", "warnings") else row["seen"]
        lines.append(f"  {row['port']:5}  {row['name']:15}{row['security']:10}"
                     f"{row['verdict']:10}{what}")  # fmt: skip
    port = found["recommended"]["port"] if found["recommended"] else None
    lines.append(f"\n  {f'Use port {port}.' if port else 'No port can be used.'} {found['why']}")
    return "\n".join(lines) + "\n"
