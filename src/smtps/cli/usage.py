"""The arguments of a command line: read, or refused with the nearest thing that would be right."""

from __future__ import annotations

import os
import re
import sys
from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

ELSEWHERE = {
    "--attachment": "--attach",
    "--ca": "--ca-file",
    "--cacert": "--ca-file",
    "--cert": "--client-cert",
    "--file": "--body-file",
    "--html": "--html-file",
    "--insecure": "--no-verify",
    "--key": "--client-key",
    "--mail-to": "--to",
    "--message": "--body",
    "--server": "--host",
    "--ssl": "--security",
    "--text": "--body",
    "--tls": "--security",
    "--user": "--username",
}
"""Options of other programs → ours."""

REFUSED = (
    "a password cannot be given on the command line, where other users could read it; use "
    "--password-env, --password-file or --password-command, or leave it out to be asked"
)

_CHOICE = r"argument (?P<what>.+?): invalid choice: (?P<given>.+) \(choose from (.+)\)"

_NUMBER = r"argument (.+?): invalid (int|float) value: (.+)"

_USAGE = 64
"""Of ``exits``, which loads more than ``smtps explain`` needs."""


class Formatter(RawDescriptionHelpFormatter):
    """As wide as the terminal, which argparse finds out with a module that takes long to load."""

    def __init__(self, prog: str) -> None:
        columns = os.environ.get("COLUMNS", "")
        if not columns.isdecimal() or columns == "0":
            try:
                columns = str(os.get_terminal_size(sys.__stdout__.fileno()).columns)  # type: ignore[union-attr]
            except (AttributeError, ValueError, OSError):
                columns = "80"
        super().__init__(prog, width=int(columns) - 2)


class Parser(ArgumentParser):
    """Exits with 64 (EX_USAGE), a usage of one line, a hint, and where help is.

    Options cannot be abbreviated: another option of a later version could change their meaning.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        more |= {"formatter_class": Formatter, "allow_abbrev": False}
        super().__init__(*args, **more)
        self._words: list[str] = []
        self._commands: dict[str, Parser] = {}

    def add_argument(self, *names: Any, **more: Any) -> Action:
        """Add one, and remember how the usage names it if it has no dash."""
        action = super().add_argument(*names, **more)
        if not action.option_strings:
            name = action.metavar or action.dest
            assert isinstance(name, str)
            self._words.append(f"[{name}…]" if action.nargs == "*" else name)
            if action.nargs == "+":
                self._words[-1] += "…"
        return action

    def settle(self) -> None:
        """All arguments are there: the usage shows those without a dash."""
        self.usage = " ".join(["%(prog)s", *self._words, "[options]"])

    def add_subparsers(self, **more: Any) -> Any:
        """Add commands, and remember them."""
        action = super().add_subparsers(**more)
        self._commands = action.choices
        return action

    @property
    def commands(self) -> dict[str, Parser]:
        """Name → parser of each command below this one."""
        return dict(self._commands)

    @property
    def actions(self) -> list[Action]:
        """All options and arguments, and the commands."""
        return list(self._actions)

    @property
    def known(self) -> dict[str, Action]:
        """Option → its action."""
        return self._option_string_actions  # there is no other list

    def read(self, arguments: Sequence[str]) -> Namespace:
        """The options of a whole command line; ``command`` of them is the command's parser."""
        options, rest = self.parse_known_args(arguments)
        if rest:
            command = options.command
            assert isinstance(command, Parser)
            command.error(command.unknown(rest))
        return options

    def unknown(self, rest: Sequence[str]) -> str:
        """What to say of arguments that the command does not have."""
        given = next((word for word in rest if word.startswith("-")), None)
        if given is None:
            return f"unexpected argument {rest[0]!r}"
        name = given.partition("=")[0]
        if name in self.known:
            return f"{name} belongs behind the command: {self.prog} … {name}"
        if name == "--password" and "--password-env" in self.known:
            return REFUSED
        nearest = ELSEWHERE.get(name)
        if nearest in self.known:
            return f"unknown option {name}; did you mean {nearest}?"
        return f"unknown option {name}{_near(name, self.known)}"

    def error(self, message: str) -> NoReturn:
        """End with the message; a wrong choice is explained."""
        self.print_usage(sys.stderr)
        if (found := re.fullmatch(_CHOICE, message)) is not None:
            choices = re.findall(r"[\w-]+", found[3])
            message = _wrong_choice(found["what"], found["given"].strip("'\""), choices)
        elif (found := re.fullmatch(_NUMBER, message)) is not None:
            kind = "a whole number" if found[2] == "int" else "a number"
            message = f"{found[1]}: must be {kind}, not {found[3]}"
        self.exit(_USAGE, f"{self.prog}: {message}\nTry '{self.prog} --help'.\n")


def _near(name: str, known: Iterable[str]) -> str:
    from smtps.errors import did_you_mean  # noqa: PLC0415  # late: few mistype

    return did_you_mean(name, known)


def _wrong_choice(what: str, given: str, choices: Sequence[str]) -> str:
    if what not in ("COMMAND", "ACTION"):
        near = _near(given, choices) or f"; choose from {', '.join(choices)}"
        return f"{what}: {given!r} is not known{near}"
    kind = what.lower()
    if given == "help":
        return "help is an option: --help"
    if what == "COMMAND" and not _near(given, choices):
        if " " in given and "explain" in choices:
            return f"{given!r} is not a command; to look it up: smtps explain {given!r}"
        if re.search(r"[.:@]|^localhost$", given):
            return f"{given!r} is not a command; to check this server: smtps check {given}"
    near = _near(given, choices) or f"; choose from {', '.join(choices)}"
    return f"{given!r} is not a known {kind}{near}"
