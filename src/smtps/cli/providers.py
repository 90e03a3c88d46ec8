"""``smtps providers``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from smtps.cli import exits, output

NAME = "providers"
HELP = "list the submission servers of mail providers"
DESCRIPTION = """\
Server, port and kind of login of known providers, from their own pages and from public lists."""
EPILOG = """\
examples:
  smtps providers
  smtps providers gmail
  smtps providers gmx --json
"""


def add_options(parser: ArgumentParser) -> None:
    """Arguments of the command."""
    parser.add_argument(
        "text", nargs="?", default="", metavar="TEXT", help="part of a name, domain or host"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")


def run(options: Namespace) -> int:
    """Search and show."""
    from smtps.providers import search  # noqa: PLC0415

    found = search(options.text)
    if options.json:
        output.show_json([provider.as_json() for provider in found])
        return exits.OK
    for provider in found:
        way = "implicit TLS" if provider.security == "implicit" else "STARTTLS"
        output.show(f"{provider.name:28}{provider.host}:{provider.port} ({way})\n")
        if options.text:
            for text in (provider.correction, provider.login, provider.remark):
                if text:
                    output.show(f"  {text}\n")
    if not found:
        output.complain(f"no provider has {options.text!r} in its name, domain or host")
    return exits.OK if found else 1
