"""What is counted while systems are served, for Prometheus. No label comes from a request but the path of a route."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.requests = Counter("dialora_requests", "Requests answered.", ("path", "status"), registry=registry)
        self.request_seconds = Histogram(
            "dialora_request_seconds", "From a request's head to its answer's end.", ("path",), buckets=SECONDS,
            registry=registry,
        )  # fmt: skip
        self.queue_tokens = Gauge(
            "dialora_queue_tokens", "Source tokens that are not yet written.", ("system",), registry=registry
        )
        self.batch_size = Histogram(
            "dialora_batch_size", "Sources in a batch.", ("system",), buckets=SIZES, registry=registry
        )
        self.batch_seconds = Histogram(
            "dialora_batch_seconds", "What a batch took.", ("system",), buckets=SECONDS, registry=registry
        )
        self.tokens_written = Counter(
            "dialora_tokens_written", "New tokens, equal sources once.", ("system",), registry=registry
        )
        self.summaries = Counter(
            "dialora_summaries", "Summaries answered.", ("system", "finish_reason"), registry=registry
        )

    def of_system(self, name: str) -> SystemMetrics:
        """Return the counters of one system's engine."""
        return SystemMetrics(self, name)

    def render(self) -> bytes:
        """Return all counters in Prometheus' text format."""
        return generate_latest(self.registry)


class SystemMetrics:
    """The counters of one system's engine."""

    def __init__(self, metrics: Metrics, name: str) -> None:
        self.queue_tokens = metrics.queue_tokens.labels(name)
        self.batch_size = metrics.batch_size.labels(name)
        self.batch_seconds = metrics.batch_seconds.labels(name)
        self.tokens_written = metrics.tokens_written.labels(name)


__all__ = ["Metrics", "SystemMetrics"]
