"""Each grant, in each form, by the shell: from nothing to a message in the sandbox's inbox."""

from __future__ import annotations

import json
import threading
import webbrowser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import StartSandbox
from tests.issuer import person

from smtps.main import main
from smtps.sandbox.issuer.account_files import GRANTS
from smtps.sandbox.issuer.issuing import Issuing
from smtps.sandbox.server import Sandbox

CASES = [(form, grant) for form, grants in GRANTS.items() for grant in grants]


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a home of their own, and with a browser that is looked for."""
    monkeypatch.setattr(webbrowser, "_tryorder", None)
    monkeypatch.setattr(webbrowser, "_browsers", {})
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path


def secrets_of(box: Sandbox) -> set[str]:
    """All that nobody may see: tokens, codes, secrets."""
    found = {box.oauth.client_secret}
    for asked in box.oauth.requests:
        names = ("code", "code_verifier", "refresh_token", "device_code", "client_assertion",
                 "assertion")  # fmt: skip
        found |= {asked.form[name] for name in names if name in asked.form}
    registry = box.oauth._server.registry
    return found | set(registry.tokens) | set(registry.refreshes)


def enter_codes(box: Sandbox, stop: threading.Event) -> None:
    """Enter each device code that is given out, until told to stop."""
    while not stop.wait(0.02):
        for device in list(box.oauth._server.registry.devices.values()):
            if device.approved is None:
                page = box.oauth.form.url(box.oauth._server.base, "verify", "common")
                person.enter_code(box, str(page), device.user_code)


@pytest.mark.parametrize(("form", "grant"), CASES)
def test_a_login_becomes_a_message_in_the_inbox(
    form: Any,
    grant: str,
    start_sandbox: StartSandbox,
    at_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    box = start_sandbox(oauth=Issuing(form=form, interval=0))
    monkeypatch.setenv("SMTPS_ACCOUNTS", str(box.oauth.accounts_file))
    monkeypatch.setenv("BROWSER", str(person.browser(box, at_home)))
    stop = threading.Event()
    entering = threading.Thread(target=enter_codes, args=(box, stop))
    entering.start()
    try:
        assert main(["login", "--account", grant, "--json"]) == 0, capsys.readouterr()
    finally:
        stop.set()
        entering.join()
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert found["state"] == "ready"
    assert found["renewable"] == (grant in ("code", "device"))
    send = ["send", "--account", grant, "--from", box.username, "--to", "bob@example.test"]
    assert main([*send, "--subject", "Hello", "--transcript", "--json"]) == 0
    said, more = capsys.readouterr()
    assert json.loads(said)["outcome"] == "sent"
    (kept,) = box.inbox.all()
    assert (kept.sender, kept.summary()["subject"]) == (box.username, "Hello")
    for secret in secrets_of(box):
        assert secret not in out + err + said + more


@pytest.mark.parametrize("form", GRANTS)
def test_a_login_is_renewed_and_revoked(
    form: Any,
    start_sandbox: StartSandbox,
    at_home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    box = start_sandbox(oauth=Issuing(form=form, life=2, expires_in=0))  # due at once
    monkeypatch.setenv("SMTPS_ACCOUNTS", str(box.oauth.accounts_file))
    monkeypatch.setenv("BROWSER", str(person.browser(box, at_home)))
    assert main(["login", "--account", "code"]) == 0, capsys.readouterr()
    assert main(["check", "--account", "code", "--json"]) == 0, capsys.readouterr()
    refreshed = [asked for asked in box.oauth.requests if asked.stage == "refresh"]
    assert [asked.status for asked in refreshed] == [200, 200]  # one by login's own proof
    tokens = [asked.form["refresh_token"] for asked in refreshed]
    rotates = form != "google"
    assert all((a != b) == rotates for a, b in pairwise(tokens))
    assert box.oauth.revoke(tokens[-1])
    capsys.readouterr()
    assert main(["check", "--account", "code", "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert [finding["code"] for finding in report["findings"]] == ["oauth.login_needed"]
