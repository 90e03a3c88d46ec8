"""``smtps login``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from smtps.cli import exits, login_outcome, output, service_client
from smtps.errors import Failure, InputError, SMTPSError

if TYPE_CHECKING:
    from smtps.checks.finding import Finding
    from smtps.checks.token_watch import TokenWatch
    from smtps.config.server_account import OAuthTable, ServerAccount
    from smtps.config.user_accounts import Accounts
    from smtps.oauth.forms import Form
    from smtps.oauth.token_source import StoredTokens
    from smtps.oauth.tokens import StoredLogin

NAME = "login"
HELP = "log in to a mail provider once, so that mail can be sent without a password (OAuth 2)"
DESCRIPTION = """\
Log in to the provider of a mail address: in this computer's browser, by pasting the answer, or
with a code. The login is saved in a file that only you can read, and is renewed automatically;
smtps then logs in to the mail server, to prove that it works. The account is described in
~/.config/smtps/accounts.toml; an address that is not there yet is added."""
EPILOG = """\
examples:
  smtps login ann@contoso.com           explains how to register for a client ID
  smtps login ann@contoso.com --client-id 11111111-2222-3333-4444-555555555555
  smtps login ann@gmail.com --client-id ID --client-secret-file secret.txt
  smtps login --account work            again, for an account in the file
  smtps login --account work --paste    over ssh: open the page elsewhere, paste the answer here
  smtps login --account work --device   enter a code elsewhere
  smtps login --account main --config /etc/smtps.toml      for the service, as its user
  smtps login --account main --service https://mail.example.com   for a service, from here

then:
  smtps check --account work
  smtps send --account work --from ann@contoso.com --to bob@example.org --subject Hello --body Hi

exit codes: 0 logged in, 64 usage error, 75 try again later, 77 login refused,
            78 a client ID is needed
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("address", nargs="?", metavar="ADDRESS", help="mail address")
    parser.add_argument("--account", metavar="NAME", help="an account in the file")
    parser.add_argument(
        "--config",
        metavar="FILE",
        help="take the account from this settings file of smtps serve",
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--device", action="store_true", help="log in with a code, where possible")
    way.add_argument(
        "--paste", action="store_true",
        help="do not open a browser: print the address of the page, and read the answer",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the result as one JSON object")
    service_client.add_options(parser, what="log in for an account of this service")
    new = parser.add_argument_group("an address that is not in the file yet")
    new.add_argument("--client-id", metavar="ID", help="of the client that you registered")
    secret = new.add_mutually_exclusive_group()
    secret.add_argument("--client-secret-file", metavar="FILE", help="where its secret is")
    secret.add_argument(
        "--client-secret-env", metavar="VAR", help="environment variable that holds it"
    )
    new.add_argument("--tenant", metavar="ID", help="Microsoft: the directory; default common")
    new.add_argument("--provider", metavar="NAME", help="by default the one of the mail server")
    new.add_argument("--issuer", metavar="URL", help="another authorization server")
    new.add_argument(
        "--scope", action="append", metavar="SCOPE", help="what to ask it for; may be repeated"
    )
    new.add_argument("--host", metavar="HOST", help="mail server; found by discovery if not given")
    new.add_argument("--port", type=int, metavar="N", help="its port")
    new.add_argument(
        "--ca-file", metavar="FILE", help="trust only the authorities in this PEM file"
    )


_NEW = (
    "client_id", "client_secret_file", "client_secret_env", "tenant", "provider", "issuer", "scope",
    "host", "port", "ca_file",
)  # fmt: skip


def run(options: Namespace) -> int:
    """Log in, and prove it."""
    import asyncio  # noqa: PLC0415

    from smtps.config.user_accounts import read_accounts  # noqa: PLC0415
    from smtps.extras import extra_needed  # noqa: PLC0415

    if (options.address is None) == (options.account is None):
        options.command.error("give a mail address, or --account NAME")
    with extra_needed():
        import oauthlib  # noqa: F401, PLC0415
        import platformdirs  # noqa: F401, PLC0415
    if options.service is not None:
        from smtps.cli import service_login  # noqa: PLC0415

        service_client.check_alone(options, "address", "config", *_NEW)
        return asyncio.run(service_login.log_in(options))
    return asyncio.run(_login(options, read_accounts(options.config)))


async def _login(options: Namespace, accounts: Accounts) -> int:
    from smtps.cli import registering  # noqa: PLC0415

    name = options.account or accounts.named_for(options.address)
    if name is not None:
        for field in _NEW:
            if getattr(options, field) is not None:
                raise InputError(field, f"belongs to a new account; change it in {accounts.path}")
        return await _account(options, accounts, name, accounts.get(name))
    found = await registering.propose(options)
    if found.steps:
        _show_steps(options, found.form, found.steps)
        return exits.CONFIG
    assert found.account is not None
    return await _account(options, accounts, options.address, found.account, table=found.table)


def _show_steps(options: Namespace, form: Form, steps: tuple[str, ...]) -> None:
    """How to come to a client ID."""
    if options.json:
        output.show_json({
            "account": None, "provider": form.id, "state": "client_needed", "steps": list(steps),
            "links": list(form.links), "remark": form.remark,
        })  # fmt: skip
        return
    first = f"{form.name} requires the program that logs in to be registered. "
    lines = [f"{first}You need to do this only once:"]
    lines += [f"  {number}. {step}" for number, step in enumerate(steps, start=1)]
    lines += [f"  See {link}" for link in form.links]
    if form.remark:
        lines.append(f"  Note: {form.remark}")
    lines.append(f"Then: smtps login {options.address} --client-id ID" + (
        " --client-secret-file FILE" if form.needs_secret else ""))  # fmt: skip
    output.show("\n".join(lines) + "\n")


async def _account(
    options: Namespace,
    accounts: Accounts,
    name: str,
    account: ServerAccount,
    table: dict[str, Any] | None = None,
) -> int:
    """Log in for an account."""
    if account.oauth is None:
        raise InputError(
            "account", f"{name} has no table oauth; smtps check --account {name} tries its login"
        )
    source = accounts.tokens(name, account)
    try:
        login = await _tokens(options, name, account.oauth, account, source)
        if table is not None:
            from smtps.config.user_accounts import add_account  # noqa: PLC0415

            add_account(accounts, name, table)
    except InputError:
        raise
    except SMTPSError as error:
        return _failed(options, name, account, error.failure)
    return await _proven(options, name, account, source, login)


async def _tokens(
    options: Namespace, name: str, oauth: OAuthTable, account: ServerAccount, source: StoredTokens
) -> StoredLogin | None:
    """Tokens, kept; None for a program's, which need no login."""
    from smtps.cli import person  # noqa: PLC0415
    from smtps.oauth import flows  # noqa: PLC0415
    from smtps.oauth.forms import INTERACTIVE  # noqa: PLC0415

    if oauth.grant not in INTERACTIVE:
        if options.device or options.paste:
            field = "device" if options.device else "paste"
            problem = f"is for a person's login; {name} has the grant {oauth.grant}"
            raise InputError(field, problem)
        await source.token(refused="")
        return None
    exchange = source.exchange
    authority = await exchange.authority()
    device = options.device or (oauth.grant == "device" and not options.paste)
    form = exchange.registration.form
    if (
        options.device
        and form is not None
        and "device" not in form.grants
        and oauth.token_endpoint is None
    ):
        raise InputError("device", f"{form.name} offers no code for mail; leave out --device")
    if device:
        tokens = await flows.by_device(
            exchange, lambda code: person.show_code(authority.name, code)
        )
    else:
        show = person.opener(authority.name, account.username or "", browser=not options.paste)
        paste = person.pasted if options.paste or person.at_terminal() else None
        tokens = await flows.by_browser(exchange, show, paste)
    return await source.log_in(tokens)


async def _proven(
    options: Namespace,
    name: str,
    account: ServerAccount,
    source: StoredTokens,
    login: StoredLogin | None,
) -> int:
    """Log in to the mail server, and say what there is now."""
    from smtps.checks.rules import bearer  # noqa: PLC0415
    from smtps.checks.token_watch import TokenWatch  # noqa: PLC0415
    from smtps.cli import sending  # noqa: PLC0415
    from smtps.cli.progress import waiting_for  # noqa: PLC0415
    from smtps.client.handshake import Access  # noqa: PLC0415

    endpoint = account.endpoint(None, tokens=source, transcript=True)
    watch = TokenWatch(endpoint)
    shown = _shown(name, account, source, login)
    if not options.json:
        output.show(login_outcome.said(shown))
    try:
        session = await waiting_for(endpoint.host, Access.open(watch.endpoint))
        await session.quit()
    except InputError:
        raise
    except SMTPSError as error:
        found = await _why(watch, error.failure)
        return _failed(options, name, account, error.failure, shown, found=found)
    token = await watch.facts()
    warnings = list(bearer.ahead(token)) if token is not None else []
    shown |= {"state": "ready", "mechanism": session.mechanism, "address": session.address,
              "findings": [each.as_json() for each in warnings]}  # fmt: skip
    if options.json:
        output.show_json(shown)
        return exits.OK
    output.show(
        f"✓ {endpoint.host}:{endpoint.port} accepted the login of {account.username} "
        f"({session.mechanism})\n"
    )
    for warning in warnings:
        sending.show_finding(warning)
    output.show(
        f"  Try it: smtps send --account {name} --from {account.username} --to … --subject … \n"
    )
    return exits.OK


async def _why(watch: TokenWatch, failure: Failure) -> Finding | None:
    """What the access token says of a refusal."""
    import time  # noqa: PLC0415

    from smtps.checks.rules import bearer  # noqa: PLC0415

    token = await watch.facts()
    if token is None:
        return None
    return bearer.explained(token, failure, time.time(), address=failure.address or "")


def _shown(
    name: str, account: ServerAccount, source: StoredTokens, login: StoredLogin | None
) -> dict[str, Any]:
    """For JSON, while the proof is still due."""
    from smtps.config.login_facts import login_facts  # noqa: PLC0415

    facts = login_facts(name, account.host, source, login)
    return facts | {"mechanism": None, "address": None, "failure": None, "findings": []}


def _failed(
    options: Namespace,
    name: str,
    account: ServerAccount,
    failure: Failure,
    shown: dict[str, Any] | None = None,
    *,
    found: Finding | None = None,
) -> int:
    """Print what went wrong, and give the exit code."""
    base = shown or {
        "account": name, "host": account.host, "username": account.username,
        "state": "login_needed",
    }  # fmt: skip
    login_outcome.show_failed(options, base, failure, begun=shown is not None, found=found)
    return exits.of_send(failure)
