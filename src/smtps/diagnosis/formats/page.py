"""Reports as one HTML file without script, to be mailed, printed or kept; it loads nothing."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

from smtps.diagnosis.conclusion import Verdict
from smtps.diagnosis.formats.article import TONE, article
from smtps.diagnosis.formats.markup import Markup, element
from smtps.diagnosis.formats.writer import PLAIN, Style
from smtps.diagnosis.report import Report
from smtps.diagnosis.wording import VERDICT

_TITLE = "Mail submission"


class Page:
    """HTML.

    The contents are known only at the end, and the stylesheet shows them first. For them the name
    and verdict of each target are held, and nothing else.

    Args:
        style: what to show.
    """

    def __init__(self, style: Style = PLAIN) -> None:
        self._style = style
        self._contents: list[tuple[str, Verdict]] = []

    def begin(self) -> str:
        """The head, unless it waits for the name of the one target."""
        return "" if self._style.single else _head(_TITLE)

    def one(self, report: Report) -> str:
        """An article."""
        target = report.facts.target
        head = _head(f"{_TITLE}: {target}") if self._style.single else ""
        self._contents.append((target, report.verdict))
        anchor = _anchor(len(self._contents))
        return head + article(report, anchor, transcript=self._style.transcript) + "\n"

    def end(self) -> str:
        """Contents, where there is more than one target."""
        several = len(self._contents) > 1
        return (_contents(self._contents) if several else "") + "</main>\n</body>\n</html>\n"


def _anchor(number: int) -> str:
    return f"target-{number}"


@cache
def _stylesheet() -> str:
    return files("smtps.diagnosis.formats").joinpath("page.css").read_text(encoding="utf-8")


def _head(title: str) -> str:
    sheet = _stylesheet()
    digest = base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode()
    # Whatever a server says is escaped; should that ever fail, nothing of it could run or load.
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("title", title),
        element("style", Markup(sheet)),
    )
    return f'<!DOCTYPE html>\n<html lang="en">\n{head}\n<body>\n<main>\n'


def _contents(targets: list[tuple[str, Verdict]]) -> str:
    rows = [
        element(
            "li",
            element("a", target, href=f"#{_anchor(number)}"),
            " ",
            element("span", VERDICT[verdict], class_="badge", data_tone=TONE[verdict]),
        )
        for number, (target, verdict) in enumerate(targets, 1)
    ]
    return element("nav", element("h2", "Targets"), element("ol", *rows), aria_label="Targets")
