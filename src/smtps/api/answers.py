"""What answers look like: the seed's keys first and exactly, then ours."""

from __future__ import annotations

import base64
from typing import Any

from smtps.api.requests import SendRequest
from smtps.client.outgoing import Outgoing
from smtps.client.result import Result
from smtps.diagnosis.report import Report, certificate_json

NOT_LOGGED_IN = "SMTPS connection test only (no authentication). Provide credentials to test login."


def connect_answer(report: Report, *, transcript: bool = False) -> dict[str, Any]:
    """The answer to a connection test that came through: the seed's keys first and exactly."""
    facts, best = report.facts, report.facts.best
    assert best is not None
    assert best.capabilities is not None
    return {
        "success": True,
        "host": facts.target,
        "port": facts.port,
        "protocol": "SMTPS" if facts.security == "implicit" else "SMTP",
        "tls": True,
        "rtt": round(best.timings["tcp"] + best.timings["tls"]),
        "greeting": str(best.greeting),
        "capabilities": list(best.capabilities.lines),
        "authenticated": best.mechanism is not None,
        "note": _note(report),
        **facts_answer(report, transcript=transcript),
    }


def facts_answer(report: Report, *, transcript: bool = False) -> dict[str, Any]:
    """What was seen, beyond the seed; also of a test that failed, as far as it came."""
    facts, best = report.facts, report.facts.best
    timings = {**facts.timings, **(best.timings if best else {})}
    tls = best.tls if best else None
    found: dict[str, Any] = {
        "security": facts.security,
        "address": best.address if best else None,
        "tls_version": tls.version if tls else None,
        "cipher": tls.cipher if tls else None,
        "certificate": certificate_json(best.chain[0], facts) if best and best.chain else None,
        "timings": {**timings, "total": round(sum(timings.values()), 3)},
        "findings": [finding.as_json() for finding in report.findings],
    }
    if transcript and best is not None and best.transcript is not None:
        found["transcript"] = best.transcript.as_json()
    return found


def _note(report: Report) -> str:
    best = report.facts.best
    if best is None or best.mechanism is None:
        return NOT_LOGGED_IN
    way = "implicit TLS" if report.facts.security == "implicit" else "STARTTLS"
    return f"Successfully authenticated over {way}"


def send_answer(
    request: SendRequest, result: Result, *, transcript: bool = False
) -> dict[str, Any]:
    """The answer to a message that was sent: the seed's keys first and exactly."""
    timings = dict(result.timings)
    answer: dict[str, Any] = {
        "success": True,
        "message": "Email sent successfully over TLS"
        if result.failure is None
        else "Email sent over TLS, but not to all recipients",
        "host": request.host,
        "port": request.port,
        "tls": True,
        **request.as_given(),
        "message_id": result.message_id,
        "rtt": round(sum(timings.values())),
        "reply": str(result.reply) if result.reply else None,
        "recipients": [recipient.as_json() for recipient in result.recipients],
        "timings": {**timings, "total": round(sum(timings.values()), 3)},
    }
    if transcript and result.transcript is not None:
        answer["transcript"] = result.transcript.as_json()
    return answer


def dry_run_answer(request: SendRequest, outgoing: Outgoing) -> dict[str, Any]:
    """What would be sent, and to whom."""
    return {
        "success": True,
        "message": "Dry run: nothing was sent",
        "host": request.host,
        "port": request.port,
        "tls": True,
        **request.as_given(),
        "message_id": outgoing.message_id,
        "dry_run": True,
        "envelope": {
            "from": str(outgoing.envelope.sender or ""),
            "to": [str(who) for who in outgoing.envelope.recipients],
        },
        "raw": base64.b64encode(outgoing.data).decode(),
    }
