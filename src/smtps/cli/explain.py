"""``smtps explain``: loads neither asyncio nor ssl, and answers at once."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from smtps.cli import output

if TYPE_CHECKING:
    from smtps.explanations.explanation import Explanation, Match

NAME = "explain"
HELP = "say what an error message means and what to do"
DESCRIPTION = """\
Say what an error message of any program means, what to do about it and who can. Nothing is sent
anywhere. Passwords and tokens in the text are blacked out.

TEXT may be an error message, a stack trace, lines of a log, a mail server's reply, an error number,
a code of smtps, or the name of a persona or of an alert rule. Without TEXT, or with -, it is read
from standard input."""
EPILOG = """\
examples:
  smtps explain wrong version number
  smtps explain "535 5.7.139 Authentication unsuccessful"
  smtps explain 0x800CCC0E
  smtps explain --json "PKIX path building failed"
  journalctl -u postfix -n 20 | smtps explain -

Exit code: 0 if a cause is known, 1 if not, 64 if there is no text.
"""

FOUND, NOTHING = 0, 1
LONGEST = 65536
"""Bytes that are read from standard input, and one more."""

_FOR = {"you": "you", "operator": "the server's operator", "network": "whoever runs the network"}
_DOUBTFUL = 0.5


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("text", nargs="*", metavar="TEXT", help="what is to be explained")
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: Namespace) -> int:
    """Explain and show."""
    from smtps.explanations.explaining import explain  # noqa: PLC0415

    found = explain(_text(options.text))
    if options.json:
        output.show_json(found.as_json())
    else:
        output.show(shown(found))
    return FOUND if found.matches else NOTHING


def _text(words: list[str]) -> str:
    if words and words != ["-"]:
        return " ".join(words)
    data = sys.stdin.buffer.read(LONGEST + 1) if sys.stdin is not None else b""
    return data.decode("utf-8", "replace")


def shown(found: Explanation) -> str:
    """The answer for people: the best match in full, others in short."""
    if not found.matches:
        return f"Nothing in this text is known.\n{found.next}\n"
    first, *others = found.matches
    if first.score >= _DOUBTFUL:
        text = _in_full(first)
        close = [match for match in others if match.score >= _DOUBTFUL]
    else:
        text = "These words alone do not say what is wrong. They can mean:\n\n" + _in_full(first)
        close = others
    if close:
        text += "\nIt may also be:\n" + "".join(f"  {m.code}: {m.meaning}\n" for m in close)
    return text + (f"\n{found.next}\n" if found.next else "")


def _in_full(match: Match) -> str:
    lines = [
        match.meaning,
        f"  what to do:     {match.fix}",
        f"  who can fix it: {_FOR[match.audience]}",
        f"  code:           {match.code}" + (f" ({match.see})" if match.see else ""),
        f"  matched:        {'; '.join(match.why)}",
    ]
    return "\n".join(lines) + "\n"
