"""The options for the server, for trust in it, and for the source of the password."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, cast

from smtps.credentials import SOURCES, from_environment
from smtps.errors import InputError
from smtps.target import Target, read_target

if TYPE_CHECKING:
    from smtps.endpoint import Endpoint, Security


def add_password_options(parser: ArgumentParser) -> None:
    """The options that name a source."""
    group = parser.add_argument_group("login")
    group.add_argument(
        "--account", metavar="NAME",
        help="server and login of an account; see smtps accounts",
    )  # fmt: skip
    group.add_argument("--username", "-u", metavar="NAME", help="user name to log in with")
    sources = group.add_mutually_exclusive_group()
    sources.add_argument(
        "--password-env", metavar="VAR", help="password from an environment variable"
    )
    sources.add_argument(
        "--password-file", metavar="FILE", help="password from the first line of a file; - is stdin"
    )
    sources.add_argument(
        "--password-command", metavar="CMD", help="password from a command's output"
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


def read_password(options: Namespace) -> tuple[str | None, str | None]:
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
            "password",
            "no password given; use --password-env, --password-file or --password-command",
        )
    import getpass  # noqa: PLC0415

    return getpass.getpass(f"Password for {username}: ")


def add_options(parser: ArgumentParser) -> None:
    """Port, TLS and time-out options."""
    group = parser.add_argument_group("connection")
    group.add_argument("--port", type=int, metavar="N", help="default 465; 587 with --starttls")
    group.add_argument(
        "--security",
        choices=("implicit", "starttls"),
        help="TLS from the first byte, or STARTTLS; default by port: STARTTLS on 25, 587, 2525 and "
        "2587, implicit on all others",
    )
    group.add_argument(
        "--starttls",
        action="store_const",
        const="starttls",
        dest="security",
        help="short for --security starttls",
    )
    group.add_argument(
        "--timeout", type=float, metavar="SECONDS",
        help="for the whole operation; default none for send, 120 for check, 300 with --deep",
    )  # fmt: skip
    group.add_argument(
        "--resolver", metavar="ADDRESS",
        help="the DNS server to ask, with or without :port; by default the system's",
    )  # fmt: skip
    group.add_argument(
        "--ehlo-name", metavar="NAME", help="name to send in EHLO; default portofcall"
    )
    trust = parser.add_argument_group("trust")
    trust.add_argument(
        "--ca-file", metavar="FILE", help="trust only the authorities in this PEM file"
    )
    trust.add_argument(
        "--fingerprint", metavar="SHA256", help="trust this certificate, regardless of its issuer"
    )
    trust.add_argument(
        "--client-cert", metavar="FILE", help="client certificate, PEM, with its key"
    )
    trust.add_argument("--client-key", metavar="FILE", help="its key, if in a separate file")
    trust.add_argument(
        "--no-verify", action="store_true", help="accept any certificate; do not send a password"
    )
    trust.add_argument(
        "--allow-unverified-login",
        action="store_true",
        help="with --no-verify: send the password anyway",
    )
    add_password_options(parser)


def with_username(options: Namespace, target: Target) -> Namespace:
    """The options with the user name of a URL, if there is a password for it."""
    if target.username is None or options.username is not None:
        return options
    if all(getattr(options, name) is None for name in _LOGIN):
        return options
    return Namespace(**{**vars(options), "username": target.username})


def endpoint(options: Namespace, target: str | None, field: str = "target") -> Endpoint:
    """The endpoint that the options describe: those of an account, or all of them.

    Args:
        options: of the command line.
        target: the server.
        field: what an error calls it.

    Raises:
        InputError: they cannot be used together; names the one to blame.
    """
    if options.account is not None:
        return _of_account(options)
    assert target is not None
    from smtps.client.handshake import check_endpoint  # noqa: PLC0415
    from smtps.endpoint import EHLO_NAME, Endpoint, Timeouts  # noqa: PLC0415

    place = read_target(target, field=field)
    options = with_username(options, place)
    password, token = read_password(options)
    certificate = options.client_cert
    if certificate and options.client_key:
        certificate = (certificate, options.client_key)
    try:
        timeouts = Timeouts(total=options.timeout)
    except InputError as error:
        raise InputError("timeout", error.problem) from None
    found = Endpoint(
        place.host,
        options.port or place.port,
        security=cast("Security", options.security or place.security),
        username=options.username,
        password=password,
        access_token=token,
        mechanism=options.mechanism,
        verify=not options.no_verify,
        allow_unverified_login=options.allow_unverified_login,
        ca_file=options.ca_file,
        fingerprint=options.fingerprint,
        client_certificate=certificate,
        ehlo_name=options.ehlo_name or EHLO_NAME,
        resolver=options.resolver,
        timeouts=timeouts,
    )
    check_endpoint(found)
    return found


def names_account(options: Namespace, target: str) -> bool:
    """Whether a target is the name of one of the user's accounts; a host name with a dot is not,
    and with a login of its own a target is a host.
    """
    if not target.replace("-", "").replace("_", "").isalnum() or target.isdigit():
        return False
    if any(getattr(options, name) is not None for name in _LOGIN):
        return False
    from smtps.config.user_accounts import read_accounts  # noqa: PLC0415

    try:
        return target in read_accounts(getattr(options, "config", None)).tables
    except InputError:  # it is no matter for a host
        return False


_LOGIN = (
    "username", "password_env", "password_file", "password_command", "password_keyring",
    "token_env",
)  # fmt: skip
_CHANGES = ("port", "security", "mechanism", "ca_file", "fingerprint", "ehlo_name", "resolver")
"""Options that change the field of the same name."""


def _of_account(options: Namespace) -> Endpoint:
    """The server of an account, with what other options change about it.

    Raises:
        InputError: there is no such account, or an option that it has already is given.
    """
    from dataclasses import replace  # noqa: PLC0415

    from smtps.client.handshake import check_endpoint  # noqa: PLC0415
    from smtps.config.user_accounts import read_accounts  # noqa: PLC0415
    from smtps.endpoint import Timeouts  # noqa: PLC0415

    for name in _LOGIN:
        if getattr(options, name) is not None:
            raise InputError(name, "cannot be combined with --account, which has the login")
    if getattr(options, "host", None) is not None:
        raise InputError("host", "cannot be combined with --account, which has the server")
    found = read_accounts(getattr(options, "config", None)).endpoint(options.account)
    changes = {name: value for name in _CHANGES if (value := getattr(options, name)) is not None}
    if options.port is not None and options.security is None:
        changes["security"] = None  # it follows from the port
    if options.timeout is not None:
        try:
            changes["timeouts"] = Timeouts(total=options.timeout)
        except InputError as error:
            raise InputError("timeout", error.problem) from None
    if options.no_verify:
        changes |= {"verify": False, "allow_unverified_login": options.allow_unverified_login}
    if options.client_cert:
        pair = (options.client_cert, options.client_key)
        changes["client_certificate"] = pair if options.client_key else options.client_cert
    found = replace(found, **changes)
    check_endpoint(found)
    return found
