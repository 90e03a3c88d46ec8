"""What an administrator of Exchange Online types, with the ids of a token filled in.

The ids come from the token or the settings, so each has to have the form of one before it may stand
in a line that is pasted into PowerShell.
"""

from __future__ import annotations

import re

from smtps.checks.finding import Finding
from smtps.checks.token_facts import TokenFacts
from smtps.errors import Failure
from smtps.oauth.claims import is_guid

_ADDRESS = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,253}")
_DOMAIN = re.compile(r"[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+")

COMMANDS = {
    "oauth.app_not_in_mailbox": (
        "Connect-ExchangeOnline -Organization {tenant}",
        "New-ServicePrincipal -AppId {application} -ObjectId {object}",
        "Add-MailboxPermission -Identity {mailbox} -User {object} -AccessRights FullAccess",
        "Get-CASMailbox -Identity {mailbox} | Format-List SmtpClientAuthenticationDisabled",
    ),
    "oauth.sound_token_refused": (
        "Connect-ExchangeOnline -Organization {tenant}",
        "Get-CASMailbox -Identity {mailbox} | Format-List SmtpClientAuthenticationDisabled",
        "Get-TransportConfig | Format-List SmtpClientAuthenticationDisabled",
        "Get-MailboxPermission -Identity {mailbox}",
    ),
    "auth.disabled_by_admin": (
        "Connect-ExchangeOnline -Organization {tenant}",
        "Set-CASMailbox -Identity {mailbox} -SmtpClientAuthenticationDisabled $false",
    ),
}
"""Code → lines of PowerShell: those that mend it, or else those that only look."""


def says_no_more(failure: Failure) -> bool:
    """Whether a refusal is the bare one of Exchange: ``535 5.7.3 Authentication unsuccessful``."""
    return failure.smtp_code == 535 and failure.enhanced in (None, "5.7.3", "5.7.8")


def with_commands(finding: Finding, token: TokenFacts) -> Finding:
    """The finding with the lines that mend it, if there are any for its code."""
    lines = COMMANDS.get(finding.code)
    if lines is None or token.role is None:
        return finding
    ids = _ids(token)
    return finding.with_commands(tuple(line.format(**ids) for line in lines))


def _ids(token: TokenFacts) -> dict[str, str]:
    known, read = token.provenance, token.claims
    tenant = next(
        (each for each in (known.tenant, read and read.tenant) if each and _names_tenant(each)),
        "TENANT",
    )
    application = next(
        (each for each in (read and read.application, known.client_id) if is_guid(each)),
        "APPLICATION_ID",
    )
    # Of an application's token, the oid is the service principal's: the id that Exchange wants.
    principal = read.object_id if read is not None and read.app_only else None
    mailbox = token.username or ""
    return {
        "tenant": tenant,
        "application": application,
        "object": principal if is_guid(principal) else "OBJECT_ID",
        "mailbox": mailbox if _ADDRESS.fullmatch(mailbox) else "MAILBOX",
    }


def _names_tenant(text: str) -> bool:
    return is_guid(text) or (_DOMAIN.fullmatch(text) is not None and not text.startswith("-"))
