"""The alert rules and the dashboard ask for metrics and labels that exist."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import promql_parser as promql
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.http.test_examples import outbox_at
from tests.moments import NEXT_MONTH

from smtps.checks.checking import check
from smtps.checks.verdict import Verdict
from smtps.config.settings import Settings
from smtps.errors import Phase
from smtps.http.app import create_app
from smtps.http.metrics import Metrics
from smtps.oauth.standing import Standing
from smtps.report.formats import FORMATS
from smtps.sandbox.gallery import Gallery

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = yaml.safe_load((DEPLOY / "alerts.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())

ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
EXPRESSIONS = [rule["expr"] for rule in ALERTS] + [
    target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", [])
]

VALUES = {"verdict": {each.value for each in Verdict}, "phase": {each.value for each in Phase}}
FROM_PROMETHEUS = {"instance", "job"}


def names(text: str) -> dict[str, set[str]]:
    """Metric → labels."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


class Lasting:
    """A login that is all right."""

    async def renew(self) -> None: ...

    async def ends(self) -> tuple[float | None, float | None]:
        return 1e10, 1e10

    async def standing(self) -> Standing:
        return Standing(state="ready", since=0.0)


async def every_metric(folder: Path) -> dict[str, set[str]]:
    """From real answers: two probes, the service's own after all it can do, and a batch."""
    async with Gallery() as gallery, outbox_at(gallery.boxes["healthy"], folder) as outbox:
        metrics = Metrics()
        outbox._count = metrics.outbox.delivered
        outbox.accounts = {
            name: replace(account, login=Lasting()) for name, account in outbox.accounts.items()
        }
        app = create_app(Settings(), gallery, outbox=outbox, metrics=metrics)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://127.0.0.1"
        ) as client:
            box, expired = gallery.boxes["healthy"], gallery.boxes["expired"]
            answers = [
                await client.get("/probe", params={"target": f"{each.host}:{each.port}"})
                for each in (box, expired)
            ]
            mail = {
                "host": box.host, "port": box.port, "username": box.username,
                "password": box.password, "from": "a@x.test", "to": "b@x.test", "body": "x",
            }  # fmt: skip
            assert (await client.post("/api/smtps/send", json=mail)).status_code == 200
            letter = {"account": "main", "from": "a@x.test", "to": "b@x.test", "body": "x"}
            place = (await client.post("/api/smtps/messages", json=letter)).headers["location"]
            await client.get(f"{place}/events")  # until its end
            later = {**letter, "send_at": NEXT_MONTH}
            assert (await client.post("/api/smtps/messages", json=later)).status_code == 202
            answers.append(await client.get("/metrics"))
        writer = FORMATS["prometheus"]()
        report = await check(expired.host, port=expired.port, ca_file=expired.ca_file)
        batch = writer.begin() + writer.one(report) + writer.end()
    found: dict[str, set[str]] = {}
    for text in (*(answer.text for answer in answers), batch):
        for name, labels in names(text).items():
            found.setdefault(name, set()).update(labels)
    return found


def selectors(expression: Any) -> list[Any]:
    """Every place where an expression names a metric."""
    found: list[Any] = []
    promql.walk(expression, found.append)
    return [node for node in found if isinstance(node, promql.VectorSelector)]


async def test_only_metrics_and_labels_that_exist_are_asked_for(tmp_path: Path) -> None:
    metrics = await every_metric(tmp_path)
    for text in EXPRESSIONS:
        asked = selectors(promql.parse(text))
        assert asked, text
        for selector in asked:
            assert selector.name in metrics, text
            for matcher in selector.matchers.matchers:
                assert matcher.name in metrics[selector.name] | FROM_PROMETHEUS, text
                if matcher.name in VALUES:
                    assert set(matcher.value.split("|")) <= VALUES[matcher.name], text


def test_every_metric_of_ours_that_the_manual_names_exists_and_the_other_way_round() -> None:
    text = (DEPLOY.parent / "docs" / "monitoring.md").read_text()
    source = (DEPLOY.parent / "src" / "smtps" / "http" / "metrics.py").read_text()
    pattern = re.compile(r"(?:smtps_)?probe_[a-z_]+[a-z]")
    in_source = set(re.findall(r'"((?:smtps_)?probe_[a-z_]+)"', source))
    assert in_source == set(pattern.findall(text))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_says_what_is_wrong_and_how_bad_it_is(alert: dict[str, Any]) -> None:
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    assert alert["labels"]["severity"] in {"info", "warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description"}
    of_another = {
        "smtps_check_": "$labels.target", "smtps_outbox_": "$labels.account",
        "smtps_account_": "$labels.account",
    }  # fmt: skip
    labels = [label for name, label in of_another.items() if name in alert["expr"]]
    assert (labels or ["$labels.instance"])[0] in alert["annotations"]["summary"]


def test_alerts_have_names_of_their_own() -> None:
    assert len({alert["alert"] for alert in ALERTS}) == len(ALERTS)


def test_the_panels_of_the_dashboard_do_not_overlap() -> None:
    seen: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & seen, panel["title"]
        seen |= cells
    numbers = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_each_panel_asks_the_chosen_prometheus() -> None:
    for panel in DASHBOARD["panels"]:
        if panel["type"] != "row":
            assert panel["datasource"]["uid"] == "${datasource}"
            assert panel["title"]
            assert panel["targets"]
