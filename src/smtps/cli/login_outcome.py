"""What a login is shown to have come to, wherever it is kept."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING, Any

from smtps.cli import output

if TYPE_CHECKING:
    from smtps.checks.finding import Finding
    from smtps.errors import Failure


def said(shown: dict[str, Any]) -> str:
    """Who, for what, and until when."""
    lines = [f"✓ logged in as {shown['username']}, for {shown['scope'] or 'what was asked for'}"]
    if shown["access_expires_at"] is None and not shown["renewable"]:
        lines.append("  the program logs in by itself, whenever it needs a token")
    elif not shown["renewable"]:
        lines.append(
            f"! the provider gave no refresh token: the login ends at {shown['access_expires_at']}"
        )
    elif shown["login_ends_at"]:
        lines.append(
            f"  it is renewed automatically; if it is not used, it expires at "
            f"{shown['login_ends_at']}"
        )
    else:
        lines.append("  it is renewed automatically; the provider does not say when it expires")
    lines.append(f"  account {shown['account']}, kept in {shown['kept_in']}")
    return "\n".join(lines) + "\n"


def show_failed(
    options: Namespace, shown: dict[str, Any], failure: Failure, *, begun: bool,
    found: Finding | None = None,
) -> None:  # fmt: skip
    """Print what went wrong like a finding.

    Args:
        options: of the command line.
        shown: what is known of the account.
        failure: what went wrong.
        begun: whether the provider has accepted the login, and the mail server has not.
        found: what the access token says of it, if it says something.
    """
    if options.json:
        from smtps.checks.finding import Finding  # noqa: PLC0415
        from smtps.checks.report import failure_json  # noqa: PLC0415

        finding = found or Finding.from_failure(failure)
        shown = {**shown, "failure": failure_json(failure), "findings": [finding.as_json()]}
        output.show_json(shown)
        return
    from smtps.cli import sending  # noqa: PLC0415

    what = "the mail server did not accept the login" if begun else "not logged in"
    output.show(f"✗ {what}\n")
    sending.show_failure(failure, found)
