"""The persona matrix: each misbehaviour gives its finding, and no other, with its exit code."""

from __future__ import annotations

import json

import pytest
from tests.conftest import StartSandbox

from smtps.main import main
from smtps.sandbox.server import Sandbox

BY_CHECK = {
    "healthy": (0, []),
    "expired": (2, ["tls.certificate_expired"]),
    "self-signed": (2, ["tls.certificate_self_signed"]),
    "wrong-host": (2, ["tls.certificate_wrong_host"]),
    "late-greeting": (1, ["smtp.greeting_late"]),
    "bad-password": (2, ["auth.rejected"]),
    "drop-after-data": (0, []),  # a check sends no mail, so it cannot know
}
BY_SEND = {
    "healthy": (0, []),
    "expired": (69, ["tls.certificate_expired"]),
    "self-signed": (69, ["tls.certificate_self_signed"]),
    "wrong-host": (69, ["tls.certificate_wrong_host"]),
    "late-greeting": (0, []),
    "bad-password": (77, ["auth.rejected"]),
    "drop-after-data": (74, ["send.uncertain"]),
}


def login(box: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("PW", box.password)
    return ["--ca-file", str(box.ca_file), "--username", box.username, "--password-env", "PW"]


@pytest.mark.parametrize("persona", BY_CHECK)
def test_check(
    persona: str,
    start_sandbox: StartSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    box = start_sandbox(persona)
    arguments = ["check", f"{box.host}:{box.port}", *login(box, monkeypatch)]
    code, findings = BY_CHECK[persona]
    assert main([*arguments, "--json"]) == code
    report = json.loads(capsys.readouterr().out)
    assert [finding["code"] for finding in report["findings"]] == findings
    assert report["greeting"].startswith("220 ")  # told even behind a bad certificate
    assert set(report) >= {
        "target", "host", "port", "verdict", "findings", "addresses", "certificate", "greeting",
        "capabilities", "auth",
    }  # fmt: skip
    for finding in report["findings"]:
        assert set(finding) == {
            "code", "severity", "seen", "meaning", "fix", "commands", "for", "see",
        }  # fmt: skip
    if persona == "late-greeting":
        return  # five seconds are enough
    assert main(arguments) == code
    text = capsys.readouterr().out
    for finding in report["findings"]:
        assert f"[{finding['code']}]" in text
        assert finding["meaning"] in text


@pytest.mark.parametrize("persona", BY_SEND)
def test_send(
    persona: str,
    start_sandbox: StartSandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    box = start_sandbox(persona)
    arguments = [
        "send", "--host", f"{box.host}:{box.port}", *login(box, monkeypatch),
        "--from", box.username, "--to", "b@example.test", "--body", "x",
    ]  # fmt: skip
    code, findings = BY_SEND[persona]
    assert main([*arguments, "--json"]) == code
    result = json.loads(capsys.readouterr().out)
    assert [finding["code"] for finding in result["findings"]] == findings
    assert set(result) >= {"outcome", "message_id", "recipients", "reply", "timings"}
    if persona == "late-greeting":
        return
    assert main(arguments) == code
    text = capsys.readouterr().out
    for finding in result["findings"]:
        assert f"[{finding['code']}]" in text
    assert len(box.inbox) == (2 if code in (0, 74) else 0)
