"""``smtps serve``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from smtps.cli import examining, exits, output
from smtps.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from smtps.config.settings import Settings
    from smtps.sandbox.gallery import Gallery

NAME = "serve"
HELP = "serve the web page and the HTTP API"
DESCRIPTION = """\
Serve the web page, and check and send mail over HTTP. Runs until Ctrl-C. On loopback it is open to
this machine; on any other address it requires a token.
On shutdown it waits for messages being transmitted: at most lane_grace seconds, or until a second
signal."""
EPILOG = """\
examples:
  smtps serve
  smtps serve --sandbox         with mail servers for testing
  smtps serve --new-token ci    prints a token, and the line for the configuration
  smtps serve --config /etc/smtps.toml --show-config
  smtps serve --config /etc/smtps.toml --check-config
  curl http://127.0.0.1:8465/smtps/smtp.example.com

settings come from flags, then from the environment (SMTPS_PORT), then from the file
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--host", metavar="ADDRESS", help="default 127.0.0.1")
    parser.add_argument("--port", type=int, metavar="N", help="default 8465; 0: a free port")
    parser.add_argument("--config", metavar="FILE", help="settings file (TOML)")
    parser.add_argument(
        "--allow-anonymous",
        action="store_const",
        const=True,
        help="listen beyond loopback without a token",
    )
    parser.add_argument("--sandbox", action="store_true", help="run sandboxes alongside it")
    parser.add_argument(
        "--persona", metavar="NAME", help="with --sandbox: which one to announce; default healthy"
    )
    parser.add_argument("--access-log", action="store_true", help="log one line per request")
    parser.add_argument("--json", action="store_true", help="print connection details as JSON")
    parser.add_argument("--show-config", action="store_true", help="print the settings and exit")
    parser.add_argument("--check-config", action="store_true", help=examining.HELP)
    parser.add_argument("--new-token", metavar="NAME", help="create an API token and exit")


def run(options: Namespace) -> int:
    """Serve until told to stop."""
    if options.new_token:
        return _new_token(options.new_token)
    from smtps.config.settings import load  # noqa: PLC0415

    flags = {name: getattr(options, name) for name in ("host", "port", "allow_anonymous")}
    if options.check_config:
        return examining.examine("serve", options.config, flags, as_json=options.json)
    settings = load(options.config, **flags)
    if options.show_config:
        output.show_json(settings.shown())
        return exits.OK
    from smtps.cli import running  # noqa: PLC0415

    return running.run(_serve(options, settings))


def _new_token(name: str) -> int:
    from smtps.config.callers import hash_token, new_token  # noqa: PLC0415

    token = new_token()
    output.show(
        f"{token}\n\nKeep it: it is shown only once. For the configuration:\n\n"
        f'[tokens]\n"{name}" = "{hash_token(token)}"\n'
    )
    return exits.OK


async def _serve(options: Namespace, settings: Settings) -> int:
    import asyncio  # noqa: PLC0415
    from contextlib import AsyncExitStack  # noqa: PLC0415
    from pathlib import Path  # noqa: PLC0415
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from smtps.cli.running import stop_signals  # noqa: PLC0415
    from smtps.config import logs  # noqa: PLC0415
    from smtps.http.serving import serve  # noqa: PLC0415
    from smtps.sandbox.gallery import FIRST_PORT, Gallery  # noqa: PLC0415
    from smtps.sandbox.personas import persona_named  # noqa: PLC0415

    if options.persona is not None and not options.sandbox:
        raise InputError("persona", "requires --sandbox")
    persona = persona_named(options.persona or "healthy").name
    async with AsyncExitStack() as stack:
        stack.enter_context(logs.written(requests=options.access_log))
        hurry = asyncio.Event()
        stop = stack.enter_context(stop_signals(hurry))
        gallery = None
        if options.sandbox:
            gallery = Gallery(FIRST_PORT + 1, or_free=True)
            await stack.enter_async_context(gallery)
        box = gallery.boxes[persona] if gallery else None
        if gallery is not None and settings.outbox is None:
            folder = stack.enter_context(TemporaryDirectory(prefix="smtps-"))
            settings = _to_try(settings, gallery, Path(folder))

        def ready(url: str) -> None:
            if options.json:
                found: dict[str, Any] = {"url": url, "sandbox": box.as_json() if box else None}
                output.show_json(found, compact=True)
                return
            output.show(f"Serving at {url}\n")
            if box is not None:
                output.show(
                    f"Sandbox at {box.host}:{box.port}, user name {box.username}, "
                    f"password {box.password}, authority {box.ca_file}\n"
                )
                if box.issuer is not None:
                    output.show(
                        f"Authorization server {box.issuer.issuer}; to log in there: "
                        f"SMTPS_ACCOUNTS={box.issuer.accounts_file} smtps login --account sandbox\n"
                    )

        await serve(settings, gallery, ready=ready, stop=stop, hurry=hurry)
    return exits.OK


_TO_TRY = ("healthy", "greylisting", "unknown-recipient", "bad-password", "drop-after-data")
"""Personas that the outbox has an account at, when all else is a sandbox too."""


def _to_try(settings: Settings, gallery: Gallery, folder: Path) -> Settings:
    """The settings with an outbox that lasts as long as the sandbox."""
    from smtps.config.accounts import AccountSettings  # noqa: PLC0415

    accounts = {}
    for name in _TO_TRY:
        box = gallery.boxes[name]
        secret = folder / name
        secret.write_text(box.password)
        accounts[name] = AccountSettings(
            host=box.host,
            port=box.port,
            username=box.username,
            password_file=str(secret),
            ca_file=str(box.ca_file),
            retry=[0.1, 0.5, 1.0],
        )
    more = {"outbox": str(folder / "mail.db"), "accounts": accounts | settings.accounts}
    return settings.model_copy(update=more)
