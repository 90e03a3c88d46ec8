"""Why a token was refused: token and expectations in, finding out; no network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.oauth.test_claims import jwt

from smtps.advice import Severity
from smtps.checks.rules.bearer import ahead, explained
from smtps.checks.token_facts import Challenge, TokenFacts, challenge_of, describe
from smtps.errors import Failure, Phase
from smtps.oauth.forms import form_of
from smtps.oauth.provenance import Provenance

NOW = 1_800_000_000.0
TENANT, APP, OBJECT = (f"{digit * 8}-0000-0000-0000-000000000000" for digit in "123")
PERSON = {
    "aud": "https://outlook.office.com", "iss": f"https://sts.windows.net/{TENANT}/",
    "nbf": NOW - 60, "exp": NOW + 3000, "appid": APP, "tid": TENANT, "scp": "SMTP.Send",
    "upn": "ann@contoso.com",
}  # fmt: skip
PROGRAM = {
    "aud": "https://outlook.office365.com", "exp": NOW + 3000, "appid": APP, "tid": TENANT,
    "oid": OBJECT, "sub": OBJECT, "roles": ["SMTP.SendAsApp"],
}  # fmt: skip
GIVEN = Provenance(origin="environment")
REFUSAL = Failure(code="auth.token_rejected", message="No.", phase=Phase.AUTH,
                  smtp_code=535, enhanced="5.7.3",
                  lines=("5.7.3 Authentication unsuccessful",))  # fmt: skip
GOOGLE = Provenance(origin="store", form=form_of("google"), grant="code",
                    wanted=("https://mail.google.com/",))  # fmt: skip


def token(
    text: str, known: Provenance = GIVEN, host: str = "smtp.office365.com",
    username: str = "ann@contoso.com",
) -> TokenFacts:  # fmt: skip
    return describe(text, known, host=host, username=username)


def code_of(facts: TokenFacts, failure: Failure = REFUSAL) -> str | None:
    found = explained(facts, failure, NOW)
    return None if found is None else found.code


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        (PERSON, "oauth.sound_token_refused"),
        (PERSON | {"aud": "https://outlook.office.com/"}, "oauth.sound_token_refused"),
        (PERSON | {"aud": "00000002-0000-0ff1-ce00-000000000000"}, "oauth.sound_token_refused"),
        (PERSON | {"exp": NOW - 1}, "oauth.token_expired"),
        (PERSON | {"nbf": NOW + 600}, "oauth.token_not_yet_valid"),
        (PERSON | {"nbf": NOW + 30}, "oauth.sound_token_refused"),
        (PERSON | {"aud": "https://graph.microsoft.com"}, "oauth.wrong_audience"),
        (PERSON | {"aud": "00000003-0000-0000-c000-000000000000"}, "oauth.wrong_audience"),
        (PERSON | {"aud": "https://vault.azure.net"}, "oauth.wrong_audience"),
        (PERSON | {"scp": "IMAP.AccessAsUser.All"}, "oauth.wrong_scope"),
        (PERSON | {"scp": "Mail.Send SMTP.Send"}, "oauth.sound_token_refused"),
        (PERSON | {"scp": "SMTP.SendAsApp"}, "oauth.app_permission"),
        (PERSON | {"upn": "bob@contoso.com"}, "oauth.other_user"),
        (PERSON | {"upn": "ANN@Contoso.com"}, "oauth.sound_token_refused"),
        (PROGRAM, "oauth.app_not_in_mailbox"),
        (PROGRAM | {"roles": ["Mail.Send"]}, "oauth.app_permission"),
        ({n: v for n, v in PROGRAM.items() if n != "roles"}, "oauth.app_permission"),
        (PROGRAM | {"aud": "https://graph.microsoft.com"}, "oauth.wrong_audience"),
        (PROGRAM | {"exp": NOW - 1}, "oauth.token_expired"),
        ({"aud": APP, "nonce": "n", "exp": NOW + 60}, "oauth.not_an_access_token"),
    ],
)  # fmt: skip
def test_a_token_of_microsoft_that_is_refused(claims: dict[str, Any], code: str) -> None:
    assert code_of(token(jwt(claims))) == code


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        (PERSON | {"aud": "https://graph.microsoft.com"}, "oauth.wrong_audience"),
        (PERSON | {"scp": "IMAP.AccessAsUser.All"}, "oauth.wrong_scope"),
        (PROGRAM, "oauth.app_not_in_mailbox"),
    ],
)
def test_it_is_known_at_a_relay_of_another_name_too(claims: dict[str, Any], code: str) -> None:
    assert code_of(token(jwt(claims), host="127.0.0.1")) == code


def test_the_evidence_names_what_differs_and_nothing_of_the_token() -> None:
    text = jwt(PERSON | {"aud": "https://graph.microsoft.com", "jti": "canary"})
    found = explained(token(text), REFUSAL, NOW, address="192.0.2.1")
    assert found is not None
    assert found.seen == (
        "192.0.2.1: the access token was refused (535 5.7.3 Authentication unsuccessful): it is "
        "for https://graph.microsoft.com (Microsoft Graph), not for https://outlook.office.com"
    )
    assert found.explains is REFUSAL
    assert "canary" not in repr(found)
    assert not any(part in repr(found) for part in text.split("."))


def test_the_lines_for_an_administrator_have_the_ids() -> None:
    found = explained(token(jwt(PROGRAM), username="bot@contoso.com"), REFUSAL, NOW)
    assert found is not None
    assert found.commands == (
        f"Connect-ExchangeOnline -Organization {TENANT}",
        f"New-ServicePrincipal -AppId {APP} -ObjectId {OBJECT}",
        f"Add-MailboxPermission -Identity bot@contoso.com -User {OBJECT} -AccessRights FullAccess",
        "Get-CASMailbox -Identity bot@contoso.com | Format-List SmtpClientAuthenticationDisabled",
    )


def test_what_is_unexplained_at_exchange_comes_with_lines_that_only_look() -> None:
    found = explained(token(jwt(PERSON)), REFUSAL, NOW)
    assert found is not None
    assert found.code == "oauth.sound_token_refused"
    assert [line.partition("-")[0] for line in found.commands[1:]] == ["Get"] * 3
    elsewhere = token(jwt({"exp": NOW + 60, "aud": "mail"}), host="mail.example.com")
    other = explained(elsewhere, REFUSAL, NOW)
    assert other is not None
    assert (other.code, other.commands) == ("oauth.sound_token_refused", ())


def test_an_id_that_has_not_the_form_of_one_is_not_filled_in() -> None:
    evil = "x; Remove-Mailbox ann"
    claims = PROGRAM | {"oid": evil, "sub": evil, "appid": evil, "tid": evil}
    found = explained(token(jwt(claims), username="$(evil)@contoso.com"), REFUSAL, NOW)
    assert found is not None
    assert found.code == "oauth.app_not_in_mailbox"
    assert "Remove" not in " ".join(found.commands)
    assert found.commands[:3] == (
        "Connect-ExchangeOnline -Organization TENANT",
        "New-ServicePrincipal -AppId APPLICATION_ID -ObjectId OBJECT_ID",
        "Add-MailboxPermission -Identity MAILBOX -User OBJECT_ID -AccessRights FullAccess",
    )


def test_another_reason_of_the_server_stands() -> None:
    for code in ("auth.unavailable", "net.reset", "auth.locked"):
        assert code_of(token(jwt(PROGRAM)), replace(REFUSAL, code=code)) is None


def test_smtp_auth_that_is_off_has_its_lines_too() -> None:
    failure = replace(REFUSAL, code="auth.disabled_by_admin", enhanced="5.7.139")
    found = explained(token(jwt(PERSON)), failure, NOW)
    assert found is not None
    assert (found.code, found.explains) == ("auth.disabled_by_admin", failure)
    assert "OAuth" not in found.fix
    assert found.commands[1] == (
        "Set-CASMailbox -Identity ann@contoso.com -SmtpClientAuthenticationDisabled $false"
    )
    elsewhere = explained(token("opaque", host="mail.example.com"), failure, NOW)
    assert elsewhere is not None
    assert elsewhere.commands == ()


def test_the_servers_authorization_server_is_compared() -> None:
    said = "status: invalid_token, openid-configuration: https://auth.example/.well-known/x"
    for issuer, code in (("https://other.example/", "oauth.wrong_issuer"),
                         ("https://auth.example/realm", "oauth.sound_token_refused")):  # fmt: skip
        claims = {"iss": issuer, "exp": NOW + 60, "aud": "mail"}
        facts = token(jwt(claims), host="mail.example.com")
        assert code_of(facts, replace(REFUSAL, seen=said)) == code


def test_what_the_server_asks_for_is_the_remedy() -> None:
    said = "status: invalid_token, scope: mail, openid-configuration: https://auth.example/x"
    found = explained(token("opaque", host="mail.example.com"), replace(REFUSAL, seen=said), NOW)
    assert found is not None
    assert "with the scope mail from the authorization server whose metadata is at" in found.fix


@pytest.mark.parametrize("text", ["opaque", "ya29.abc", f"{jwt({})}.x.y"])
def test_of_an_opaque_token_nothing_is_claimed(text: str) -> None:
    assert code_of(token(text, host="mail.example.com")) == "auth.token_rejected"


def test_a_token_of_which_too_little_can_be_read_is_not_called_sound() -> None:
    assert code_of(token(jwt({"sub": "ann@contoso.com"}), host="mail.example.com")) == (
        "auth.token_rejected"
    )


@pytest.mark.parametrize(
    ("granted", "said", "code"),
    [
        (("https://www.googleapis.com/auth/gmail.send",), None, "oauth.wrong_scope"),
        (("https://mail.google.com/",), "status: 400, schemes: Bearer, scope: https://mail.google.com/",
         "auth.token_rejected"),
        ((), "status: 400, schemes: Bearer, scope: https://mail.google.com/",
         "auth.token_rejected"),
        ((), "status: insufficient_scope, scope: mail", "oauth.wrong_scope"),
        (("openid",), "status: invalid_token, scope: mail, openid-configuration: https://x",
         "oauth.wrong_scope"),
    ],
)  # fmt: skip
def test_the_challenge_and_what_was_granted_tell_the_scope(
    granted: tuple[str, ...], said: str | None, code: str | None
) -> None:
    facts = token("ya29.opaque", replace(GOOGLE, granted=granted), "smtp.gmail.com")
    assert code_of(facts, replace(REFUSAL, seen=said)) == code


def test_what_the_authorization_server_said_counts_for_opaque_tokens() -> None:
    assert code_of(token("ya29.x", replace(GOOGLE, expires_at=NOW - 5))) == "oauth.token_expired"
    assert code_of(token("ya29.x", replace(GOOGLE, user="bob@gmail.com"))) == "oauth.other_user"


def test_what_is_no_access_token_at_all() -> None:
    for text in ("1//0abc", "Bearer x", '{"access_token": "x"}'):
        assert code_of(token(text)) == "oauth.not_an_access_token"


@pytest.mark.parametrize(
    ("said", "challenge"),
    [
        (None, None),
        ("some words", None),
        ("status: 401", Challenge("401")),
        ("status: invalid_token, scope: mail smtp, openid-configuration: https://a/b, c",
         Challenge("invalid_token", ("mail", "smtp"), "https://a/b, c")),
        ("schemes: Bearer, scope: x", Challenge(None, ("x",))),
    ],
)  # fmt: skip
def test_a_challenge_is_read(said: str | None, challenge: Challenge | None) -> None:
    assert challenge_of(said) == challenge


def test_a_login_without_a_refresh_token_is_told_of_before_it_ends() -> None:
    known = replace(GOOGLE, renewable=False, expires_at=NOW + 3600)
    (found,) = ahead(token("ya29.x", known))
    assert (found.code, found.severity) == ("oauth.no_refresh_token", Severity.WARNING)
    assert "2027-01-15T09:00:00Z" in found.seen
    for other in (GIVEN, replace(known, renewable=True),
                  replace(known, grant="client_credentials")):  # fmt: skip
        assert list(ahead(token("ya29.x", other))) == []


def test_seven_days_of_googles_testing_are_told_of_before_they_end() -> None:
    known = replace(GOOGLE, renewable=True, logged_in_at=NOW, refresh_expires_at=NOW + 604_799)
    (found,) = ahead(token("ya29.x", known))
    assert (found.code, found.severity) == ("oauth.testing", Severity.WARNING)
    month = replace(known, refresh_expires_at=NOW + 2_592_000)
    assert list(ahead(token("ya29.x", month))) == []
    elsewhere = replace(known, form=form_of("fastmail"))
    assert list(ahead(token("ya29.x", elsewhere))) == []
