"""What goes wrong with access tokens: what they say, how they are had, how a login ends."""

from __future__ import annotations

from typing import Any, cast

from smtps.sandbox.issuer.account_files import Grant
from smtps.sandbox.issuer.dialects import FormName
from smtps.sandbox.issuer.issuing import Issuing, Stage, Trouble
from smtps.sandbox.issuer.refusals import Response
from smtps.sandbox.issuer.token_claims import GRAPH
from smtps.sandbox.persona import Persona, ShownBy

SHORT = 3.0
"""Seconds of an access token, where its renewal is what goes wrong."""

WEEK = 7 * 86400

_EXCHANGE = "https://outlook.office.com"
_PAGE = b"<!doctype html><title>Network login</title><h1>Please accept the terms of use</h1>"


def _says(name: str, summary: str, finding: str, form: FormName, **issuing: Any) -> Persona:
    """Its token says something that the mail server does not accept."""
    return Persona(
        name=name, summary=summary, findings=(finding,), shown_by="token",
        issuing=Issuing(form=form, **issuing),
    )  # fmt: skip


def _answers(
    name: str, summary: str, finding: str, form: FormName, grant: Grant = "code",
    **at: str | Response,
) -> Persona:  # fmt: skip
    """It answers something else at a stage of a login."""
    shown: ShownBy = "account login" if grant in ("code", "device") else "account"
    troubles = {cast(Stage, stage): Trouble(answer) for stage, answer in at.items()}
    return Persona(
        name=name, summary=summary, findings=(finding,), shown_by=shown, grant=grant,
        issuing=Issuing(form=form, troubles=troubles),
    )  # fmt: skip


def _ends(name: str, summary: str, finding: str, form: FormName, answer: str) -> Persona:
    """The login works, and is not renewed afterwards."""
    return Persona(
        name=name, summary=summary, findings=(finding,), shown_by="account",
        issuing=Issuing(form=form, life=SHORT, troubles={"refresh": Trouble(answer)}),
    )  # fmt: skip


def _program(name: str, summary: str, finding: str, **issuing: Any) -> Persona:
    """A program's own token is refused by Exchange Online."""
    return Persona(
        name=name, summary=summary, findings=(finding,), shown_by="account", grant="program",
        issuing=Issuing(form="microsoft", **issuing),
    )  # fmt: skip


TOKENS: tuple[Persona, ...] = (
    _says("token-expired", "gives access tokens that have expired", "oauth.token_expired",
          "open", life=-60, expires_in=3600),
    _says("token-early", "gives access tokens that are not valid yet",
          "oauth.token_not_yet_valid", "open", ahead=900),
    _says("token-for-graph", "gives access tokens for Microsoft Graph", "oauth.wrong_audience",
          "microsoft", claims={"aud": GRAPH}),
    _says("token-for-reading", "gives access tokens that only let mail be read",
          "oauth.wrong_scope", "microsoft", grants=(f"{_EXCHANGE}/IMAP.AccessAsUser.All",)),
    _says("token-for-programs", "gives a person the permission of a program",
          "oauth.app_permission", "microsoft", grants=(f"{_EXCHANGE}/SMTP.SendAsApp",)),
    _says("token-of-other-user", "gives access tokens of another user", "oauth.other_user",
          "microsoft", claims={"upn": "bob@example.test", "unique_name": "bob@example.test"}),
    _says("token-of-other-issuer", "gives access tokens of another authorization server",
          "oauth.wrong_issuer", "open", claims={"iss": "https://login.elsewhere.example"}),
    _says("sound-token-refused", "refuses access tokens with which nothing is wrong",
          "oauth.sound_token_refused", "microsoft", mail="refused"),
    _says("opaque-token-refused", "refuses access tokens that say nothing",
          "auth.token_rejected", "google", mail="refused"),
    _program("program-without-role", "gives a program the permission of a person",
             "oauth.app_permission", claims={"roles": ["SMTP.Send"]}),
    _program("program-not-in-mailbox", "does not let the program into the mailbox",
             "oauth.app_not_in_mailbox", mail="refused"),
    Persona(
        name="mailbox-not-permitted",
        summary="accepts the token, and after the message says that the mailbox cannot be opened",
        findings=("send.mailbox_permission_missing",),
        shown_by="send",
        replies={"FINAL": "430 4.2.0 STOREDRV; mailbox logon failure; error code: "
                 "MapiExceptionLogonFailed; Failed to process message due to a permanent exception"
                 " with message Unable to open message store. [SMTPSSANDBOX]"},
        issuing=Issuing(form="microsoft")),
)  # fmt: skip


LOGINS: tuple[Persona, ...] = (
    Persona(
        name="secret-id",
        summary="was registered with the ID of the client secret in place of its value",
        findings=("oauth.secret_id",),
        shown_by="account",
        grant="program",
        issuing=Issuing(form="microsoft", secret="9d2c1f0e-5b4a-4c3d-8e7f-0a1b2c3d4e5f")),  # noqa: S106
    Persona(
        name="secret-wrong",
        summary="does not accept the client secret",
        findings=("oauth.secret_wrong",),
        shown_by="account login",
        issuing=Issuing(form="google", secret="GOCSPX-of-another-client")),  # noqa: S106
    _answers("secret-expired", "says that the client secret has expired", "oauth.secret_expired",
             "microsoft", grant="program", program="secret_expired"),
    _answers("client-unknown", "does not know the client", "oauth.client_unknown",
             "microsoft", grant="program", program="client_unknown"),
    _answers("tenant-unknown", "does not know the tenant", "oauth.tenant_unknown",
             "microsoft", grant="program", program="tenant_unknown"),
    _answers("client-key-unknown", "does not know the key of the client",
             "oauth.client_key_refused", "microsoft", grant="key", program="client_key_refused"),
    _answers("assertion-late", "says that the client's assertion is not valid now",
             "oauth.clock", "microsoft", grant="key", program="assertion_expired"),
    _answers("delegation-missing", "has not authorized the service account for the domain",
             "oauth.delegation_missing", "google", grant="service",
             assertion="delegation_missing"),
    _answers("consent-missing", "has no consent for the program", "oauth.consent_needed",
             "microsoft", code="consent_needed"),
    _answers("conditional-access", "blocks the login by a policy", "oauth.blocked_by_policy",
             "microsoft", code="conditional_access"),
    _answers("login-declined", "sends the browser back as if the person had declined",
             "oauth.access_denied", "open", authorize="access_denied"),
    _answers("redirect-mismatch", "does not know the redirect URI", "oauth.redirect_refused",
             "google", code="redirect_refused"),
    _answers("scope-refused", "does not grant the scope", "oauth.scope_refused",
             "microsoft", code="scope_unknown"),
    _answers("device-code-expired", "says that the code was not entered in time",
             "oauth.device_code_expired", "microsoft", grant="device", poll="device_expired"),
    _answers("device-declined", "says that the person declined", "oauth.access_denied",
             "microsoft", grant="device", poll="access_denied"),
    Persona(
        name="other-issuer",
        summary="has metadata of another issuer",
        findings=("oauth.issuer_mismatch",),
        shown_by="account login",
        issuing=Issuing(metadata={"issuer": "https://login.elsewhere.example"})),
    Persona(
        name="mixed-up-issuer",
        summary="sends the browser back in the name of another issuer",
        findings=("oauth.issuer_mismatch",),
        shown_by="account login",
        issuing=Issuing(redirect={"iss": "https://login.elsewhere.example"})),
    Persona(
        name="code-missing",
        summary="sends the browser back without a code",
        findings=("oauth.not_this_login",),
        shown_by="account login",
        issuing=Issuing(redirect={"code": None})),
    _answers("no-metadata", "publishes no metadata", "oauth.no_metadata", "open",
             metadata=Response(status=404, body=b"not found", kind="text/plain")),
    _answers("token-endpoint-down", "has a token endpoint that is down", "oauth.server_failed",
             "open", grant="program", program=Response(status=503, body=b"Service Unavailable",
             kind="text/plain", headers=(("Retry-After", "30"),))),
    _answers("token-endpoint-page", "answers with a web page in place of tokens",
             "oauth.malformed", "open", grant="program",
             program=Response(body=_PAGE, kind="text/html")),
    _answers("token-endpoint-drips", "answers one byte at a time", "oauth.timeout", "open",
             grant="program", program=Response(body=b" ", times=60_000, pause=1.0)),
    _answers("token-endpoint-huge", "answers with a hundred megabytes", "oauth.malformed", "open",
             grant="program", program=Response(body=b" " * 100_000, times=1000)),
    _answers("token-endpoint-busy", "says that it is asked too often", "oauth.rate_limited",
             "open", grant="program", program="rate_limited"),
    Persona(
        name="slow-down",
        summary="asks twice to be asked less often, then gives tokens",
        shown_by="account login",
        grant="device",
        issuing=Issuing(interval=1, troubles={"poll": Trouble("slow_down", 2)})),
    Persona(
        name="no-refresh-token",
        summary="gives no refresh token",
        findings=("oauth.no_refresh_token",),
        shown_by="account",
        issuing=Issuing(form="microsoft", gives_refresh=False)),
)  # fmt: skip


RENEWALS: tuple[Persona, ...] = (
    Persona(
        name="short-life",
        summary="gives tokens that last three seconds, and others in their place",
        shown_by="account",
        issuing=Issuing(life=SHORT)),
    Persona(
        name="rotates",
        summary="gives another refresh token each time; the last one stays good until it is used",
        shown_by="account again",
        issuing=Issuing(life=SHORT, lost=1)),
    Persona(
        name="reuse-ends-all",
        summary="ends the login when a refresh token is used twice, and loses an answer",
        findings=("oauth.refresh_interrupted",),
        shown_by="account again",
        issuing=Issuing(life=SHORT, rotation="revoke", lost=1)),
    Persona(
        name="testing-seven-days",
        summary="ends each login after seven days, as Google does in “Testing”",
        findings=("oauth.testing",),
        shown_by="account",
        issuing=Issuing(form="google", login_life=WEEK)),
    _ends("unused-90-days", "ends a login that was not used for 90 days", "oauth.unused",
          "microsoft", "unused"),
    _ends("login-revoked", "has revoked the login", "oauth.login_needed",
          "google", "login_revoked"),
    _ends("password-changed", "ends the login because the password was changed",
          "oauth.login_needed", "microsoft", "password_changed"),
    _ends("mfa-required", "requires multifactor authentication from now on",
          "oauth.login_needed", "microsoft", "mfa_required"),
    _ends("sign-in-frequency", "ends the login because a policy limits how long it lasts",
          "oauth.login_needed", "microsoft", "sign_in_frequency"),
    _ends("interaction-required", "requires the person to log in again", "oauth.login_needed",
          "open", "interaction_required"),
    _ends("workspace-reauth", "requires the login to be repeated, as Workspace can",
          "oauth.login_needed", "google", "interaction_required"),
)  # fmt: skip

PERSONAS: tuple[Persona, ...] = (*TOKENS, *LOGINS, *RENEWALS)
