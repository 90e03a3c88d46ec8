"""A new account for ``smtps login ADDRESS``: its server, its provider, and its client."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smtps.errors import InputError

if TYPE_CHECKING:
    from smtps.config.server_account import ServerAccount
    from smtps.oauth.forms import Form
    from smtps.providers import Place


@dataclass(frozen=True, slots=True)
class Proposal:
    """What was found out.

    Attributes:
        form: of the provider.
        steps: how to make a client, where there is none yet.
        account: what is ready to log in.
        table: the same, for the file.
    """

    form: Form
    steps: tuple[str, ...] = ()
    account: ServerAccount | None = None
    table: dict[str, Any] = field(default_factory=dict)


async def propose(options: Namespace) -> Proposal:
    """Find server and provider of an address, and judge what is known of the client.

    Raises:
        InputError: the provider has no such login, or an option is wrong.
    """
    from smtps.config.server_account import NAME, ServerAccount  # noqa: PLC0415
    from smtps.config.user_accounts import read_table  # noqa: PLC0415
    from smtps.oauth.forms import Form  # noqa: PLC0415

    address = options.address
    if "@" not in address or not NAME.fullmatch(address):
        raise InputError("address", f"{address!r} is neither a mail address nor an account's name")
    place = await _place(options)
    form = _form(options, place.host)
    if form is not None and form.closed and options.client_id is None:
        raise InputError("address", form.closed)
    if form is None and options.issuer is None:
        raise InputError(
            "address",
            f"{place.host} belongs to no provider whose login (OAuth 2) is known here. If it has "
            "one, give --issuer and --scope; if not, use a password: smtps check "
            f"{place.host}:{place.port} --username {address}",
        )
    if options.client_id is None:
        shown = form or Form(
            id="", name=options.issuer, client=("Register a native client with this server.",)
        )
        return Proposal(shown, shown.how_to_register("code"))
    table = _table(options, place, form)
    account = read_table(ServerAccount, table)
    account.check_server()
    return Proposal(form or Form(id="", name=options.issuer), account=account, table=table)


async def _place(options: Namespace) -> Place:
    """The mail server of the address."""
    from smtps.endpoint import DEFAULT_PORT, security_of  # noqa: PLC0415
    from smtps.providers import Place, by_domain, by_host  # noqa: PLC0415

    if options.host is not None:
        port = options.port or 0
        known = by_host(options.host)
        if known is not None and not port:
            return known.place()
        security = security_of(port)
        return Place(options.host, port or DEFAULT_PORT[security], security)
    domain = options.address.rpartition("@")[2]
    if (provider := by_domain(domain)) is not None:
        return provider.place()
    from smtps.checks.discovery import discover, means  # noqa: PLC0415
    from smtps.cli.progress import waiting_for  # noqa: PLC0415

    found = await waiting_for(domain, discover(options.address, means()))
    if (server := found.server()) is None:
        raise InputError("host", f"is needed: no mail server is known for {domain}")
    return server


def _form(options: Namespace, host: str) -> Form | None:
    from smtps.oauth.forms import form_for_host, known_form  # noqa: PLC0415

    if options.provider is None:
        return None if options.issuer is not None else form_for_host(host)
    return known_form(options.provider)


def _table(options: Namespace, place: Place, form: Form | None) -> dict[str, Any]:
    """As it is written into the file."""
    oauth: dict[str, Any] = {}
    if form is not None:
        oauth["provider"] = form.id
    if options.scope:
        oauth["scopes"] = list(options.scope)
    for name in ("issuer", "client_id", "client_secret_file", "client_secret_env", "tenant",
                 "ca_file"):  # fmt: skip
        if (value := getattr(options, name)) is not None:
            oauth[name] = value
    table: dict[str, Any] = {
        "host": place.host, "port": place.port, "security": place.security,
        "username": options.address,
    }  # fmt: skip
    if options.ca_file is not None:
        table["ca_file"] = options.ca_file
    return {**table, "oauth": oauth}
