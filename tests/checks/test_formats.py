"""What holds for every form of report, and the forms that the standard library reads."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.checks.made import a_report, failing, reports, transcript

from smtps.advice import ADVICE
from smtps.checks.facts import AddressFacts
from smtps.checks.finding import Finding
from smtps.checks.report import Report
from smtps.core.reply import printable
from smtps.errors import Phase
from smtps.report.formats import FORMATS, Style
from smtps.report.text import Painter, finding_lines, render

batches = st.lists(reports, max_size=4)


def document(name: str, given: Iterable[Report], style: Style | None = None) -> str:
    """All that a writer gives for some reports."""
    writer = FORMATS[name](style) if style else FORMATS[name]()
    return "".join([writer.begin(), *map(writer.one, given), writer.end()])


@pytest.mark.parametrize("name", FORMATS)
def test_a_writer_holds_no_report(name: str) -> None:
    writer = FORMATS[name]()
    writer.begin()
    report = a_report()
    before = [sys.getrefcount(held) for held in (report, report.facts, report.facts.addresses[0])]
    writer.one(report)
    after = [sys.getrefcount(held) for held in (report, report.facts, report.facts.addresses[0])]
    assert after == before
    writer.end()


@pytest.mark.parametrize("name", FORMATS)
def test_two_writers_share_nothing(name: str) -> None:
    expected = document(name, [a_report()])
    document(name, [a_report(), a_report()])
    assert document(name, [a_report()]) == expected


@pytest.mark.parametrize("code", ADVICE)
def test_a_finding_fits_on_a_terminal_and_can_be_searched_for(code: str) -> None:
    plain = list(finding_lines(Finding.of(code, "seen"), Painter(colour=False)))
    assert max(map(len, plain)) <= 100
    assert sum(f"[{code}]" in line for line in plain) == 1
    coloured = "\n".join(finding_lines(Finding.of(code, "seen"), Painter(colour=True)))
    assert re.sub(r"\x1b\[\d*m", "", coloured) == "\n".join(plain)


@given(batches)
@settings(max_examples=25, deadline=None)
def test_every_form_can_be_encoded_and_ends_in_a_line_feed(batch: list[Report]) -> None:
    for name in FORMATS:
        written = document(name, batch, Style(transcript=True))
        assert written.encode().decode() == written
        assert not written or written.endswith("\n")


def parsed(text: str) -> object:
    def no(word: str) -> None:
        raise AssertionError(word)

    return json.loads(text, parse_constant=no)


@given(batches)
@settings(max_examples=50, deadline=None)
def test_json_is_an_array_of_the_reports(batch: list[Report]) -> None:
    assert parsed(document("json", batch)) == [report.as_json() for report in batch]


@pytest.mark.parametrize("indent", [False, True])
def test_json_of_a_single_report_is_the_report_itself(indent: bool) -> None:
    text = document("json", [a_report()], Style(single=True, indent=indent))
    assert parsed(text) == a_report().as_json()
    assert (text.count("\n") > 1) is indent


@given(batches)
@settings(max_examples=50, deadline=None)
def test_ndjson_is_a_report_to_a_line(batch: list[Report]) -> None:
    *lines, last = document("ndjson", batch).split("\n")
    assert [parsed(line) for line in lines] == [report.as_json() for report in batch]
    assert last == ""


@pytest.mark.parametrize("name", ["json", "ndjson", "html", "text"])
def test_the_transcript_comes_only_when_asked_for(name: str) -> None:
    def talk(address: AddressFacts) -> None:
        address.transcript = transcript(["250 words of the dialogue"])

    report = a_report(talk)
    assert "words of the dialogue" not in document(name, [report])
    assert "words of the dialogue" in document(name, [report], Style(transcript=True))


def test_text_is_what_a_check_prints_with_an_empty_line_between() -> None:
    one = render(a_report())
    assert document("text", [a_report()]) == one
    assert document("text", [a_report(), a_report()]) == f"{one}\n{one}"
    assert "\x1b[" in document("text", [a_report()], Style(colour=True))


def rows(text: str) -> list[dict[str, str]]:
    found = csv.DictReader(
        io.StringIO(text, newline=""), strict=True, restkey=MISSING, restval=MISSING
    )
    return list(found)


MISSING = "no such cell " + "-" * 40
"""Longer than any text that is made up."""


@given(batches)
@settings(max_examples=50, deadline=None)
def test_csv_is_a_row_to_a_report_and_no_cell_is_a_formula(batch: list[Report]) -> None:
    found = rows(document("csv", batch))
    assert len(found) == len(batch)
    for row, report in zip(found, batch, strict=True):
        assert MISSING not in row
        assert MISSING not in row.values()
        assert row["target"].removeprefix("'") == printable(report.facts.target).removeprefix("'")
        assert row["verdict"] == report.verdict
        assert row["codes"].split() == list(dict.fromkeys(f.code for f in report.findings))
        for column, cell in row.items():
            number = column.endswith(("_ms", "_left"))
            assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), column


def test_csv_says_the_facts_in_its_columns() -> None:
    assert rows(document("csv", [a_report()])) == [
        {
            "target": "mail.example.com",
            "host": "mail.example.com",
            "port": "465",
            "security": "implicit",
            "checked_at": "2026-11-23T12:00:00+00:00",
            "verdict": "works",
            "grade": "A",
            "codes": "",
            "meaning": "",
            "fix": "",
            "for": "",
            "address": "192.0.2.1",
            "tls_version": "TLSv1.3",
            "cipher": "TLS_AES_256_GCM_SHA384",
            "login": "not tried",
            "certificate_not_after": "2027-01-22T12:00:00+00:00",
            "certificate_days_left": "60",
            "dns_ms": "2.0",
            "tcp_ms": "10.0",
            "tls_ms": "20.0",
            "greeting_ms": "5.0",
            "ehlo_ms": "5.0",
            "auth_ms": "",
            "looks_ms": "",
            "token_ms": "",
        }
    ]


def test_csv_tells_the_worst_finding_and_all_codes() -> None:
    (row,) = rows(document("csv", [a_report(failing("tls.closed", Phase.TLS))]))
    assert row["codes"] == "tls.closed"
    assert row["meaning"].startswith("The server closed the connection")
    assert row["for"] == "operator"
    assert row["grade"] == "F"


def test_csv_lines_end_as_the_rfc_has_it() -> None:
    lines = document("csv", [a_report()]).split("\r\n")
    assert len(lines) == 3
    assert not any("\n" in line for line in lines)
