"""``smtps check``."""

from __future__ import annotations

from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from typing import TYPE_CHECKING, TypedDict, cast

from smtps.cli import exits, output, server_options
from smtps.errors import InputError
from smtps.target import Target, read_target

if TYPE_CHECKING:
    from smtps.checks.batch import CheckOne
    from smtps.checks.gather import Turn
    from smtps.checks.report import Report
    from smtps.cli.batch import Batch
    from smtps.cli.results import Results
    from smtps.client.outgoing import Envelope
    from smtps.endpoint import Endpoint, Security
    from smtps.oauth.provenance import Origin
    from smtps.report.formats import Writer


class Depth(TypedDict):
    """Arguments of ``checks.checking.check``."""

    deep: bool
    envelope: Envelope | None
    size: int | None
    control: str | None


def add_depth_options(parser: ArgumentParser) -> None:
    """Options of a closer look."""
    group = parser.add_argument_group("a closer look")
    group.add_argument(
        "--deep", action="store_true",
        help="also test each TLS version, weak ciphers, resumption, each login mechanism and DNS: "
        "about ten connections to each address, one after another",
    )  # fmt: skip
    group.add_argument(
        "--mail-from", metavar="ADDRESS",
        help="with --rcpt-to: ask whether the server would accept this sender; '' is the null "
        "reverse-path. No mail is sent",
    )  # fmt: skip
    group.add_argument(
        "--rcpt-to", action="append", default=[], metavar="ADDRESS",
        help="with --mail-from: ask about this recipient too; may be repeated",
    )  # fmt: skip
    group.add_argument(
        "--size",
        type=int,
        metavar="BYTES",
        help="with --mail-from: ask about a message of this size too",
    )
    group.add_argument(
        "--control", metavar="HOST",
        help="if the server does not answer, try this host on the same port, to find out "
        "whether your network blocks the port",
    )  # fmt: skip


def depth(options: Namespace) -> Depth:
    """How far to go.

    Raises:
        InputError: an address is none, or one option lacks another.
    """
    return {
        "deep": options.deep,
        "envelope": _envelope(options),
        "size": options.size,
        "control": options.control,
    }


def _envelope(options: Namespace) -> Envelope | None:
    if options.mail_from is None:
        for field in ("rcpt_to", "size"):
            if getattr(options, field):
                raise InputError(field, "requires --mail-from")
        return None
    if not options.rcpt_to:
        raise InputError("rcpt_to", "is needed with --mail-from")
    from smtps.client.outgoing import Envelope  # noqa: PLC0415

    return Envelope.of(options.mail_from or None, options.rcpt_to)


NAME = "check"
HELP = "report whether submission works on a server, and if not, why"
DESCRIPTION = """\
Connect, check TLS and the certificate, say EHLO and, with a user name, log in. No mail is sent.
Every address of the host is checked. For a mail address, the server is discovered first."""
EPILOG = """\
examples:
  smtps check smtp.example.com
  smtps check smtp.example.com:587
  smtps check ann@example.com --deep
  smtps check gmail
  smtps check smtp.example.com --username ann@example.com --password-env MAIL_PASSWORD
  smtps check --account work
  smtps check '[2001:db8::1]:465' --ca-file company.pem --json
  smtps check --from servers.txt --output ndjson --output-file results.ndjson --resume
  smtps check --from servers.txt --shard 2/5 --output csv

exit codes: 0 works, 1 works with warnings, 2 does not work, 3 could not be determined (or
the server asks clients to retry later), 64 usage error, 130 interrupted
"""

FORMS = ("text", "json", "ndjson", "csv", "junit", "nagios", "prometheus", "html",
         "markdown")  # fmt: skip
"""Names in ``diagnosis.formats.FORMATS``, which is too heavy for ``--help``."""

SPACING = 1.0
"""Seconds: how often a server may be asked by somebody who has a list."""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "targets", nargs="*", metavar="TARGET",
        help="host, host:port, [IPv6]:port, a URL such as smtps://host:465, a mail address, the "
        "name of a provider (see smtps providers) or of an account (see smtps accounts); - for a "
        "list on standard input",
    )  # fmt: skip
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object for each target")
    form.add_argument("--output", choices=FORMS, metavar="FORM", help=", ".join(FORMS))
    parser.add_argument("--transcript", action="store_true", help="also show the dialogue")
    parser.add_argument("--verbose", "-v", action="store_true", help="show failed checks in full")
    parser.add_argument(
        "--against", metavar="FILE", help="show what changed since this JSON report"
    )
    parser.add_argument(
        "--schema", action="store_true", help="print the JSON Schema of a report and exit"
    )
    add_depth_options(parser)
    _add_batch_options(parser)
    parser.add_argument(
        "--config", metavar="FILE",
        help="with --account: take the account from this settings file of smtps serve",
    )  # fmt: skip
    server_options.add_options(parser)


def _add_batch_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("many targets")
    group.add_argument(
        "--from", dest="list", metavar="FILE", help="a list of targets, one per line; - is stdin"
    )
    group.add_argument(
        "--jobs", type=int, metavar="N",
        help="number of concurrent checks; default 50 for a list, otherwise 1; always 1 with a "
        "login",
    )  # fmt: skip
    group.add_argument(
        "--spacing", type=float, metavar="SECONDS",
        help="between two checks of the same IP address; default 1 for a list, otherwise 0",
    )  # fmt: skip
    group.add_argument("--output-file", metavar="FILE", help="write to this file")
    group.add_argument(
        "--resume", action="store_true", help="skip targets that have a result in the output file"
    )
    group.add_argument("--shard", metavar="I/N", help="check only the I-th of N parts of the list")
    group.add_argument(
        "--progress",
        action=BooleanOptionalAction,
        help="show a progress bar; the default for a list, at a terminal",
    )


def run(options: Namespace) -> int:
    """Check the targets; the worst exit code counts."""
    if options.schema:
        return _show_schema()
    if options.account is not None:
        if options.targets or options.list is not None:
            raise InputError("account", "cannot be combined with other targets: it has its server")
        options.targets = [options.account]
    options.targets = _together(options.targets)
    if not options.targets and options.list is None:
        options.command.error("give a target, --account NAME, or a list with --from FILE")
    import asyncio  # noqa: PLC0415

    from smtps.cli import running  # noqa: PLC0415
    from smtps.cli.batch import run  # noqa: PLC0415
    from smtps.cli.results import results  # noqa: PLC0415

    form, writer = _writer(options)
    check_one = _checker(options)
    with results(options.output_file, form) as place:
        batch = run(_batch(options, form, writer, check_one, place))
        return asyncio.run(batch) if options.list is None else running.run(batch)


def _together(words: list[str]) -> list[str]:
    """Targets, where ``host 465`` is one."""
    found: list[str] = []
    for word in words:
        if (
            found
            and word.isascii()
            and word.isdigit()
            and not read_target(found[-1], addresses=True).port
        ):
            host = found[-1]
            found[-1] = f"[{host}]:{word}" if ":" in host and "]" not in host else f"{host}:{word}"
        else:
            found.append(word)
    return found


def _show_schema() -> int:
    from smtps.checks.report import report_schema  # noqa: PLC0415

    output.show_document(report_schema(), "json")
    return exits.OK


def _writer(options: Namespace) -> tuple[str, Writer]:
    """The form and its writer."""
    import sys  # noqa: PLC0415

    from smtps.cli import targets  # noqa: PLC0415
    from smtps.report.formats import FORMATS, Style  # noqa: PLC0415

    single = not targets.several(options)
    form = options.output or "text"
    if options.json:
        form = "json" if single else "ndjson"
    if options.against is not None:
        from smtps.cli import batch as against  # noqa: PLC0415

        baseline = against.read_baseline(options.against)
        if not targets.lists(options):
            baseline.require(options.targets)
        return form, against.Changes(baseline, form)
    terminal = options.output_file is None
    style = Style(
        transcript=options.transcript,
        verbose=options.verbose,
        colour=terminal and output.colour(),
        single=single,
        indent=terminal and sys.stdout.isatty(),
    )
    return form, FORMATS[form](style)


def _checker(options: Namespace) -> CheckOne:
    """How to check one target.

    Raises:
        InputError: the options cannot be used, or a target on the command line.
    """
    from dataclasses import replace  # noqa: PLC0415

    from smtps.checks.checking import check  # noqa: PLC0415
    from smtps.checks.scope import patient  # noqa: PLC0415
    from smtps.cli import targets  # noqa: PLC0415
    from smtps.cli.progress import Stage, waiting_for  # noqa: PLC0415
    from smtps.net.hostnames import to_ascii  # noqa: PLC0415
    from smtps.providers import by_id  # noqa: PLC0415

    # Once: it may ask for a password, and it names what is wrong before anything is connected.
    places = [read_target(target, addresses=True) for target in targets.named(options)]
    if len(places) == 1:
        options = server_options.with_username(options, places[0])
    template = server_options.endpoint(options, "localhost")
    how_far = depth(options)
    origin: Origin = "environment" if options.token_env is not None else "given"

    def endpoint(target: str) -> Endpoint:
        if options.account is not None:
            return template
        provider = by_id(target)
        if provider is not None:
            place = provider.place(options.security, options.port or 0)
            return replace(template, host=place.host, port=place.port, security=place.security)
        if server_options.names_account(options, target):
            return server_options.endpoint(Namespace(**{**vars(options), "account": target}), None)
        return _at(template, options, read_target(target, addresses=True))

    for target in targets.named(options):
        place = endpoint(target)
        if "@" in place.host:
            from smtps.checks.discovery import mail_domain  # noqa: PLC0415

            mail_domain(place.host)
        else:
            to_ascii(place.host)

    show = not targets.several(options) and not options.progress  # a bar takes its place

    async def check_one(target: str, turn: Turn) -> Report:
        place = endpoint(target)
        most = patient(place.timeouts, deep=how_far["deep"]).total
        stage = Stage(place.security, most or 0.0)
        work = check(place, target=target, turn=turn, progress=stage.note, origin=origin, **how_far)
        return await waiting_for(target, work, show=show, stage=stage)

    return check_one


def _at(template: Endpoint, options: Namespace, target: Target) -> Endpoint:
    """An endpoint at a target; options change what a URL says."""
    from dataclasses import replace  # noqa: PLC0415

    return replace(
        template,
        host=target.host,
        port=options.port or target.port,
        security=cast("Security", options.security or target.security),
    )


def _batch(
    options: Namespace, form: str, writer: Writer, check_one: CheckOne, place: Results
) -> Batch:
    from smtps.checks.batch import JOBS  # noqa: PLC0415
    from smtps.cli import targets  # noqa: PLC0415
    from smtps.cli.batch import Batch  # noqa: PLC0415
    from smtps.cli.progress import Tally, progress_wanted  # noqa: PLC0415

    todo = targets.Todo(options, form)
    listed = bool(targets.lists(options))
    jobs = JOBS if listed and not options.username else 1
    several = targets.several(options)
    tally = Tally()
    for verdict in todo.verdicts:
        tally.mind(verdict)
    show = progress_wanted(options.progress, several=several)
    if show or several:
        tally.total = todo.count()
    return Batch(
        targets=todo.read(),
        check_one=check_one,
        writer=writer,
        results=place,
        jobs=options.jobs if options.jobs is not None else jobs,
        spacing=options.spacing if options.spacing is not None else SPACING * listed,
        security=options.security,
        tally=tally,
        show_progress=show,
        how_to_go_on=todo.how_to_go_on if several else "",
    )
