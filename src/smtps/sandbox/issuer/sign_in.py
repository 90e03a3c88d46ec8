"""The pages of the authorization server: plain HTML, nothing loaded, nothing run.

Where a person logs in, and where they enter a device code. A program that plays the person posts
the same form, or asks for the page with ``approve=yes``.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

from smtps.sandbox.issuer.refusals import Response

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:4rem auto;max-width:30rem;padding:0 1rem;"
    "color-scheme:light dark}button,input{font:inherit;padding:.5rem 1rem}"
)
_SAFE = (
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    # No form-action: browsers hold it against the redirect that follows, which leads elsewhere.
    ("Content-Security-Policy",
     "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"),
)  # fmt: skip


def page(title: str, body: str, status: int = 200, error: str | None = None) -> Response:
    """A page; ``body`` is HTML."""
    text = (
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport "
        f'content="width=device-width"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    return Response(
        status=status, body=text.encode(), kind="text/html; charset=utf-8", headers=_SAFE,
        error=error,
    )  # fmt: skip


def log_in(user: str, client: str, scopes: str, asked: Mapping[str, str]) -> Response:
    """The page with one button.

    Args:
        user: who is about to log in.
        client: that asks.
        scopes: for what.
        asked: parameters of the request; the button sends them back.
    """
    return page(
        "smtps sandbox: log in",
        f"<p>The program <code>{escape(client)}</code> asks for <code>{escape(scopes)}</code>.</p>"
        f"<form method=post>{_hidden({**asked, 'approve': 'yes'})}"
        f"<button>Log in as {escape(user)}</button></form>",
    )


def go_back(redirect: str, values: Mapping[str, str], error: str | None) -> Response:
    """The page that posts the answer to the program (OAuth 2.0 Form Post Response Mode)."""
    return page(
        "smtps sandbox: return to the program",
        f'<form method=post action="{escape(redirect)}">{_hidden(values)}'
        "<button>Continue</button></form>",
        error=error,
    )


def enter_code(user_code: str) -> Response:
    """The page for a device code."""
    return page(
        "smtps sandbox: enter the code",
        "<form method=post><p><input name=user_code autocomplete=off required "
        f'value="{escape(user_code)}"> <button>Log in</button></p></form>',
    )


def told(title: str, text: str, status: int = 200, error: str | None = None) -> Response:
    """A page with one sentence."""
    return page(title, f"<p>{escape(text)}</p>", status, error)


def _hidden(values: Mapping[str, str]) -> str:
    return "".join(
        f'<input type=hidden name="{escape(name)}" value="{escape(value)}">'
        for name, value in values.items()
    )
