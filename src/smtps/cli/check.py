"""``smtps check``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from smtps.cli import exits, output, server

if TYPE_CHECKING:
    from smtps.options import Endpoint

NAME = "check"
HELP = "tell whether submission works at a server, and why not"
DESCRIPTION = """\
Connect, look at TLS and certificate, greet and, with a user name, log in. No mail is sent.
Every address of the host is looked at."""
EPILOG = """\
examples:
  smtps check smtp.example.com
  smtps check smtp.example.com:587 --starttls
  smtps check smtp.example.com --username ann@example.com --password-env MAIL_PASSWORD
  smtps check '[2001:db8::1]:465' --ca-file company.pem --json

exit codes: 0 works, 1 works with warnings, 2 does not work, 3 could not be told, 64 usage
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "targets", nargs="+", metavar="TARGET", help="host, host:port, or [IPv6]:port"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object for each target")
    parser.add_argument("--transcript", action="store_true", help="show the dialogue as well")
    server.add_options(parser)


def run(options: Namespace) -> int:
    """Check the targets one after the other; the worst exit code counts."""
    import asyncio  # noqa: PLC0415

    endpoints = [server.endpoint(options, target) for target in options.targets]
    return asyncio.run(_check(endpoints, options))


async def _check(endpoints: list[Endpoint], options: Namespace) -> int:
    from smtps.diagnosis.checking import check  # noqa: PLC0415
    from smtps.diagnosis.text import render  # noqa: PLC0415

    worst = exits.OK
    for number, (endpoint, target) in enumerate(zip(endpoints, options.targets, strict=True)):
        report = await check(endpoint, target=target)
        if options.json:
            output.show_json(
                report.as_json(transcript=options.transcript), compact=len(endpoints) > 1
            )
        else:
            text = render(report, colour=output.colour(), transcript=options.transcript)
            output.show("\n" * bool(number) + text)
        worst = max(worst, exits.CHECK[report.verdict.value], key=exits.SEVERITY.index)
    return worst
