"""Metrics for Prometheus: the service's own, and those of one target for a probe.

The names that begin with ``probe_`` are blackbox_exporter's, so that its dashboards and rules work
here too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from smtps.checks.facts import AddressFacts
from smtps.checks.report import Report
from smtps.checks.verdict import Verdict
from smtps.outbox.records import FINAL

_LONG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1800, 3600, 14400, 86400, 259200)
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class OutboxMetrics:
    """Of the outbox and its accounts.

    Args:
        registry: of the application.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, registry=registry)
        histogram = partial(Histogram, registry=registry)
        self.accepted = counter("smtps_outbox_accepted", "Messages accepted.", ("account",))
        self.attempts = counter(
            "smtps_outbox_attempts",
            "Attempts, by resulting state of the message.",
            ("account", "status"),
        )
        self.latency = histogram(
            "smtps_outbox_seconds", "Time from a message's acceptance to its final state.",
            ("account",), buckets=_LONG_SECONDS,
        )  # fmt: skip
        self.depth = gauge(
            "smtps_outbox_messages", "Messages not in a final state.", ("account", "status")
        )
        self.oldest = gauge(
            "smtps_outbox_oldest_seconds", "Age of the oldest message not in a final state.",
            ("account",),
        )  # fmt: skip
        self.stopped = gauge(
            "smtps_outbox_account_stopped",
            "1 while an account is stopped until someone fixes the cause.",
            ("account",),
        )
        self.login_ends = gauge(
            "smtps_account_login_ends_seconds",
            "Seconds until the account's login ends unless it is used; 0 if someone has to log in.",
            ("account",),
        )
        self.token_ends = gauge(
            "smtps_account_access_token_ends_seconds",
            "Seconds until the account's access token expires; it is renewed before.",
            ("account",),
        )
        self.notices = gauge(
            "smtps_outbox_notices",
            "Notices that the webhook has not accepted: pending, or given up as undelivered.",
            ("account", "status"),
        )
        self.up = gauge(
            "smtps_outbox_up",
            "1 while the outbox's database answers; at 0, its other figures are outdated.",
        )

    def delivered(self, account: str, status: str, seconds: float) -> None:
        """Count an attempt.

        Args:
            account: its name.
            status: what the message became.
            seconds: since it was accepted.
        """
        self.attempts.labels(account, status).inc()
        if status in FINAL:
            self.latency.labels(account).observe(seconds)


class Metrics:
    """One application's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, registry=self.registry)
        gauge = partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)

        self.requests = counter("smtps_http_requests", "Requests answered.", ("route", "status"))
        self.seconds = histogram(
            "smtps_http_request_seconds", "Time to answer.", ("route",), buckets=_SECONDS
        )
        self.running = gauge("smtps_http_requests_running", "Requests in progress.")
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.checks = counter("smtps_checks", "Checks, by verdict.", ("verdict",))
        self.messages = counter("smtps_messages", "Messages, by outcome.", ("outcome",))
        self.outbox = OutboxMetrics(self.registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        children = self._children.get((route, status))
        if children is None:
            found = self.requests.labels(route, str(status)), self.seconds.labels(route)
            children = self._children[route, status] = found
        requests, histogram = children
        requests.inc()
        histogram.observe(seconds)

    def render(self, accounts: Collection[str] | None = None) -> bytes:
        """The text format.

        Args:
            accounts: the only ones to tell about; None for all.
        """
        registry: Collector = self.registry if accounts is None else _Only(self.registry, accounts)
        return generate_latest(registry)


class _Only(Collector):
    """A registry without the samples of other accounts.

    Args:
        registry: all of them.
        accounts: to tell about.
    """

    def __init__(self, registry: CollectorRegistry, accounts: Collection[str]) -> None:
        self._registry = registry
        self._accounts = accounts

    def collect(self) -> Iterator[Metric]:
        """Each metric with the samples that may be seen."""
        for metric in self._registry.collect():
            metric.samples = [
                sample
                for sample in metric.samples
                if "account" not in sample.labels or sample.labels["account"] in self._accounts
            ]
            yield metric


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
        name, words = "smtps_probe_phase_seconds", "Duration of a phase."
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
    probe("probe_ip_protocol", "4 or 6, the IP version of the address checked.", version)
    if best.tls is not None and best.tls.version is not None:
        probe("probe_tls_version_info", "1, with the version.", 1, version=best.tls.version)
    if best.chain:
        first = min(best.chain, key=lambda certificate: certificate.not_after)
        probe(
            "probe_ssl_earliest_cert_expiry",
            "When the first certificate of the chain expires, Unix time.",
            first.not_after.timestamp(),
        )
        probe(
            "smtps_probe_certificate_lifetime_seconds",
            "Validity period of the certificate that expires first.",
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
