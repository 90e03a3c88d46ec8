"""The published schema describes each report, and nothing that it does not describe passes."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from tests.checks.made import a_report, reports

from smtps.checks import report as schema
from smtps.checks.report import Report

SCHEMA = json.loads(schema.report_schema())
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA, validate_formats=True)


def properties(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that the schema describes, wherever it stands."""
    if isinstance(node, dict):
        for name, value in node.get("properties", {}).items():
            yield f"{path}/{name}", value
        for name, value in node.items():
            yield from properties(value, f"{path}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from properties(value, f"{path}/{number}")


def objects(node: Any, path: str = "#") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every description of an object."""
    if isinstance(node, dict):
        if "object" in node.get("type", ()):
            yield path, node
        for name, value in node.items():
            yield from objects(value, f"{path}/{name}")


def test_the_schema_is_one() -> None:
    jsonschema_rs.meta.validate(SCHEMA)


@pytest.mark.parametrize("path", [path for path, _ in properties(SCHEMA)])
def test_each_property_is_described(path: str) -> None:
    described = dict(properties(SCHEMA))[path]["description"]
    assert described.endswith("."), path


@pytest.mark.parametrize("path", [path for path, _ in objects(SCHEMA)])
def test_no_object_takes_what_is_not_described(path: str) -> None:
    assert dict(objects(SCHEMA))[path].get("additionalProperties", True) is not True


def test_reports_of_real_servers_fit(persona_reports: dict[str, Report]) -> None:
    for name, report in persona_reports.items():
        for transcript in (True, False):
            found = VALIDATOR.iter_errors(report.as_json(transcript=transcript))
            assert [error.message for error in found] == [], name


@given(reports)
@settings(max_examples=100, deadline=None)
def test_any_report_fits(report: Report) -> None:
    VALIDATOR.validate(json.loads(json.dumps(report.as_json(transcript=True))))


WRONG: dict[str, tuple[list[Any], Any]] = {
    "a key more": (["surprise"], 1),
    "a key more in an address": (["addresses", 0, "surprise"], 1),
    "a verdict that is none": (["verdict"], "good"),
    "a port beyond the last": (["port"], 65536),
    "a time that is none": (["checked_at"], "yesterday"),
    "an address that is none": (["addresses", 0, "address"], "localhost"),
    "a negative time": (["timings", "tls"], -1),
    "a phase that is none": (["timings", "tea"], 1),
    "no certificate, said wrongly": (["certificate"], False),
    "a fingerprint too short": (["certificate", "fingerprint_sha256"], "ab"),
    "a code without a family": (["findings"], [{"code": "expired"}]),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_no_report_says_does_not_fit(name: str) -> None:
    report = a_report().as_json()
    assert VALIDATOR.is_valid(report)
    path, value = WRONG[name]
    wrong = copy.deepcopy(report)
    place: Any = wrong
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    assert not VALIDATOR.is_valid(wrong)


@pytest.mark.parametrize("key", SCHEMA["required"])
def test_a_report_without_a_key_does_not_fit(key: str) -> None:
    report = a_report().as_json()
    del report[key]
    assert not VALIDATOR.is_valid(report)
