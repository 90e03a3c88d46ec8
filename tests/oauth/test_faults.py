"""Errors of authorization servers, each to its code: a table."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from smtps.advice import ADVICE
from smtps.cli import exits
from smtps.errors import (
    CertificateError,
    ForbiddenError,
    InputError,
    NetworkError,
    Phase,
    PhaseTimeoutError,
    TokenError,
)
from smtps.http.problems import status_of
from smtps.net.fetch import Document
from smtps.oauth import faults, grants
from smtps.oauth.aadsts import MICROSOFT
from smtps.oauth.authority import Authority
from smtps.oauth.grants import Request

HERE = Authority(name="Microsoft", token_endpoint="https://127.0.0.1/token")
RENEWAL = Request("https://127.0.0.1/token", b"", {}, ("secret-canary",), renews=True)
BEGINNING = Request("https://127.0.0.1/token", b"", {}, ("secret-canary",))
AADSTS = "AADSTS{}: Something. Trace ID: 1 Correlation ID: 2 Timestamp: 2026-11-30 10:00:00Z"


def refusal(error: str, words: str = "", status: int = 400, request: Request = RENEWAL,
            **more: Any) -> TokenError:  # fmt: skip
    body = json.dumps({"error": error, "error_description": words, **more}).encode()
    with pytest.raises(TokenError) as caught:
        grants.read_tokens(HERE, Document("", status, body), request, 0.0)
    return caught.value


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        ("invalid_grant", AADSTS.format(700082), "oauth.unused"),
        ("invalid_grant", AADSTS.format(70043), "oauth.login_needed"),
        ("invalid_grant", AADSTS.format(50173), "oauth.login_needed"),
        ("invalid_grant", AADSTS.format(50076), "oauth.login_needed"),
        ("interaction_required", AADSTS.format(50079), "oauth.login_needed"),
        ("interaction_required", "", "oauth.login_needed"),
        ("invalid_grant", AADSTS.format(53003), "oauth.blocked_by_policy"),
        ("invalid_grant", AADSTS.format(65001), "oauth.consent_needed"),
        ("invalid_client", AADSTS.format(7000215), "oauth.secret_wrong"),
        ("invalid_client", AADSTS.format(7000218), "oauth.secret_missing"),
        ("invalid_client", AADSTS.format(7000222), "oauth.secret_expired"),
        ("invalid_client", AADSTS.format(700027), "oauth.client_key_refused"),
        ("invalid_client", AADSTS.format(700024), "oauth.clock"),
        ("unauthorized_client", AADSTS.format(700016), "oauth.client_unknown"),
        ("invalid_request", AADSTS.format(90002), "oauth.tenant_unknown"),
        ("invalid_scope", AADSTS.format(70011), "oauth.scope_refused"),
        ("invalid_grant", AADSTS.format(9999999), "oauth.login_needed"),
        ("invalid_grant", "Token has been expired or revoked.", "oauth.login_needed"),
        ("invalid_grant", "Invalid JWT: Token must be a short-lived token", "oauth.clock"),
        ("invalid_grant", "Invalid email or User ID", "oauth.user_unknown"),
        ("invalid_client", "The provided client secret is invalid.", "oauth.secret_wrong"),
        ("invalid_client", "", "oauth.client_refused"),
        ("deleted_client", "The OAuth client was deleted.", "oauth.client_unknown"),
        ("disabled_client", "", "oauth.client_disabled"),
        ("unauthorized_client", ("Client is unauthorized to retrieve access tokens using this "
         "method, or client not authorized for any of the scopes requested."),
         "oauth.delegation_missing"),
        ("unauthorized_client", "", "oauth.grant_refused"),
        ("unsupported_grant_type", "", "oauth.grant_refused"),
        ("admin_policy_enforced", "", "oauth.blocked_by_policy"),
        ("redirect_uri_mismatch", "", "oauth.redirect_refused"),
        ("access_denied", "", "oauth.access_denied"),
        ("expired_token", "", "oauth.device_code_expired"),
        ("something_new", "", "oauth.request_refused"),
        ("invalid_request", AADSTS.format(50194), "oauth.tenant_needed"),
        ("invalid_request", AADSTS.format(9002346), "oauth.tenant_needed"),
        ("invalid_request", AADSTS.format(900144), "oauth.request_refused"),
        ("invalid_resource", AADSTS.format(650057), "oauth.permission_missing"),
        ("invalid_resource", AADSTS.format(500011), "oauth.scope_refused"),
        ("invalid_scope", AADSTS.format(1002012), "oauth.scope_refused"),
        ("invalid_client", AADSTS.format(700025), "oauth.client_refused"),
        ("invalid_client", AADSTS.format(7000216), "oauth.secret_missing"),
        ("invalid_request", AADSTS.format(9002327), "oauth.redirect_refused"),
        ("interaction_required", AADSTS.format(50131), "oauth.blocked_by_policy"),
        ("interaction_required", AADSTS.format(530035), "oauth.blocked_by_policy"),
        ("invalid_grant", AADSTS.format(50020), "oauth.user_unknown"),
        ("invalid_grant", AADSTS.format(50055), "oauth.login_needed"),
        ("invalid_grant", AADSTS.format(501481), "oauth.not_this_login"),
        ("invalid_grant", AADSTS.format(70008), "oauth.unused"),
        ("invalid_grant", "The refresh token has expired due to inactivity.", "oauth.unused"),
        ("invalid_grant", "Invalid JWT Signature.", "oauth.client_key_refused"),
        ("invalid_grant", "Invalid grant: account not found", "oauth.client_unknown"),
        ("invalid_grant", "Account has been deleted", "oauth.login_needed"),
        ("access_denied", "Requested client not authorized.", "oauth.delegation_missing"),
        ("org_internal", "", "oauth.access_denied"),
        ("restricted_client", "", "oauth.permission_missing"),
    ],
)  # fmt: skip
def test_an_error_has_its_code_and_is_final(error: str, words: str, code: str) -> None:
    found = refusal(error, words)
    assert found.code == code
    failure = found.failure
    assert (failure.phase, failure.retryable) == (Phase.TOKEN, False)
    assert status_of(failure) == 502
    assert exits.of_send(failure) == exits.of_error(failure) == exits.LOGIN
    assert found.code in ADVICE
    assert words[:60] in str(failure.seen)
    assert str(found).endswith(".")


@pytest.mark.parametrize("number", sorted(MICROSOFT))
def test_each_number_has_advice_and_a_sentence(number: int) -> None:
    cause = MICROSOFT[number]
    assert cause.code in ADVICE
    for renewing in (True, False):
        words = AADSTS.format(number)
        found = refusal("invalid_grant", words, request=RENEWAL if renewing else BEGINNING)
        assert "Microsoft" in str(found)
        assert "renew" not in str(found) or renewing
        assert "not known" not in str(found)
        assert found.failure.retryable == cause.retryable


def test_an_unknown_number_is_said_to_be_unknown_and_where_to_read_on() -> None:
    found = str(refusal("invalid_grant", AADSTS.format(9999999)))
    assert "AADSTS9999999 is not known to smtps, see" in found
    assert "https://login.microsoftonline.com/error?code=9999999" in found
    assert "for a reason that is not known to smtps" in str(refusal("something_new", "Words."))
    assert "Words." in str(refusal("something_new", "Words."))


def test_the_ids_that_support_asks_for_are_shown_however_long_the_words_are() -> None:
    ids: dict[str, Any] = {"trace_id": "trace-1", "correlation_id": "correlation-1"}
    long = refusal("invalid_grant", "AADSTS70000: " + "words " * 200, **ids)
    assert "[trace_id trace-1, correlation_id correlation-1]" in str(long)
    short = refusal("invalid_grant", "AADSTS70000: Trace ID: trace-1", **ids)
    assert "[correlation_id correlation-1]" in str(short)
    odd = refusal("invalid_grant", "", trace_id=7, correlation_id="\x1b" + "x" * 9999)
    assert "\x1b" not in str(odd)
    assert len(str(odd)) < 1000


def test_a_number_that_stands_apart_counts() -> None:
    found = refusal("invalid_grant", "No words.", error_codes=[700082])
    assert found.code == "oauth.unused"
    odd: Any
    for odd in ([], ["700082"], [True], "700082", [{}]):
        assert refusal("invalid_grant", "No words.", error_codes=odd).code == "oauth.login_needed"


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        ("temporarily_unavailable", "", "oauth.server_failed"),
        ("server_error", "", "oauth.server_failed"),
        ("slow_down", "", "oauth.rate_limited"),
        ("invalid_grant", AADSTS.format(90033), "oauth.server_failed"),
        ("invalid_grant", AADSTS.format(50196), "oauth.rate_limited"),
    ],
)
def test_an_error_that_passes_is_retryable(error: str, words: str, code: str) -> None:
    found = refusal(error, words).failure
    assert (found.code, found.retryable) == (code, True)
    assert exits.of_send(found) == exits.of_error(found) == exits.TRY_AGAIN


def test_google_says_that_a_workspace_wants_logins_repeated() -> None:
    found = refusal("invalid_grant", "Bad Request", error_subtype="invalid_rapt")
    assert found.code == "oauth.login_needed"
    assert "administrator" in str(found)


def test_a_secret_that_is_a_guid_is_named_once_it_was_refused() -> None:
    guid = "11111111-2222-3333-4444-555555555555"
    request = Request("https://127.0.0.1/token", b"", {}, (guid,))
    found = refusal("invalid_client", AADSTS.format(7000215), request=request)
    assert found.code == "oauth.secret_id"
    assert guid not in repr(found.failure)
    for words in (AADSTS.format(7000222), "The client secret is wrong."):
        assert refusal("invalid_client", words, request=request).code != "oauth.secret_id"


def test_a_login_that_is_only_begun_is_refused_and_not_ended() -> None:
    found = refusal("invalid_grant", "Code was already redeemed.", request=BEGINNING)
    assert found.code == "oauth.login_refused"
    assert "renew" not in str(found)


@pytest.mark.parametrize(
    ("status", "body", "code", "retryable"),
    [
        (200, b"<!DOCTYPE html><p>Sign in to the network</p>", "oauth.malformed", True),
        (200, b"", "oauth.malformed", True),
        (200, b"[]", "oauth.malformed", True),
        (200, b'{"access_token": ""}', "oauth.malformed", True),
        (200, b'{"token_type": "Bearer"}', "oauth.malformed", True),
        (200, b'{"access_token": 7, "token_type": "Bearer"}', "oauth.malformed", True),
        (200, b'{"access_token": "a \\u0001", "token_type": "Bearer"}', "oauth.malformed", True),
        (200, b'{"access_token": "t", "token_type": "mac"}', "oauth.malformed", True),
        (200, b'{"access_token": "t", "expires_in": -5}', "oauth.malformed", True),
        (200, b'{"access_token": "t", "expires_in": "soon"}', "oauth.malformed", True),
        (200, b'{"access_token": "t", "expires_in": 1e300}', "oauth.malformed", True),
        (200, b'{"access_token": "t", "expires_in": NaN}', "oauth.malformed", True),
        (200, b"access_token=t&token_type=bearer", "oauth.malformed", True),
        (200, b"[" * 50_000, "oauth.malformed", True),
        (302, b"", "oauth.malformed", True),
        (404, b"not here", "oauth.malformed", True),
        (503, b"<html>down</html>", "oauth.server_failed", True),
        (500, b'{"error": "boom"}', "oauth.server_failed", True),
        (429, b"", "oauth.rate_limited", True),
        (200, b'{"error": "invalid_grant"}', "oauth.login_needed", False),
        (400, b'{"error": {"status": "UNAVAILABLE", "message": "x"}}', "oauth.request_refused",
         False),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_token(status: int, body: bytes, code: str, retryable: bool) -> None:
    with pytest.raises(TokenError) as caught:
        grants.read_tokens(HERE, Document("", status, body, None, 7), RENEWAL, 0.0)
    failure = caught.value.failure
    assert (failure.code, failure.retryable) == (code, retryable)
    assert failure.retry_after == (7 if status in (429, 500, 503) else None)
    if b"html" in body.lower() and status == 200:
        assert "web page" in failure.message


def test_what_the_server_repeats_of_a_secret_is_not_shown() -> None:
    found = refusal("invalid_client", "wrong secret secret-canary\x1b[31m\n\nand more" + "x" * 9999)
    assert "canary" not in repr(found.failure) + str(found)
    assert "\x1b" not in str(found)
    assert len(str(found)) < 600
    assert pickle.loads(pickle.dumps(found)).failure == found.failure


@pytest.mark.parametrize(
    ("error", "code", "retryable"),
    [
        (NetworkError("net.refused", "Refused.", address="192.0.2.1"), "oauth.unreachable", True),
        (NetworkError("web.too_large", "Large."), "oauth.malformed", True),
        (PhaseTimeoutError("web.timeout", "Late."), "oauth.timeout", True),
        (CertificateError("tls.unknown_authority", "Who is it."), "oauth.tls_failed", False),
        (ForbiddenError("net.forbidden", "No."), "oauth.forbidden", False),
    ],
)
def test_no_answer_at_all(error: Any, code: str, retryable: bool) -> None:
    found = faults.unreachable("Google", error)
    assert isinstance(found, TokenError)
    assert (found.code, found.failure.retryable) == (code, retryable)
    assert str(found) == f"Google could not be asked for an access token: {error}"
    assert status_of(found.failure) == (504 if code == "oauth.timeout" else 502)


def test_a_mistake_in_the_settings_stays_one() -> None:
    error = InputError("ca_file", "cannot be read")
    assert faults.unreachable("Google", error) is error
