"""A report as the answer to a probe: the metrics of one target, Prometheus's text format.

The names that begin with ``probe_`` are blackbox_exporter's, so that its dashboards and rules work
with these too.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from smtps.diagnosis.conclusion import Verdict
from smtps.diagnosis.facts import AddressFacts
from smtps.diagnosis.report import Report


def metrics_of(report: Report, seconds: float) -> bytes:
    """The metrics.

    Args:
        report: of the target.
        seconds: that the probe took.
    """
    probe = _Probe()
    facts, best = report.facts, report.facts.best
    timings = {**facts.timings, **(best.timings if best else {})}
    working = report.verdict in (Verdict.WORKS, Verdict.WARNINGS)
    probe("probe_success", "Whether mail can be submitted.", working)
    probe("probe_duration_seconds", "How long the probe took.", seconds)
    probe(
        "probe_dns_lookup_time_seconds", "Time to look up the name.", timings.get("dns", 0) / 1000
    )
    if best is not None:
        _connection(probe, best)
    for phase, spent in timings.items():
        name, words = "smtps_probe_phase_seconds", "Time that a phase took."
        probe(name, words, spent / 1000, phase=phase)
    for verdict in Verdict:
        name, words = "smtps_probe_verdict", "1 for the verdict, 0 for the others."
        probe(name, words, verdict is report.verdict, verdict=verdict.value)
    for finding in report.findings:
        name, words = "smtps_probe_finding", "1 for each finding."
        probe(name, words, 1, code=finding.code, severity=finding.severity.value)
    if (graded := report.grade) is not None:
        probe("smtps_probe_grade_points", "Points of the grade, 0 to 100.", graded.points)
    return generate_latest(probe.registry)


def _connection(probe: _Probe, best: AddressFacts) -> None:
    version = 6 if ":" in best.address else 4
    probe("probe_ip_protocol", "4 or 6, of the address that was looked at.", version)
    if best.tls is not None and best.tls.version is not None:
        probe("probe_tls_version_info", "1, with the version.", 1, version=best.tls.version)
    if best.chain:
        first = min(best.chain, key=lambda certificate: certificate.not_after)
        probe(
            "probe_ssl_earliest_cert_expiry",
            "When the first certificate of the chain runs out, Unix time.",
            first.not_after.timestamp(),
        )
        probe(
            "smtps_probe_certificate_lifetime_seconds",
            "From the first to the last moment of the certificate that runs out first.",
            first.lifetime.total_seconds(),
        )


class _Probe:
    """Collects samples, and makes each metric when it first comes up."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._gauges: dict[str, Gauge] = {}

    def __call__(self, name: str, words: str, value: float, **labels: str) -> None:
        gauge = self._gauges.get(name)
        if gauge is None:
            gauge = self._gauges[name] = Gauge(name, words, labels, registry=self.registry)
        (gauge.labels(**labels) if labels else gauge).set(value)
