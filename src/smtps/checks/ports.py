"""The submission ports of a host side by side, and which one to use (RFC 8314)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from smtps.checks.checking import check
from smtps.checks.report import Report, tls_json
from smtps.checks.verdict import Verdict
from smtps.endpoint import Security, Timeouts
from smtps.net.egress import Allow

PORTS: dict[int, tuple[str, Security]] = {
    465: ("SMTPS", "implicit"),
    587: ("Submission", "starttls"),
    2525: ("Alt Submission", "starttls"),
    25: ("SMTP", "starttls"),
}
"""In the order of preference. Port 25 is between servers: it is shown, never recommended."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What was found.

    Attributes:
        host: as asked for.
        reports: port → report, in the order of preference.
    """

    host: str
    reports: dict[int, Report]

    @property
    def recommended(self) -> int | None:
        """The port to use, or None if none can be used."""
        return next((port for port in PORTS if port != 25 and self._usable(port)), None)

    def _usable(self, port: int) -> bool:
        report = self.reports[port]
        best = report.facts.best
        works = report.verdict in (Verdict.WORKS, Verdict.WARNINGS)
        return (
            works
            and best is not None
            and best.capabilities is not None
            and (bool(best.capabilities.auth))
        )

    @property
    def why(self) -> str:
        """One sentence on the recommendation."""
        port = self.recommended
        if port == 465:
            return "Port 465 is encrypted from the first byte, which RFC 8314 recommends."
        if port is not None:
            return (
                f"Port 465 cannot be used here; port {port} works with STARTTLS, which starts in "
                "the clear and then switches to TLS."
            )
        if self._usable(25):
            return "Only port 25 accepts logins here; it is meant for mail between servers."
        return "No port accepts logins over TLS that can be trusted."

    def as_json(self) -> dict[str, Any]:
        """``{"host", "ports", "recommended", "why"}``."""
        port = self.recommended
        return {
            "host": self.host,
            "ports": [_port(number, self.reports[number]) for number in sorted(self.reports)],
            "recommended": {"port": port, "security": PORTS[port][1]} if port else None,
            "why": self.why,
        }


def _port(number: int, report: Report) -> dict[str, Any]:
    name, security = PORTS[number]
    best = report.facts.best
    auth = best.capabilities.auth if best and best.capabilities else ()
    failure = report.failure
    return {
        "port": number,
        "name": name,
        "security": security,
        "verdict": report.verdict.value,
        "seen": failure.message if failure else "Answers over TLS.",
        "timings": {**report.facts.timings, **(best.timings if best else {})},
        "tls": tls_json(best) if best else None,
        "auth": list(auth),
        "findings": [finding.as_json() for finding in report.findings],
    }


async def compare(
    host: str,
    *,
    timeout: float = 10.0,
    allow: Allow | None = None,
    ca_file: str | None = None,
    resolver: str | None = None,
) -> Comparison:
    """Try the ports at the same time; no login, no mail.

    Args:
        host: name or address.
        timeout: seconds for each port.
        allow: egress policy, asked about each resolved address.
        ca_file: authority to trust in place of the system's.
        resolver: DNS server to ask in place of the system's.

    Raises:
        InputError: the host can be none.
        ForbiddenError: policy does not allow the target.
    """
    tries = [
        asyncio.create_task(
            check(
                host,
                first=True,
                allow=allow,
                port=port,
                security=security,
                ca_file=ca_file,
                resolver=resolver,
                timeouts=Timeouts(total=timeout),
            )
        )
        for port, (_, security) in PORTS.items()
    ]
    try:
        reports = await asyncio.gather(*tries)
    finally:
        for task in tries:
            task.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
    return Comparison(host, dict(zip(PORTS, reports, strict=True)))
