"""``smtps sandbox``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from smtps.cli import exits, output
from smtps.endpoint import security_of
from smtps.errors import InputError

if TYPE_CHECKING:
    from smtps.sandbox.gallery import Gallery
    from smtps.sandbox.server import Sandbox

NAME = "sandbox"
HELP = "run a mail server for testing"
DESCRIPTION = """\
A real SMTPS server on loopback. It has a test account, keeps mail in memory, and misbehaves on
request. With --oauth it has an authorization server beside it, and takes its access tokens.
Nothing leaves this machine. It runs until Ctrl-C."""
EPILOG = """\
examples:
  smtps sandbox
  smtps sandbox --persona expired --port 4650
  smtps sandbox --reply 'AUTH=535 5.7.8 Authentication failed'
  smtps sandbox --oauth                 with an authorization server (OAuth 2)
  smtps sandbox --oauth microsoft       which speaks like Microsoft's, or google's
  smtps sandbox --all --port 4650       a page listing all personas, which use the ports after it
  smtps sandbox --list
  smtps sandbox --json      one line with host, port, ca_file, username, password, persona
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "--port", type=int, metavar="N",
        help="default 4650, or a free port if that is taken; 0: a free port",
    )  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="127.0.0.1 (default) or ::1")
    parser.add_argument(
        "--persona", default="healthy", metavar="NAME", help="which persona to run, see --list"
    )
    parser.add_argument(
        "--reply",
        action="append",
        default=[],
        metavar="PHASE=REPLY",
        help="send this reply instead, such as 'RCPT=550 5.1.1 User unknown'; may be repeated. "
        "Phases: GREETING, FINAL (the end of the message) and the commands",
    )
    parser.add_argument(
        "--oauth", nargs="?", const="open", choices=("open", "microsoft", "google"), metavar="FORM",
        help="run an authorization server too, and accept its tokens. FORM: open (default; the "
        "standards), microsoft or google",
    )  # fmt: skip
    parser.add_argument(
        "--all", action="store_true", help="run every persona, each on its own port"
    )
    parser.add_argument("--list", action="store_true", help="list the personas")
    parser.add_argument("--json", action="store_true", help="print connection details as JSON")


def run(options: Namespace) -> int:
    """Serve until told to stop."""
    import asyncio  # noqa: PLC0415

    if options.list:
        return _list(options)
    if options.all:
        return asyncio.run(_serve_all(options))
    return asyncio.run(_serve(options))


def _list(options: Namespace) -> int:
    from smtps.sandbox.personas import PERSONAS  # noqa: PLC0415

    if options.json:
        output.show_json([persona.as_json() for persona in PERSONAS.values()])
        return exits.OK
    for persona in PERSONAS.values():
        output.show(f"{persona.name:24}{persona.summary}\n")
    return exits.OK


async def _serve_all(options: Namespace) -> int:
    from smtps.cli.running import stop_signals  # noqa: PLC0415
    from smtps.sandbox.gallery import FIRST_PORT, Gallery, serve_index  # noqa: PLC0415

    usual = options.port is None
    port = FIRST_PORT if usual else options.port
    with stop_signals() as stop:
        async with Gallery(port and port + 1, or_free=usual) as gallery:
            listing = await serve_index(gallery, "127.0.0.1", port, or_free=usual)
            url = f"http://127.0.0.1:{listing.sockets[0].getsockname()[1]}/"
            if options.json:
                output.show_json({"url": url, **gallery.as_json()}, compact=True)
            else:
                output.show(_index(gallery, url))
            async with listing:
                await stop.wait()
    return exits.OK


def _index(gallery: Gallery, url: str) -> str:
    found = gallery.as_json()
    lines = [
        f"Mail servers at 127.0.0.1, each with a different fault; as a page: {url}\n",
        f"  user name   {found['username']}",
        f"  password    {found['password']}",
        f"  trust       {found['ca_file']}\n",
    ]
    for persona in found["personas"]:
        where = f"{persona['port']}" + (" STARTTLS" if persona["security"] == "starttls" else "")
        shown = "" if persona["shown_by"] == "check" else f" (by {persona['shown_by']})"
        lines.append(f"  {where:15}{persona['name']:24}{persona['summary']}")
        if persona["findings"]:
            lines.append(f"  {'':37}{', '.join(persona['findings'])}{shown}")
    lines.append("\nCtrl-C stops them all.\n")
    return "\n".join(lines)


async def _serve(options: Namespace) -> int:
    from contextlib import AsyncExitStack  # noqa: PLC0415

    from smtps.cli.running import stop_signals  # noqa: PLC0415
    from smtps.sandbox.gallery import FIRST_PORT  # noqa: PLC0415
    from smtps.sandbox.personas import persona_named  # noqa: PLC0415
    from smtps.sandbox.server import Sandbox  # noqa: PLC0415

    persona = persona_named(options.persona).saying(options.reply)

    def at(port: int) -> Sandbox:
        return Sandbox(persona, host=options.host, port=port, oauth=options.oauth or False)

    with stop_signals() as stop:
        async with AsyncExitStack() as stack:
            try:
                wanted = FIRST_PORT if options.port is None else options.port
                box = await stack.enter_async_context(at(wanted))
            except InputError as error:
                if options.port is not None or error.field != "port":
                    raise
                box = await stack.enter_async_context(at(0))
            if options.json:
                output.show_json(box.as_json(), compact=True)
                await stop.wait()
            else:
                output.show(_welcome(box))
                await _tell_arrivals(box, stop)
    return exits.OK


def _welcome(box: Sandbox) -> str:
    where = f"[{box.host}]:{box.port}" if ":" in box.host else f"{box.host}:{box.port}"
    if box.persona.asked_with != security_of(box.port):
        where += f" --security {box.persona.asked_with}"
    login = f"--ca-file {box.ca_file} --username {box.username} --password-env SANDBOX_PASSWORD"
    return f"""\
Sandbox at {where} ({box.persona.name}: {box.persona.summary})

  user name   {box.username}
  password    {box.password}
  trust       {box.ca_file}

  export SANDBOX_PASSWORD={box.password}
  smtps check {where} {login}
  smtps send --host {where} {login} \\
      --from {box.username} --to you@example.test --subject Hello --body "It works"
{_welcome_to_log_in(box)}
Incoming mail is listed below. Ctrl-C stops the sandbox.
"""


def _welcome_to_log_in(box: Sandbox) -> str:
    if box.issuer is None:
        return ""
    issuer = box.issuer
    return f"""
Its authorization server ({issuer.form.name})

  issuer      {issuer.issuer}
  client      {issuer.client_id}
  secret      {issuer.client_secret}
  scope       {issuer.scope}

  export SMTPS_ACCOUNTS={issuer.accounts_file}
  smtps login --account sandbox
  smtps send --account sandbox --from {box.username} --to you@example.test --subject Hello

  export TOKEN={issuer.token_for()}
  smtps check {box.host}:{box.port} --ca-file {box.ca_file} --username {box.username} \\
      --token-env TOKEN
"""


async def _tell_arrivals(box: Sandbox, stop: object) -> None:
    import asyncio  # noqa: PLC0415

    assert isinstance(stop, asyncio.Event)
    stopped = asyncio.create_task(stop.wait())
    seen = "0"
    while not stopped.done():
        arrival = asyncio.create_task(box.inbox.after(seen))
        await asyncio.wait((stopped, arrival), return_when=asyncio.FIRST_COMPLETED)
        if not arrival.done():
            arrival.cancel()
            continue
        for stored in arrival.result():
            seen = stored.id
            summary = stored.summary()
            output.show(
                f"  {stored.received:%H:%M:%S}  {summary['from']} → {', '.join(summary['to'])}  "
                f"{summary['subject']!r}  {summary['size']} bytes\n"
            )
