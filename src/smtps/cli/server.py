"""The options that say which server, and how far to trust it; shared by ``check`` and ``send``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from smtps.cli import secrets
from smtps.errors import InputError
from smtps.targets import split_target

if TYPE_CHECKING:
    from smtps.options import Endpoint


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
        help="for everything together; default none for send, 120 for check, 300 with --deep",
    )  # fmt: skip
    group.add_argument(
        "--resolver", metavar="ADDRESS",
        help="the DNS server to ask, with or without :port; default the system's",
    )  # fmt: skip
    group.add_argument(
        "--ehlo-name", metavar="NAME", help="how to name this client; default portofcall"
    )
    trust = parser.add_argument_group("trust")
    trust.add_argument(
        "--ca-file", metavar="FILE", help="trust the authorities in this PEM file and no others"
    )
    trust.add_argument(
        "--fingerprint", metavar="SHA256", help="trust this one certificate, whoever issued it"
    )
    trust.add_argument(
        "--client-cert", metavar="FILE", help="certificate of this client, PEM, with its key"
    )
    trust.add_argument("--client-key", metavar="FILE", help="its key, if in a file of its own")
    trust.add_argument(
        "--no-verify", action="store_true", help="accept any certificate; sends no password"
    )
    trust.add_argument(
        "--allow-unverified-login",
        action="store_true",
        help="with --no-verify: send it all the same",
    )
    secrets.add_options(parser)


def endpoint(options: Namespace, target: str) -> Endpoint:
    """The endpoint that the options describe.

    Raises:
        InputError: they cannot be used together; names the one to blame.
    """
    from smtps.client.access import check_endpoint  # noqa: PLC0415
    from smtps.options import EHLO_NAME, Endpoint, Timeouts  # noqa: PLC0415

    host, port = split_target(target)
    password, token = secrets.read(options)
    certificate = options.client_cert
    if certificate and options.client_key:
        certificate = (certificate, options.client_key)
    try:
        timeouts = Timeouts(total=options.timeout)
    except InputError as error:
        raise InputError("timeout", error.problem) from None
    found = Endpoint(
        host,
        options.port or port,
        security=options.security,
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
