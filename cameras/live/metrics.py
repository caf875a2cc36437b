"""Metrics of live view in this web process, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

from cameras.live.viewer import TRANSPORTS

VIEWERS = Gauge("skycam_live_viewers", "Viewers of live pictures at this web process.", ["transport"])
for transport in TRANSPORTS:
    VIEWERS.labels(transport).set(0)
FRAMES = Counter("skycam_live_frames_total", "Live pictures sent to viewers.", ["quality"])
BYTES = Counter("skycam_live_bytes_total", "Bytes of live pictures sent to viewers.")
DROPPED = Counter("skycam_live_dropped_total", "Live pictures dropped because of a limit.")
REFUSED = Counter("skycam_live_refused_total", "Viewers that were refused.", ["reason"])
LOWERED = Gauge(
    "skycam_live_lowered", "Level of this process's load: 0 full, 1 smaller pictures, 2 smaller and fewer, 3 fewer."
)
LOWERED_TIMES = Counter("skycam_live_lowered_steps_total", "How often this process's load lowered live view by a step.")
LATENCY = Histogram(
    "skycam_live_latency_seconds",
    "From the exposure of a frame to its sending to a viewer, by the clocks of both machines.",
    ["quality"],
    buckets=(0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0),
)
