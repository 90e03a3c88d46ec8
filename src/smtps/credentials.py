"""Where a secret may come from. Never from the command line: other users could read it there."""

from __future__ import annotations

import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

from smtps.errors import InputError


def from_environment(
    name: str, _username: str | None = None, *, field: str = "password_env"
) -> str:
    """The value of an environment variable."""
    value = os.environ.get(name)
    if not value:
        raise InputError(field, f"the environment variable {name} is empty or not set")
    return value


def from_file(name: str, _username: str | None = None, *, field: str = "password_file") -> str:
    """The first line of a file; ``-`` is standard input."""
    try:
        if name == "-":
            line = sys.stdin.readline()
        else:
            with Path(name).open(encoding="utf-8") as file:
                line = file.readline()
    except (OSError, UnicodeError) as error:
        raise InputError(field, f"cannot be read: {error}") from error
    if not (password := line.rstrip("\r\n")):
        raise InputError(field, f"the first line of {name} is empty")
    return password


def from_command(command: str, _username: str | None = None) -> str:
    """The first line that a command prints."""
    import shlex  # noqa: PLC0415
    import subprocess  # noqa: PLC0415

    try:
        done = subprocess.run(  # noqa: S603  # the user's own command
            shlex.split(command), capture_output=True, text=True, check=False
        )
    except (OSError, ValueError) as error:
        raise InputError("password_command", f"cannot be run: {error}") from error
    password = done.stdout.split("\n")[0].rstrip("\r")
    if done.returncode or not password:
        raise InputError("password_command", f"printed no password (exit code {done.returncode})")
    return password


def from_keyring(service: str, username: str | None = None) -> str:
    """What the system's keyring keeps for a user at a service."""
    try:
        import keyring  # noqa: PLC0415
    except ImportError:
        raise InputError(
            "password_keyring", "needs the keyring package: pip install 'smtps[keyring]'"
        ) from None
    password = keyring.get_password(service, username or "")
    if not password:
        raise InputError("password_keyring", f"has nothing for {username} at {service}")
    return str(password)


SOURCES: dict[str, Callable[[str, str | None], str]] = {
    "password_env": from_environment,
    "password_file": from_file,
    "password_command": from_command,
    "password_keyring": from_keyring,
}
"""Setting → how to get the secret, given its value and the user's name.

Raises:
    InputError: the source has nothing to give.
"""


def without_password(place: str) -> str:
    """The URL of a database as it may be shown; a path stays as it is."""
    from urllib.parse import parse_qsl, urlencode, urlsplit  # noqa: PLC0415

    if "://" not in place:
        return place
    url = urlsplit(place)
    user, at, server = url.netloc.rpartition("@")
    kept = [(name, value) for name, value in parse_qsl(url.query) if name != "password"]
    query = f"?{urlencode(kept, safe='/')}" if kept else ""
    return f"{url.scheme}://{user.partition(':')[0]}{at}{server}{url.path}{query}"


def unseen(text: str) -> tuple[str, ...]:
    """What nobody sees in a credential, such as ``no-break space (U+00A0)``: it is mostly copied
    from a page without being meant. The credential itself is not told.
    """
    odd = [char for char in text if char != " " and unicodedata.category(char) in _UNSEEN]
    ends = [] if text.strip(" ") == text else ["space at its beginning or end"]
    names = [f"{_name(char)} (U+{ord(char):04X})" for char in odd]
    return tuple(dict.fromkeys(names + ends))


_UNSEEN = frozenset({"Zs", "Zl", "Zp", "Cf", "Cc", "Co", "Cn"})
"""Unicode's categories of spaces, controls, and what has no shape."""


def _name(char: str) -> str:
    return unicodedata.name(char, "control character").lower()
