"""Logins that are refused, in the words of large providers and common servers."""

from __future__ import annotations

from smtps.sandbox.persona import Persona

_CHALLENGE = (
    "334 eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJodHRwczovL21haWwu"
    "ZXhhbXBsZS8ifQ=="
)
"""Base64 of ``{"status":"401","schemes":"bearer","scope":"https://mail.example/"}``."""


def _refuses(name: str, summary: str, finding: str, reply: str) -> Persona:
    return Persona(
        name=name,
        summary=summary,
        findings=(finding,),
        shown_by="login",
        replies={"AUTH": reply},
    )


PERSONAS: tuple[Persona, ...] = (
    _refuses(
        "bad-password", "refuses every password", "auth.rejected",
        "535 5.7.8 Authentication failed"),
    _refuses(
        "app-password", "wants an app password", "auth.app_password_needed",
        "534-5.7.9 Application-specific password required. For more information, see\r\n"
        "534 5.7.9 https://support.example.test/app-passwords"),
    _refuses(
        "browser-login", "wants a login by browser first", "auth.browser_login_needed",
        "534-5.7.14 <https://accounts.example.test/continue> Please log in via your web browser\r\n"
        "534 5.7.14 and then try again."),
    _refuses(
        "disabled-by-admin", "has the login switched off", "auth.disabled_by_admin",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the "
        "Mailbox."),
    _refuses(
        "passwords-retired", "takes no passwords any more", "auth.passwords_retired",
        "550 5.7.30 Basic authentication is not supported for Client Submission."),
    _refuses(
        "too-many-logins", "puts logins off", "auth.too_many_tries",
        "454 4.7.0 Too many login attempts, please try again later."),
    _refuses(
        "mechanism-refused", "refuses the mechanisms that it offers", "auth.mechanism_refused",
        "504 5.5.4 Unrecognized authentication type"),
    _refuses(
        "encryption-required", "believes that there is no TLS", "auth.encryption_required",
        "538 5.7.11 Encryption required for requested authentication mechanism"),
    _refuses(
        "starttls-required", "wants STARTTLS although TLS is on", "smtp.starttls_required",
        "530 5.7.0 Must issue a STARTTLS command first"),
    Persona(
        name="no-auth",
        summary="takes no logins",
        findings=("auth.not_offered",),
        auth=()),
    Persona(
        name="tokens-only",
        summary="takes access tokens and no passwords",
        findings=("auth.no_common_mechanism",),
        shown_by="login",
        auth=("XOAUTH2",)),
    Persona(
        name="token-expired",
        summary="does not accept the access token",
        findings=("auth.token_rejected",),
        shown_by="token",
        auth=("XOAUTH2",),
        replies={"AUTH": (_CHALLENGE, "535 5.7.8 Username and Password not accepted")}),
)  # fmt: skip
