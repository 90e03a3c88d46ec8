"""Each fault of accounts and their tokens is named rightly, in text and JSON, and nothing else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartSandbox
from tests.issuer import person
from tests.issuer.test_grants import at_home, enter_codes, secrets_of

from smtps.advice import ADVICE
from smtps.main import main
from smtps.oauth.exchange import Exchange
from smtps.sandbox.persona import Persona
from smtps.sandbox.personas import PERSONAS, access_tokens
from smtps.sandbox.server import Sandbox

__all__ = ["at_home"]

FAULTS = [each for each in access_tokens.PERSONAS if each.shown_by.startswith("account")]
SOUND = {"short-life", "rotates", "slow-down"}
FORETOLD = {"no-refresh-token", "testing-seven-days"}
"""What a login warns of at once, before it ends."""

HOUR, DAYS = 3700.0, 7 * 86400.0


def patient(persona: Persona) -> Persona:
    """The same with tokens that do not expire while a busy machine runs the test, and with a person
    who need not be waited for.
    """
    assert persona.issuing is not None
    life = 3600 if persona.issuing.life > 0 else persona.issuing.life
    return replace(persona, issuing=replace(persona.issuing, life=life, interval=0))


class Shell:
    """What is typed, and all that was printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.printed = ""

    def __call__(self, *words: str) -> tuple[int, str]:
        code = main([*words, "--account", "sandbox"])
        out, err = self._capsys.readouterr()
        self.printed += out + err
        return code, out

    def json(self, *words: str) -> tuple[int, Any]:
        code, out = self(*words, "--json")
        return code, json.loads(out)


def age(box: Sandbox, home: Path, seconds: float) -> None:
    """Let time pass: the login that is kept was made earlier."""
    box.oauth._server.clock = lambda: time.time() + seconds
    for file in (home / "state").rglob("sandbox.json"):
        found = json.loads(file.read_text())

        def earlier(table: dict[str, Any]) -> None:
            for name, value in table.items():
                if name.endswith("_at") and value is not None:
                    table[name] = value - seconds
                elif isinstance(value, dict):
                    earlier(value)

        earlier(found)
        file.write_text(json.dumps(found))


@pytest.fixture
def box_of(
    start_sandbox: StartSandbox, at_home: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Persona], Sandbox]:
    """Starts a persona, with a person who logs in there."""
    defaults = Exchange.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout", 2.0)

    def start(persona: Persona) -> Sandbox:
        box = start_sandbox(patient(persona))
        monkeypatch.setenv("SMTPS_ACCOUNTS", str(box.oauth.accounts_file))
        monkeypatch.setenv("BROWSER", str(person.browser(box, at_home)))
        return box

    return start


def log_in(box: Sandbox, shell: Shell) -> tuple[int, Any]:
    stop = threading.Event()
    entering = threading.Thread(target=enter_codes, args=(box, stop))
    entering.start()
    try:
        return shell.json("login")
    finally:
        stop.set()
        entering.join()


def codes(found: Any) -> list[str]:
    return [finding["code"] for finding in found["findings"]]


@pytest.mark.parametrize("persona", FAULTS, ids=lambda persona: persona.name)
def test_a_fault_is_named_and_nothing_else(
    persona: Persona,
    box_of: Callable[[Persona], Sandbox],
    at_home: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    box, shell = box_of(persona), Shell(capsys)
    wanted = list(persona.findings)
    if persona.shown_by == "account login":
        code, found = log_in(box, shell)
        again = ["login"]
    else:
        if persona.grant in ("code", "device"):
            code, found = log_in(box, shell)
            foretold = wanted if persona.name in FORETOLD else []
            assert (code, codes(found)) == (0, foretold), found
            if foretold:
                code, found = shell.json("check")
                assert (code, codes(found), found["verdict"]) == (1, foretold, "warnings")
            age(box, at_home, DAYS if persona.name == "testing-seven-days" else HOUR)
        if persona.shown_by == "account again":
            code, found = shell.json("check")
            assert code != 0, "the answer was lost"
        code, found = shell.json("check")
        again = ["check"]
    assert codes(found) == wanted, found
    assert (code == 0) == (persona.name in SOUND), found
    for finding in found["findings"]:
        assert finding["meaning"] == ADVICE[finding["code"]].meaning
        assert finding["fix"]
    if persona.name != "slow-down":
        _, text = shell(*again) if again == ["check"] else log_in_as_text(box, shell)
        for each in wanted:
            assert f"[{each}]" in text, text
    for secret in secrets_of(box):
        assert secret not in shell.printed, "a secret was shown"


def log_in_as_text(box: Sandbox, shell: Shell) -> tuple[int, str]:
    stop = threading.Event()
    entering = threading.Thread(target=enter_codes, args=(box, stop))
    entering.start()
    try:
        return shell("login")
    finally:
        stop.set()
        entering.join()


def test_there_are_more_than_twenty_five_faults() -> None:
    faults = [each for each in access_tokens.PERSONAS if each.findings]
    assert len(faults) >= 40
    assert all(each.issuing is not None for each in access_tokens.PERSONAS)
    assert set(SOUND | FORETOLD) <= set(PERSONAS)
