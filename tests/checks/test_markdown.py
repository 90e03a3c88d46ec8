"""Reports as Markdown."""

from __future__ import annotations

import smtps
from smtps.report.formats import Style, whole
from smtps.report.markdown import code, escaped
from smtps.sandbox.personas import persona_named
from smtps.sandbox.server import Sandbox


async def test_a_report_is_a_ticket() -> None:
    async with Sandbox("three-faults") as box:
        report = await smtps.check(box.host, port=box.port, ca_file=box.ca_file)
    text = whole("markdown", report, Style(transcript=True, single=True))
    assert text.startswith(f"## {report.facts.target}: does not work\n\nPort {box.port}")
    assert "### 1. The certificate has expired" in text
    assert "`tls.certificate_expired`" in text
    assert "| TLS: **failed** |" in text
    assert text.endswith(" UTC.\n")


async def test_a_transcript_is_fenced() -> None:
    odd = persona_named("healthy").saying(["GREETING=220 ```` <b>|x|</b>"])
    async with Sandbox(odd) as box:
        report = await smtps.check(box.host, port=box.port, ca_file=box.ca_file)
    text = whole("markdown", report, Style(transcript=True))
    assert "`````text\n" in text
    assert "`````\n" in text


def test_what_others_say_is_no_markup() -> None:
    assert code("a `b` | c") == "``a `b` \\| c``"
    assert code("`") == "`` ` ``"
    assert code(" ") == ""
    assert escaped("<img> *x*") == r"\<img\> \*x\*"
