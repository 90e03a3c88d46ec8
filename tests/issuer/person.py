"""A person at the sandbox's authorization server: a browser without a screen."""

from __future__ import annotations

import ssl
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

from smtps.sandbox.server import Sandbox


class _Stays(urllib.request.HTTPRedirectHandler):
    """Does not follow."""

    def redirect_request(self, *_: Any) -> None:
        return None


def get(box: Sandbox, url: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Status, page and Location of a request; with a form, it is posted."""
    context = ssl.create_default_context(cafile=str(box.ca_file))
    opener = urllib.request.build_opener(_Stays, urllib.request.HTTPSHandler(context=context))
    data = None if form is None else urllib.parse.urlencode(form).encode()
    try:
        with opener.open(url, data, timeout=20) as answer:
            return answer.status, answer.read().decode(), ""
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), str(error.headers.get("Location", ""))


def log_in(box: Sandbox, url: str) -> str:
    """Where the browser is sent once the person has said yes."""
    status, text, where = get(box, url + "&approve=yes")
    assert status == 302, text
    return where


def enter_code(box: Sandbox, page: str, user_code: str, **more: str) -> None:
    """Enter a device code."""
    status, text, _ = get(box, page, {"user_code": user_code, **more})
    assert status == 200, text


_BROWSER = """\
#!{python}
import html, os, re, ssl, sys, urllib.parse, urllib.request
if os.fork():
    sys.exit()  # a browser does not keep the program waiting that opens it
context = ssl.create_default_context(cafile={ca!r})
with urllib.request.urlopen(sys.argv[1] + "&approve=yes", context=context) as page:
    text = page.read().decode()
if back := re.search('<form method=post action="(.*?)">', text):
    form = re.findall('<input type=hidden name="(.*?)" value="(.*?)">', text)
    data = urllib.parse.urlencode([(name, html.unescape(value)) for name, value in form])
    urllib.request.urlopen(html.unescape(back[1]), data.encode()).close()
"""


def browser(box: Sandbox, folder: Path) -> Path:
    """A program for the variable BROWSER, in which the person says yes and is sent back."""
    file = folder / "browser"
    file.write_text(_BROWSER.format(python=sys.executable, ca=str(box.ca_file)))
    file.chmod(0o700)
    return file
