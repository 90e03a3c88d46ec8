"""``smtps worker``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from smtps.cli import examining, exits, output

NAME = "worker"
HELP = "send the mail of an outbox on PostgreSQL"
DESCRIPTION = """\
Send the mail of an outbox, alongside any number of other workers and services on this machine or
on others. Runs until Ctrl-C or SIGTERM; it then waits for messages being transmitted, at most
lane_grace seconds, and a second signal ends the wait."""
EPILOG = """\
examples:
  smtps worker --config /etc/smtps.toml

the outbox must be on PostgreSQL: a file belongs to the one service that owns it
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--config", metavar="FILE", help="settings file (TOML), as for smtps serve")
    parser.add_argument("--check-config", action="store_true", help=examining.HELP)
    parser.add_argument("--json", action="store_true", help="report readiness as JSON")


def run(options: Namespace) -> int:
    """Work until told to stop."""
    if options.check_config:
        return examining.examine("worker", options.config, {}, as_json=options.json)
    from smtps.cli import running  # noqa: PLC0415
    from smtps.config.open_outbox import check_worker  # noqa: PLC0415
    from smtps.config.settings import load  # noqa: PLC0415

    settings = load(options.config)
    check_worker(settings)
    return running.run(_work(options, settings))


async def _work(options: Namespace, settings: object) -> int:
    import asyncio  # noqa: PLC0415

    from smtps.cli.running import stop_signals  # noqa: PLC0415
    from smtps.config import logs  # noqa: PLC0415
    from smtps.config.open_outbox import open_outbox  # noqa: PLC0415
    from smtps.config.settings import Settings  # noqa: PLC0415

    assert isinstance(settings, Settings)
    hurry = asyncio.Event()
    with logs.written(), stop_signals(hurry) as stop:
        async with open_outbox(settings, deliver=True, hurry=hurry) as outbox:
            names = sorted(outbox.accounts)
            if options.json:
                output.show_json({"accounts": names}, compact=True)
            else:
                output.show(f"Sending for {', '.join(names) or 'no account'}\n")
            await stop.wait()
    return exits.OK
