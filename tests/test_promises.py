"""Promises to users that no single module keeps: names, tables and documents fit together."""

from __future__ import annotations

import ast
import re
import typing
from dataclasses import fields
from itertools import pairwise
from pathlib import Path

import pytest

import smtps
from smtps.advice import ADVICE
from smtps.config.server_account import OAuthTable
from smtps.core import grammar
from smtps.endpoint import Endpoint, EndpointOptions
from smtps.explanations.wordings import table
from smtps.main import build_parser
from smtps.replies import rows
from smtps.sandbox.personas import PERSONAS

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "smtps"
CODE = re.compile(
    r"(?:input|dns|net|tls|smtp|auth|message|send|clock|session|api|outbox|web|oauth|program)\.[a-z0-9_]*[a-z0-9]"
)


SETTINGS = {f"oauth.{field.name}" for field in fields(OAuthTable)}
"""Names of settings that are shaped like codes."""


def codes_in_source() -> set[str]:
    """Every string in the source that is shaped like a code, and is no setting's name."""
    found = set()
    for path in SOURCE.rglob("*.py"):
        if path.parent.name == "advice":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {node.value} if CODE.fullmatch(node.value) else set()
    explained = {name.partition(" ")[0] for name in table()["words"]}
    found |= {code for code in explained if code.startswith("program.")}  # nobody else meets them
    return (found - SETTINGS) | {row.cause for row in rows()}


def test_every_code_has_its_advice() -> None:
    assert codes_in_source() - set(ADVICE) == set()


def test_every_advice_has_its_code() -> None:
    assert set(ADVICE) - codes_in_source() == set()


@pytest.mark.parametrize("code", sorted(ADVICE))
def test_advice_is_made_of_sentences(code: str) -> None:
    advice = ADVICE[code]
    for text in (advice.meaning, advice.fix):
        assert text[0].isupper(), text
        assert text.endswith("."), text


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=list(PERSONAS))
def test_every_persona_names_a_known_finding(persona: typing.Any) -> None:
    assert persona.finding is None or persona.finding in ADVICE


def test_all_public_names_can_be_had() -> None:
    for name in smtps.__all__:
        assert getattr(smtps, name) is not None
        assert name in dir(smtps)


def test_public_names_are_pinned() -> None:
    assert set(smtps.__all__) == {
        "Attachment", "CapabilityError", "CertificateError", "DSN", "Endpoint", "Envelope",
        "Explanation", "Failure", "ForbiddenError", "InputError", "LocalError", "LoginError",
        "Message",
        "NameAddr", "NetworkError", "Outcome", "Phase", "PhaseTimeoutError", "Pool",
        "ProtocolError",
        "Recipient", "RefusedError", "RemoteError", "Report", "Result", "SMTPSError", "Sandbox",
        "SendError", "Session", "SessionError", "Status", "TLSError", "Template", "Timeouts",
        "TokenError", "TokenSource", "Verdict",
        "__version__", "account", "check", "connect", "explain", "prepare", "send", "sync",
    }  # fmt: skip


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = smtps.nonsense


def test_endpoint_options_are_the_fields_of_endpoint() -> None:
    options = set(typing.get_type_hints(EndpointOptions))
    assert options == {field.name for field in fields(Endpoint)} - {"host"}


def commands() -> dict[str, typing.Any]:
    action = next(a for a in build_parser()._actions if hasattr(a, "choices") and a.choices)
    return dict(action.choices or {})


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_and_option_is_documented(command: str) -> None:
    text = (ROOT / "docs" / "shell.md").read_text()
    parser = commands()[command]
    assert f"## smtps {command}" in text
    for action in parser._actions:
        for option in action.option_strings:
            if option.startswith("--") and option != "--help":
                assert f"`{option}" in text, f"docs/shell.md: {command} {option}"
    assert "examples:" in parser.epilog


def test_every_cited_rfc_is_in_the_table() -> None:
    table = set(re.findall(r"RFC (\d{3,5})", (ROOT / "docs" / "rfc.md").read_text()))
    for path in SOURCE.rglob("*.py"):
        cited = set(re.findall(r"RFC (\d{3,5})", path.read_text()))
        assert cited <= table, f"{path.name}: {cited - table} not in docs/rfc.md"


def test_the_table_of_rfcs_names_files_that_exist() -> None:
    for row in (ROOT / "docs" / "rfc.md").read_text().splitlines():
        for name in re.findall(r"`([a-z_]+/[a-z_]+\.py|[a-z_]+\.py)`", row):
            assert (SOURCE / name).exists(), row


def test_every_pattern_of_the_grammar_cites_its_source() -> None:
    tree = ast.parse(Path(grammar.__file__).read_text())
    body = tree.body
    for node, following in pairwise(body):
        if isinstance(node, ast.Assign):
            assert isinstance(following, ast.Expr), ast.unparse(node)
            text = ast.unparse(following)
            assert "RFC" in text or "section" in text, ast.unparse(node)
