"""``smtps completion``: what shells need to complete commands, options and their values."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace
from collections.abc import Callable, Iterator

from smtps.cli import output
from smtps.cli.usage import Parser

NAME = "completion"
HELP = "print what a shell needs to complete smtps commands"
DESCRIPTION = """\
Print a script for bash, zsh or fish that completes commands, options, their values and files."""
EPILOG = """\
examples:
  eval "$(smtps completion bash)"             in ~/.bashrc
  eval "$(smtps completion zsh)"              in ~/.zshrc, after compinit
  smtps completion fish > ~/.config/fish/completions/smtps.fish
"""

FILES = frozenset({"FILE", "DIR", "PATH"})
"""Names of values that are files."""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("shell", choices=tuple(_SCRIPTS), metavar="SHELL", help="bash, zsh or fish")


def run(options: Namespace) -> int:
    """Print the script."""
    output.show(_SCRIPTS[options.shell](options.whole()))
    return 0


def walk(parser: Parser, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Each command, with the words that lead to it."""
    yield path, parser
    for name, command in parser.commands.items():
        yield from walk(command, (*path, name))


def options_of(parser: Parser) -> list[Action]:
    """The options of a command, in the order of its help."""
    return [action for action in parser.actions if action.option_strings]


def takes_value(action: Action) -> bool:
    """Whether a word has to follow an option."""
    return action.nargs is None


def _is_file(action: Action) -> bool:
    return action.metavar in FILES


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _bash(parser: Parser) -> str:
    paths, words, values = [], [], []
    for path, command in walk(parser):
        name = " ".join(path)
        if path:
            paths.append(f"      {_quoted(name)}) path={_quoted(name)};;")
        offered = [*command.commands, *command.known]
        words.append(f"    {_quoted(name)}) words={_quoted(' '.join(offered))};;")
        for action in filter(takes_value, options_of(command)):
            cases = "|".join(_quoted(f"{name} {each}".strip()) for each in action.option_strings)
            choices = " ".join(map(str, action.choices or ()))
            how = "compgen -f" if _is_file(action) else f"compgen -W {_quoted(choices)}"
            named = "compopt -o filenames 2>/dev/null; " if _is_file(action) else ""
            values.append(f'    {cases}) {named}COMPREPLY=($({how} -- "$cur")); return;;')
    line = "\n"
    return f"""\
_smtps() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} path= words= word
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case "${{path:+$path }}$word" in
{line.join(paths)}
    esac
  done
  COMPREPLY=()
  case "${{path:+$path }}${{COMP_WORDS[COMP_CWORD-1]}}" in
{line.join(values)}
  esac
  case "$path" in
{line.join(words)}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
}}
complete -F _smtps smtps
"""


def _brief(text: str | None) -> str:
    """A help text as one line, without what has a meaning for a shell."""
    return " ".join((text or "").replace("[", "(").replace("]", ")").replace("%%", "%").split())


def _zsh(parser: Parser) -> str:
    cases = []
    for path, command in walk(parser):
        specs = [_zsh_option(action, name) for action in options_of(command)
                 for name in action.option_strings]  # fmt: skip
        if command.commands:
            specs.append(_quoted(f"1:command:({' '.join(command.commands)})"))
            specs.append(_quoted("*::argument:_files"))
        else:
            specs.append(_quoted("*:argument:_files"))
        lines = " \\\n        ".join(specs)
        cases.append(f"    {_quoted(' '.join(path))})\n      _arguments -s \\\n        {lines};;")
    known = "|".join(_quoted(" ".join(path)) for path, _ in walk(parser) if path)
    line = "\n"
    return f"""\
#compdef smtps
_smtps() {{
  local found= skip=1 word
  for word in "${{(@)words[2,CURRENT-1]}}"; do
    case "${{found:+$found }}$word" in
      {known}) found="${{found:+$found }}$word"; (( skip++ ));;
      *) break;;
    esac
  done
  words=("${{(@)words[skip,-1]}}")
  (( CURRENT -= skip - 1 ))
  case "$found" in
{line.join(cases)}
  esac
}}
compdef _smtps smtps
"""


def _zsh_option(action: Action, name: str) -> str:
    text = f"{name}[{_brief(action.help)}]"
    if takes_value(action):
        choices = f"({' '.join(map(str, action.choices))})" if action.choices else ""
        text += f":{action.metavar or action.dest}:{'_files' if _is_file(action) else choices}"
        text = f"*{text}"
    return _quoted(text)


def _fish(parser: Parser) -> str:
    lines = ["complete -c smtps -f"]
    for path, command in walk(parser):
        seen = [f"__fish_seen_subcommand_from {word}" for word in path]
        if command.commands:
            others = f"not __fish_seen_subcommand_from {' '.join(command.commands)}"
            condition = _quoted("; and ".join([*seen, others]))
            for name, below in command.commands.items():
                about = _quoted(_brief((below.description or "").partition(". ")[0]))
                lines.append(f"complete -c smtps -n {condition} -a {name} -d {about}")
        when = f" -n {_quoted('; and '.join(seen))}" if seen else ""
        lines += [f"complete -c smtps{when} {_fish_option(a)}" for a in options_of(command)]
    return "\n".join(lines) + "\n"


def _fish_option(action: Action) -> str:
    words = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}"
             for name in action.option_strings]  # fmt: skip
    if takes_value(action):
        words.append("-r")
        if _is_file(action):
            words.append("-F")
        if action.choices:
            words.append(f"-a {_quoted(' '.join(map(str, action.choices)))}")
    return " ".join([*words, f"-d {_quoted(_brief(action.help))}"])


_SCRIPTS: dict[str, Callable[[Parser], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
