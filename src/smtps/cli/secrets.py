"""Where a password may come from. Never from the command line: other users could read it there."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path

from smtps.errors import InputError


def add_options(parser: ArgumentParser) -> None:
    """The options that name a source."""
    group = parser.add_argument_group("login")
    group.add_argument("--username", "-u", metavar="NAME", help="whom to log in")
    sources = group.add_mutually_exclusive_group()
    sources.add_argument(
        "--password-env", metavar="VAR", help="password from an environment variable"
    )
    sources.add_argument(
        "--password-file", metavar="FILE", help="password from the first line of a file; - is stdin"
    )
    sources.add_argument(
        "--password-command", metavar="CMD", help="password from what a command prints"
    )
    sources.add_argument(
        "--password-keyring", metavar="SERVICE", help="password from the system's keyring"
    )
    sources.add_argument(
        "--token-env", metavar="VAR", help="OAuth 2 access token from an environment variable"
    )
    group.add_argument(
        "--mechanism", metavar="NAME", help="SASL mechanism to use; default the strongest offered"
    )


def read(options: Namespace) -> tuple[str | None, str | None]:
    """Password and access token; at most one of them.

    With a user name and no source, asks at the terminal.

    Raises:
        InputError: the source has nothing to give.
    """
    for source, fetch in _SOURCES.items():
        if (name := getattr(options, source)) is not None:
            secret = fetch(name, options)
            return (None, secret) if source == "token_env" else (secret, None)
    if options.username and (options.mechanism or "").upper() != "EXTERNAL":
        return _from_prompt(options.username), None
    return None, None


def _from_environment(field: str, name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise InputError(field, f"the environment variable {name} is empty or not set")
    return value


def _from_file(name: str) -> str:
    try:
        if name == "-":
            line = sys.stdin.readline()
        else:
            with Path(name).open(encoding="utf-8") as file:
                line = file.readline()
    except (OSError, UnicodeError) as error:
        raise InputError("password_file", f"cannot be read: {error}") from error
    if not (password := line.rstrip("\r\n")):
        raise InputError("password_file", f"the first line of {name} is empty")
    return password


def _from_command(command: str) -> str:
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


def _from_keyring(service: str, username: str | None) -> str:
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


def _from_prompt(username: str) -> str:
    if not sys.stdin.isatty():
        raise InputError(
            "password", "none given; use --password-env, --password-file or --password-command"
        )
    import getpass  # noqa: PLC0415

    return getpass.getpass(f"Password for {username}: ")


_SOURCES: dict[str, Callable[[str, Namespace], str]] = {
    "token_env": lambda name, _: _from_environment("token_env", name),
    "password_env": lambda name, _: _from_environment("password_env", name),
    "password_file": lambda name, _: _from_file(name),
    "password_command": lambda command, _: _from_command(command),
    "password_keyring": lambda service, options: _from_keyring(service, options.username),
}
"""Option → how to get the secret."""
