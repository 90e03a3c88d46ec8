"""Where a secret may come from. Never from the command line: other users could read it there."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from smtps.errors import InputError
from smtps.extras import extra_needed


class TokenSource(Protocol):
    """Where access tokens come from, for a login that outlives any of them.

    It may serve several sessions at a time.
    """

    async def token(self, refused: str | None = None) -> str:
        """An access token that is still good.

        Args:
            refused: the token that the server has just refused. It is replaced, unless that has
                been done meanwhile; the same one comes back if it cannot be.

        Raises:
            TokenError: there is none, or the authorization server gave none.
            InputError: a secret that it needs cannot be read.
        """


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
    with extra_needed():
        import keyring  # noqa: PLC0415
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
    """The address of a database as it may be shown; the path of a file stays as it is.

    Args:
        place: a path, a URL, or keywords as libpq takes them.

    Only what is known to be no secret is left: an ellipsis stands for everything else.
    """
    scheme, is_url, rest = place.partition("://")
    if not is_url or not _SCHEME.fullmatch(scheme):
        return _keywords(place)
    base, asks, query = rest.partition("?")
    pairs = [pair.partition("=") for pair in query.split("&")]
    user, at, server = base.rpartition("@")
    # A question mark or an at sign may stand in a password that should have been encoded.
    if not _SERVER.fullmatch(server) or (asks and not all(is_pair for _, is_pair, _ in pairs)):
        return f"{scheme}://…"
    known = [(name, value) for name, _, value in pairs if name in _SHOWN and _known(value)]
    if any("@" in value and name not in _SHOWN for name, _, value in pairs):
        return f"{scheme}://…"
    shown = "&".join(f"{name}={value}" for name, value in known)
    return f"{scheme}://{user.partition(':')[0]}{at}{server}{'?' if shown else ''}{shown}"


def _keywords(place: str) -> str:
    """The same for what is no URL."""
    names = [name.lower() for name, _ in _KEYWORD.findall(place)]
    if not any(name in _SHOWN or "pass" in name or name == "service" for name in names):
        return "…" if "://" in place else place  # the path of a file
    if not _KEYWORDS.fullmatch(place):
        return "…"  # where one value ends and the next begins is not for us to guess
    pairs = [(name, value.strip("'")) for name, value in _KEYWORD.findall(place)]
    # libpq takes a dbname that looks like a connection string for one.
    shown = [f"{name}={value}" for name, value in pairs if name in _SHOWN and _known(value)]
    return " ".join(shown) or "…"


def _known(value: str) -> bool:
    return bool(_VALUE.fullmatch(value)) and "://" not in value


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*")
_KEYWORD = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*+'|(?:[^\s'\\]|\\.)*+)", re.DOTALL)
_KEYWORDS = re.compile(rf"\s*(?:{_KEYWORD.pattern}(?:\s+|$))*", re.DOTALL)
_SERVER = re.compile(r"(?:[\w.%,-]|\[[0-9a-fA-F:.%]+\]|:\d+)*(?:/[^@#;=]*)?")
_VALUE = re.compile(r"[^@=;\s\\']*")
_SHOWN = frozenset({
    "application_name", "channel_binding", "connect_timeout", "dbname", "gssencmode", "host",
    "hostaddr", "keepalives", "keepalives_count", "keepalives_idle", "keepalives_interval",
    "load_balance_hosts", "port", "sslcert", "sslcrl", "sslkey", "sslmode", "sslnegotiation",
    "sslrootcert", "ssl_min_protocol_version", "target_session_attrs", "tcp_user_timeout", "user",
})  # fmt: skip
"""Parameters of libpq that hold no secret (PostgreSQL, section 34.1.2)."""


def unseen(text: str) -> tuple[str, ...]:
    """Invisible characters in a credential, such as ``no-break space (U+00A0)``, mostly copied
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
