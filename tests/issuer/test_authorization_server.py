"""The authorization server without I/O: what it grants, what it refuses, and in which words."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from smtps.oauth.faults import Refusal
from smtps.sandbox.issuer import registry
from smtps.sandbox.issuer.authorization_server import AuthorizationServer, Request
from smtps.sandbox.issuer.dialects import DIALECTS, TENANT
from smtps.sandbox.issuer.granting import BEARER_GRANT, DEVICE_GRANT
from smtps.sandbox.issuer.issuing import Issuing, Trouble
from smtps.sandbox.issuer.jws import base64url, read_signed, signing_key
from smtps.sandbox.issuer.refusals import STANDARD, WORDS, RefusalError, Response
from smtps.sandbox.issuer.registry import Client

USER = "ann@example.test"
HOME = "http://127.0.0.1:4711/back"
VERIFIER = "v" * 50
CHALLENGE = base64url(sha256(VERIFIER.encode()).digest())


@dataclass
class Bench:
    """A server with a client, and a clock that the test moves."""

    server: AuthorizationServer
    now: list[float]
    count: int = 0
    more: dict[str, str] = field(default_factory=dict)

    def post(self, service: Any, *, authorization: str = "", **form: str) -> Any:
        target = urlsplit(self.server.dialect.url("", service) or "/nowhere").path
        return self.server.answer(
            Request(method="POST", target=target, headers={"authorization": authorization},
                    body=urlencode(form).encode())
        )  # fmt: skip

    def token(self, grant_type: str, **form: str) -> tuple[int, dict[str, Any]]:
        proof = {"client_id": "c", "client_secret": "s"}
        answer = self.post("token", grant_type=grant_type, **(proof | form))
        return answer.status, json.loads(answer.body)

    def code(self, **changes: str | None) -> str:
        """A code, or the error that came in its place."""
        form = {
            "client_id": "c", "redirect_uri": HOME, "response_type": "code", "state": "st",
            "scope": f"{self.server.dialect.mail_scope} offline_access", "approve": "yes",
            "code_challenge": CHALLENGE, "code_challenge_method": "S256", "login_hint": USER,
            "access_type": "offline",
        } | changes  # fmt: skip
        answer = self.post("authorize", **{n: v for n, v in form.items() if v is not None})
        assert answer.status == 302, answer.body
        where = dict(answer.headers)["Location"]
        found = dict(parse_qsl(urlsplit(where).query))
        assert found["state"] == "st"
        return found.get("code") or found["error"]

    def log_in(self) -> dict[str, Any]:
        status, found = self.token(
            "authorization_code", code=self.code(), redirect_uri=HOME, code_verifier=VERIFIER
        )
        assert status == 200, found
        return found

    def refresh(self, token: str) -> tuple[int, dict[str, Any]]:
        return self.token("refresh_token", refresh_token=token)


def bench(**issuing: Any) -> Bench:
    now, count = [1_000_000.0], [0]

    def random() -> str:
        count[0] += 1
        return f"r{count[0]}" + "xyz" * 8

    server = AuthorizationServer(
        Issuing(**issuing), "usual@example.test", clock=lambda: now[0], random=random
    )
    key = signing_key("client").key.public_key()
    server.registry.clients["c"] = Client(
        client_id="c", secret="s", key=key, redirect_uris=("http://127.0.0.1/back",)
    )
    return Bench(server, now)


@pytest.mark.parametrize("form", DIALECTS)
def test_a_code_is_good_once_and_for_who_asked(form: Any) -> None:
    at = bench(form=form)
    code = at.code()
    wrong = {"redirect_uri": "http://127.0.0.1:1/back"}
    good = {"code": code, "redirect_uri": HOME, "code_verifier": VERIFIER}
    assert at.token("authorization_code", **(good | wrong))[0] == 400
    assert at.token("authorization_code", **good)[0] == 400, "it was lost by that"
    good["code"] = at.code()
    status, found = at.token("authorization_code", **(good | {"code_verifier": "x" * 50}))
    assert (status, found["error"]) == (400, "invalid_grant")
    good["code"] = at.code()
    status, found = at.token("authorization_code", **good)
    assert (status, found["token_type"], found["expires_in"]) == (200, "Bearer", 3600)
    assert at.server.problem_with(found["access_token"], USER) is None
    assert at.token("authorization_code", **good)[0] == 400
    assert at.server.problem_with(found["access_token"], USER) == "unknown", "it ends the login"
    good["code"] = at.code()
    at.now[0] += 601
    assert at.token("authorization_code", **good)[0] == 400


@pytest.mark.parametrize("form", DIALECTS)
def test_a_token_is_judged_by_issuer_audience_scope_expiry_and_user(form: Any) -> None:
    at = bench(form=form)
    token = at.log_in()["access_token"]
    assert at.server.problem_with(token, USER.upper()) is None
    assert at.server.problem_with(token, "bob@example.test") == "user"
    assert at.server.problem_with(token + "x", USER) == "unknown"
    at.now[0] += 3600
    assert at.server.problem_with(token, USER) == "expired"
    cases: list[tuple[dict[str, Any], str]] = [
        ({"claims": {"iss": "https://elsewhere.test"}}, "issuer"),
        ({"claims": {"aud": "https://graph.microsoft.com"}}, "audience"),
        ({"claims": {"scope": "openid", "scp": "User.Read"}}, "scope"),
        ({"claims": {"exp": 5}}, "expired"),
        ({"claims": {"nbf": 2_000_000}}, "expired"),
        ({"grants": ("openid", "https://outlook.office.com/IMAP.AccessAsUser.All")}, "scope"),
        ({"mail": "refused"}, "refused"),
    ]
    for changes, problem in cases:
        other = bench(form=form, **changes)
        found = other.log_in()["access_token"]
        assert other.server.problem_with(found, USER) == problem, changes


def test_a_token_that_somebody_else_signed_is_not_taken() -> None:
    at = bench()
    signed = read_signed(at.log_in()["access_token"])
    assert signed is not None
    forged = signing_key("client").sign(signed.claims)
    assert at.server.problem_with(forged, USER) == "unknown"
    none = base64url(b'{"alg":"none"}') + "." + base64url(json.dumps(dict(signed.claims)).encode())
    assert at.server.problem_with(none + ".", USER) == "unknown"


def test_what_a_token_says_in_microsofts_form() -> None:
    at = bench(form="microsoft")
    signed = read_signed(at.log_in()["access_token"])
    assert signed is not None
    said = signed.claims
    assert (said["aud"], said["scp"], said["upn"], said["tid"]) == (
        "https://outlook.office.com", "SMTP.Send", USER, TENANT,
    )  # fmt: skip
    scope = "https://outlook.office365.com/.default"
    _, found = at.token("client_credentials", scope=scope)
    signed = read_signed(found["access_token"])
    assert signed is not None
    assert (signed.claims["roles"], signed.claims["appid"]) == (["SMTP.SendAsApp"], "c")
    assert "refresh_token" not in found
    assert at.server.problem_with(found["access_token"], "any@example.test") is None
    _, found = at.token("client_credentials", scope="https://graph.microsoft.com/.default")
    assert at.server.problem_with(found["access_token"], USER) == "audience"
    status, found = at.token("client_credentials", scope="https://outlook.office.com/SMTP.Send")
    assert (status, found["error_codes"]) == (400, [70011])
    form = {"code": at.code(scope="SMTP.Send offline_access"), "redirect_uri": HOME}
    _, found = at.token("authorization_code", code_verifier=VERIFIER, **form)
    assert at.server.problem_with(found["access_token"], USER) == "audience", "Graph's scope"


def test_googles_tokens_say_nothing_and_are_not_rotated() -> None:
    at = bench(form="google", login_life=7 * 86400)
    found = at.log_in()
    assert found["access_token"].startswith("ya29.")
    assert found["refresh_token"].startswith("1//")
    assert found["refresh_token_expires_in"] == 7 * 86400
    status, other = at.refresh(found["refresh_token"])
    assert (status, "refresh_token" in other) == (200, False)
    at.now[0] += 7 * 86400
    status, refused = at.refresh(found["refresh_token"])
    assert refused == {
        "error": "invalid_grant", "error_description": "Token has been expired or revoked."
    }  # fmt: skip
    without = bench(form="google")
    assert "refresh_token" not in _redeemed(without, access_type=None)


def _redeemed(at: Bench, **changes: str | None) -> dict[str, Any]:
    code = at.code(**changes)
    return at.token(
        "authorization_code", code=code, redirect_uri=HOME, code_verifier=VERIFIER
    )[1]  # fmt: skip


def test_without_offline_access_there_is_no_refresh_token() -> None:
    for form in ("open", "microsoft"):
        at = bench(form=form)
        assert "refresh_token" not in _redeemed(at, scope=at.server.dialect.mail_scope)


def test_a_refresh_token_is_good_until_the_next_one_is_used() -> None:
    at = bench()
    first = at.log_in()["refresh_token"]
    second = at.refresh(first)[1]["refresh_token"]
    third = at.refresh(first)[1]["refresh_token"]
    assert len({first, second, third}) == 3, "the answer with the second may have been lost"
    fourth = at.refresh(second)[1]["refresh_token"]
    for over in (first, third):
        assert at.refresh(over)[0] == 400
    assert at.refresh(fourth)[0] == 200, "and the login goes on"


def test_a_refresh_token_that_is_used_twice_ends_the_login() -> None:
    at = bench(rotation="revoke")
    found = at.log_in()
    other = at.refresh(found["refresh_token"])[1]
    assert at.server.problem_with(other["access_token"], USER) is None
    assert at.refresh(found["refresh_token"])[0] == 400
    assert at.refresh(other["refresh_token"])[0] == 400
    assert at.server.problem_with(other["access_token"], USER) == "unknown"


def test_a_login_that_is_not_used_ends() -> None:
    at = bench(form="microsoft", unused=90 * 86400)
    token = at.log_in()["refresh_token"]
    at.now[0] += 89 * 86400
    status, found = at.refresh(token)
    assert status == 200
    at.now[0] += 90 * 86400
    status, found = at.refresh(found["refresh_token"])
    assert found["error_codes"] == [700082]
    assert found["error_description"].startswith("AADSTS700082: The refresh token has expired")


def test_a_device_code_waits_for_the_person_and_is_not_asked_too_often() -> None:
    at = bench(form="microsoft")
    answer = at.post("device", client_id="c", scope=at.server.dialect.mail_scope)
    begun = json.loads(answer.body)
    ask = {"device_code": begun["device_code"]}
    assert at.token(DEVICE_GRANT, **ask)[1]["error"] == "authorization_pending"
    assert at.token(DEVICE_GRANT, **ask)[1]["error"] == "slow_down"
    at.now[0] += 9
    assert at.token(DEVICE_GRANT, **ask)[1]["error"] == "authorization_pending"
    at.post("verify", user_code=begun["user_code"].lower(), login_hint=USER)
    at.now[0] += 10
    status, found = at.token(DEVICE_GRANT, **ask)
    assert status == 200
    assert at.server.problem_with(found["access_token"], USER) is None
    assert at.token(DEVICE_GRANT, **ask)[0] == 400
    at.now[0] += 1
    declined = json.loads(at.post("device", client_id="c", scope="x").body)
    at.post("verify", user_code=declined["user_code"], approve="no")
    ask = {"device_code": declined["device_code"]}
    assert at.token(DEVICE_GRANT, **ask)[1]["error"] == "authorization_declined"
    at.now[0] += 901
    assert at.token(DEVICE_GRANT, **ask)[1]["error"] == "expired_token"


def test_google_has_no_device_code_for_mail() -> None:
    at = bench(form="google")
    answer = at.post("device", client_id="c", client_secret="s", scope="https://mail.google.com/")
    assert "Invalid device flow scope" in answer.body.decode()


def assertion(at: Bench, **changes: Any) -> str:
    claims = {
        "iss": "c", "sub": "c", "aud": at.server.dialect.url(at.server.base, "token"),
        "jti": "1", "iat": at.now[0], "exp": at.now[0] + 300,
    } | changes  # fmt: skip
    return signing_key(changes.pop("by", "client")).sign(claims)


def by_key(at: Bench, **changes: Any) -> int:
    form = {
        "grant_type": "client_credentials", "client_assertion": assertion(at, **changes),
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }  # fmt: skip
    status: int = at.post("token", **form).status
    return status


def test_a_client_may_prove_itself_by_a_key() -> None:
    at = bench()
    assert by_key(at) == 200
    assert by_key(at) == 401, "once"
    wrong: list[dict[str, Any]] = [
        {"aud": "https://elsewhere.test/token"}, {"iss": "other"}, {"by": "issuer"},
        {"exp": at.now[0]}, {"exp": at.now[0] + 9000}, {"nbf": at.now[0] + 600}, {"exp": "soon"},
    ]  # fmt: skip
    for number, changes in enumerate(wrong):
        assert by_key(at, jti=f"w{number}", **changes) >= 400, changes
    assert by_key(at, jti="2", aud=[at.server.issuer]) == 200


def test_a_service_account_acts_for_a_mailbox() -> None:
    at = bench(form="google")
    mail = {"scope": "https://mail.google.com/", "sub": USER}
    answer = at.post("token", grant_type=BEARER_GRANT, assertion=assertion(at, **mail))
    found = json.loads(answer.body)
    assert at.server.problem_with(found["access_token"], USER) is None
    assert at.server.problem_with(found["access_token"], "bob@example.test") == "user"
    for wrong, words in [
        (assertion(at, jti="2", by="issuer", **mail), "Invalid JWT Signature."),
        (assertion(at, jti="3", exp=at.now[0] - 1, **mail), "Invalid JWT: Token must be"),
        ("nonsense", "Invalid JWT Signature."),
    ]:
        answer = at.post("token", grant_type=BEARER_GRANT, assertion=wrong)
        assert words in answer.body.decode()


@pytest.mark.parametrize(
    ("form", "changes", "error"),
    [
        ({}, {"client_id": "other"}, "invalid_client"),
        ({}, {"client_secret": "other"}, "invalid_client"),
        ({}, {"client_secret": ""}, "invalid_client"),
        ({}, {"grant_type": "password"}, "unsupported_grant_type"),
        ({}, {"scope": "nonsense"}, "invalid_scope"),
        ({"form": "microsoft"}, {"client_secret": "other"}, "AADSTS7000215"),
        ({"form": "microsoft"}, {"client_id": "other"}, "AADSTS700016"),
        ({"form": "google"}, {"grant_type": "refresh_token", "client_secret": ""},
         "client_secret is missing"),
        ({}, {"grant_type": "refresh_token"}, "invalid_request"),
    ],
)  # fmt: skip
def test_a_wrong_request_is_refused(
    form: dict[str, Any], changes: dict[str, str], error: str
) -> None:
    at = bench(**form)
    usual = {"grant_type": "client_credentials", "client_id": "c", "client_secret": "s"}
    answer = at.post("token", **{n: v for n, v in (usual | changes).items() if v})
    assert answer.status in (400, 401)
    assert error in answer.body.decode()
    assert answer.error in answer.body.decode()


def test_a_client_may_prove_itself_in_the_header() -> None:
    at = bench()
    for pair, status in (("c:s", 200), ("c:x", 401)):
        header = "Basic " + base64.b64encode(pair.encode()).decode()
        answer = at.post("token", authorization=header, grant_type="client_credentials")
        assert answer.status == status
    answer = at.post("token", authorization="Basic §", grant_type="client_credentials")
    assert answer.status == 400


def test_the_page_has_one_button_and_sends_only_to_registered_addresses() -> None:
    at = bench()
    form = {
        "client_id": "c", "redirect_uri": HOME, "response_type": "code", "state": '"><script>',
        "scope": "mail", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
    }  # fmt: skip
    shown = at.server.answer(Request(target="/authorize?" + urlencode(form)))
    text = shown.body.decode()
    assert text.count("<button") == 1
    assert "<script" not in text
    assert "default-src 'none'" in dict(shown.headers)["Content-Security-Policy"]
    for wrong in (
        {"redirect_uri": "https://evil.test/"}, {"redirect_uri": "http://127.0.0.1:1/other"},
        {"client_id": "other"}, {"redirect_uri": "http://[::1"},
    ):  # fmt: skip
        answer = at.post("authorize", **(form | wrong | {"approve": "yes"}))
        assert (answer.status, "Location" in dict(answer.headers)) == (400, False)
    cases: list[tuple[dict[str, str | None], str]] = [
        ({"approve": "no"}, "access_denied"), ({"response_type": "token"}, "invalid_request"),
        ({"code_challenge": None}, "invalid_request"), ({"scope": "x"}, "invalid_scope"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
    ]  # fmt: skip
    for changes, error in cases:
        assert at.code(**changes) == error


def test_the_answer_may_be_posted() -> None:
    at = bench(form="microsoft")
    form = {
        "client_id": "c", "redirect_uri": HOME, "response_type": "code", "state": '"st"',
        "scope": "openid", "response_mode": "form_post", "approve": "yes",
    }  # fmt: skip
    answer = at.post("authorize", **form)
    text = answer.body.decode()
    assert answer.status == 200
    assert f'action="{HOME}"' in text
    assert 'name="state" value="&quot;st&quot;"' in text
    assert 'name="code"' in text


def test_metadata_is_where_the_standards_say() -> None:
    for form, path, issuer in [
        ("open", "/.well-known/oauth-authorization-server", "https://127.0.0.1"),
        ("open", "/.well-known/openid-configuration", "https://127.0.0.1"),
        ("google", "/.well-known/openid-configuration", "https://127.0.0.1"),
        ("microsoft", f"/{TENANT}/v2.0/.well-known/openid-configuration",
         f"https://127.0.0.1/{TENANT}/v2.0"),
        ("microsoft", "/common/v2.0/.well-known/openid-configuration",
         "https://127.0.0.1/{tenantid}/v2.0"),
    ]:  # fmt: skip
        at = bench(form=form)
        found = json.loads(at.server.answer(Request(target=path)).body)
        assert found["issuer"] == issuer
        keys = at.server.answer(Request(target=urlsplit(found["jwks_uri"]).path))
        assert json.loads(keys.body)["keys"][0]["kty"] == "RSA"
    at = bench(form="microsoft")
    unknown = at.server.answer(Request(target="/x.test/v2.0/.well-known/openid-configuration"))
    assert b"AADSTS90002" in unknown.body
    assert at.server.answer(Request(target="/nowhere")).status == 404


def test_a_client_registers_itself() -> None:
    at = bench()
    body = {"redirect_uris": ["http://127.0.0.1/"], "token_endpoint_auth_method": "none"}
    sent = Request(method="POST", target="/register", body=json.dumps(body).encode(),
                   headers={"content-type": "application/json"})  # fmt: skip
    answer = at.server.answer(sent)
    found = json.loads(answer.body)
    assert answer.status == 201
    assert "client_secret" not in found
    assert at.server.registry.clients[found["client_id"]].may_redirect_to("http://127.0.0.1:99/")
    for wrong in (b"{", b'{"redirect_uris": "x"}', b"[1]"):
        bad = Request(method="POST", target="/register", body=wrong, headers=sent.headers)
        assert at.server.answer(bad).status == 400


def test_a_token_is_revoked() -> None:
    at = bench()
    found = at.log_in()
    proof = {"client_id": "c", "client_secret": "s"}
    assert at.post("revoke", token=found["access_token"], **proof).status == 200
    assert at.server.problem_with(found["access_token"], USER) == "unknown"
    assert at.refresh(found["refresh_token"])[0] == 200
    assert at.post("revoke", token=found["refresh_token"], **proof).status == 200
    assert at.refresh(found["refresh_token"])[0] == 400
    assert at.post("revoke", token="unknown", **proof).status == 200
    google = bench(form="google")
    assert google.post("revoke", token="unknown").status == 400


def test_troubles_come_as_often_as_they_should() -> None:
    busy = Response(status=503, body=b"no")
    at = bench(troubles={"token": Trouble(busy, 1), "code": Trouble("mfa_required", 1)})
    assert at.post("token", grant_type="authorization_code").status == 503
    assert at.token("authorization_code", code="x")[1]["error"] == "interaction_required"
    assert at.log_in()["access_token"]
    denied = bench(troubles={"authorize": Trouble("access_denied")})
    assert denied.code() == denied.code() == "access_denied"
    assert [asked.stage for asked in at.server.requests] == [
        "code", "code", "authorize", "code",
    ]  # fmt: skip


def test_the_oldest_tokens_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MOST_TOKENS", 2)
    at = bench(form="google")
    first, *others = (at.log_in()["access_token"] for _ in range(3))
    assert at.server.problem_with(first, USER) == "unknown"
    assert [at.server.problem_with(each, USER) for each in others] == [None, None]


def test_requests_are_remembered_and_show_no_secret() -> None:
    at = bench()
    found = at.log_in()
    asked = at.server.requests[-1]
    assert (asked.stage, asked.path, asked.status, asked.error) == ("code", "/token", 200, None)
    assert asked.form["code_verifier"] == VERIFIER
    for secret in (VERIFIER, asked.form["code"], found["access_token"], found["refresh_token"]):
        assert secret not in repr(at.server.requests) + repr(at.server.registry.codes)
        assert secret not in repr([*at.server.registry.refreshes.values()])


UNDERSTOOD = {"code_refused", "request_malformed", "pkce_refused", "slow_down", "pending"}
"""Errors of a login that has not come about, of which the words are all."""


@pytest.mark.parametrize("form", WORDS)
@pytest.mark.parametrize("problem", STANDARD)
def test_each_error_in_each_form_is_one_that_the_client_can_tell(form: Any, problem: str) -> None:
    details = {"client": "c", "tenant": "t", "scope": "x", "redirect": "r", "grant": "g"}
    answer = RefusalError(problem, **details).response(form, 0.0)
    found = json.loads(answer.body)
    assert answer.error == found["error"]
    assert 400 <= answer.status < 600
    assert "{" not in found["error_description"]
    refusal = Refusal.of(found)
    assert refusal is not None
    assert refusal.cause.code != "oauth.request_refused" or problem in UNDERSTOOD | {
        "tenant_unknown"
    }
