"""What the service counts, for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """One application's own registry."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "smtps_http_requests", "Requests answered.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "smtps_http_request_seconds",
            "Time to answer.",
            ("route",),
            registry=self.registry,
            buckets=_SECONDS,
        )
        self.running = Gauge(
            "smtps_http_requests_running", "Requests under way.", registry=self.registry
        )
        self._children: dict[tuple[str, int], tuple[Counter, Histogram]] = {}
        self.checks = Counter(
            "smtps_checks", "Checks, by verdict.", ("verdict",), registry=self.registry
        )
        self.messages = Counter(
            "smtps_messages", "Messages, by outcome.", ("outcome",), registry=self.registry
        )

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request."""
        children = self._children.get((route, status))
        if children is None:
            found = self.requests.labels(route, str(status)), self.seconds.labels(route)
            children = self._children[route, status] = found
        requests, histogram = children
        requests.inc()
        histogram.observe(seconds)

    def render(self) -> bytes:
        """The text format."""
        return generate_latest(self.registry)
