"""The report: facts, findings and verdict, in the shape that scripts rely on.

``report_schema`` is its JSON Schema (draft 2020-12).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, ClassVar

from smtps.checks.clients import fare
from smtps.checks.facts import AddressFacts, Asked, Certificate, Facts
from smtps.checks.finding import Finding
from smtps.checks.probes import Probe
from smtps.checks.rules import judge
from smtps.checks.verdict import Grade, Verdict, conclude, grade, works
from smtps.core.capabilities import Capabilities
from smtps.errors import Failure, Phase


@dataclass(frozen=True, slots=True)
class Report:
    """What a check has to say.

    Attributes:
        facts: what was seen.
        findings: what is wrong, the most important first.
        verdict: in a word.
        written: how ``str`` writes one. ``report/``, the floor above, knows how, so the package and
            ``smtps.sync``, where reports come from, set it.
    """

    facts: Facts
    findings: tuple[Finding, ...]
    verdict: Verdict
    written: ClassVar[Callable[[Report], str]] = repr

    def __str__(self) -> str:
        """The text that ``smtps check`` prints."""
        return type(self).written(self).rstrip("\n")

    def to_json(self, *, transcript: bool = False, indent: int | None = None) -> str:
        """The JSON text (RFC 8259) that ``smtps check --json`` prints.

        Args:
            transcript: include the dialogue.
            indent: spaces for each level; None for one line.
        """
        return json.dumps(self.as_json(transcript=transcript), ensure_ascii=False, indent=indent)

    @classmethod
    def of(cls, facts: Facts) -> Report:
        """Judge the facts."""
        findings = tuple(judge(facts))
        return cls(facts, findings, conclude(facts, (each.severity for each in findings)))

    @property
    def failure(self) -> Failure | None:
        """Why it does not work, if it does not at any address."""
        facts, best = self.facts, self.facts.best
        if facts.failure is not None or best is None:
            return facts.failure
        logins = (each.login_failure for each in facts.addresses if not works(facts))
        return best.failure or best.login_failure or next(filter(None, logins), None)

    @property
    def grade(self) -> Grade | None:
        """How well it works, if that can be told."""
        return grade(self.findings, self.verdict)

    def as_json(self, *, transcript: bool = False) -> dict[str, Any]:
        """The object that ``smtps check --json`` prints."""
        facts, best = self.facts, self.facts.best
        return {
            "target": facts.target,
            "host": facts.host,
            "port": facts.port,
            "security": facts.security,
            "checked_at": facts.now.isoformat(timespec="seconds"),
            "verdict": self.verdict.value,
            "grade": graded.as_json() if (graded := self.grade) else None,
            "findings": [finding.as_json() for finding in self.findings],
            "addresses": [_address(a, facts, transcript=transcript) for a in facts.addresses],
            "timings": {**facts.timings, **(best.timings if best else {})},
            "tls": tls_json(best) if best else None,
            "certificate": certificate_json(best.chain[0], facts) if best and best.chain else None,
            "greeting": str(best.greeting) if best and best.greeting else None,
            "capabilities": _lines(best.capabilities) if best else [],
            "auth": _auth(best, wanted=facts.wanted_login),
            "token": facts.access_token.as_json() if facts.access_token else None,
            "envelope": _envelope(best.asked) if best and best.asked else None,
            "clients": [client.as_json() for client in fare(best)] if best else [],
            "control": facts.control,
            "dns": facts.dns.as_json() if facts.dns else None,
            "discovery": facts.discovery.as_json() if facts.discovery else None,
        }


def _address(address: AddressFacts, facts: Facts, *, transcript: bool) -> dict[str, Any]:
    found: dict[str, Any] = {
        "address": address.address,
        "timings": dict(address.timings),
        "failure": failure_json(address.failure or address.login_failure),
        "passed": failure_json(address.passed),
        "tls": tls_json(address),
        "certificates": [certificate_json(c, facts) for c in address.chain],
        "greeting": str(address.greeting) if address.greeting else None,
        "capabilities": _lines(address.capabilities),
        "capabilities_after_login": _lines(address.after_login),
        "login": _login(address, facts),
        "looks": [_look(look) for look in address.looks.values()],
    }
    if transcript and address.transcript is not None:
        found["transcript"] = address.transcript.as_json()
    return found


def failure_json(failure: Failure | None) -> dict[str, Any] | None:
    """``{"code", "phase", "message", …}``, or null."""
    if failure is None:
        return None
    return {
        "code": failure.code,
        "phase": failure.phase.value if failure.phase else None,
        "message": failure.message,
        "retryable": failure.retryable,
    }


def tls_json(address: AddressFacts) -> dict[str, Any] | None:
    """Version, cipher and key exchange, or null where it did not come so far."""
    tls = address.tls
    if tls is None or tls.version is None:
        return None
    return {
        "version": tls.version,
        "cipher": tls.cipher,
        "group": tls.group,
        "verified": tls.verified,
    }


def certificate_json(certificate: Certificate, facts: Facts) -> dict[str, Any]:
    """The certificate as answers and reports show it."""
    return {
        "subject": certificate.subject,
        "issuer": certificate.issuer,
        "names": list(certificate.names),
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "days_left": certificate.days_left(facts.now),
        "fingerprint_sha256": certificate.fingerprint_sha256,
        "self_signed": certificate.self_signed,
        "key": certificate.key,
        "signature": certificate.signature,
    }


def _lines(capabilities: Capabilities | None) -> list[str]:
    return list(capabilities.lines) if capabilities else []


def _look(look: Probe) -> dict[str, Any]:
    tls = look.tls if look.secured else None
    return {
        "name": look.name,
        "version": tls.version if tls else None,
        "cipher": tls.cipher if tls else None,
        "alpn": tls.alpn if tls else None,
        "resumed": tls.resumed if tls else None,
        "group": look.group,
        "greeting": str(look.greeting) if look.greeting else None,
        "said": look.said,
        "failure": failure_json(look.failure),
        "milliseconds": look.milliseconds,
    }


def _envelope(asked: Asked) -> dict[str, Any]:
    return {
        "from": asked.sender,
        "size": asked.size,
        "mail": str(asked.mail_reply) if asked.mail_reply else None,
        "recipients": [{"email": who, "reply": str(reply)} for who, reply in asked.recipients],
    }


def _login(address: AddressFacts, facts: Facts) -> dict[str, Any] | None:
    """What became of the login at one address, or null where none was wanted."""
    failure, withheld = address.login_failure, address.login_withheld
    if address.mechanism is None and failure is None and withheld is None:
        return None
    return {
        "accepted": address.mechanism is not None,
        "mechanism": address.mechanism,
        "failure": failure_json(failure),
        "challenge": _challenge(failure) if facts.token else None,
        "not_tried_since_it_failed_at": withheld,
    }


def _was_asked(address: AddressFacts) -> bool:
    """Whether the server has seen credentials; without an access token it has not."""
    failure = address.login_failure
    return address.mechanism is not None or (
        failure is not None and failure.phase is not Phase.TOKEN
    )


def _challenge(failure: Failure | None) -> dict[str, Any] | None:
    """What the server said of the access token, or null (RFC 7628 section 3.2.2)."""
    from smtps.checks.token_facts import challenge_of  # late: with a token  # noqa: PLC0415

    found = challenge_of(failure.seen) if failure is not None else None
    return found.as_json() if found is not None else None


def _auth(best: AddressFacts | None, *, wanted: bool) -> dict[str, Any]:
    offered = best.capabilities.auth if best and best.capabilities else ()
    return {
        "offered": list(offered),
        "tried": wanted and best is not None and _was_asked(best),
        "authenticated": best is not None and best.mechanism is not None,
        "mechanism": best.mechanism if best else None,
        "failure": failure_json(best.login_failure) if best else None,
        "mechanisms": [
            {"name": name, "failure": failure_json(failure)}
            for name, failure in (best.mechanisms.items() if best else ())
        ],
    }


def report_schema() -> str:
    """The schema as it is published, JSON."""
    return files("smtps.checks").joinpath("report.schema.json").read_text(encoding="utf-8")
