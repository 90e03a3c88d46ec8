"""A service with a sandbox, and its page in Debian's Chromium, headless."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

expect.set_options(timeout=20_000)  # a busy machine is no fault of the page's

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
SIZES = [(390, "dark"), (1280, "light")]


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., str]]:
    """Starts services, and tells where each is."""
    with ExitStack() as stack:

        def start(*options: str) -> str:
            command = [sys.executable, "-m", "smtps", "serve", "--port", "0", "--json", *options]
            service = stack.enter_context(
                subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
            )
            stack.callback(service.terminate)
            assert service.stdout is not None
            url: str = json.loads(service.stdout.readline())["url"]
            return url

        yield start


@pytest.fixture(scope="module")
def url(serve: Callable[..., str]) -> str:
    """Of a service with a sandbox."""
    return serve("--sandbox")


@pytest.fixture(scope="module")  # no longer: while it runs, nothing else may use a loop
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture(params=SIZES, ids=lambda size: f"{size[0]} px, {size[1]}")
def blank(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A page with nothing in it."""
    width, scheme = request.param
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=scheme, reduced_motion="reduce"
    )
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def page(blank: Page, url: str) -> Page:
    blank.goto(url)
    expect(blank.locator("#try")).to_be_visible()
    return blank
