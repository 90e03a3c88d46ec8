"""What operators and programs of an earlier version wrote down is understood, and found, today."""

from __future__ import annotations

import re
import tomllib
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.conftest import StartSandbox

import smtps
from smtps.advice import ADVICE
from smtps.cli import exits
from smtps.config.accounts import AccountSettings, WebhookSettings
from smtps.config.settings import load
from smtps.http.app import create_app
from smtps.http.metrics import Metrics, metrics_of
from smtps.main import build_parser
from smtps.report.prometheus import Metrics as CheckMetrics

HERE = Path(__file__).parent
OLD: dict[str, Any] = tomllib.loads((HERE / "old_names.toml").read_text("utf-8"))
UPGRADING = (
    (HERE.parent / "CHANGELOG.md").read_text("utf-8")
    .partition("### Upgrading\n")[2].partition("\n### ")[0]
)  # fmt: skip


def gone(old: Iterable[str], new: Iterable[str], told: str = UPGRADING) -> list[str]:
    """What is not there any more, without a word about it: the last one of a name tells it."""
    words = set(re.findall(r"`([^`]+)`", told))
    return sorted(name for name in set(old) - set(new) if name.split()[-1] not in words)


def pairs(found: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Each key, and each key with each of its values."""
    yield from found
    for key, values in found.items():
        yield from (f"{key} {value}" for value in values)


def test_what_is_gone_has_to_be_told() -> None:
    assert gone(["a", "b", "c x"], ["a"], "`b` is now `d`") == ["c x"]
    assert gone(["send --x"], [], "`--x` is gone") == []


def test_names_of_the_package() -> None:
    assert gone(OLD["python"], smtps.__all__) == []
    assert all(hasattr(smtps, name) for name in OLD["python"])


def test_codes_of_failures_and_findings() -> None:
    assert gone(OLD["codes"], ADVICE) == []


def test_exit_codes() -> None:
    assert {name: getattr(exits, name, None) for name in OLD["exits"]} == OLD["exits"]


def _commands(parser: ArgumentParser, name: str = "") -> Iterator[tuple[str, list[str]]]:
    words: list[str] = []
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for word, sub in action.choices.items():
                yield from _commands(sub, f"{name} {word}".strip())
        for option in action.option_strings:
            words.append(option)
            words += [f"{option}={choice}" for choice in action.choices or ()]
        if not action.option_strings:
            words.append(str(action.metavar or action.dest))
    yield name, words


def test_commands_and_options() -> None:
    assert gone(pairs(OLD["cli"]), pairs(dict(_commands(build_parser())))) == []


@pytest.fixture
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the settings name."""
    monkeypatch.chdir(tmp_path)
    for name in ("ca.pem", "password", "secret"):
        Path(name).touch()


@pytest.mark.usefixtures("secrets")
def test_a_file_with_every_setting_is_read_as_it_was_meant() -> None:
    then = OLD["settings"]
    now = load(None, **then).model_dump()
    assert _same(then, now)


def _same(then: Any, now: Any) -> bool:
    """Whether all that was written down is what is kept."""
    if isinstance(then, dict):
        return all(_same(value, now[name]) for name, value in then.items())
    return bool(then == now)


def test_that_file_has_every_setting() -> None:
    """Of today's keys of accounts, it lacks those alone that came later."""
    accounts = OLD["settings"]["accounts"].values()
    later = {"oauth"}
    assert {key for one in accounts for key in one} == set(AccountSettings.model_fields) - later
    hooks = {key for one in accounts for key in one.get("webhook", ())}
    assert set(WebhookSettings.model_fields) - hooks == {"ca_file", "proxy", "private"}


def _fields(description: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    yield from (parameter["name"] for parameter in operation.get("parameters", ()))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        schema = content["schema"].get("$ref", "").rpartition("/")[2]
        yield from description["components"]["schemas"].get(schema, {}).get("properties", ())


def test_operations_and_fields_of_the_http_api() -> None:
    description = create_app(load(None)).openapi()
    now = {
        f"{method.upper()} {path}": list(_fields(description, operation))
        for path, operations in description["paths"].items()
        for method, operation in operations.items()
    }
    assert gone(pairs(OLD["operations"]), pairs(now)) == []


def _labelled(metrics: Mapping[str, Iterable[str]]) -> set[str]:
    return {f"{','.join(sorted(labels))} {name}" for name, labels in metrics.items()}


def test_metrics_of_the_service_and_their_labels() -> None:
    metrics = Metrics()
    now = {
        collector._name: collector._labelnames
        for collector in (*vars(metrics).values(), *vars(metrics.outbox).values())
        if hasattr(collector, "_labelnames")
    }
    assert gone(_labelled(OLD["metrics"]), _labelled(now)) == []


def _read(text: str) -> dict[str, set[str]]:
    return {
        family.name: {label for sample in family.samples for label in sample.labels}
        for family in text_string_to_metric_families(text)
    }


async def test_metrics_of_a_check_and_of_a_probe(start_sandbox: StartSandbox) -> None:
    box = start_sandbox("expires-soon")
    endpoint = smtps.Endpoint("localhost", box.port, ca_file=box.ca_file)
    report = await smtps.check(endpoint)
    assert report.findings
    shown = CheckMetrics()
    shown.one(report)
    checked, probed = _read(shown.end()), _read(metrics_of(report, 1.0).decode())
    assert gone(_labelled(OLD["check_metrics"]), _labelled(checked)) == []
    assert gone(_labelled(OLD["probe_metrics"]), _labelled(probed)) == []
