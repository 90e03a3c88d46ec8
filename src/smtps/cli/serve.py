"""``smtps serve``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from smtps.cli import output

NAME = "serve"
HELP = "serve the HTTP API on loopback"
DESCRIPTION = """\
Check and send by HTTP: GET or POST /api/smtps/connect, POST /api/smtps/send. Runs until Ctrl-C."""
EPILOG = """\
examples:
  smtps serve
  smtps serve --sandbox         with a mail server to try it on
  curl 'http://127.0.0.1:8465/api/smtps/connect?host=smtp.example.com'
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument("--host", default="127.0.0.1", help="loopback address; default 127.0.0.1")
    parser.add_argument("--port", type=int, default=8465, metavar="N", help="default 8465; 0: free")
    parser.add_argument("--sandbox", action="store_true", help="run a sandbox beside it")
    parser.add_argument(
        "--persona", default="healthy", metavar="NAME", help="how the sandbox misbehaves"
    )
    parser.add_argument("--json", action="store_true", help="tell how to reach it as JSON")


def run(options: Namespace) -> int:
    """Serve until told to stop."""
    import asyncio  # noqa: PLC0415

    return asyncio.run(_serve(options))


async def _serve(options: Namespace) -> int:
    from contextlib import AsyncExitStack  # noqa: PLC0415

    from smtps.api.server import serve  # noqa: PLC0415
    from smtps.api.settings import Settings  # noqa: PLC0415
    from smtps.cli.waiting import stop_signals  # noqa: PLC0415
    from smtps.sandbox.server import Sandbox  # noqa: PLC0415

    settings = Settings(host=options.host, port=options.port)
    async with AsyncExitStack() as stack:
        stop = stack.enter_context(stop_signals())
        box = None
        if options.sandbox:
            box = await stack.enter_async_context(Sandbox(options.persona))

        def ready(url: str) -> None:
            if options.json:
                found = {"url": url, "sandbox": box.as_json() if box else None}
                output.show_json(found, compact=True)
                return
            output.show(f"Serving at {url}\n")
            if box is not None:
                output.show(
                    f"Sandbox at {box.host}:{box.port}, user name {box.username}, "
                    f"password {box.password}\n"
                )

        await serve(settings, box, ready=ready, stop=stop)
    return 0
