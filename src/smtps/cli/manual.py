"""``smtps manual``: the man page, from the help of the commands."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Iterator

from smtps._version import __version__
from smtps.cli import output
from smtps.cli.completion import takes_value, walk
from smtps.cli.usage import Parser

NAME = "manual"
HELP = "print the man page"
DESCRIPTION = """\
Print the man page of smtps, for man and its like (troff)."""
EPILOG = """\
examples:
  smtps manual | man -l -
  smtps manual > /usr/local/share/man/man1/smtps.1
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command: none."""


def run(options: Namespace) -> int:
    """Print it."""
    output.show("\n".join(_page(options.whole())) + "\n")
    return 0


def _page(parser: Parser) -> Iterator[str]:
    yield f'.TH SMTPS 1 "" "smtps {__version__}"'
    yield ".SH NAME"
    yield "smtps \\- check mail submission over TLS, and send mail"
    yield ".SH SYNOPSIS"
    yield ".B smtps\n.I COMMAND\n[options]"
    yield ".SH DESCRIPTION"
    yield _text(parser.description)
    yield from _examples(parser)
    yield ".SH COMMANDS"
    for path, command in walk(parser):
        if path:
            yield from _command(command)
    yield ".SH SEE ALSO"
    yield ".BR openssl-s_client (1),\n.BR sendmail (8)"


def _command(command: Parser) -> Iterator[str]:
    yield f".SS {_text(command.format_usage().removeprefix('usage: '))}"
    yield _text(command.description)
    for action in command.actions:
        if action.option_strings or (action.help and not command.commands):
            yield from _option(action)
    yield from _examples(command)


def _option(action: Action) -> Iterator[str]:
    value = str(action.metavar or "")
    if action.choices and not value and takes_value(action):
        value = "|".join(map(str, action.choices))
    names = ", ".join(f"\\fB{_text(name)}\\fR" for name in action.option_strings)
    value = f"\\fI{_text(value)}\\fR" if value else ""
    yield f".TP\n{' '.join(filter(None, (names, value)))}"
    yield _text((action.help or "").replace("%%", "%"))


def _examples(parser: Parser) -> Iterator[str]:
    if parser.epilog:
        yield f".PP\n.nf\n{_text(parser.epilog, lines=True)}\n.fi"


def _text(text: str | None, *, lines: bool = False) -> str:
    """Text that troff prints as it is."""
    text = (text or "").replace("\\", "\\e").replace("-", "\\-")
    if not lines:
        text = " ".join(text.split())
    text = "".join(sign if sign.isascii() else f"\\[u{ord(sign):04X}]" for sign in text)
    kept = (f"\\&{line}" if line.startswith((".", "'")) else line for line in text.splitlines())
    return "\n".join(kept)
