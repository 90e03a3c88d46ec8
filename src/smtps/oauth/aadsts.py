"""Errors of Microsoft Entra by their number (AADSTS), after its reference of authentication errors.

Numbers may change, so what is not here goes by its OAuth error, and is said to be unknown.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from smtps.oauth.cause import SECRET_WRONG, UNUSED, Cause, over

NUMBER = re.compile(r"\bAADSTS(\d{5,7})\b")
PAGE = "https://login.microsoftonline.com/error?code={}"
"""What Microsoft itself says of a number."""

WRONG_SECRET = 7000215

_BLOCKED = "oauth.blocked_by_policy"
_USER = "oauth.user_unknown"
_CONSENT = "oauth.consent_needed"
_TENANT = "oauth.tenant_needed"
_SCOPE = "oauth.scope_refused"
_KEY = "oauth.client_key_refused"
_REQUEST = "oauth.request_refused"
_REDIRECT = "oauth.redirect_refused"
_PERMISSION = "oauth.permission_missing"

_NO_USER = Cause(_USER, "{} does not know this user in the tenant")
_MFA = over("it requires multifactor authentication")
_PASSWORD = over("the password has expired or was changed")
_DEVICE = Cause(_BLOCKED, "{} accepts logins from registered devices only")
_CONDITION = Cause(_BLOCKED, "{} blocks this login by conditional access")
_OTHER_TENANTS = Cause(_BLOCKED, "A policy at {} does not let this user log in to this tenant")
_RESOURCE = Cause(_SCOPE, "{} does not know the resource in the scope")
_WRONG_SCOPE = Cause(_SCOPE, "{} does not know the scope")
_ASSERTION = Cause(_KEY, "{} does not accept the client's signed assertion")
_MALFORMED = Cause(_REQUEST, "{} finds the request malformed")
_MULTITENANT = Cause(_TENANT, "{} lets this client log in only at a tenant of its own")
_UNLISTED = Cause(_PERMISSION, "The client's registration at {} does not list this permission")
_SINGLE_PAGE = Cause(
    _REDIRECT, "{} has the redirect URI of this client under the platform of web pages"
)
_TEMPORARY = Cause("oauth.server_failed", "{} is not available at the moment", retryable=True)
_DIRECTORY = Cause(
    "oauth.server_failed", "{} cannot reach the organization's own directory", retryable=True
)

MICROSOFT: Mapping[int, Cause] = {
    16000: over("it requires you to select an account again"),
    16001: over("it requires you to select an account again"),
    16002: over("it requires you to select an account again"),
    16003: _NO_USER,
    28002: _WRONG_SCOPE,
    28003: Cause(_SCOPE, "{} requires a scope"),
    50000: Cause("oauth.server_failed", "{} failed"),
    50001: _RESOURCE,
    50002: _OTHER_TENANTS,
    50005: Cause(_BLOCKED, "{} does not accept logins from this kind of device"),
    50011: Cause(_REDIRECT, "{} does not know the redirect URI of this client"),
    50012: _ASSERTION,
    50013: _ASSERTION,
    50014: _NO_USER,
    50020: _NO_USER,
    50027: _ASSERTION,
    50033: _TEMPORARY,
    50034: _NO_USER,
    50048: _ASSERTION,
    50053: over("the account is locked, or its address is blocked"),
    50055: _PASSWORD,
    50056: over("it requires the password"),
    50057: over("the account is disabled"),
    50058: over("it requires an interactive login"),
    50059: Cause(_TENANT, "{} has to be told the tenant"),
    50064: over("user name or password is wrong"),
    50072: over("the user has to enroll in multifactor authentication"),
    50074: _MFA,
    50076: over("it now requires multifactor authentication"),
    50078: over("the multifactor authentication has expired"),
    50079: over("the user has to set up multifactor authentication"),
    50085: over("it requires an interactive login"),
    50087: _TEMPORARY,
    50088: Cause("oauth.rate_limited", "{} has sent too many codes by phone", retryable=True),
    50089: over("it has expired"),
    50097: _DEVICE,
    50105: Cause("oauth.user_not_assigned", "{} has not assigned this user to the application"),
    50125: over("the user has to reset the password"),
    50126: over("user name or password is wrong"),
    50128: Cause(_TENANT, "{} has to be told the tenant"),
    50129: _DEVICE,
    50131: _CONDITION,
    50132: over("the session was revoked"),
    50133: _PASSWORD,
    50135: over("the user has to change the password, as the account is at risk"),
    50139: over("it requires an interactive login"),
    50140: over("it requires an interactive login"),
    50142: over("the user has to change the password"),
    50144: _PASSWORD,
    50155: _DEVICE,
    50158: over("an external check is required"),
    50166: _TEMPORARY,
    50173: over("the password was changed, or the login revoked"),
    50187: _DEVICE,
    50194: _MULTITENANT,
    50196: Cause("oauth.rate_limited", "{} was asked the same too often", retryable=True),
    50197: _NO_USER,
    50199: over("it requires you to confirm the login"),
    51004: _NO_USER,
    53000: Cause(_BLOCKED, "{} accepts logins from managed devices only"),
    53001: Cause(_BLOCKED, "{} accepts logins from joined devices only"),
    53002: Cause(_BLOCKED, "{} accepts approved applications only"),
    53003: _CONDITION,
    53004: over("the user has to enroll in multifactor authentication"),
    53010: Cause(_BLOCKED, "{} allows setting up multifactor authentication elsewhere only"),
    53011: Cause(_BLOCKED, "{} blocks this user, as the account is at risk"),
    54005: over("the code was used already"),
    65001: Cause(_CONSENT, "{} has no consent for this application"),
    65002: Cause("oauth.client_refused", "{} does not let other programs use this client"),
    65004: Cause("oauth.access_denied", "Consent was declined at {}"),
    65005: _UNLISTED,
    70000: over("it is no longer valid"),
    70001: Cause("oauth.client_disabled", "{} has disabled the client"),
    70002: Cause(SECRET_WRONG, "{} does not accept the client secret"),
    70003: Cause("oauth.grant_refused", "{} does not support this grant"),
    70004: Cause(_REDIRECT, "{} does not know the redirect URI of this client"),
    70005: Cause("oauth.grant_refused", "{} does not allow this client to log in like this"),
    70007: _MALFORMED,
    70008: over("it was not used for too long", UNUSED),
    70011: _WRONG_SCOPE,
    70012: _TEMPORARY,
    70016: Cause("oauth.pending", "The login at {} is not finished", retryable=True),
    70019: Cause("oauth.device_code_expired", "The code for {} has expired"),
    70043: over("conditional access limits how long a login lasts"),
    70044: over("conditional access limits how long a login lasts"),
    80001: _DIRECTORY,
    80002: _DIRECTORY,
    80005: _DIRECTORY,
    80007: _DIRECTORY,
    80012: Cause(_BLOCKED, "{} does not let this user log in at this hour"),
    80014: _DIRECTORY,
    90002: Cause("oauth.tenant_unknown", "{} does not know the tenant"),
    90004: _MALFORMED,
    90006: _TEMPORARY,
    90008: Cause(_CONSENT, "{} has no consent for this application"),
    90012: _TEMPORARY,
    90014: _MALFORMED,
    90019: Cause(_TENANT, "{} has to be told the tenant"),
    90023: Cause(_REQUEST, "{} refuses the request"),
    90024: _TEMPORARY,
    90033: _TEMPORARY,
    90038: Cause("oauth.tenant_unknown", "{} has the tenant in another national cloud"),
    90043: Cause("oauth.tenant_unknown", "{} has the tenant in another national cloud"),
    90051: Cause("oauth.tenant_unknown", "{} has the tenant in another national cloud"),
    90055: Cause("oauth.rate_limited", "{} limits the requests of this tenant", retryable=True),
    90072: _NO_USER,
    90090: _TEMPORARY,
    90091: _TEMPORARY,
    90093: Cause(_CONSENT, "{} lets only an administrator give this consent"),
    90094: Cause(_CONSENT, "{} requires an administrator's consent"),
    90095: Cause(_CONSENT, "{} requires an administrator's consent"),
    90099: Cause(_CONSENT, "{} has no consent for this application in the tenant"),
    90100: _MALFORMED,
    90123: Cause("oauth.access_denied", "The login was declined at {}"),
    90124: _MULTITENANT,
    90130: _MULTITENANT,
    135010: Cause(_KEY, "{} does not know the client's key"),
    135011: Cause(_BLOCKED, "{} has disabled the device of this login"),
    500011: _RESOURCE,
    500014: Cause(_BLOCKED, "The tenant at {} has disabled the mail service for applications"),
    500021: _OTHER_TENANTS,
    500022: _OTHER_TENANTS,
    500113: Cause(_REDIRECT, "{} knows no redirect URI of this client"),
    500133: Cause("oauth.clock", "{} finds that the assertion is not valid now"),
    500208: Cause(_TENANT, "{} does not accept this kind of account at this tenant"),
    500212: _OTHER_TENANTS,
    500213: _OTHER_TENANTS,
    501481: Cause("oauth.not_this_login", "The code is not of this login at {}"),
    530003: _DEVICE,
    530032: Cause(_BLOCKED, "{} blocks this login by a security policy"),
    530034: Cause(_BLOCKED, "{} blocks this user, as the account is at risk"),
    530035: Cause(_BLOCKED, "{} blocks this login by security defaults"),
    650052: Cause(_PERMISSION, "The tenant at {} has no subscription for the mail service"),
    650054: _RESOURCE,
    650056: _UNLISTED,
    650057: _UNLISTED,
    700003: _DEVICE,
    700005: over("the code is for another tenant"),
    700011: Cause("oauth.client_unknown", "{} does not know the client in this tenant"),
    700016: Cause("oauth.client_unknown", "{} does not know the client in this tenant"),
    700020: over("it requires an interactive login"),
    700022: Cause(_SCOPE, "{} gives a token for one service, and the scopes name several"),
    700023: Cause(_SCOPE, "{} cannot see from the scope which service it is for"),
    700024: Cause("oauth.clock", "{} finds that the assertion is not valid now"),
    700025: Cause("oauth.client_refused", "{} expects no secret or key of this public client"),
    700027: Cause(_KEY, "{} does not accept the client's signature"),
    700030: Cause(_KEY, "{} does not accept the name in the client's certificate"),
    700054: Cause(_REQUEST, "{} refuses the request"),
    700081: over("it has lasted as long as it may"),
    700082: over("it was not used for 90 days", UNUSED),
    700084: over("it has lasted as long as that of a web page may"),
    900144: _MALFORMED,
    900382: Cause("oauth.tenant_unknown", "{} has the tenant in another national cloud"),
    900432: Cause("oauth.tenant_unknown", "{} has the tenant in another national cloud"),
    900971: Cause(_REDIRECT, "{} was told no redirect URI"),
    1000031: Cause(_BLOCKED, "{} does not give access to the application at the moment"),
    1002012: Cause(_SCOPE, "{} requires a scope that ends in /.default, since a program asks"),
    7000112: Cause("oauth.client_disabled", "{} has disabled the client"),
    7000114: Cause("oauth.grant_refused", "{} does not allow this client to log in like this"),
    WRONG_SECRET: Cause(SECRET_WRONG, "{} does not accept the client secret"),
    7000216: Cause("oauth.secret_missing", "{} requires a client secret or a certificate"),
    7000218: Cause("oauth.secret_missing", "{} requires a client secret or public client flows"),
    7000222: Cause("oauth.secret_expired", "The client secret has expired at {}"),
    7000229: Cause("oauth.client_unknown", "{} has no such client in this tenant"),
    9001023: Cause(_TENANT, "{} allows this grant only at a tenant of its own"),
    9002313: _MALFORMED,
    9002326: _SINGLE_PAGE,
    9002327: _SINGLE_PAGE,
    9002332: Cause(_TENANT, "{} lets work accounts alone use this client, and not at “consumers”"),
    9002341: Cause(_CONSENT, "{} requires the user's permission for single sign-on"),
    9002346: Cause(_TENANT, "{} lets personal accounts alone use this client: at “consumers”"),
}  # fmt: skip
"""Number → what it means."""
