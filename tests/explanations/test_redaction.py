"""No credential of a pasted text is shown again."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtps.core.command import HIDDEN as HIDDEN_IN_COMMANDS
from smtps.explanations.explaining import explain
from smtps.explanations.redaction import HIDDEN, redacted

SECRETS = st.text("abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789!$%&*+-_~", min_size=6,
                  max_size=40)  # fmt: skip


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


FORMS = {
    "AUTH PLAIN in a log": lambda s: f"C: AUTH PLAIN {b64(f'{chr(0)}ann{chr(0)}{s}')}\nS: 535 no",
    "AUTH LOGIN and its answers": lambda s: (
        f"S: 334 VXNlcm5hbWU6\nC: {b64('ann@example.com')}\nS: 334 UGFzc3dvcmQ6\nC: {b64(s)}\n"
        "S: 535 5.7.8 no"
    ),
    "smtplib's debug output": lambda s: (
        f"reply: b'334 UGFzc3dvcmQ6\\r\\n'\nsend: '{b64(s)}\\r\\n'\nreply: b'535 no\\r\\n'"
    ),
    "AUTH XOAUTH2": lambda s: (
        f"AUTH XOAUTH2 {b64(f'user=a@b.test{chr(1)}auth=Bearer {s}{chr(1)}')}"
    ),
    "a URL": lambda s: f"connect to smtps://ann%40example.com:{s}@smtp.example.com:465 failed",
    "a URL without a user": lambda s: f"smtp://:{s}@smtp.example.com",
    "a bearer token": lambda s: f"Authorization: Bearer {s}",
    "OAuth 2 in JSON": lambda s: json.dumps({"access_token": s, "refresh_token": s}),
    "OAuth 2 in a form": lambda s: f"grant_type=x&client_secret={s.replace('&', '_')}&y=1",
    "a setting": lambda s: f"MAIL_PASSWORD={s}",
    "a quoted setting": lambda s: f'EMAIL_HOST_PASSWORD = "{s}"',
    "YAML": lambda s: f"smtp:\n  password: '{s}'\n",
    "nodemailer": lambda s: f"auth: {{ user: 'ann', pass: '{s}' }}",
    "PHP": lambda s: f"$mail->Password = '{s}';",
    "PHP's array": lambda s: f"'password' => '{s}',",
    "Python": lambda s: f"server.login('ann@example.com', '{s}')",
    ".NET": lambda s: f'new NetworkCredential("ann@example.com", "{s}")',
    "XML": lambda s: f"<password>{s.replace('&', '')}</password>",
    "curl": lambda s: f"curl --user 'ann@example.com:{s}' smtps://x.test",
    "swaks": lambda s: f"swaks --auth-password {s} -t x@y.test",
    "German": lambda s: f"Kennwort: {s}",
    "French": lambda s: f"Mot de passe : {s}",
    "msmtprc": lambda s: f"user ann\npassword {s}\nhost x.test",
}


@pytest.mark.parametrize("form", FORMS)
@given(secret=SECRETS)
def test_a_secret_is_blacked_out(form: str, secret: str) -> None:
    if secret.isalpha():
        secret += "7"
    text = FORMS[form](secret)
    shown = json.dumps(explain(text + "\n535 5.7.8 authentication failed").as_json())
    kept = secret.replace("&", "_") if form == "OAuth 2 in a form" else secret
    kept = kept.replace("&", "") if form == "XML" else kept
    assert kept not in shown
    assert b64(secret).rstrip("=") not in shown
    assert HIDDEN in shown


def test_a_token_of_three_parts_is_blacked_out() -> None:
    token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbm4ifQ.c2lnbmF0dXJl"
    assert redacted(f"token was {token}, refused") == f"token was {HIDDEN}, refused"


@pytest.mark.parametrize(
    "text",
    [
        "AUTH PLAIN LOGIN CRAM-MD5",
        "250-AUTH PLAIN LOGIN\n250 SIZE",
        "Password command failed: 535-5.7.8 Username and Password not accepted",
        "password: 535 5.7.8 not accepted",
        "javax.net.ssl.SSLHandshakeException: SmtpFailedRecipientException",
        "DEPTH_ZERO_SELF_SIGNED_CERT ERR_TLS_CERT_ALTNAME_INVALID 0x800CCC0E",
        "https://support.google.com/mail/?p=BadCredentials",
        "the credentials were incorrect",
        "error:0A00010B:SSL routines::wrong version number",
        "AUTH command failed",
        "auth mechanism not supported",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


@given(st.text())
def test_to_black_out_twice_changes_nothing(text: str) -> None:
    assert redacted(redacted(text)) == redacted(text)


def test_the_sign_is_the_one_of_transcripts() -> None:
    assert HIDDEN == HIDDEN_IN_COMMANDS
