"""``smtps logout``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from smtps.cli import exits, output, service_client
from smtps.errors import InputError

NAME = "logout"
HELP = "forget the login of an account"
DESCRIPTION = """\
Forget the login of an account, and revoke it where the provider can. The account itself stays in
the file."""
EPILOG = """\
examples:
  smtps logout work
  smtps logout main --config /etc/smtps.toml
  smtps logout main --service https://mail.example.com
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("account", metavar="NAME", help="of the account, or its mail address")
    parser.add_argument(
        "--config", metavar="FILE", help="take the account from this settings file of smtps serve"
    )
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    service_client.add_options(parser, what="have this service forget it")


def run(options: Namespace) -> int:
    """Forget it."""
    import asyncio  # noqa: PLC0415

    from smtps.config.user_accounts import read_accounts  # noqa: PLC0415
    from smtps.extras import extra_needed  # noqa: PLC0415

    if options.service is not None:
        from smtps.cli import service_login  # noqa: PLC0415

        service_client.check_alone(options, "config")
        with extra_needed():
            return _show(options, **asyncio.run(service_login.log_out(options)))
    accounts = read_accounts(options.config)
    name = accounts.named_for(options.account) or options.account
    account = accounts.get(name)
    if account.oauth is None:
        raise InputError("account", f"{name} has no login to forget: it has no table oauth")
    with extra_needed():
        there, revoked = asyncio.run(accounts.tokens(name, account).log_out())
    return _show(options, name, forgotten=there, revoked=revoked)


def _show(options: Namespace, account: str, *, forgotten: bool, revoked: bool) -> int:
    if options.json:
        output.show_json({"account": account, "forgotten": forgotten, "revoked": revoked})
        return exits.OK
    if not forgotten:
        output.show(f"{account} was not logged in\n")
        return exits.OK
    output.show(f"✓ the login of {account} is forgotten" + (
        ", and the provider has revoked it\n" if revoked else
        ". The provider did not revoke it: to be sure, remove the application in the security\n"
        "  settings of your account there.\n"))  # fmt: skip
    return exits.OK
