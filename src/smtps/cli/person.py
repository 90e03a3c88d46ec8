"""The person at the terminal who logs in: a page to open, a code to enter, an answer to paste.

All of it goes to standard error: standard output is for the result.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtps.oauth.grants import DeviceCode

LONGEST = 65536
"""Octets of what is pasted."""


def say(text: str) -> None:
    """Print to standard error."""
    sys.stderr.write(text)
    sys.stderr.flush()


def at_terminal() -> bool:
    """Whether there is a terminal to paste into."""
    return sys.stdin.isatty()


def has_browser(environment: Mapping[str, str] = os.environ, platform: str = sys.platform) -> bool:
    """Whether a browser can be opened on this screen. One in a terminal would take it away, and one
    beyond ssh is on the wrong computer.
    """
    if environment.get("BROWSER"):
        return True
    if environment.get("SSH_CONNECTION") or environment.get("SSH_TTY"):
        return False
    if platform in ("darwin", "win32"):
        return True
    return bool(environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"))


def opener(provider: str, username: str, *, browser: bool) -> Callable[[str], None]:
    """What shows the page.

    Args:
        provider: whose page it is.
        username: who logs in.
        browser: whether to open one, if there is one.
    """

    def show(url: str) -> None:
        say(f"Log in to {provider} as {username}.\n")
        if browser and has_browser():
            say("The page opens in your browser. If it does not, go to\n")
            _open(url)
        else:
            say("Open this address in a browser, on any computer:\n")
        say(f"\n  {url}\n\n")
        if not browser or at_terminal():
            say(
                "If the browser runs on another computer, its last page shows an error. Copy the\n"
                "address of that page, or the code that is shown, and paste it here.\n> "
            )

    return show


def _open(url: str) -> None:
    import threading  # noqa: PLC0415
    import webbrowser  # noqa: PLC0415

    # A browser may take its time.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def show_code(provider: str, code: DeviceCode) -> None:
    """Where to enter which code."""
    say(f"Log in to {provider}: open this address on any device\n\n  {code.url}\n\n")
    say(f"and enter the code\n\n  {code.user_code}\n\n")
    say(f"It is valid for {code.expires_in / 60:.0f} minutes. Enter it only if you started this.\n")


async def pasted() -> str:
    """The next line of standard input that is not empty.

    No thread waits for it: that one could not be stopped when the answer comes from the browser.
    """
    loop = asyncio.get_running_loop()
    data, readable = b"", asyncio.Event()
    while True:
        line, newline, rest = data.partition(b"\n")
        if newline and line.strip():
            return line.decode("utf-8", "replace").strip()
        if newline:
            data = rest
            continue
        try:
            loop.add_reader(0, readable.set)
        except PermissionError:  # a file: never a wait
            chunk = os.read(0, LONGEST)
        else:
            try:
                await readable.wait()
                readable.clear()
            finally:
                loop.remove_reader(0)
            chunk = os.read(0, LONGEST)
        if not chunk:
            if data.strip():
                return data.decode("utf-8", "replace").strip()
            # Nothing more can be pasted, but the browser may still answer.
            await asyncio.Event().wait()
        data = (data + chunk)[:LONGEST]
