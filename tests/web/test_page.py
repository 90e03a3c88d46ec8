"""The page in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect
from tests.web.accessible import check_accessible


def choose(page: Page, persona: str) -> None:
    page.select_option("#personas", persona)
    page.click("#persona-try")


def test_a_persona_s_failure_is_explained(page: Page) -> None:
    check_accessible(page)
    choose(page, "wrong-host")
    finding = page.locator(".finding[data-code='tls.certificate_wrong_host']")
    expect(finding).to_contain_text("is for a different name")
    expect(page.locator("#certificate")).to_contain_text("mail.elsewhere.example")
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "bad")
    check_accessible(page)


def test_a_healthy_server_is_shown_with_all_its_facts(page: Page) -> None:
    choose(page, "healthy")
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "good")
    expect(page.locator("li[data-phase='auth']")).to_have_attribute("data-state", "done")
    expect(page.locator("#capabilities")).to_contain_text("PIPELINING")
    expect(page.locator("#transcript")).to_contain_text("EHLO portofcall")
    assert "sandbox-password" not in page.inner_text("main")
    check_accessible(page)


def test_a_deep_look_is_told_in_full(page: Page) -> None:
    choose(page, "old-tls-too")
    expect(page.locator(".finding[data-code='tls.old_versions_accepted']")).to_be_visible()
    expect(page.get_by_role("heading", name="Additional probes")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("B, 85 of 100")
    check_accessible(page)


def test_an_access_token_that_is_refused_is_explained(page: Page) -> None:
    choose(page, "token-for-graph")
    finding = page.locator(".finding[data-code='oauth.wrong_audience']")
    expect(finding).to_contain_text("Microsoft Graph")
    expect(page.get_by_role("heading", name="Access token, whose")).to_be_visible()
    expect(page.locator("#facts")).to_contain_text("https://graph.microsoft.com")
    expect(page.locator("#facts")).to_contain_text("this request")
    check_accessible(page)


def test_the_lines_for_an_administrator_are_shown(page: Page) -> None:
    choose(page, "sound-token-refused")
    finding = page.locator(".finding[data-code='oauth.sound_token_refused']")
    expect(finding).to_contain_text("Get-CASMailbox -Identity tester@example.test | Format-List")
    check_accessible(page)


def test_the_chain_is_shown_as_it_was_sent(page: Page) -> None:
    choose(page, "chain")
    chain = page.get_by_role("list", name="Also sent")
    expect(chain.locator("li")).to_contain_text("smtps sandbox intermediate CA")
    check_accessible(page)


def test_each_address_has_a_timeline(page: Page) -> None:
    choose(page, "common-name-only")
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "warning")
    addresses = page.locator(".timelines h3").all_inner_texts()
    assert page.locator(".timelines .timeline").count() == max(1, len(addresses))
    check_accessible(page)


def test_send_with_an_attachment_and_read_it_in_the_inbox(page: Page, tmp_path: Path) -> None:
    choose(page, "healthy")
    page.click("#tab-send")
    page.fill("#compose-from", "tester@example.test")
    page.fill("#compose-to", "you@example.test")
    subject = f"Grüße {page.viewport_size}"
    page.fill("#compose-subject", subject)
    page.fill("#compose-text", "From the page.")
    (tmp_path / "notes.txt").write_text("attached")
    page.set_input_files("#compose-files", str(tmp_path / "notes.txt"))
    check_accessible(page)
    page.click("#send")
    expect(page.locator("#send-verdict")).to_have_attribute("data-outcome", "sent")
    page.click("#tab-inbox")
    page.locator("#inbox button", has_text=subject).click()
    expect(page.locator("#message")).to_contain_text("From the page.")
    expect(page.locator("#message")).to_contain_text("notes.txt")
    check_accessible(page)


def test_by_the_keyboard_alone(page: Page) -> None:
    page.focus("#personas")
    page.keyboard.type("healthy")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "good")
    page.focus("#host")
    page.keyboard.press("Enter")
    expect(page.locator("#verdict")).to_have_attribute("data-tone", "good")
    page.focus("#tab-check")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#tab-send")).to_have_attribute("aria-selected", "true")


def test_an_error_stands_beside_its_field(page: Page) -> None:
    page.fill("#host", "not a host")
    page.click("#check")
    expect(page.locator("#host")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#host-error")).to_contain_text("host name")
    check_accessible(page)


def test_nothing_secret_is_remembered(page: Page) -> None:
    page.fill("#host", "smtp.example.com")
    page.fill("#username", "ann")
    page.fill("#password", "c4nary")
    page.reload()
    assert page.input_value("#host") == "smtp.example.com"
    assert page.input_value("#username") == "ann"
    assert page.input_value("#password") == ""
    assert "c4nary" not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_is_small_and_asks_no_other_host(browser: Browser, url: str, path: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108  # it marks it
    page.goto(url + path)
    page.wait_for_load_state("networkidle")
    assert all(answer.url.startswith(url) for answer in answers)
    sizes = {answer.url: answer.request.sizes() for answer in answers}
    assert sum(size["responseBodySize"] for size in sizes.values()) < 120_000, sizes
    context.close()


def test_every_request_can_be_read_and_tried(browser: Browser, url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{url}/docs")
    card = page.locator("details.card", has_text="/healthz")
    card.locator("summary").first.click()
    card.get_by_role("button", name="Try GET /healthz").click()
    expect(card.locator("pre")).to_contain_text('"status": "ok"')
    page.get_by_role("button", name="Open all").click()
    described = page.request.get(f"{url}/openapi.json").json()
    expect(page.locator("details.card")).to_have_count(
        sum(len(operations) for operations in described["paths"].values())
    )
    send = page.locator("details.card", has_text="/api/smtps/send")
    send.locator("textarea").fill('{"host": "a b"}')
    send.get_by_role("button", name="Try POST /api/smtps/send").click()
    expect(send.locator("pre")).to_contain_text("400 Bad Request")
    check_accessible(page)
    page.close()
