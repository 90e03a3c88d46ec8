"""``smtps send``."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smtps.cli import exits, output, sending, server_options
from smtps.cli.asking import ask, at_terminal, make_test
from smtps.errors import Failure, InputError, SMTPSError

if TYPE_CHECKING:
    from smtps.client.outgoing import Outgoing
    from smtps.client.result import Result
    from smtps.endpoint import Endpoint
    from smtps.message.message import Message

NAME = "send"
HELP = "send a message"
DESCRIPTION = """\
Send one message, composed from the options or raw, and report the result for each recipient;
or, with --merge, send one message per row of a table."""
EPILOG = """\
examples:
  smtps send --test --from ann@example.com --username ann@example.com
  smtps send --host smtp.example.com --username ann@example.com \\
      --from "Ann <ann@example.com>" --to bob@example.org --subject Hello --body "Hi Bob"
  smtps send --account work --to bob@example.org --from ann@example.com \\
      --subject Hello --body "Hi Bob"
  df -h | smtps send --host smtp.example.com --username ops@example.com --password-env MAIL_PW \\
      --from ops@example.com --to team@example.com --subject "Disks" --body-file -
  smtps send --queue main --config /etc/smtps.toml \\
      --from ann@example.com --to bob@example.org --subject Hello --body "Hi Bob"
  smtps send --host smtp.example.com --raw message.eml --from a@example.com --to b@example.org
  smtps send --host smtp.example.com --username ann@example.com \\
      --merge readers.csv --template letter.j2 --log letter.log

A template has header fields, an empty line and the text, with placeholders such as {{ name }} that
are filled in from the table, whose first line names its columns:
      From: Ann <ann@example.com>
      To: {{ name }} <{{ email }}>
      Subject: Your invoice {{ number }}

      Dear {{ name }}, ...
All rows are checked before the first is sent. With --log, a second run sends the rest.

exit codes (sysexits): 0 sent, 64 usage error, 65 the message cannot be sent as it is, 68 no such
host, 69 refused, 74 uncertain (check before you send again), 75 try again later, 77 login refused
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--host",
        metavar="HOST",
        help="host, host:port, [IPv6]:port or a URL; default the server of --from",
    )
    _add_message(parser)
    _add_merge(parser)
    _add_sending(parser)
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    parser.add_argument("--transcript", action="store_true", help="also show the dialogue")
    server_options.add_options(parser)


def _add_message(parser: ArgumentParser) -> None:
    message = parser.add_argument_group("message")
    message.add_argument(
        "--from", dest="from_", metavar="ADDRESS", help="'Name <address>' works too"
    )
    message.add_argument(
        "--sender", metavar="ADDRESS", help="who sends it on the author's behalf; bounces go there"
    )
    for name in ("to", "cc", "bcc", "reply-to"):
        message.add_argument(
            f"--{name}", action="append", default=[], metavar="ADDRESS", help="may be repeated"
        )
    message.add_argument("--subject", default="", metavar="TEXT")
    body = message.add_mutually_exclusive_group()
    body.add_argument("--body", metavar="TEXT", help="the text")
    body.add_argument("--body-file", metavar="FILE", help="the text from a file; - is stdin")
    body.add_argument(
        "--raw", metavar="FILE", help="a complete message (.eml), sent as is; - is stdin"
    )
    message.add_argument(
        "--test", action="store_true",
        help="send a message that says it is a test; to the sender, if there is no --to",
    )  # fmt: skip
    message.add_argument(
        "--keep-bcc", action="store_true",
        help="send --raw although its Bcc field shows the blind recipients to everyone",
    )  # fmt: skip
    message.add_argument(
        "--html-file", metavar="FILE", help="HTML in addition to the text or in place of it"
    )
    message.add_argument(
        "--attach", action="append", default=[], metavar="FILE", help="may be repeated"
    )
    message.add_argument(
        "--alternative", action="append", default=[], metavar="FILE",
        help="alternative form of the text, such as an invitation (.ics); may be repeated",
    )  # fmt: skip
    message.add_argument(
        "--header", action="append", default=[], metavar="'NAME: VALUE'", help="may be repeated"
    )


def _add_merge(parser: ArgumentParser) -> None:
    merge = parser.add_argument_group("mail merge")
    merge.add_argument(
        "--merge", metavar="FILE", help="one message per row: CSV, or one JSON object per line"
    )
    merge.add_argument(
        "--template",
        metavar="FILE",
        help="the message, with placeholders (Jinja2); they work in the file of --html-file, too",
    )
    merge.add_argument(
        "--log",
        metavar="FILE",
        help="record the result of each row; a second run resumes from there",
    )
    merge.add_argument(
        "--retry-uncertain", action="store_true",
        help="resend messages that may have arrived in an earlier run",
    )  # fmt: skip
    merge.add_argument(
        "--connections", type=int, default=2, metavar="N", help="concurrent connections; default 2"
    )
    merge.add_argument(
        "--window", type=int, default=4, metavar="N",
        help="messages in flight on each connection; default 4",
    )  # fmt: skip
    merge.add_argument(
        "--progress", action=BooleanOptionalAction, default=None,
        help="show a progress bar; the default at a terminal",
    )  # fmt: skip


def _add_sending(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("sending")
    group.add_argument(
        "--partial",
        choices=("abort", "send"),
        default="abort",
        help="when a recipient is refused: send to no one (default), or to the others",
    )
    group.add_argument(
        "--dsn-notify", metavar="WORDS", help="NEVER, or any of SUCCESS,FAILURE,DELAY"
    )
    group.add_argument("--dsn-return", choices=("FULL", "HDRS"), help="what a bounce contains")
    group.add_argument("--dsn-envid", metavar="ID", help="quoted in notifications")
    group.add_argument(
        "--require-tls", action="store_true", help="require TLS on every hop (REQUIRETLS)"
    )
    group.add_argument(
        "--queue",
        metavar="ACCOUNT",
        help="submit the message to the service's outbox, which sends it and retries",
    )
    group.add_argument(
        "--config", metavar="FILE", help="the service's settings, for --queue and --account"
    )
    group.add_argument(
        "--dry-run", action="store_true", help="print the message instead of sending it"
    )


def run(options: Namespace) -> int:
    """Send the message; what fails on the way is printed like a finding."""
    import asyncio  # noqa: PLC0415

    _check_options(options)
    if _needs_server(options):
        from smtps.cli import sender_server  # noqa: PLC0415

        sender_server.fill_in(options)
    _fill_in_message(options)
    if options.merge is not None:
        from smtps.cli import merging  # noqa: PLC0415

        return merging.run(options)
    if options.queue is not None:
        from smtps.cli import sending  # noqa: PLC0415

        return sending.run(options, _compose(options))
    endpoint = None
    if not options.dry_run:
        endpoint = server_options.endpoint(options, options.host, "host")
    try:
        message = _compose(options)
        if endpoint is None:
            return _dry_run(message)
        return asyncio.run(_send(options, endpoint, message))
    except SMTPSError as error:
        _report_failure(options, error.failure)
        return exits.of_send(error.failure)


def _check_options(options: Namespace) -> None:
    """What goes with a table, and what with a single message.

    Raises:
        InputError: one is missing, or has no place there.
    """
    merging = options.merge is not None
    if options.queue is not None and options.account is not None:
        raise InputError("account", "cannot be combined with --queue, which names an account")
    if _needs_server(options) and (merging or options.from_ is None):
        raise InputError(
            "host", "is required, or --account: the server to send through; without them, the "
            "server of --from is used",
            code="input.host_required",
        )  # fmt: skip
    needed = "template" if merging else "from_"
    if getattr(options, needed) is None:
        raise InputError(needed.strip("_"), "is required")
    if _is_empty(options) and not at_terminal():
        raise InputError(
            "body",
            "is missing, and so is a subject: the message would be empty. Give --subject, --body, "
            "--body-file, --html-file, --attach or --raw; --test sends a test message, and "
            "--body '' an empty one",
        )
    if options.test and options.raw is not None:
        raise InputError("test", "cannot be combined with --raw, which is the whole message")
    if options.keep_bcc and options.raw is None:
        raise InputError("keep_bcc", "requires --raw: --bcc is never written to the header")
    why = (
        "belongs in the template, not on the command line with --merge"
        if merging
        else "requires --merge"
    )
    for name in _OF_ONE if merging else _OF_MANY:
        if getattr(options, name):
            raise InputError(name.strip("_"), why)


def _needs_server(options: Namespace) -> bool:
    given = (options.host, options.account, options.queue)
    return all(each is None for each in given) and not options.dry_run


def _is_empty(options: Namespace) -> bool:
    """Whether neither a subject nor a text is given, nor anything else that a message may hold."""
    if options.merge is not None or options.body is not None:
        return False
    return not any(getattr(options, name) for name in (*_CONTENT, "test"))


def _fill_in_message(options: Namespace) -> None:
    """A test message, or what is asked for at the terminal."""
    if options.test:
        make_test(options)
    elif _is_empty(options):
        ask(options)


_CONTENT = ("subject", "body_file", "html_file", "raw", "attach", "alternative")
_OF_ONE = (
    "test",
    "from_", "sender", "to", "cc", "bcc", "reply_to", "subject", "header", "body", "body_file",
    "raw", "alternative",
)  # fmt: skip
_OF_MANY = ("template", "log", "retry_uncertain")


async def _send(options: Namespace, endpoint: Endpoint, message: Message | Outgoing) -> int:
    from smtps.cli.progress import waiting_for  # noqa: PLC0415
    from smtps.client.session import send  # noqa: PLC0415

    work = send(
        message,
        endpoint,
        partial=options.partial,
        dsn=sending.dsn(options),
        require_tls=options.require_tls,
    )
    result = await waiting_for(endpoint.host, work)
    assert result.transcript is not None
    shown: dict[str, Any] = result.as_json()
    if options.transcript:
        shown["transcript"] = result.transcript.as_json()
    _report_result(options, result, shown, str(result.transcript))
    return exits.of_send(result.failure, result.outcome)


_COMPOSED = ("sender", "subject", "html_file", "attach", "alternative", "header", "reply_to")
"""What a raw message has in it already."""


def _compose(options: Namespace) -> Message | Outgoing:
    from smtps.client.outgoing import Envelope, prepare  # noqa: PLC0415
    from smtps.message.addresses import NameAddr  # noqa: PLC0415
    from smtps.message.message import Attachment, Message  # noqa: PLC0415
    from smtps.names import for_the_shell  # noqa: PLC0415

    if options.raw is not None:
        for name in _COMPOSED:
            if getattr(options, name):
                raise InputError(name, "cannot be combined with --raw, which is the whole message")
        sender = NameAddr.parse(options.from_).email
        people = [NameAddr.parse(a).email for a in (*options.to, *options.cc, *options.bcc)]
        data, envelope = _read(options.raw, "raw"), Envelope.of(sender, people)
        try:
            return prepare(data, envelope, keep_bcc=options.keep_bcc)
        except InputError as error:
            raise InputError(error.field, for_the_shell(error.problem), code=error.code) from error
    text = options.body
    if options.body_file is not None:
        text = _decode(_read(options.body_file, "body_file"), "body_file")
    html = None
    if options.html_file is not None:
        html = _decode(_read(options.html_file, "html_file"), "html_file")
    return Message(
        from_=options.from_,
        sender=options.sender,
        to=options.to,
        cc=options.cc,
        bcc=options.bcc,
        reply_to=options.reply_to,
        subject=options.subject,
        text=text,
        html=html,
        attachments=[Attachment.from_file(name) for name in options.attach],
        alternatives=[Attachment.from_file(name) for name in options.alternative],
        headers=dict(_header(line) for line in options.header),
    )


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise InputError("header", "must look like 'Name: value'")
    return name, value.strip(" ")


def _read(name: str, field: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise InputError(field, f"cannot read {name}: {error.strerror}") from error


def _decode(data: bytes, field: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(field, f"is not UTF-8 (byte {error.start})") from error


def _dry_run(message: Message | Outgoing) -> int:
    from smtps.client.outgoing import prepare  # noqa: PLC0415

    outgoing = prepare(message, None)
    output.complain(
        f"not sent: from {outgoing.envelope.sender} to "
        + ", ".join(map(str, outgoing.envelope.recipients))
    )
    sys.stdout.flush()
    sys.stdout.buffer.write(outgoing.data)
    return exits.OK


def _report_result(
    options: Namespace, result: Result, shown: dict[str, Any], transcript: str
) -> None:
    if options.json:
        shown.update(_failure_json(result.failure))
        output.show_json(shown)
        return
    if options.transcript:
        output.show(transcript + "\n\n")
    people = [p for p in result.recipients if p.status == "accepted"]
    if people:
        count = f"{len(people)} of {len(result.recipients)}" if result.failure else len(people)
        output.show(f"✓ {result.outcome}: accepted for {count} recipient(s): {result.reply}\n")
        output.show(f"  Message-ID {result.message_id or '(none)'}\n")
    for person in result.recipients:
        if person.status != "accepted":
            output.show(f"✗ {person.email}: {person.status}" + _because(person.reply) + "\n")
    sending.show_others(result.passed_over)
    if result.failure is not None:
        sending.show_failure(result.failure)


def _because(reply: Any) -> str:
    return f" ({reply})" if reply is not None else ""


def _report_failure(options: Namespace, failure: Failure) -> None:
    """It did not come to a session, or not even so far."""
    if options.json:
        from smtps.client.result import others_json  # noqa: PLC0415

        outcome = "deferred" if failure.retryable else "refused"
        nothing: dict[str, Any] = {
            "message_id": None,
            "recipients": [],
            "reply": None,
            "timings": {},
            "passed_over": others_json(failure.others),
        }
        output.show_json({"outcome": outcome, **nothing, **_failure_json(failure)})
    else:
        output.show("✗ not sent\n")
        sending.show_failure(failure)


def _failure_json(failure: Failure | None) -> dict[str, Any]:
    from smtps.checks.finding import Finding  # noqa: PLC0415
    from smtps.checks.report import failure_json  # noqa: PLC0415

    findings = [Finding.from_failure(failure).as_json()] if failure else []
    return {"failure": failure_json(failure), "findings": findings}
