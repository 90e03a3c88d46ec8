"""``smtps discover``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from smtps.cli import exits, output

if TYPE_CHECKING:
    from smtps.checks.route import Discovery

NAME = "discover"
HELP = "find the submission server of a mail address"
DESCRIPTION = """\
Query, in this order: the domain's SRV records, its autoconfig documents, Thunderbird's list, the
table of providers, the domain's MX records, and finally common names. The first answer counts.
Only the domain leaves this computer, never the address."""
EPILOG = """\
examples:
  smtps discover ann@example.com
  smtps discover example.com --json
  smtps check ann@example.com       finds it and checks it

exit codes: 0 found, 2 not found, 64 usage error
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("address", metavar="ADDRESS", help="mail address, or its domain")
    parser.add_argument("--resolver", metavar="ADDRESS", help="the DNS server to ask")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: Namespace) -> int:
    """Find and show."""
    import asyncio  # noqa: PLC0415

    from smtps.checks.discovery import discover, means  # noqa: PLC0415
    from smtps.cli.progress import waiting_for  # noqa: PLC0415

    work = discover(options.address, means(resolver=options.resolver))
    found = asyncio.run(waiting_for(options.address, work))
    if options.json:
        output.show_json(found.as_json())
    else:
        output.show(_table(found))
    return exits.OK if found.servers else exits.CHECK["fails"]


def _table(found: Discovery) -> str:
    lines = [f"{found.address}\n"]
    lines += [f"  {step.source:11}{step.asked}\n             {step}" for step in found.steps]
    server = found.server()
    if server is None:
        lines.append("\n  No server was found. Ask your provider for the outgoing server.")
    else:
        how = "" if server.security == "implicit" else " --starttls"
        lines.append(f"\n  Use {server.host}, port {server.port}: "
                     f"smtps check {server.host}:{server.port}{how}")  # fmt: skip
    return "\n".join(lines) + "\n"
