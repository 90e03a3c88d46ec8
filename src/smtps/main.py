"""``smtps``: reads the arguments and calls a command.

Built on argparse: the libraries that would be nicer here take longer to load than a whole check.
"""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from smtps._version import __version__
from smtps.cli import output
from smtps.cli.usage import Parser

if TYPE_CHECKING:
    from smtps.errors import SMTPSError

_EPILOG = """\
examples:
  smtps explain "wrong version number"  what any error message means
  smtps check smtp.example.com
  smtps send --host smtp.example.com --username ann@example.com \\
      --from ann@example.com --to bob@example.org --subject Hello --body "Hi Bob"
  smtps login ann@example.com           once; then --account sends without a password
  smtps sandbox                         a mail server for testing
  smtps serve --sandbox                 the web page and HTTP API, with a mail server for testing

Each command has its own --help.
"""


_COMMANDS = {
    "check": "cli.check",
    "explain": "cli.explain",
    "send": "cli.send",
    "login": "cli.login",
    "accounts": "cli.accounts",
    "logout": "cli.logout",
    "discover": "cli.discover",
    "ports": "cli.ports",
    "providers": "cli.providers",
    "sandbox": "cli.sandbox",
    "serve": "serve",
    "outbox": "cli.outbox",
    "worker": "cli.worker",
    "completion": "cli.completion",
    "manual": "cli.manual",
}
"""Name → module, in the order of ``--help``."""

_INTERRUPTED = 130
"""Of ``exits``, which loads more than ``explain`` needs."""


def build_parser(only: str | None = None) -> Parser:
    """The command line.

    Args:
        only: the one command that is going to be run; the modules of the others are not loaded.
    """
    parser = Parser(
        prog="smtps",
        description="Check whether mail submission over TLS works, explain why if it does not, "
        "and send mail.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"smtps {__version__}")
    commands = parser.add_subparsers(
        title="commands", metavar="COMMAND", required=True, prog=parser.prog
    )
    for name in [only] if only else _COMMANDS:
        module: Any = import_module(f"smtps.{_COMMANDS[name]}")
        command = commands.add_parser(
            module.NAME,
            help=module.HELP,
            description=module.DESCRIPTION,
            epilog=module.EPILOG,
        )
        module.add_options(command)
        command.set_defaults(run=module.run, command=command, whole=build_parser)
        if name != "outbox":  # its actions have usages of their own
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
        return 0
    only = words[0] if words[0] in _COMMANDS else None
    options = build_parser(only).read(words)
    try:
        code: int = options.run(options)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has left, and Python would complain on the way out
        return 0
    except Exception as error:  # noqa: BLE001  # Python would exit with 1, which means something
        return _failed(error, options)
    return code


def _failed(error: Exception, options: Namespace) -> int:
    """The exit code of an error, which is shown."""
    from smtps.cli import exits  # noqa: PLC0415  # late: few fail
    from smtps.errors import SMTPSError  # noqa: PLC0415
    from smtps.extras import extra_needed  # noqa: PLC0415

    try:
        with extra_needed():
            raise error  # noqa: TRY301
    except SMTPSError as ours:
        output.complain(_words(ours, options))
        return exits.of_error(ours.failure)
    except Exception as bug:  # noqa: BLE001
        output.complain(_place(bug))
        return exits.of_bug(options.command.prog.rpartition(" ")[2])


def _place(bug: Exception) -> str:
    """What to say of a mistake of ours: its kind and place, since its text may hold anything."""
    import traceback  # noqa: PLC0415  # late: there should be none
    from pathlib import Path  # noqa: PLC0415

    frames = traceback.extract_tb(bug.__traceback__)[:-6:-1]
    steps = ", called at ".join(f"{Path(each.filename).name}:{each.lineno}" for each in frames)
    return f"this is a bug in smtps: {type(bug).__name__} at {steps}. Please report it."


def _words(error: SMTPSError, options: Namespace) -> str:
    """An error for who typed the command: an option to blame is named as it was typed."""
    from smtps.errors import InputError  # noqa: PLC0415
    from smtps.names import for_the_shell  # noqa: PLC0415

    if isinstance(error, InputError):
        option = "--" + error.field.replace("_", "-")
        action = options.command.known.get(option)
        missing = error.problem.startswith(("is required", "is missing"))
        if action is not None and (missing or getattr(options, action.dest) != action.default):
            return f"{option}: {for_the_shell(error.problem)}"
        if "." in error.field:  # a setting, whose message names others
            return str(error)
    return for_the_shell(str(error))
