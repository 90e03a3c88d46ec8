"""The page in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Response, expect
from tests.web.accessible import check_accessible


def choose(page: Page, persona: str) -> None:
    """Try a test server, from the list of all of them."""
    page.goto(f"{page.url.partition('#')[0]}#/inbox/servers")
    page.fill("#persona-search", persona)
    page.get_by_role("button", name=f"Try {persona}", exact=True).click()


def expect_verdict(page: Page, tone: str) -> None:
    expect(page.locator("#verdict")).to_have_attribute("data-tone", tone)


def test_a_persona_s_failure_is_explained(page: Page) -> None:
    check_accessible(page)
    choose(page, "wrong-host")
    finding = page.locator(".finding[data-code='tls.certificate_wrong_host']")
    expect(finding).to_contain_text("is for a different name")
    expect_verdict(page, "bad")
    page.locator("#certificate summary").click()
    expect(page.locator("#certificate")).to_contain_text("mail.elsewhere.example")
    check_accessible(page)


def test_a_healthy_server_is_shown_with_all_its_facts(page: Page) -> None:
    choose(page, "healthy")
    expect_verdict(page, "good")
    expect(page.locator("li[data-phase='auth']")).to_have_attribute("data-state", "done")
    expect(page.locator("#capabilities")).to_contain_text("PIPELINING")
    for summary in page.locator("#folds summary").all():
        summary.click()
    expect(page.locator("#folds")).to_contain_text("EHLO portofcall")
    assert "sandbox-password" not in page.inner_text("main")
    check_accessible(page)


def test_a_deep_look_is_told_in_full(page: Page) -> None:
    choose(page, "old-tls-too")
    expect(page.locator(".finding[data-code='tls.old_versions_accepted']")).to_be_visible()
    expect(page.get_by_text("Additional probes", exact=True)).to_be_visible()
    expect(page.locator("#grade")).to_contain_text("B, 85 of 100")


def test_an_access_token_that_is_refused_is_explained(page: Page) -> None:
    choose(page, "token-for-graph")
    finding = page.locator(".finding[data-code='oauth.wrong_audience']")
    expect(finding).to_contain_text("Microsoft Graph")
    page.locator("#folds summary", has_text="Access token, whose").click()
    expect(page.locator("#folds")).to_contain_text("https://graph.microsoft.com")
    expect(page.locator("#folds")).to_contain_text("this request")
    check_accessible(page)


def test_the_lines_for_an_administrator_are_shown(page: Page) -> None:
    choose(page, "sound-token-refused")
    finding = page.locator(".finding[data-code='oauth.sound_token_refused']")
    expect(finding).to_contain_text("Get-CASMailbox -Identity tester@example.test | Format-List")
    check_accessible(page)


def test_the_chain_is_shown_as_it_was_sent(page: Page) -> None:
    choose(page, "chain")
    page.locator("#certificate summary").click()
    chain = page.get_by_role("list", name="Also sent")
    expect(chain.locator("li")).to_contain_text("smtps sandbox intermediate CA")


def test_each_address_has_its_phases(page: Page) -> None:
    choose(page, "common-name-only")
    expect_verdict(page, "warning")
    addresses = page.locator(".timelines h2 span").all_inner_texts()
    assert len(addresses) == page.locator(".timelines .timeline").count()
    assert all(address.strip() for address in addresses)


def test_a_result_survives_a_reload_and_a_link_checks_nothing(page: Page, browser: Browser) -> None:
    choose(page, "expired")
    expect_verdict(page, "bad")
    address = page.url
    assert "host=" in address
    assert "password" not in address
    page.reload()
    expect_verdict(page, "bad")
    expect(page.locator(".finding").first).to_contain_text("has expired")
    other = browser.new_page()
    asked: list[str] = []
    other.on("request", lambda request: asked.append(request.url))
    other.goto(address)
    expect(other.locator("#check")).to_be_focused()
    assert other.input_value("#host") in address
    assert not [each for each in asked if "/check/events" in each]
    other.close()


def test_a_report_is_passed_on(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    choose(page, "expired")
    expect_verdict(page, "bad")
    page.get_by_role("button", name="Copy as Markdown").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()").startswith("## ")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save as HTML").click()
    assert saved.value.suggested_filename.endswith(".html")
    assert "has expired" in Path(saved.value.path()).read_text()


def test_send_with_an_attachment_and_read_it_in_the_inbox(page: Page, tmp_path: Path) -> None:
    choose(page, "healthy")
    expect_verdict(page, "good")
    page.click(".nav [data-view=send]")
    expect(page.locator("#compose-from")).to_have_value("tester@example.test")
    page.fill("#compose-to", "you@example.test")
    subject = f"Grüße {page.viewport_size}"
    page.fill("#compose-subject", subject)
    page.fill("#compose-text", "From the page.")
    page.locator("#compose-more summary").click()
    page.fill("#compose-html", "<p>Hello <img src='https://images.example/x.png'>")
    (tmp_path / "notes.txt").write_text("attached")
    page.set_input_files("#compose-files", str(tmp_path / "notes.txt"))
    check_accessible(page)
    page.click("#send")
    expect(page.locator("#send-verdict")).to_have_attribute("data-outcome", "sent")
    check_accessible(page)
    page.get_by_role("link", name="Open the inbox").click()
    page.locator("#inbox a", has_text=subject).first.click()
    message = page.locator("#message")
    expect(message).to_contain_text("Held back: 1 image. Nothing was fetched.")
    expect(message).to_contain_text("healthy")
    check_accessible(page)
    message.get_by_label("Text", exact=True).check()
    expect(message).to_contain_text("From the page.")
    message.get_by_label("1 file", exact=True).check()
    expect(message).to_contain_text("notes.txt")
    with page.expect_download() as saved:
        message.get_by_role("button", name="Save .eml").click()
    assert b"notes.txt" in Path(saved.value.path()).read_bytes()
    message.get_by_role("button", name="Delete").click()
    expect(page.locator("#inbox a", has_text=subject)).to_have_count(0)


def test_an_empty_inbox_says_where_to_send(page: Page) -> None:
    page.request.delete(f"{page.url.partition('#')[0]}api/sandbox/messages")
    page.click("#nav-inbox")
    setup = page.locator("#inbox-setup")
    expect(setup).to_contain_text("No messages yet.")
    expect(setup).to_contain_text("tester@example.test")
    setup.get_by_label("msmtp", exact=True).check()
    expect(setup.locator("pre")).to_contain_text("tls_trust_file")
    check_accessible(page)


def test_the_ports_have_one_headline(page: Page) -> None:
    page.click(".nav [data-view=ports]")
    expect(page.locator("#ports-title")).to_be_visible()
    page.fill("#host", "127.0.0.1")
    page.press("#host", "Enter")
    expect(page.locator("#ports-verdict h2")).to_have_text("None of these ports can be reached")
    expect(page.locator("#ports li[data-port]")).to_have_count(4)
    expect(page.locator("#ports li[data-port][data-tone=bad]")).to_have_count(0)
    check_accessible(page)


def test_by_the_keyboard_alone(page: Page) -> None:
    page.focus("#try-list button")
    page.keyboard.press("Enter")
    expect_verdict(page, "good")
    expect(page.locator("#verdict h1")).to_be_focused()
    page.focus("#server-edit")
    page.keyboard.press("Enter")
    expect(page.locator("#host")).to_be_focused()
    page.keyboard.press("Enter")
    expect_verdict(page, "good")
    page.focus(".nav [data-view=inbox]")
    page.keyboard.press("Enter")
    expect(page.locator("#inbox-title")).to_be_focused()
    page.focus("#skip")
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    assert page.url.endswith("#/inbox")


def test_an_error_stands_beside_its_field(page: Page) -> None:
    page.fill("#host", "not..a..host")
    page.click("#check")
    expect(page.locator("#host")).to_have_attribute("aria-invalid", "true")
    expect(page.locator("#host-error")).to_contain_text("host name")
    check_accessible(page)


def test_an_address_never_blocks_a_check(page: Page) -> None:
    page.fill("#host", "ann@gmail.com")
    page.route("**/api/smtps/check/events*", lambda route: route.abort())
    with page.expect_request("**/api/smtps/check/events*") as asked:
        page.click("#check")
    body = asked.value.post_data_json or {}
    assert (body["host"], body["port"]) == ("smtp.gmail.com", 465)
    assert "username" not in body
    expect(page.locator("#server-summary")).to_contain_text("smtp.gmail.com:465")


def test_a_host_may_be_a_whole_target(page: Page) -> None:
    page.fill("#host", "smtps://ann@smtp.example.com:587")
    page.locator("#host").blur()
    assert page.input_value("#host") == "smtp.example.com"
    assert page.input_value("#port") == "587"
    assert page.input_value("#security") == "starttls"
    assert page.input_value("#username") == "ann"


def test_a_host_may_be_a_test_server(page: Page) -> None:
    page.fill("#host", "expired")
    page.press("#host", "Enter")
    expect(page.locator(".finding").first).to_contain_text("has expired")


def test_nothing_secret_is_remembered(page: Page) -> None:
    page.locator("#server-login").evaluate("each => each.open = true")
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
