"""The options that say where a password comes from."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from smtps.credentials import SOURCES, from_environment
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
    for source, fetch in SOURCES.items():
        if (name := getattr(options, source)) is not None:
            return fetch(name, options.username), None
    if options.token_env is not None:
        return None, from_environment(options.token_env, field="token_env")
    if options.username and (options.mechanism or "").upper() != "EXTERNAL":
        return _from_prompt(options.username), None
    return None, None


def _from_prompt(username: str) -> str:
    if not sys.stdin.isatty():
        raise InputError(
            "password", "none given; use --password-env, --password-file or --password-command"
        )
    import getpass  # noqa: PLC0415

    return getpass.getpass(f"Password for {username}: ")
