"""A check with an access token: what the report says of it, and what it never shows."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.checks.test_bearer import APP, NOW, OBJECT, PERSON, PROGRAM, TENANT
from tests.checks.test_schema import VALIDATOR
from tests.client.farm import Farm, farm
from tests.client.test_token_source import Source, Tokens
from tests.net.pki import PKI
from tests.oauth.test_claims import jwt

import smtps
from smtps.checks.report import Report
from smtps.checks.token_watch import TokenWatch
from smtps.errors import TokenError
from smtps.oauth.forms import form_of
from smtps.oauth.provenance import Provenance
from smtps.report.html import article
from smtps.report.text import render

LATER = {"exp": 4_000_000_000, "nbf": 1_000_000_000}
SAYS_401 = '{"status":"invalid_token","scope":"mail","openid-configuration":"https://a.test/x"}'


class Bearer(Tokens):
    """Takes one token, and refuses others in Microsoft's way."""

    def __init__(self, good: str = "", how: str = "535 5.7.3 Authentication unsuccessful",
                 challenge: str = "") -> None:  # fmt: skip
        super().__init__(how, challenge, good)


async def checked(pki: PKI, server: Farm, **more: Any) -> Report:
    return await smtps.check(
        "127.0.0.1", port=server.port, security="implicit", ca_file=str(pki.ca),
        username="ann@contoso.com", **more,
    )  # fmt: skip


def shown(report: Report) -> list[str]:
    return [
        json.dumps(report.as_json(transcript=True)), render(report, transcript=True),
        str(article(report, "x", transcript=True)), repr(report),
    ]  # fmt: skip


async def test_a_token_of_graph_is_named_in_each_form(pki: PKI) -> None:
    token = jwt(PERSON | LATER | {"aud": "https://graph.microsoft.com", "jti": "jti-canary"})
    async with farm(pki, lambda _: Bearer()) as server:
        report = await checked(pki, server, access_token=token, origin="environment")
    found = report.as_json()
    VALIDATOR.validate(found)
    errors = [each["code"] for each in found["findings"] if each["severity"] == "error"]
    assert errors == ["oauth.wrong_audience"]
    assert found["verdict"] == "fails"
    assert found["token"] == {
        "origin": "environment", "milliseconds": None, "provider": None, "kind": "jwt",
        "unread": None, "issuer": f"https://sts.windows.net/{TENANT}/",
        "audience": ["https://graph.microsoft.com"], "scopes": ["SMTP.Send"], "roles": [],
        "issued_at": None, "not_before": "2001-09-09T01:46:40Z",
        "expires_at": "2096-10-02T07:06:40Z", "tenant": TENANT, "user": "ann@contoso.com",
        "application": APP, "object_id": None, "app_only": False, "renewable": None,
    }  # fmt: skip
    text = render(report)
    assert "Access token (its signature was not checked)" in text
    assert "from: an environment variable" in text
    assert "expires: 2096-10-02T07:06:40Z" in text
    for each in shown(report):
        assert "canary" not in each
        for part in token.split("."):
            assert part not in each


async def test_an_application_without_a_mailbox_gets_the_lines(pki: PKI) -> None:
    async with farm(pki, lambda _: Bearer()) as server:
        report = await checked(pki, server, access_token=jwt(PROGRAM | LATER))
    (error,) = (each for each in report.findings if each.severity == "error")
    assert error.code == "oauth.app_not_in_mailbox"
    line = f"New-ServicePrincipal -AppId {APP} -ObjectId {OBJECT}"
    assert f"\n           {line}\n" in render(report)
    assert line in str(article(report, "x"))
    assert line in report.as_json()["findings"][0]["commands"]


async def test_what_the_server_says_of_the_token_is_in_the_report(pki: PKI) -> None:
    async with farm(pki, lambda _: Bearer(challenge=SAYS_401)) as server:
        report = await checked(pki, server, access_token="opaque-canary")
    found = report.as_json()
    VALIDATOR.validate(found)
    assert found["addresses"][0]["login"]["challenge"] == {
        "status": "invalid_token", "scopes": ["mail"], "configuration": "https://a.test/x",
    }  # fmt: skip
    assert found["findings"][0]["code"] == "auth.token_rejected"
    assert "the scope mail from the authorization server" in found["findings"][0]["fix"]
    assert found["token"]["kind"] == "opaque"
    assert not any("canary" in each for each in shown(report))


async def test_a_token_that_works_is_not_found_fault_with(pki: PKI) -> None:
    token = jwt(PERSON | {"exp": 1, "aud": "https://graph.microsoft.com", "upn": "bob@x.test"})
    async with farm(pki, lambda _: Bearer(good=token)) as server:
        report = await checked(pki, server, access_token=token)
    assert [each.code for each in report.findings if each.code.startswith("oauth.")] == []
    assert report.as_json()["token"]["user"] == "bob@x.test"


class Known(Source):
    """A source that knows where its tokens come from."""

    def __init__(self, *tokens: str, known: Provenance) -> None:
        super().__init__(*tokens)
        self.known = known

    async def provenance(self, _token: str | None) -> Provenance:
        return self.known


async def test_the_token_of_a_source_is_timed_and_the_last_one_counts(pki: PKI) -> None:
    bad, good = jwt(PERSON), jwt(PERSON | {"scp": "SMTP.Send good"})
    async with farm(pki, lambda _: Bearer(good=good)) as server:
        report = await checked(pki, server, token_source=Source(bad, good))
    found = report.as_json()
    assert found["token"]["scopes"] == ["SMTP.Send", "good"]
    assert found["token"]["origin"] == "source"
    assert found["token"]["milliseconds"] >= 0
    assert "token" in found["timings"]


async def test_a_login_that_will_end_soon_is_a_warning(pki: PKI) -> None:
    known = Provenance(origin="store", form=form_of("google"), grant="code", renewable=True,
                       logged_in_at=NOW, refresh_expires_at=NOW + 604_799)  # fmt: skip
    async with farm(pki, lambda _: Bearer(good="opaque")) as server:
        report = await checked(pki, server, token_source=Known("opaque", known=known))
    codes = {each.code: each.severity.value for each in report.findings}
    assert codes["oauth.testing"] == "warning"
    assert "renewal: by a refresh token" in render(report)
    grade = report.grade
    assert grade is not None
    assert "oauth.testing" not in [each.code for each in grade.because], (
        "the server is not to blame"
    )


class NoToken:
    """A source that has none."""

    async def token(self, refused: str | None = None) -> str:
        raise TokenError("oauth.login_needed", "Log in.", phase=smtps.Phase.TOKEN)

    async def provenance(self, token: str | None) -> Provenance:
        assert token is None
        return Provenance(origin="store", grant="code")


async def test_without_a_token_there_is_one_finding(pki: PKI) -> None:
    async with farm(pki, lambda _: Bearer()) as server:
        report = await checked(pki, server, token_source=NoToken())
    found = report.as_json()
    VALIDATOR.validate(found)
    assert [each["code"] for each in found["findings"] if each["severity"] == "error"] == [
        "oauth.login_needed"
    ]
    assert (found["token"]["kind"], found["token"]["origin"]) == (None, "store")


def test_what_holds_a_token_is_not_pickled_and_does_not_show_it() -> None:
    endpoint = smtps.Endpoint("127.0.0.1", username="ann", access_token="canary")
    for watch in (TokenWatch(endpoint), TokenWatch(endpoint).endpoint):
        assert "canary" not in repr(watch)
        with pytest.raises(TypeError):
            pickle.dumps(watch)


async def test_a_server_that_is_not_reached_needs_no_token(pki: PKI) -> None:
    source = Source("never")
    report = await smtps.check("127.0.0.1", port=1, security="implicit", username="ann",
                               token_source=source)  # fmt: skip
    assert source.asked == []
    assert report.as_json()["token"] is None


TRACE = """
import asyncio, sys
import smtps
UNWANTED = ("smtps.oauth", "smtps.checks.token_", "smtps.checks.rules.bearer", "oauthlib")
asyncio.run(smtps.check("127.0.0.1", port=1, username="ann", password="x"))
print(*(name for name in sorted(sys.modules) if name.startswith(UNWANTED)))
"""


def test_a_password_loads_nothing_of_this(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TRACE], capture_output=True, text=True, check=True,
                          cwd=tmp_path)  # fmt: skip
    assert done.stdout.split() == []


async def test_a_login_without_a_token_fails_at_the_token_and_not_at_the_server(pki: PKI) -> None:
    async with farm(pki, lambda _: Bearer()) as server:
        report = await checked(pki, server, token_source=NoToken())
    found, text = report.as_json(), render(report)
    assert found["auth"]["tried"] is False
    assert found["auth"]["failure"]["phase"] == "token"
    assert "✗ token" in text
    assert "– auth" in text
    assert "signature" not in text, "there is none to check"
