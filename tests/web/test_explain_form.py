"""The field "Paste what your mail program says"."""

from __future__ import annotations

from playwright.sync_api import Page, expect
from tests.web.accessible import check_accessible


def test_a_pasted_message_is_explained(page: Page) -> None:
    field = page.get_by_label("Paste what your mail program says")
    field.fill("error:0A00010B:SSL routines::wrong version number\nsmtps://ann:hunter2@x.test")
    page.get_by_role("button", name="Explain").click()
    finding = page.locator("#explain-result .finding")
    expect(finding.first).to_have_attribute("data-code", "tls.plaintext_on_tls_port")
    expect(finding.first).to_contain_text("Use STARTTLS")
    expect(finding.first).to_contain_text("wrong version number")
    expect(field).not_to_have_value("hunter2")
    assert "hunter2" not in (field.input_value() + page.content())
    check_accessible(page)
    assert page.url.endswith("#/explain")
    page.reload()  # without the words in the address, and with the answer
    expect(finding.first).to_have_attribute("data-code", "tls.plaintext_on_tls_port")


def test_words_that_leave_it_open_name_all_causes_and_enter_explains(page: Page) -> None:
    field = page.get_by_label("Paste what your mail program says")
    field.fill("SMTP connect() failed")
    field.press("Enter")
    result = page.locator("#explain-result")
    expect(result).to_contain_text("These words alone do not say what is wrong.")
    assert result.locator(".finding").count() >= 3
    page.get_by_role("button", name="Clear").click()
    expect(result).to_be_empty()
    expect(field).to_be_focused()


def test_what_is_not_known_leads_to_the_check(page: Page) -> None:
    page.get_by_label("Paste what your mail program says").fill("lorem ipsum")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#explain-result")).to_contain_text("not known")
    page.get_by_label("Paste what your mail program says").fill("")
    page.get_by_role("button", name="Explain").click()
    expect(page.locator("#alert")).to_be_empty()
