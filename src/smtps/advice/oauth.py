"""Advice about access tokens: why the authorization server gave none (OAuth 2)."""

from __future__ import annotations

from smtps.advice.row import Advice, Severity, Who

_E = Severity.ERROR
_YOU = Who.YOU
_OPERATOR = Who.OPERATOR

OAUTH: dict[str, Advice] = {
    "oauth.timeout": Advice(
        _E, "The authorization server did not answer in time, so there was no access token to log "
        "in with.",
        "Try again later. If it stays silent, find out whether this machine may reach it over "
        "HTTPS.",
        _YOU),
    "oauth.login_needed": Advice(
        _E, "The provider no longer renews this login, or there has been none.",
        "Log in again: smtps login --account NAME. A running service goes on by itself afterwards.",
        _YOU, "RFC 6749 section 5.2"),
    "oauth.login_refused": Advice(
        _E, "The provider refused the login that was just begun.",
        "Read the provider's words. Then begin again: smtps login --account NAME.",
        _YOU, "RFC 6749 section 5.2"),
    "oauth.refresh_interrupted": Advice(
        _E, "The login was being renewed when the program or the connection broke, and the "
        "provider does not accept the old refresh token a second time.",
        "Log in again: smtps login --account NAME.",
        _YOU, "RFC 9700 section 4.14.2"),
    "oauth.not_this_login": Advice(
        _E, "What came back from the browser does not belong to the login that was begun: it is "
        "from an earlier attempt, or from someone else.",
        "Begin again with smtps login, and finish in the page that it opens. Paste the whole "
        "address.",
        _YOU, "RFC 6749 section 10.12"),
    "oauth.issuer_mismatch": Advice(
        _E, "The answer names a different authorization server from the one that was asked. "
        "Nothing was sent to it.",
        "Check issuer in the account's settings: it must be exactly what the server calls itself. "
        "If it is, do not log in there.",
        _YOU, "RFC 9207 section 2.4"),
    "oauth.no_metadata": Advice(
        _E, "The issuer publishes no metadata.",
        "Check issuer; or give authorization_endpoint and token_endpoint in its place.",
        _YOU, "RFC 8414 section 3"),
    "oauth.access_denied": Advice(
        _E, "The login or the consent was declined on the provider's page.",
        "Log in again and accept; or ask your administrator whether the application is allowed. At "
        "Google, while the consent screen is in “Testing”, only its test users may log in.",
        _YOU, "RFC 6749 section 4.1.2.1"),
    "oauth.consent_needed": Advice(
        _E, "The application has no consent for this permission; some organizations let only an "
        "administrator give it.",
        "Log in once more and accept. If the page asks for an administrator's approval, ask yours "
        "to grant it.",
        _OPERATOR, "https://learn.microsoft.com/entra/identity/enterprise-apps/"
        "grant-admin-consent"),
    "oauth.blocked_by_policy": Advice(
        _E, "The organization's policy blocks this login.",
        "Ask your administrator which condition is not met: device, place, or a blocked device "
        "code. Try smtps login without --device.",
        _OPERATOR, "https://learn.microsoft.com/entra/identity/conditional-access/overview"),
    "oauth.user_unknown": Advice(
        _E, "The provider does not know this user.",
        "Check username, subject and tenant.",
        _YOU),
    "oauth.user_not_assigned": Advice(
        _E, "The application is restricted to users who are assigned to it.",
        "Ask your administrator to assign the user, or to lift the restriction.",
        _OPERATOR),
    "oauth.tenant_unknown": Advice(
        _E, "The provider does not know the tenant.",
        "Set tenant to the directory (tenant) ID or a domain of it.",
        _YOU),
    "oauth.tenant_needed": Advice(
        _E, "The provider lets this client log in only at a certain tenant, and another one, or "
        "none, was named.",
        "Set tenant to the directory (tenant) ID in which the client is registered; for personal "
        "accounts of Microsoft to “consumers”. To let users of other organizations log in, change "
        "the supported account types of the client.",
        _YOU, "https://learn.microsoft.com/entra/identity-platform/"
        "howto-convert-app-to-be-multi-tenant"),
    "oauth.permission_missing": Advice(
        _E, "The client may not ask for this permission: its registration does not list it, or the "
        "organization has no subscription for the service.",
        "At the provider, add the permission to the client (Microsoft: API permissions, Office 365 "
        "Exchange Online, SMTP.Send or SMTP.SendAsApp; Google: Data access), and have an "
        "administrator consent.",
        _OPERATOR),
    "oauth.client_unknown": Advice(
        _E, "The provider does not know the client in this tenant.",
        "Check client_id, and tenant: the application has to be registered or approved there.",
        _YOU),
    "oauth.client_disabled": Advice(
        _E, "The provider has disabled the client.",
        "See the client's page at the provider for the reason, or register another one.",
        _YOU),
    "oauth.client_refused": Advice(
        _E, "The provider does not accept the client: its id, its secret or the way it proves "
        "itself.",
        "Check client_id and the secret; for a client without a secret, remove it from the "
        "settings.",
        _YOU, "RFC 6749 section 5.2"),
    "oauth.secret_wrong": Advice(
        _E, "The client secret is wrong. Often its ID was copied in place of its value.",
        "Make a new secret at the provider and copy its value, which is shown only once.",
        _YOU),
    "oauth.secret_missing": Advice(
        _E, "The client has to prove itself, and has no secret or key here.",
        "Set client_secret_env, client_secret_file or client_key_file; at Microsoft, for a login "
        "by a person, allow public client flows instead.",
        _YOU),
    "oauth.secret_expired": Advice(
        _E, "The client secret has expired.",
        "Make a new one at the provider, and put it in place of the old one.",
        _YOU),
    "oauth.client_key_refused": Advice(
        _E, "The provider does not accept the client's signature.",
        "Check that client_key_file holds the key of the certificate that is registered at the "
        "provider, and the certificate too.",
        _YOU, "RFC 7523 section 3"),
    "oauth.delegation_missing": Advice(
        _E, "The service account is not authorized for this scope in the domain.",
        "In the domain's admin console, add the account's client ID with the very scope under "
        "domain-wide delegation.",
        _OPERATOR, "https://support.google.com/a/answer/162106"),
    "oauth.grant_refused": Advice(
        _E, "The provider does not allow this client to log in like this.",
        "Enable the grant for the client at the provider, or set another grant.",
        _YOU, "RFC 6749 section 5.2"),
    "oauth.scope_refused": Advice(
        _E, "The provider does not grant the scope.",
        "Check scopes, and the permissions of the client at the provider.",
        _YOU, "RFC 6749 section 3.3"),
    "oauth.redirect_refused": Advice(
        _E, "The provider does not know the redirect URI.",
        "Register the URI that the message or the page names for the client; for programs on a "
        "desktop it is http://127.0.0.1 or http://localhost.",
        _YOU, "RFC 8252 section 7.3"),
    "oauth.request_refused": Advice(
        _E, "The provider refused the request.",
        "Read its words; check the account's settings.",
        _YOU, "RFC 6749 section 5.2"),
    "oauth.pending": Advice(
        _E, "The login has not been finished on the provider's page yet.",
        "Finish it.",
        _YOU, "RFC 8628 section 3.5"),
    "oauth.device_code_expired": Advice(
        _E, "The code was not entered in time.",
        "Begin again: smtps login --device.",
        _YOU, "RFC 8628 section 3.5"),
    "oauth.clock": Advice(
        _E, "The provider says that the signed assertion is not valid at this time.",
        "Synchronize this machine's clock with NTP.",
        _YOU, "RFC 7523 section 3"),
    "oauth.rate_limited": Advice(
        _E, "The provider limits how often it may be asked.",
        "Wait; the request is repeated later.",
        _YOU),
    "oauth.server_failed": Advice(
        _E, "The provider's token service failed.",
        "Try again later.",
        _OPERATOR),
    "oauth.malformed": Advice(
        _E, "The answer is not what an authorization server sends: a web page, an incomplete or a "
        "much too large document.",
        "Check the endpoint, and whether a login page of the network or a proxy answers in its "
        "place.",
        _YOU, "RFC 6749 section 5.1"),
    "oauth.unreachable": Advice(
        _E, "The authorization server cannot be reached, so there was no access token to log in "
        "with.",
        "Check that this machine may reach it over HTTPS, and try again.",
        _YOU),
    "oauth.forbidden": Advice(
        _E, "The address of the authorization server is not one that may be reached.",
        "If it is yours, name its issuer by a private address or give the endpoints; if not, its "
        "metadata leads into your network.",
        _YOU),
    "oauth.tls_failed": Advice(
        _E, "The connection to the authorization server is not secure: its certificate cannot be "
        "verified.",
        "If the authorization server is your own, set ca_file in its oauth table to the "
        "certificate of its authority. Otherwise check this machine's clock. Nothing was sent.",
        _YOU),
    "oauth.no_answer": Advice(
        _E, "The login was not finished in the browser in time.",
        "Begin again. If the browser runs on another computer, use --paste, and paste the address "
        "of its last page.",
        _YOU, "RFC 8252 section 7.3"),
    "oauth.no_port": Advice(
        _E, "The port for the browser's answer cannot be used on this computer.",
        "Remove redirect_uri from the account's settings, so that any free port will do; or end "
        "what uses the port.",
        _YOU, "RFC 8252 section 7.3"),
    "oauth.store_unsafe": Advice(
        _E, "The login is kept in a file or folder that others can read, or could have put there, "
        "so it is not used.",
        "Run the command that the message names; then log in again, since the login may be known "
        "to others.",
        _YOU),
    "oauth.store_unusable": Advice(
        _E, "The login cannot be kept or read.",
        "Make sure that the folder exists, that this user may write to it, and that the disk is "
        "not full.",
        _YOU),
    "oauth.store_damaged": Advice(
        _E, "The login that is kept is damaged, or was put there for another account.",
        "Log in again: smtps login --account NAME.",
        _YOU),
    "oauth.no_such_login": Advice(
        _E, "The service does not know the login that this answer is for.",
        "Begin again: smtps login --service URL --account NAME. Behind a load balancer, name one "
        "service directly.",
        _YOU),
    "oauth.store_unavailable": Advice(
        _E, "The login is in the outbox's database, which does not answer.",
        "Start the database, or correct the setting outbox. The request is repeated later.",
        _OPERATOR),
    "oauth.key_unknown": Advice(
        _E, "The login was encrypted with a key that is missing from the settings.",
        "Add the key that was used before to login_key_file (or login_key_env, login_key_command), "
        "behind the first one. If it is lost, log in again: smtps login --account NAME.",
        _OPERATOR),
    "oauth.lease_lost": Advice(
        _E, "This process was suspended or cut off from the database while it renewed the login, "
        "and another one has taken over.",
        "Nothing, if it happens once. Otherwise find out what stops the process or the database "
        "for so long.",
        _OPERATOR),
}  # fmt: skip

TOKENS: dict[str, Advice] = {
    "oauth.not_an_access_token": Advice(
        _E, "What was given as the access token is something else.",
        "Use the access token: the value of access_token in the answer of the authorization "
        "server, without anything before or after it.",
        _YOU, "RFC 6749 section 1.4"),
    "oauth.token_expired": Advice(
        _E, "The access token has expired.",
        "Get a new one; it usually lasts an hour. An account with the table oauth renews its "
        "tokens by itself. If the token is new, set this computer's clock (NTP).",
        _YOU, "RFC 6749 section 1.5"),
    "oauth.token_not_yet_valid": Advice(
        _E, "The access token is not valid yet: two clocks differ.",
        "Synchronize this machine's clock with NTP. If it is right, the clock of the authorization "
        "server is ahead: its operator has to set it.",
        _YOU, "RFC 7519 section 4.1.5"),
    "oauth.wrong_audience": Advice(
        _E, "The access token is for another service, not for this mail server.",
        "Request the token for the mail server: at Microsoft with the scope "
        "https://outlook.office.com/SMTP.Send (a program: https://outlook.office365.com/.default), "
        "not with a scope of Microsoft Graph. Then log in again.",
        _YOU, "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/"
        "how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"),
    "oauth.wrong_issuer": Advice(
        _E, "The access token is from another authorization server than the one that the mail "
        "server accepts.",
        "Set issuer, in the table oauth of the account, to the authorization server that the mail "
        "server names, and log in again.",
        _YOU, "RFC 7628 section 3.2.2"),
    "oauth.wrong_scope": Advice(
        _E, "The access token does not allow sending mail: it lacks the scope.",
        "Set scopes to the scope that is named, allow it for the client at the provider, and log "
        "in again.",
        _YOU, "RFC 6749 section 3.3"),
    "oauth.app_permission": Advice(
        _E, "A program and a person need different permissions to send, and this token has the "
        "wrong one.",
        "For a program (client_credentials), add SMTP.SendAsApp under Application permissions of "
        "Office 365 Exchange Online, and grant admin consent. For a person, add SMTP.Send under "
        "Delegated permissions. Then get a new token: smtps login --account NAME.",
        _OPERATOR, "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/"
        "how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"),
    "oauth.other_user": Advice(
        _E, "The access token belongs to another user than the login name.",
        "Log in to the provider as the user of this mailbox. For a shared mailbox, leave the login "
        "name as it is, and have an administrator give the user the right to it.",
        _YOU),
    "oauth.app_not_in_mailbox": Advice(
        _E, "The application has the permission to send, but no access to this mailbox: Exchange "
        "Online does not know its service principal, or has not given it the mailbox.",
        "Ask an administrator of Exchange Online to run the commands in PowerShell. The object ID "
        "is the one under Enterprise applications, not the one under App registrations. It takes "
        "up to an hour to have an effect.",
        _OPERATOR, "https://learn.microsoft.com/exchange/client-developer/legacy-protocols/"
        "how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth"),
    "oauth.sound_token_refused": Advice(
        _E, "The server refuses the access token, in which nothing wrong was found, and gives no "
        "reason.",
        "Make sure that the login name is the mailbox's address and that the mailbox may log in by "
        "SMTP. The operator's log has the reason: the signature, a revocation or the account "
        "cannot be judged from here.",
        _OPERATOR, "RFC 7628 section 3.2.2"),
    "oauth.no_refresh_token": Advice(
        _E, "The provider gave no refresh token, so the login cannot be renewed: it ends with the "
        "access token.",
        "Log in again with the scope offline_access (Google: access_type=offline and "
        "prompt=consent); smtps login requests it, unless scopes is set without it.",
        _YOU, "RFC 6749 section 1.5"),
    "oauth.testing": Advice(
        _E, "Google ends this login seven days after it was made, because the consent screen of "
        "the client is in “Testing”.",
        "In the Google Cloud console, open Google Auth Platform, Audience, and publish the app "
        "(“In production”; for your own account it need not be verified). Then log in again: smtps "
        "login --account NAME.",
        _YOU, "https://developers.google.com/identity/protocols/oauth2#expiration"),
    "oauth.unused": Advice(
        _E, "The provider ended this login because it was not used for a long time.",
        "Log in again: smtps login --account NAME. Using the account renews the login; at "
        "Microsoft it ends after 90 days without use.",
        _YOU, "https://learn.microsoft.com/entra/identity-platform/refresh-tokens"),
    "oauth.secret_id": Advice(
        _E, "The client secret is a GUID: at Microsoft that is the secret's ID, not its value.",
        "Under Certificates & secrets, make a new secret and copy the column “Value”, which is "
        "shown only once. Put it in place of the old one.",
        _YOU, "https://learn.microsoft.com/entra/identity-platform/how-to-add-credentials"),
}  # fmt: skip
"""What is wrong with a token or a login, by what can be read of them."""
