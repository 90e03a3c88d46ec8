"""Names of our own: codes, personas of the sandbox, alert rules."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from smtps.explanations.pasted import Pasted, pattern
from smtps.explanations.wordings import Evidence, table

EXACT = 0.99

_CODE = r"(?<![\w.])[a-z0-9]+\.[a-z0-9_]+(?![\w.-]*@)"


class Alert(NamedTuple):
    """A rule of ``deploy/alerts.yml``.

    Attributes:
        meaning: one plain sentence.
        fix: what to do.
        code: ours, if the rule is about one.
    """

    meaning: str
    fix: str
    code: str | None = None


ALERTS = {
    "MailSubmissionFails": Alert(
        "Mail cannot be submitted at this target.",
        "See the codes in smtps_probe_finding, or run: smtps check TARGET."),
    "MailSubmissionUnclear": Alert(
        "For an hour it has been unknown whether mail can be submitted at this target.",
        "Run smtps check TARGET where the service runs, and from another network."),
    "MailSubmissionVerdictChanged": Alert(
        "The verdict on this target is different from half an hour ago.",
        "Compare two reports: smtps check TARGET --against OLD.json."),
    "MailCertificateExpiresSoon": Alert("", "", "tls.certificate_expires_soon"),
    "MailGreetingSlow": Alert("", "", "smtp.greeting_late"),
    "MailBatchOld": Alert(
        "The file with the results of the last batch is old: the batch has stopped running.",
        "Look at the timer or cron job that runs smtps check --from FILE."),
    "SmtpsServiceBusy": Alert("", "", "api.busy"),
    "SmtpsServiceLimits": Alert("", "", "api.caller_limited"),
    "SmtpsServiceErrors": Alert(
        "The service answers requests with internal errors.",
        "Look for the traceback in the service's log, and report it."),
    "OutboxAccountStopped": Alert(
        "An account of the outbox has stopped sending.",
        "See smtps outbox list for the reason; fix it, then run smtps outbox resume ACCOUNT."),
    "AccountLoginEnds": Alert("", "", "oauth.login_needed"),
    "OutboxMailWaits": Alert(
        "Mail has been waiting in the outbox for longer than usual.",
        "See smtps outbox list for what the mail server said."),
    "OutboxNoticesUndelivered": Alert(
        "Notices of the outbox do not reach their webhook.",
        "Check that the webhook answers, and see the service's log."),
    "OutboxUncertain": Alert("", "", "send.uncertain"),
}  # fmt: skip
"""By name. Where a code is named, its advice is what there is to say."""


def own(text: Pasted) -> Iterator[Evidence]:
    """What names of ours in a text point to."""
    if "." in text.raw and pattern(_CODE).search(text.raw):
        from smtps.advice import ADVICE  # noqa: PLC0415  # late: what is not known needs none

        for found in pattern(_CODE).finditer(text.raw):
            if found[0] in ADVICE:
                yield Evidence(found[0], EXACT, found[0], found.start())
    for name, alert in ALERTS.items():
        if (at := text.raw.find(name)) >= 0:
            yield Evidence(alert.code or name, EXACT, name, at)
    alone = text.raw.strip().lower()
    for code in table()["personas"].get(alone, ()):
        yield Evidence(code, EXACT, alone, 0)
