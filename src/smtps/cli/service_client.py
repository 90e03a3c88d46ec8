"""A running ``smtps serve`` as a command asks it: with a token, over HTTPS, or on this computer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from smtps.errors import InputError, NetworkError, Phase, SMTPSError

TOKEN = "SMTPS_SERVICE_TOKEN"  # noqa: S105  # the name of a variable
"""Environment variable that holds the token, unless another source is named."""

TIMEOUT = 90.0
"""Seconds for an answer: the service may have to ask a provider, and that a mail server."""


def add_options(parser: ArgumentParser, *, what: str) -> None:
    """``--service`` and where its token is.

    Args:
        parser: to add to.
        what: is done there.
    """
    group = parser.add_argument_group("a running service")
    group.add_argument(
        "--service", metavar="URL", help=f"{what}, such as https://mail.example.com:8465"
    )
    token = group.add_mutually_exclusive_group()
    token.add_argument(
        "--service-token-env", metavar="VAR",
        help=f"environment variable with the token for it; default {TOKEN}",
    )  # fmt: skip
    token.add_argument("--service-token-file", metavar="FILE", help="file with the token")
    group.add_argument(
        "--service-ca-file", metavar="FILE",
        help="trust only the authorities in this PEM file for the service",
    )  # fmt: skip


def check_alone(options: Namespace, *others: str) -> None:
    """Make sure that nothing was given that the service decides.

    Raises:
        InputError: something was.
    """
    for name in others:
        if getattr(options, name) not in (None, False):
            raise InputError(
                name, "cannot be given with --service, whose settings have the account"
            )


class Service:
    """Asks it.

    Args:
        options: of the command line.

    Raises:
        InputError: the URL or the token cannot be used.
    """

    def __init__(self, options: Namespace) -> None:
        from smtps.credentials import from_environment, from_file  # noqa: PLC0415

        self.url = str(options.service).rstrip("/")
        _check(self.url)
        if options.service_token_file is not None:
            token = from_file(options.service_token_file, field="service_token_file")
        else:
            variable = options.service_token_env or TOKEN
            token = from_environment(variable, field="service_token_env")
        if not token.isascii() or not token.isprintable():
            raise InputError("service_token", "has characters that no token has")
        self._token = token
        self._ca_file = options.service_ca_file

    async def account(
        self, method: str, name: str, what: str = "", body: dict[str, Any] | None = None
    ) -> Any:
        """Ask about an account.

        Args:
            method: of HTTP.
            name: of the account.
            what: behind its path.
            body: to send.

        Raises:
            SMTPSError: the service could not be asked, or refused.
        """
        from urllib.parse import quote  # noqa: PLC0415

        return await self.ask(method, f"accounts/{quote(name, safe='@')}{what}", body)

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Ask for anything below ``/api/smtps``.

        Raises:
            SMTPSError: the service could not be asked, or refused.
        """
        import json  # noqa: PLC0415

        from smtps.net.fetch import Client  # noqa: PLC0415

        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        content = None
        if body is not None:
            headers["Content-Type"], content = "application/json", json.dumps(body).encode()
        client = Client(timeout=TIMEOUT, ca_file=self._ca_file)
        url = f"{self.url}/api/smtps/{path}"
        answer = await client.ask(method, url, content, headers)
        try:
            found = json.loads(answer.body)
        except (ValueError, RecursionError):
            found = None
        if 200 <= answer.status < 300 and found is not None:
            return found
        raise _refused(answer.status, found)


def _check(url: str) -> None:
    """That the token is protected on its way.

    Raises:
        InputError: it would not be.
    """
    from urllib.parse import urlsplit  # noqa: PLC0415

    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise InputError("service", "is not a valid URL") from None
    if parts.username is not None or parts.query or parts.fragment:
        raise InputError("service", "must be a URL without a user, a query and a fragment")
    if parts.scheme == "https" or (parts.scheme == "http" and _is_here(host)):
        return
    raise InputError(
        "service", "must begin with https://, or be http:// on this computer: others could read "
        "the token",
    )  # fmt: skip


def _is_here(host: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415

    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _refused(status: int, found: Any) -> SMTPSError:
    """What a problem document (RFC 9457) says, as an error of ours."""
    from smtps.advice import ADVICE  # noqa: PLC0415
    from smtps.core.reply import printable  # noqa: PLC0415

    known = isinstance(found, dict) and found.get("code") in ADVICE
    if not known:
        return NetworkError("web.status", f"The service answered {status}.", retryable=False)
    phase = Phase(found["phase"]) if found.get("phase") in set(Phase) else None
    text = printable(str(found.get("error") or f"The service answered {status}."))
    return SMTPSError(found["code"], text, phase=phase, retryable=found.get("retryable") is True)
