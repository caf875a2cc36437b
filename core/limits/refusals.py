"""A Prometheus counter of what limits have refused."""

from __future__ import annotations

from prometheus_client import Counter

REFUSED = Counter(
    "skycam_requests_refused_total",
    "Connections, requests and sockets that were refused or cut off, by limit.",
    ["limit"],
)


def count_refusal(limit: str) -> None:
    REFUSED.labels(limit).inc()
