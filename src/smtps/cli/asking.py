"""What ``smtps send`` asks for at a terminal, and the message that it sends as a test."""

from __future__ import annotations

import sys
from argparse import Namespace
from datetime import UTC, datetime

from smtps._version import __version__


def at_terminal() -> bool:
    """Whether there is somebody to ask."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask(options: Namespace) -> None:
    """Ask for subject and text, on standard error: standard output is for the result."""
    options.subject = _line("Subject: ")
    _say("Text; end it with Ctrl-D, or with a line that holds only a dot:\n")
    lines: list[str] = []
    for line in sys.stdin:
        if line.rstrip("\r\n") == ".":
            break
        lines.append(line)
    options.body = "".join(lines)


def _line(prompt: str) -> str:
    _say(prompt)
    return sys.stdin.readline().rstrip("\r\n")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def make_test(options: Namespace, now: datetime | None = None) -> None:
    """A subject and a text that are recognised as a test's, where none are given; to the sender,
    unless there are other recipients.
    """
    moment = f"{now or datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
    options.subject = options.subject or f"smtps test message, {moment}"
    if options.body is None and options.body_file is None and options.html_file is None:
        server = options.host or options.account or options.queue or "nowhere"
        options.body = (
            "This is a test message.\n\n"
            f"smtps {__version__} sent it through {server} at {moment}.\n"
            "If you can read it, submission works, and so does delivery to this mailbox.\n"
        )
    if not (options.to or options.cc or options.bcc):
        options.to = [options.from_]
