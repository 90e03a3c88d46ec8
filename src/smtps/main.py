"""``smtps``: reads the arguments and calls a command.

Built on argparse: the libraries that would be nicer here take longer to load than a whole check.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence

from smtps import serve
from smtps._version import __version__
from smtps.cli import (
    accounts,
    check,
    discover,
    exits,
    login,
    logout,
    outbox,
    output,
    ports,
    providers,
    sandbox,
    send,
    worker,
)
from smtps.cli.usage import Parser
from smtps.errors import InputError, SMTPSError
from smtps.extras import extra_needed

_EPILOG = """\
examples:
  smtps check smtp.example.com
  smtps send --host smtp.example.com --username ann@example.com \\
      --from ann@example.com --to bob@example.org --subject Hello --body "Hi Bob"
  smtps login ann@example.com           once; then --account sends without a password
  smtps sandbox                         a mail server for testing
  smtps serve --sandbox                 the same by HTTP, with a mail server for testing

Each command has its own --help.
"""


_COMMANDS = (
    check, send, login, accounts, logout, discover, ports, providers, sandbox, serve, outbox,
    worker,
)  # fmt: skip
"""In the order of ``--help``."""


def build_parser() -> Parser:
    """The whole command line."""
    parser = Parser(
        prog="smtps",
        description="Check whether mail submission over TLS works, explain why it does not, and "
        "send mail through it.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"smtps {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for module in _COMMANDS:
        command = commands.add_parser(
            module.NAME,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
        )
        module.add_options(command)
        command.set_defaults(run=module.run, command=command)
        if module is not outbox:  # its actions have usages of their own
            command.settle()
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: instead of the process's own.

    Returns:
        The exit code; see ``exits``.
    """
    output.use_any_console()
    words = sys.argv[1:] if arguments is None else arguments
    if not words:
        output.show(build_parser().format_help())
        return exits.OK
    options = build_parser().read(words)
    try:
        with extra_needed():
            code: int = options.run(options)
    except SMTPSError as error:
        output.complain(_words(error, options))
        return exits.of_error(error.failure)
    except KeyboardInterrupt:
        return exits.INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has left, and Python would complain on the way out
        return exits.OK
    return code


def _words(error: SMTPSError, options: Namespace) -> str:
    """An error for who typed the command: an option to blame is named as it was typed."""
    if isinstance(error, InputError):
        option = "--" + error.field.replace("_", "-")
        action = options.command.known.get(option)
        missing = error.problem.startswith(("is required", "is missing"))
        if action is not None and (missing or getattr(options, action.dest) != action.default):
            return f"{option}: {error.problem}"
    return str(error)
