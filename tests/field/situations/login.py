"""Logging in."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.field.lab import HOST, Lab
from tests.field.network import MAIL
from tests.field.servers import (
    IMPLICIT,
    LOGIN,
    MX,
    PASSWORD,
    STARTTLS,
    USER,
    WRONG_LOGIN,
    beforehand,
    dovecot,
    members,
    nginx,
    postfix,
    sink,
)
from tests.field.situation import HEALTHY, Situation

_case = partial(Situation, group="login", options=LOGIN)
TOKEN = ("--username", USER, "--token-env", "MAIL_TOKEN")
UMLAUT = "grüße aus köln"
AS_UMLAUT = ("--username", USER, "--password-command", f"echo '{UMLAUT}'")
NOT_YOURS = (
    "smtp.server_error","auth.server_failed", "auth.temporarily_unavailable", "auth.backend_failed",
             "auth.try_later", "auth.backend_down", "auth.server_error",
             "auth.unavailable", "auth.server_trouble")  # fmt: skip


def _postfix(port: int = 465, **settings: Any) -> Callable[[Lab], None]:
    options = IMPLICIT if port == 465 else STARTTLS
    return lambda lab: members(lab, lab.certificate(), {port: options}, **settings)


def _offered_early(lab: Lab) -> None:
    members(lab, lab.certificate(), {587: {**MX, "smtpd_tls_auth_only": "no"}})


def _database_down(lab: Lab) -> None:
    """A checkpassword program whose database does not answer ends with 111."""
    program = lab.file("checkpassword", "#!/bin/sh\nexit 111\n")
    program.chmod(0o755)
    sink(lab, 10026)
    dovecot(lab, lab.certificate(), {"submission": {465: "tls"}},
            passdb=f"driver = checkpassword\n  args = {program}")  # fmt: skip


def _used_up(lab: Lab) -> None:
    members(lab, lab.certificate(), {465: IMPLICIT},
            main={"smtpd_client_auth_rate_limit": "1", "anvil_rate_time_unit": "600s",
                  "smtpd_client_event_limit_exceptions": ""})  # fmt: skip
    beforehand(lab, "AUTH PLAIN AGEAYg==")


def _dovecot(*, relay: bool = True, **settings: Any) -> Callable[[Lab], None]:
    def build(lab: Lab) -> None:
        if relay:
            sink(lab, 10026)
        dovecot(lab, lab.certificate(), {"submission": {465: "tls"}}, **settings)

    return build


def _token_store(lab: Lab) -> None:
    """OAuth tokens are checked by Dovecot itself; the one that comes has no valid form."""
    lab.file("oauth2.conf", f"introspection_mode = local\nusername_attribute = email\n"
             f"local_validation_key_dict = fs:posix:prefix={lab.directory}/keys/\n")  # fmt: skip
    sink(lab, 10026)
    dovecot(lab, lab.certificate(), {"submission": {465: "tls"}},
            mechanisms="xoauth2 oauthbearer",
            passdb=f"driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n"
                   f"  args = {lab.directory}/oauth2.conf")  # fmt: skip


def _latin_1(lab: Lab) -> None:
    """The password was set by a program that wrote Latin-1."""
    hashed = "{PLAIN-MD5}" + hashlib.md5(UMLAUT.encode("latin-1")).hexdigest()
    members(lab, lab.certificate(), {465: IMPLICIT}, users=f"{USER}:{hashed}::::::\n")


def _nginx_mail(lab: Lab, *, judge: str = "") -> None:
    """Nginx's mail proxy, which asks a web server about each login."""
    files = lab.certificate()
    http = ""
    if judge:
        http = f"http {{ access_log off; server {{ listen 127.0.0.1:8008; {judge} }} }}\n"
    nginx(
        lab,
        http
        + f"""mail {{ server_name {HOST}; auth_http 127.0.0.1:8008/auth;
        server {{ listen {MAIL}:465 ssl; protocol smtp; smtp_auth login plain;
        ssl_certificate {files.chain}; ssl_certificate_key {files.key}; }} }}""",
        465,
    )


HASHED = base64.b64encode(hashlib.sha256(PASSWORD.encode()).digest()).decode()
ENVELOPE = ("--mail-from", USER, "--rcpt-to", "bob@example.com")
SERVER_TROUBLE = ("send.server_trouble", "send.try_later", "send.failed", "send.not_now",
                  "send.server_failed", "send.server_error", "send.deferred")  # fmt: skip
REFUSES = 'location / { add_header Auth-Status "Invalid login or password"; return 204; }'
USERS = f"{USER}:{{PLAIN}}{PASSWORD}::::::"

SITUATIONS = (
    _case(name="right-password", what="Postfix and Dovecot, the right password",
          expert="nothing is wrong", build=_postfix(), verdicts=HEALTHY),
    _case(name="right-password-587", what="the same on 587 with STARTTLS",
          expert="nothing is wrong", build=_postfix(587), target=f"{HOST}:587",
          options=("--starttls", *LOGIN), verdicts=HEALTHY),
    _case(name="right-password-scram", what="Dovecot that offers SCRAM only",
          expert="nothing is wrong", verdicts=HEALTHY,
          build=_dovecot(mechanisms="scram-sha-256 scram-sha-1")),
    _case(name="wrong-password", what="Postfix and Dovecot, a wrong password",
          expert="user name or password is wrong", build=_postfix(), options=WRONG_LOGIN,
          causes=("auth.rejected",), fix=("password",)),
    _case(name="wrong-password-scram", what="Dovecot with SCRAM, a wrong password",
          expert="user name or password is wrong", options=WRONG_LOGIN,
          build=_dovecot(mechanisms="scram-sha-256"),
          causes=("auth.rejected",), fix=("password",)),
    _case(name="unknown-user", what="Dovecot's submission service, a user it does not have",
          expert="user name or password is wrong", build=_dovecot(),
          options=("--username", "nobody@example.com", "--password-command", "echo x"),
          causes=("auth.rejected",), fix=("user|name|address",)),
    _case(name="bare-user-name", what="the user name without its domain",
          expert="user name or password is wrong: most want the whole address",
          build=_postfix(), options=("-u", "ann", "--password-command", f"echo '{PASSWORD}'"),
          causes=("auth.rejected",), fix=("address|user",)),
    _case(name="account-disabled", what="Dovecot with nologin and a reason for the account",
          expert="the account is disabled, in the server's words: the operator's",
          verdicts=("fails",),
          build=_dovecot(users=f"{USERS}nologin reason=Account_disabled._Contact_support\n"),
          causes=("auth.account_disabled", "auth.rejected", "auth.disabled_by_admin"),
          told="disabled", fix=("operator|support|administrator|account|provider",)),
    _case(name="auth-database-down",
          what="Dovecot whose program that knows the passwords fails for now",
          expert="the server cannot check logins at present: the operator's",
          build=_database_down,
          causes=NOT_YOURS, told="server|operator", verdicts=("later", "fails", "unknown"),
          fix=("operator|server|later",), never=("stop trying", "too many")),
    _case(name="tokens-only-and-a-password", what="Dovecot that takes tokens only, and a password",
          expert="no mechanism in common: the server wants OAuth tokens", build=_token_store,
          causes=("auth.no_common_mechanism",), told="XOAUTH2|OAUTHBEARER|token",
          fix=("token|OAuth",)),
    _case(name="token-refused", what="Dovecot that refuses the token",
          expert="the token is refused",
          build=_token_store, options=TOKEN, environment={"MAIL_TOKEN": "ya29.not-a-good-one"},
          causes=("auth.token_rejected",), fix=("token",), never=("app.?password",)),
    _case(name="token-and-no-oauth", what="Postfix with passwords only, and a token",
          expert="no mechanism in common: the server takes passwords", build=_postfix(),
          options=TOKEN, environment={"MAIL_TOKEN": "ya29.any"},
          causes=("auth.no_common_mechanism",), told="PLAIN|password"),
    _case(name="cram-md5-in-vain", what="Dovecot with CRAM-MD5 offered and passwords kept hashed",
          expert="CRAM-MD5 cannot work with hashed passwords; PLAIN does",
          build=_postfix(mechanisms="cram-md5 plain",
                         users=f"{USER}:{{SHA256}}" + HASHED + "::::::\n"),
          verdicts=("works", "warnings", "fails"),
          causes=("auth.rejected", "auth.mechanism_refused", "auth.mechanism_in_vain",
                  "auth.mechanism_fails"),
          told="PLAIN|mechanism", fix=("mechanism|PLAIN",)),
    _case(name="password-in-latin-1", what="a password with umlauts that was stored as Latin-1",
          expert="the umlauts: the server knows the password in another encoding",
          build=_latin_1, options=AS_UMLAUT,
          causes=("auth.non_ascii_password", "auth.rejected"),
          told="ASCII|umlaut|accent|encod|UTF-8",
          also=("auth.rejected", "auth.non_ascii_password")),
    _case(name="offered-before-tls", what="Postfix on 587 that offers AUTH before STARTTLS too",
          expert="it works; passwords are asked for before TLS",
          build=_offered_early, target=f"{HOST}:587", options=("--starttls", *LOGIN),
          verdicts=("warnings",), causes=("auth.offered_in_clear",), fix=("TLS|auth_only",)),
    _case(name="too-many-logins", what="Postfix with one login in ten minutes for each client, "
          "used up", expert="too many logins: wait", build=_used_up,
          verdicts=("later", "fails"),
          causes=("auth.too_many_tries", "auth.try_later", "smtp.rate_limited",
          "auth.rate_limited"), fix=("wait|later",)),
    _case(name="submission-relay-down", what="Dovecot's submission service whose relay is down",
          expert="the login is right; the server behind is not there: the operator's",
          build=_dovecot(relay=False), options=(*LOGIN, *ENVELOPE),
          verdicts=("later", "fails", "unknown"),
          causes=(*NOT_YOURS, "smtp.shutting_down", "smtp.backend_down", "smtp.no_backend",
                  "net.closed_by_server", "smtp.proxy_failed", "smtp.proxy_error", *SERVER_TROUBLE),
          told="relay|behind|backend|operator|server"),
    _case(name="submission-relay-down-login-only",
          what="the same, asked with a login and no envelope",
          expert="the login is right; the server behind is not there: the operator's",
          build=_dovecot(relay=False), verdicts=("later", "fails"), causes=("smtp.proxy_failed",),
          told="relay|behind", fix=("behind|operator",)),
    _case(name="nginx-auth-down", what="nginx's mail proxy whose login service is down",
          expert="the server cannot check logins at present: the operator's",
          build=_nginx_mail, verdicts=("later", "fails", "unknown"),
          causes=(*NOT_YOURS, "smtp.proxy_failed", "net.closed_by_server"),
          told="operator|server", never=("check both", "app.?password")),
    _case(name="nginx-wrong-password", what="nginx's mail proxy that refuses a login",
          expert="user name or password is wrong", options=WRONG_LOGIN,
          build=partial(_nginx_mail, judge=REFUSES), causes=("auth.rejected",), fix=("password",)),
    _case(name="unverified-login", what="a login with --no-verify and --allow-unverified-login",
          expert="it works, and the password goes to whoever answers",
          build=_postfix(),
          options=("--no-verify", "--allow-unverified-login", *LOGIN), verdicts=("warnings",),
          causes=("auth.sent_unverified", "auth.unverified_tls"),
          fix=("fingerprint|ca-file|verif|certificate",)),
    _case(name="mx-without-logins", what="port 25 of a mail exchanger, asked to log in",
          expert="port 25 is for servers: log in on 465 or 587", target=f"{HOST}:25",
          build=lambda lab: postfix(lab, lab.certificate(), {25: MX}),
          options=("--starttls", *LOGIN), causes=("auth.not_offered",), told="465|587",
          fix=("465|587",)),
)  # fmt: skip
