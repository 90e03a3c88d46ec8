"""What people get: the page, and plain text for curl."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from starlette.responses import Response

from smtps._version import __version__

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; frame-src 'self'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)

MAIL_POLICY = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""For HTML that came by mail: shown, but nothing in it runs, loads or leads anywhere."""

_TYPES = {
    "css": "text/css", "html": "text/html", "js": "text/javascript", "svg": "image/svg+xml",
}  # fmt: skip

LANDING = f"""\
smtps {__version__}: does mail submission over TLS work, and if not, why?

  curl HOST/smtps/smtp.example.com            check a server
  curl HOST/smtps/smtp.example.com:587        another port; 587 and 25 mean STARTTLS
  curl HOST/smtps/smtp.example.com?format=json
  curl HOST/api/smtps/ports/smtp.example.com  compare its ports
  curl HOST/api/smtps/providers?q=gmail       what providers offer

  /docs  all requests      /openapi.json  for programs      /  in a browser: the page
"""


@cache
def web_file(name: str) -> tuple[bytes, str] | None:
    """A file of the page with its type, or None; names outside the folder are none."""
    stem, dot, ending = name.rpartition(".")
    if not dot or ending not in _TYPES or not stem.replace("-", "").isalnum():
        return None
    try:
        return files("smtps").joinpath("web", name).read_bytes(), _TYPES[ending]
    except FileNotFoundError:
        return None


def page(name: str) -> Response | None:
    """A file of the page as an answer."""
    found = web_file(name)
    if found is None:
        return None
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "Cache-Control": "no-cache"}
    return Response(found[0], media_type=found[1], headers=headers)


def wants_json(accept: str, form: str | None) -> bool:
    """Whether a reader asked for JSON, by ``?format=`` or Accept."""
    return form == "json" or (form is None and "application/json" in accept)


def wants_html(accept: str) -> bool:
    """Whether a browser asks."""
    return "text/html" in accept
