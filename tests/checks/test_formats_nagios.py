"""A plug-in's output, its performance data read by Debian's Monitoring::Plugin (Perl)."""

from __future__ import annotations

import json
import re
import subprocess
from typing import Any

import pytest
from hypothesis import given, settings
from tests.checks.made import HOSTILE, a_report, failing, reports
from tests.checks.test_formats import document

from smtps.checks.facts import AddressFacts
from smtps.checks.report import Report
from smtps.cli import exits
from smtps.errors import Phase

STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
READER = r"""
use strict; use warnings; use JSON::PP; use Monitoring::Plugin::Performance;
my @all;
sub fields { my $p = shift; +{ map { $_ => $p->$_ } qw(label value uom warning critical min) } }
while (my $line = <STDIN>) {
    chomp $line;
    push @all, [map { fields($_) } Monitoring::Plugin::Performance->parse_perfstring($line)];
}
print encode_json(\@all);
"""


def performance(outputs: list[str]) -> list[dict[str, dict[str, Any]]]:
    """The performance data of several outputs, as a reader in Perl has them, by label."""
    lines = [output.split("\n")[0].rpartition("|")[2].strip() for output in outputs]
    ran = subprocess.run(
        ["perl", "-e", READER], input="\n".join(lines), capture_output=True, text=True, check=True
    )
    return [{one["label"]: one for one in found} for found in json.loads(ran.stdout)]


def test_performance_data_are_read_with_their_thresholds() -> None:
    (found,) = performance([document("nagios", [a_report()])])
    time, days = found["time"], found["days"]
    assert (time["value"], time["uom"], time["min"]) == (pytest.approx(0.042), "s", "0")
    assert (days["value"], days["warning"], days["critical"]) == (60, "14:", "0:")
    assert set(found) == {
        "time", "time_dns", "time_tcp", "time_tls", "time_greeting", "time_ehlo", "days",
    }  # fmt: skip


def test_performance_data_of_real_servers_are_read(persona_reports: dict[str, Report]) -> None:
    found = performance([document("nagios", [report]) for report in persona_reports.values()])
    for report, labels in zip(persona_reports.values(), found, strict=True):
        best = report.facts.best
        assert "time" in labels
        assert ("days" in labels) is bool(best and best.chain)


VERDICTS = {
    "works": a_report(),
    "fails": a_report(failing("tls.closed", Phase.TLS)),
    "later": a_report(failing("smtp.try_later", Phase.GREETING, retryable=True, smtp_code=450)),
    "unknown": a_report(failing("dns.timeout", Phase.DNS)),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_the_state_is_that_of_the_exit_code(verdict: str) -> None:
    report = VERDICTS[verdict]
    assert report.verdict == verdict
    text = document("nagios", [report])
    assert text.startswith(f"SMTPS {STATES[exits.CHECK[verdict]]} - mail.example.com ")
    for finding in report.findings:
        assert finding.fix in text


FIRST = re.compile(r"SMTPS (?:OK|WARNING|CRITICAL|UNKNOWN) - [^|\n]*(?: \| [^|\n]+)?")


@given(reports)
@settings(max_examples=100, deadline=None)
def test_whatever_a_server_says_only_the_first_line_has_performance_data(report: Report) -> None:
    text = document("nagios", [report])
    first, *others = text.rstrip("\n").split("\n")
    assert FIRST.fullmatch(first)
    assert "|" not in "".join(others)
    assert len(text.encode()) < 8192


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_add_no_performance_data(words: str) -> None:
    def greet(address: AddressFacts) -> None:
        failing("smtp.greeting_refused", Phase.GREETING)(address)
        assert address.failure is not None
        object.__setattr__(address.failure, "message", words)

    (plain,) = performance([document("nagios", [a_report()])])
    (found,) = performance([document("nagios", [a_report(greet, target=words)])])
    assert found == plain
