"""``smtps login --service``: the person is here, the account and its login are at the service."""

from __future__ import annotations

import asyncio
from argparse import Namespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from smtps.cli import exits, login_outcome, output
from smtps.cli.service_client import Service
from smtps.errors import InputError, NetworkError, SMTPSError

if TYPE_CHECKING:
    from smtps.errors import Failure
    from smtps.oauth.grants import Authorization


class Remote:
    """A login by a browser for which the service has state and verifier.

    Args:
        service: where.
        account: its name there.
        facts: how the account logs in.
    """

    def __init__(self, service: Service, account: str, facts: dict[str, Any]) -> None:
        self._service = service
        self._account = account
        self._login = ""
        self.redirect: tuple[str, str | None] = (facts["redirect_host"], facts["redirect_uri"])

    async def begin(self, redirect_uri: str) -> Authorization:
        """Have the service begin it."""
        from smtps.oauth.grants import Authorization  # noqa: PLC0415

        wanted = {"way": "browser", "redirect_uri": redirect_uri}
        begun = await self._service.account("POST", self._account, "/login", wanted)
        self._login, url = begun["login"], begun["url"]
        _check_page(url)
        state = parse_qs(urlsplit(url).query).get("state", [""])[0]
        return Authorization(url, redirect_uri, state, verifier="")

    async def redeem(self, begun: Authorization, answer: str) -> Any:  # noqa: ARG002
        """Hand the answer to the service."""
        return await self._service.ask("POST", f"logins/{self._login}", {"answer": answer})


async def log_in(options: Namespace) -> int:
    """Log in, and have the service prove it."""
    service, name = Service(options), options.account
    try:
        facts = await service.account("GET", name, "/login")
        made = await _made(options, service, name, facts)
    except InputError:
        raise
    except SMTPSError as error:
        return _failed(options, {"account": name, "state": "login_needed"}, error.failure)
    shown = {**made, "service": service.url, "mechanism": None, "failure": None, "findings": []}
    if not options.json:
        output.show(login_outcome.said(shown))
    try:
        proof = await service.ask("POST", "connect", {"account": name})
    except SMTPSError as error:
        return _failed(options, shown, error.failure)
    shown |= {"state": "ready", "mechanism": proof.get("mechanism")}
    if options.json:
        output.show_json(shown)
    else:
        output.show(f"✓ {proof['host']}:{proof['port']} accepted the login of {made['username']}\n")
    return exits.OK


async def _made(options: Namespace, service: Service, name: str, facts: dict[str, Any]) -> Any:
    """The login that the service keeps now."""
    from smtps.cli import person  # noqa: PLC0415
    from smtps.oauth import flows  # noqa: PLC0415

    if facts["grant"] not in ("code", "device"):
        return await service.account("POST", name, "/login", {})
    if options.device or (facts["grant"] == "device" and not options.paste):
        return await _by_device(service, name)
    provider = facts["provider"] or "the provider"
    show = person.opener(provider, facts["username"] or "", browser=not options.paste)
    paste = person.pasted if options.paste or person.at_terminal() else None
    return await flows.by_browser(Remote(service, name, facts), show, paste)


async def _by_device(service: Service, name: str) -> Any:
    from smtps.cli import person  # noqa: PLC0415
    from smtps.oauth.grants import DeviceCode  # noqa: PLC0415

    begun = await service.account("POST", name, "/login", {"way": "device"})
    _check_page(begun["verification_uri"])
    code = DeviceCode(
        "", begun["user_code"], begun["verification_uri"], None, begun["expires_in"],
        begun["interval"],
    )  # fmt: skip
    person.show_code(begun["provider"], code)
    while True:
        await asyncio.sleep(code.interval)
        found = await service.ask("GET", f"logins/{begun['login']}")
        if found["state"] != "pending":
            return found


def _check_page(url: object) -> None:
    """That what is opened in the browser is a page: another URL could start a program."""
    if not isinstance(url, str) or not url.startswith(("https://", "http://127.0.0.1")):
        raise NetworkError("web.malformed", "The service names no page to log in at.")


def _failed(options: Namespace, shown: dict[str, Any], failure: Failure) -> int:
    """Print what went wrong like a finding."""
    login_outcome.show_failed(options, shown, failure, begun="service" in shown)
    return exits.of_send(failure)


async def log_out(options: Namespace) -> dict[str, Any]:
    """Have the service forget and revoke a login."""
    found: dict[str, Any] = await Service(options).account("DELETE", options.account, "/login")
    return found


async def accounts(options: Namespace) -> list[dict[str, Any]]:
    """The service's accounts, as ``smtps accounts`` shows those of a file."""
    found = await Service(options).ask("GET", "accounts")
    return [_row(account) for account in found["accounts"]]


def _row(account: dict[str, Any]) -> dict[str, Any]:
    login = account.get("login")
    row = {"name": account["account"], "host": None, "username": None, "login": None,
           "state": "unknown", "access_expires_at": None, "login_ends_at": None,
           "problem": account["reason"], "findings": []}  # fmt: skip
    if login is None:
        return row
    return row | {
        "login": "oauth", "state": login["state"], "host": login["host"],
        "username": login["username"],
        "access_expires_at": login["access_expires_at"], "login_ends_at": login["login_ends_at"],
        "problem": login["reason"] or account["reason"],
    }  # fmt: skip
