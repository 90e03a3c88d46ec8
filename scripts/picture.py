"""Takes the picture of the page that the README shows: ``.venv/bin/python scripts/picture.py``."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import sync_playwright

PICTURE = Path(__file__).parent.parent / "docs" / "page.png"


def main() -> None:
    """Show a server that fails, and what is told about it."""
    command = [sys.executable, "-m", "smtps", "serve", "--sandbox", "--port", "0", "--json"]
    with ExitStack() as stack:
        service = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        stack.callback(service.terminate)
        assert service.stdout is not None
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(
            viewport={"width": 1180, "height": 760}, color_scheme="light", reduced_motion="reduce"
        )
        page.goto(json.loads(service.stdout.readline())["url"])
        page.get_by_role("button", name="plaintext", exact=True).click()
        page.wait_for_selector(".finding")
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=PICTURE)
        browser.close()


if __name__ == "__main__":
    main()
