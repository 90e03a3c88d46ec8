"""Every view of the page at every width, in light and dark: nothing overlaps, sticks out or is cut.

One page goes through all the states once; each state is then looked at in all sizes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.web.accessible import check_accessible

WIDTHS = (320, 390, 768, 1280, 1920)
SCHEMES: tuple[str, ...] = ("light", "dark")
LAYOUT = (Path(__file__).parent / "layout.js").read_text().partition("\n\n")[2]
SHOTS = os.environ.get("SMTPS_SHOTS")
"""A folder for pictures of all that; none are taken without it."""

LONG = "Weekly report of the warehouse: 412 parcels, 3 returned, one lost and found again, " * 3
RIGHT_TO_LEFT = "تأكيد الموعد يوم الأحد"
HTML = "<p>Hello <img src=https://images.example/logo.png> <script>1</script>"


@pytest.fixture(scope="module")
def walker(browser: Browser, url: str) -> Iterator[Page]:
    context = browser.new_context(reduced_motion="reduce")
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(url)
    expect(page.locator("#try")).to_be_visible()
    fill_boxes(page, url)
    yield page
    context.close()


def fill_boxes(page: Page, url: str) -> None:
    """Mail in the inbox and the outbox: long, right to left, with HTML, in several states."""
    box = page.request.get(f"{url}/api/sandbox").json()
    healthy = box["personas"][0]
    server = {name: healthy[name] for name in ("host", "port", "security")}
    login = {"username": box["username"], "password": box["password"]}
    for n, subject in enumerate((LONG, RIGHT_TO_LEFT, "")):
        message = {
            "from": f"דנה לוי <dana{n}@example.test>", "subject": subject, "body": LONG,
            "to": ["bob@example.org", "a.very.long.name@a.very.long.domain.example.org"],
            **({"html": HTML} if n == 1 else {}),
        }  # fmt: skip
        answer = page.request.post(f"{url}/api/smtps/send", data=server | login | message)
        assert answer.ok, answer.text()
    for account, subject in (
        ("greylisting", RIGHT_TO_LEFT), ("bad-password", LONG), ("drop-after-data", "Invoice"),
        ("unknown-recipient", "Order 2026-1179"), ("healthy", "Order 2026-1184"),
    ):  # fmt: skip
        queued = {
            "account": account, "from": box["username"], "to": "bob@example.org", "body": LONG,
            "subject": subject,
        }  # fmt: skip
        assert page.request.post(f"{url}/api/smtps/messages", data=queued).status == 202


def go(page: Page, address: str) -> None:
    page.goto(f"{page.url.partition('#')[0]}#/{address}")


def start(page: Page) -> None:
    go(page, "check")
    expect(page.locator("#account")).to_be_visible()


def explained(page: Page) -> None:
    page.fill("#explain-text", "SMTP connect() failed")
    page.press("#explain-text", "Enter")
    expect(page.locator("#explain-result .finding").first).to_be_visible()


def options(page: Page) -> None:
    page.evaluate(
        "document.querySelectorAll('#account details').forEach((each) => each.open = true)"
    )
    page.fill("#host", "ann@gmail.com")
    expect(page.locator("#provider-note")).to_contain_text("app password")


def check_of(persona: str, tone: str) -> Callable[[Page], None]:
    def step(page: Page) -> None:
        go(page, "inbox/servers")
        page.fill("#persona-search", persona)
        page.get_by_role("button", name=f"Try {persona}", exact=True).click()
        expect(page.locator("#verdict")).to_have_attribute("data-tone", tone)

    return step


def everything_open(page: Page) -> None:
    page.evaluate("document.querySelectorAll('#folds details').forEach((each) => each.open = true)")


def edited(page: Page) -> None:
    page.click("#server-edit")


def ports(page: Page) -> None:
    go(page, "ports")
    page.click("#server-again")
    expect(page.locator("#ports-verdict")).not_to_have_attribute("data-tone", "busy")


def compose(page: Page) -> None:
    go(page, "send")
    page.fill("#compose-to", "bob@example.org, a.very.long.name@a.very.long.domain.example.org")
    page.fill("#compose-subject", LONG)
    page.fill("#compose-text", LONG)
    page.set_input_files("#compose-files", {
        "name": f"{RIGHT_TO_LEFT} {LONG[:80]}.pdf", "mimeType": "application/pdf",
        "buffer": b"x" * 5000,
    })  # fmt: skip
    page.check("#way-queue")


def sent(page: Page) -> None:
    page.check("#way-now")
    page.click("#send")
    expect(page.locator("#send-verdict")).to_be_visible()


def inbox(page: Page) -> None:
    go(page, "inbox")
    expect(page.locator("#inbox a").first).to_be_visible()


def message(page: Page) -> None:
    page.locator("#inbox a", has_text=RIGHT_TO_LEFT).click()
    expect(page.locator("#message iframe")).to_be_visible()
    page.locator(".blocked summary").click()


def setup(page: Page) -> None:
    go(page, "inbox/setup")
    expect(page.locator("#inbox-setup pre")).to_be_visible()


def servers(page: Page) -> None:
    go(page, "inbox/servers")
    page.fill("#persona-search", "certificate")
    expect(page.locator("#personas li").first).to_be_visible()


def outbox(page: Page) -> None:
    go(page, "outbox")
    expect(page.locator("#queue a").first).to_be_visible()
    expect(page.locator("#accounts-line")).to_contain_text("is stopped")


def accounts(page: Page) -> None:
    page.evaluate("document.getElementById('accounts-fold').open = true")


def queued(page: Page) -> None:
    go(page, "outbox")
    page.locator("#queue a", has_text="Order 2026-1179").click()
    expect(page.locator("#submission-people li").first).to_be_visible()


STATES: dict[str, Callable[[Page], None]] = {
    "start": start, "explained": explained, "again": start, "options": options,
    "failing": check_of("three-faults", "bad"), "works": check_of("healthy", "good"),
    "details": everything_open, "edit": edited,
    "ports": ports, "compose": compose, "sent": sent, "inbox": inbox, "message": message,
    "setup": setup, "servers": servers, "outbox": outbox, "accounts": accounts, "queued": queued,
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
def test_nothing_overlaps_sticks_out_or_is_cut(walker: Page, state: str) -> None:
    walker.set_viewport_size({"width": 1280, "height": 900})
    STATES[state](walker)
    found = []
    for width in WIDTHS:
        walker.set_viewport_size({"width": width, "height": 900})
        problems = walker.evaluate(LAYOUT)
        found += [f"{state} at {width} px: {problem}" for problem in problems]
        for scheme in SCHEMES:
            walker.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            if SHOTS:
                path = Path(SHOTS, f"{state}-{width}-{scheme}.png")
                walker.screenshot(path=path, full_page=True)
            if width in (320, 1280):
                check_accessible(walker)
    assert not found, "\n".join(found)


WATCH = """() => {
  const places = ['#verdict', '#check-rail', '#phases li:nth-child(1)', '#phases li:nth-child(6)'];
  const first = new Map();
  window.jumps = [];
  const look = () => {
    if (document.querySelector('#verdict').dataset.tone !== 'busy') return;
    for (const place of places) {
      const { top, left } = document.querySelector(place).getBoundingClientRect();
      const [x, y] = first.get(place) ?? [left, top + scrollY];
      first.set(place, [x, y]);
      window.jumps.push(Math.abs(left - x), Math.abs(top + scrollY - y));
    }
    requestAnimationFrame(look);
  };
  new MutationObserver((_, own) => { own.disconnect(); look(); })
    .observe(document.querySelector('#verdict'), { attributes: true });
}"""


@pytest.mark.parametrize("width", [320, 1280])
def test_nothing_jumps_while_a_check_runs(browser: Browser, url: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, reduced_motion="reduce")
    page.goto(f"{url}/#/inbox/servers")
    page.fill("#persona-search", "late-greeting")
    page.evaluate(WATCH)
    page.get_by_role("button", name="Try late-greeting").click()
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "warning")
    jumps = page.evaluate("window.jumps")
    assert len(jumps) > 20
    assert max(jumps) <= 8
    page.close()


def test_the_modules_that_the_start_needs_are_preloaded(browser: Browser, url: str) -> None:
    page = browser.new_page()
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    page.goto(url)
    expect(page.locator("#try")).to_be_visible()
    preloaded = page.evaluate(
        "[...document.querySelectorAll('[rel=modulepreload]')].map((each) => each.href)"
    )
    needed = {each for each in loaded if each.endswith(".js") and not each.endswith("/app.js")}
    assert set(preloaded) == needed
    assert len(preloaded) == len(needed)
    page.close()
