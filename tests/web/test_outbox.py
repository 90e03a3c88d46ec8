"""The outbox on the page: mail is queued, watched, canceled and sent again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Route, expect
from tests.moments import NEXT_MONTH
from tests.web.accessible import check_accessible

from smtps.config.callers import hash_token, new_token

MESSAGES = "/api/smtps/messages"


def write(page: Page, account: str, to: str = "you@example.test, me@example.test") -> str:
    """Fill in a message for an account, and give its subject."""
    page.click(".nav [data-view=send]")
    expect(page.locator("#compose")).to_be_visible()
    page.check("#way-queue")
    subject = f"{account}, {page.viewport_size}"
    page.fill("#compose-from", "tester@example.test")
    page.fill("#compose-to", to)
    page.fill("#compose-subject", subject)
    page.fill("#compose-text", "From the page.")
    page.select_option("#queue-through", account)
    return subject


def queue(page: Page, account: str) -> str:
    subject = write(page, account)
    page.click("#send")
    expect(page.locator("#submission-facts")).to_contain_text(subject)
    return subject


def expect_status(page: Page, status: str) -> None:
    expect(page.locator("#submission-verdict")).to_have_attribute("data-status", status)


def row(page: Page, subject: str) -> Locator:
    return page.locator("#queue a", has_text=subject)


def messages(page: Page, **query: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.request.get(
        page.url.partition("#")[0].rstrip("/") + MESSAGES, params=query
    ).json()["messages"]
    return found


def test_queue_a_message_and_see_it_sent(page: Page) -> None:
    write(page, "healthy")
    check_accessible(page)
    subject = queue(page, "healthy")
    expect_status(page, "sent")
    expect(page.locator("#submission-verdict")).to_contain_text("Sent to 2 recipients")
    expect(page.locator("#submission-people li").first).to_contain_text("250 2.1.5 OK")
    page.locator("#submission-attempts summary").click()
    expect(page.locator("#submission-attempts pre")).to_contain_text("RCPT TO:<me@example.test>")
    page.locator("#submission-raw summary").click()
    expect(page.locator("#submission-raw pre")).to_contain_text("From the page.")
    expect(page.locator("#submission-actions button")).to_have_count(0)
    check_accessible(page)
    page.click("#submission-back")
    expect(row(page, subject)).to_be_focused()
    expect(row(page, subject)).to_contain_text("Sent")
    expect(row(page, subject)).to_contain_text("you@example.test and 1 more")
    check_accessible(page)


def test_an_answer_that_got_lost_makes_no_second_mail(page: Page) -> None:
    keys = []

    def lose_the_first(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.fetch()
        route.abort()
        page.unroute(f"**{MESSAGES}")

    page.route(f"**{MESSAGES}", lose_the_first)
    subject = write(page, "healthy")
    page.fill("#compose-subject", subject := f"Lost: {subject}")
    page.click("#send")
    expect(page.locator("#alert")).to_contain_text("does not answer")
    with page.expect_request(lambda request: request.method == "POST") as second:
        page.click("#send")
    expect(page.locator("#submission-facts")).to_contain_text(subject)
    assert second.value.headers["idempotency-key"] == keys[0]
    assert [found["subject"] for found in messages(page)].count(subject) == 1
    with page.expect_request(lambda request: request.method == "POST") as third:
        queue(page, "healthy")
    assert third.value.headers["idempotency-key"] != keys[0]


def test_a_greylisted_message_is_canceled(page: Page) -> None:
    subject = queue(page, "greylisting")
    expect_status(page, "retrying")
    expect(page.locator("#submission-verdict")).to_contain_text("Next attempt in")
    expect(page.locator("#submission-failure")).to_contain_text("nothing is wrong")
    check_accessible(page)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect_status(page, "canceled")
    expect(page.locator("#submission-title")).to_be_focused()
    expect(page.get_by_role("button", name="Send it anyway")).to_be_visible()
    page.click("#submission-back")
    expect(row(page, subject)).to_contain_text("Canceled")


def test_an_uncertain_message_is_sent_again_if_somebody_says_so(page: Page, url: str) -> None:
    # The other size has been here: the account has waited since.
    page.request.post(f"{url}/api/smtps/accounts/drop-after-data/resume")
    queue(page, "drop-after-data")
    expect_status(page, "uncertain")
    expect(page.locator("#submission-verdict")).to_contain_text("may deliver it twice")
    check_accessible(page)
    page.locator("#submission-attempts summary").click()
    page.get_by_role("button", name="Send again anyway").click()
    expect(page.locator("#submission-attempts > li")).to_have_count(2)
    expect_status(page, "uncertain")
    # What somebody reads stays open.
    expect(page.locator("#submission-attempts > li").nth(1).locator("pre")).to_be_visible()


def test_a_stopped_account_is_resumed(page: Page) -> None:
    subject = queue(page, "bad-password")
    card = page.locator("#submission-account [data-account='bad-password']")
    expect(card).to_contain_text("is stopped")
    expect(card).to_contain_text("app password")
    page.click("#submission-back")
    expect(row(page, subject)).to_be_visible()
    if page.locator("#accounts-line").is_visible():  # folded on a telephone: the list is first
        expect(page.locator("#accounts-line")).to_contain_text("bad-password is stopped")
        page.click("#accounts-line")
    card = page.locator("#outbox-accounts [data-account='bad-password']")
    expect(card).to_contain_text("535 5.7.8")
    expect(row(page, subject)).to_contain_text("Queued")
    check_accessible(page)
    (waiting,) = messages(page, account="bad-password", status="queued")
    card.get_by_role("button", name="Resume now").click()
    row(page, subject).click()
    # The password is as wrong as before.
    expect(page.locator("#submission-attempts > li")).to_have_count(waiting["tries"] + 1)
    page.get_by_role("button", name="Cancel", exact=True).click()
    expect_status(page, "canceled")


def test_a_message_goes_out_at_its_time(page: Page) -> None:
    write(page, "healthy")
    page.fill("#queue-at", "2126-01-01T12:00")
    page.click("#send")
    expect(page.locator("#queue-at-error")).to_contain_text("more than a year ahead")
    tomorrow = page.evaluate("new Date(Date.now() + 864e5).toLocaleString('sv').slice(0, 16)")
    page.fill("#queue-at", tomorrow.replace(" ", "T"))
    page.click("#send")
    expect_status(page, "scheduled")
    expect(page.locator("#submission-verdict")).to_contain_text("Next attempt in 24 h")


def test_what_is_missing_is_said_beside_its_field(page: Page) -> None:
    write(page, "")
    page.click("#send")
    expect(page.locator("#queue-through-error")).to_have_text("Choose an account.")
    expect(page.locator("#queue-through")).to_be_focused()
    check_accessible(page)


def test_filters_and_pages(page: Page) -> None:
    for n in range(30):
        data = {
            "account": "unknown-recipient", "from": "tester@example.test", "body": "",
            "to": "you@example.test", "subject": str(n), "send_at": NEXT_MONTH,
        }  # fmt: skip
        assert (
            page.request.post(page.url.partition("#")[0].rstrip("/") + MESSAGES, data=data).status
            == 202
        )
    page.click(".nav [data-view=outbox]")
    page.get_by_role("link", name="Waiting").click()
    page.select_option("#queue-account", "unknown-recipient")
    subjects = page.locator("#queue .subject")
    expect(subjects).to_have_text([str(n) for n in range(29, 4, -1)])
    page.click("#queue-older")
    expect(subjects.first).to_have_text("4")
    page.click("#queue-newer")
    expect(subjects.first).to_have_text("29")
    page.locator("#queue a").nth(3).click()
    expect(page.locator("#submission-facts")).to_contain_text("26")
    page.reload()  # the address holds the message
    expect(page.locator("#submission-facts")).to_contain_text("26")
    page.go_back()
    expect(page.locator("#queue-account")).to_have_value("unknown-recipient")
    page.get_by_role("link", name="Sent", exact=True).click()
    expect(page.locator("#queue-empty")).to_have_text("No matching messages.")


def test_by_the_keyboard_alone(page: Page) -> None:
    queue(page, "healthy")
    expect_status(page, "sent")
    page.focus("#submission-back")
    page.keyboard.press("Enter")
    focused = page.locator("#queue a:focus")
    expect(focused).to_contain_text("healthy")
    page.keyboard.press("Enter")
    expect(page.locator("#submission-title")).to_be_focused()
    expect_status(page, "sent")


def test_it_asks_for_news_only_in_sight(page: Page) -> None:
    page.click(".nav [data-view=outbox]")
    expect(page.locator("#queue a").first).to_be_visible()
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.clock.install()
    page.click(".nav [data-view=ports]")
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(120_000)
    assert not [each for each in asked if "/api/" in each]
    with page.expect_request(lambda request: MESSAGES in request.url, timeout=20_000):
        page.click(".nav [data-view=outbox]")
        page.clock.run_for(60_000)


def test_a_token_goes_along(blank: Page, serve: Callable[..., str], tmp_path: Path) -> None:
    token = new_token()
    (tmp_path / "smtps.toml").write_text(f'[tokens]\nann = "{hash_token(token)}"\n')
    blank.goto(serve("--sandbox", "--config", str(tmp_path / "smtps.toml")))
    blank.fill("#token", token)
    blank.click("#token-save")
    expect(blank.locator("#try")).to_be_visible()
    queue(blank, "healthy")
    expect_status(blank, "sent")


@pytest.fixture(scope="module")
def without_outbox(serve: Callable[..., str]) -> str:
    return serve()


def test_without_an_outbox_it_says_how_to_get_one(blank: Page, without_outbox: str) -> None:
    blank.goto(without_outbox)
    blank.click(".nav [data-view=outbox]")
    expect(blank.locator("#outbox-none")).to_contain_text("set outbox and accounts in its config")
    expect(blank.locator("#outbox-list")).to_be_hidden()
    expect(blank.locator("#alert")).to_be_empty()
    check_accessible(blank)
    blank.click(".nav [data-view=send]")
    expect(blank.locator("#way-queue-row")).to_be_hidden()
    expect(blank.locator("#queue-terms")).to_be_hidden()


def test_what_no_webhook_has_heard(page: Page) -> None:
    """A sandbox has no webhook: the service's answers are filled in on their way."""
    notice = {
        "id": "n", "event": "message.sent", "event_at": "2026-11-30T10:00:00.000Z",
        "status": "undelivered", "attempts": 11, "last_attempt_at": "2026-11-30T10:00:00.000Z",
        "next_attempt_at": None,
        "failure": {"code": "web.status", "message": "The web server answered 500.",
                    "advice": "Check its log."},
    }  # fmt: skip
    subject = queue(page, "healthy")
    expect_status(page, "sent")
    expect(page.locator("#submission-webhook-part")).to_be_hidden()
    id_ = messages(page)[0]["id"]

    def accounts(route: Route) -> None:
        document = route.fetch().json()
        for account in document["accounts"]:
            if account["account"] == "healthy":
                account["notices"] = {"pending": 0, "undelivered": 1}
        route.fulfill(json=document)

    def follow(route: Route) -> None:
        document = {
            **page.request.get(f"{page.url.partition('#')[0].rstrip('/')}{MESSAGES}/{id_}").json()
        }
        document["webhook"] = notice
        route.fulfill(
            content_type="text/event-stream",
            body=f"event: message\ndata: {json.dumps(document)}\n\n",
        )

    asked: list[str] = []

    def notify(route: Route) -> None:
        asked.append(route.request.method)
        notice.update(status="pending", attempts=0, failure=None)
        route.fulfill(json={})

    listed = {"notices": [{"message": id_, "account": "healthy", **notice}], "cursor": None}
    page.route("**/api/smtps/accounts", accounts)
    page.route("**/api/smtps/notices?*", lambda route: route.fulfill(json=listed))
    page.route(f"**{MESSAGES}/{id_}/events", follow)
    page.route(f"**{MESSAGES}/{id_}/notify", notify)
    page.click("#submission-back")
    block = page.locator("[data-notices=undelivered]")
    block.locator("summary").click()
    expect(block).to_contain_text("1 webhook notice")
    expect(block).to_contain_text("The web server answered 500.")
    check_accessible(page)
    block.get_by_role("button").click()
    expect(page.locator("#submission-facts")).to_contain_text(subject)
    part = page.locator("#submission-webhook-part")
    for words in ("message.sent", "given up", "11 attempts", "answered 500", "Check its log"):
        expect(part).to_contain_text(words)
    check_accessible(page)
    part.get_by_role("button", name="Deliver again").click()
    expect(part).to_contain_text("pending")
    expect(part).not_to_contain_text("given up")
    assert asked == ["POST"]


def test_logins_show_their_end_and_the_command_that_makes_another(page: Page) -> None:
    ready = {
        "host": "smtp.example", "username": "ann@example.test", "state": "ready",
        "since": "2026-01-01T00:00:00Z", "access_expires_at": NEXT_MONTH,
        "login_ends_at": NEXT_MONTH, "code": None, "reason": None, "command": None,
        "webhook": None,
    }  # fmt: skip
    dead = {
        **ready, "username": "bob@example.test", "state": "login_needed",
        "code": "oauth.login_needed", "reason": "Microsoft refuses to renew the login.",
        "command": "smtps login --account bad-password --config /etc/smtps.toml",
    }  # fmt: skip
    logins = {"healthy": ready, "bad-password": dead}

    def accounts(route: Route) -> None:
        document = route.fetch().json()
        for account in document["accounts"]:
            account["login"] = logins.get(account["account"])
        route.fulfill(json=document)

    page.route("**/api/smtps/accounts", accounts)
    page.click(".nav [data-view=outbox]")
    expect(page.locator("#queue a").first).to_be_visible()
    if page.locator("#accounts-line").is_visible():
        page.click("#accounts-line")
    card = page.locator("[data-login=bad-password]")
    for words in ("needs a login", "refuses to renew", "bob@example.test at smtp.example",
                  "smtps login --account bad-password --config /etc/smtps.toml",
                  f"--account bad-password --service {page.url.partition('#')[0].rstrip('/')}",
                  "oauth.login_needed"):  # fmt: skip
        expect(card).to_contain_text(words)
    other = page.locator("[data-login=healthy]")
    expect(other).to_be_hidden()
    page.locator("#outbox-logins summary").click()
    expect(other).to_contain_text("is logged in")
    expect(other).to_contain_text("If it is not used, in")
    check_accessible(page)
