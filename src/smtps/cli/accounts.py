"""``smtps accounts``."""

from __future__ import annotations

import time
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from smtps.cli import exits, output, service_client
from smtps.errors import InputError, SMTPSError

if TYPE_CHECKING:
    from smtps.checks.finding import Finding
    from smtps.config.server_account import ServerAccount
    from smtps.config.user_accounts import Accounts
    from smtps.oauth.token_source import StoredTokens
    from smtps.oauth.tokens import StoredLogin

NAME = "accounts"
HELP = "list your accounts, and when their logins expire"
DESCRIPTION = """\
List the accounts in ~/.config/smtps/accounts.toml, or in the file that SMTPS_ACCOUNTS names. No
server is contacted, and no password is read."""
EPILOG = """\
examples:
  smtps accounts
  smtps accounts --json
  smtps accounts --config /etc/smtps.toml
  smtps accounts --service https://mail.example.com

an account in the file:
  [accounts.work]
  host = "smtp.office365.com"
  port = 587
  username = "ann@contoso.com"
  oauth = { provider = "microsoft", client_id = "…", tenant = "…" }
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--config", metavar="FILE", help="list the accounts in this settings file of smtps serve"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    service_client.add_options(parser, what="list the accounts of this service")


def run(options: Namespace) -> int:
    """List them."""
    from smtps.config.user_accounts import read_accounts  # noqa: PLC0415

    now = time.time()
    if options.service is not None:
        return _of_service(options, now)
    accounts = read_accounts(options.config)
    found = [_row(accounts, name, now) for name in accounts.tables]
    if options.json:
        output.show_json(found)
        return exits.OK
    if not found:
        there = "has" if accounts.there else "does not exist, so there are"
        output.show(f"{accounts.path} {there} no accounts. To add one: smtps login ADDRESS\n")
        return exits.OK
    output.show("".join(_line(row, now) for row in found))
    return exits.OK


def _of_service(options: Namespace, now: float) -> int:
    import asyncio  # noqa: PLC0415

    from smtps.cli import service_login  # noqa: PLC0415

    service_client.check_alone(options, "config")
    found = asyncio.run(service_login.accounts(options))
    if options.json:
        output.show_json(found)
    else:
        output.show("".join(_line(row, now) for row in found) or "No accounts.\n")
    return exits.OK


def _row(accounts: Accounts, name: str, now: float) -> dict[str, Any]:
    """An account, as JSON."""
    row: dict[str, Any] = {
        "name": name, "host": None, "username": None, "login": None, "state": "unknown",
        "access_expires_at": None, "login_ends_at": None, "problem": None, "findings": [],
    }  # fmt: skip
    try:
        account = accounts.get(name)
    except InputError as error:
        return row | {"problem": str(error)}
    row |= {"host": account.host, "username": account.username}
    if account.oauth is not None:
        return row | {"login": "oauth"} | _state(accounts, name, account, now)
    return row | {"login": None if account.username is None else "password"}


def _state(accounts: Accounts, name: str, account: ServerAccount, now: float) -> dict[str, Any]:
    """What is known of a login."""
    from smtps.checks.finding import Finding  # noqa: PLC0415
    from smtps.oauth.cause import LOGIN_NEEDED  # noqa: PLC0415
    from smtps.oauth.standing import moment, standing_of  # noqa: PLC0415

    try:
        source = accounts.tokens(name, account)
        login = source.login()
    except SMTPSError as error:
        return {"state": "login_needed", "problem": str(error)}
    interactive = source.exchange.registration.interactive
    standing = standing_of(login, now, "", interactive=interactive)
    if login is None:
        return {"state": standing.state}
    found: dict[str, Any] = {
        "state": standing.state,
        "access_expires_at": moment(standing.access_expires_at),
        "login_ends_at": moment(login.ends_at) if interactive else None,
    }
    if login.ended is not None:
        finding = Finding.of(login.ended_code or LOGIN_NEEDED, login.ended)
        return found | {"problem": login.ended, "findings": [finding.as_json()]}
    return found | {"findings": [each.as_json() for each in _ahead(source, login, account)]}


def _ahead(source: StoredTokens, login: StoredLogin, account: ServerAccount) -> list[Finding]:
    """What will end the login, before it does."""
    from smtps.checks.rules import bearer  # noqa: PLC0415
    from smtps.checks.token_facts import describe  # noqa: PLC0415

    known = source.provenance_of(login, login.tokens.access_token)
    token = describe(None, known, host=account.host or "", username=account.username)
    return list(bearer.ahead(token))


_STATES = {"ready": "✓", "login_needed": "✗", "unknown": "–"}


def _line(row: dict[str, Any], now: float) -> str:
    from datetime import datetime  # noqa: PLC0415

    from smtps.cli.moments import span  # noqa: PLC0415

    who = row["username"] or "no login"
    text = f"{_STATES[row['state']]} {row['name']}  {row['host'] or '?'}  {who}"
    if row["state"] == "ready":
        ends = row["login_ends_at"]
        if ends is not None:
            left = datetime.fromisoformat(ends).timestamp() - now
            text += f"  ends in {span(left)}" + ("" if row["findings"] else " unless used")
        else:
            text += "  ready"
    elif row["login"] == "password":
        text += "  password"
    text += "\n"
    if row["problem"] is not None:
        text += f"    {row['problem']}\n"
    for finding in row["findings"] if row["state"] == "ready" else ():
        text += f"    {finding['meaning']} [{finding['code']}]\n    {finding['fix']}\n"
    if row["state"] == "login_needed" and "smtps login" not in (row["problem"] or ""):
        text += f"    log in: smtps login --account {row['name']}\n"
    return text
