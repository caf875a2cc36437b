"""What this web process has given to viewers, for Prometheus."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

VIEWERS = Gauge("skycam_live_viewers", "Viewers of live pictures at this web process.", ["transport"])
FRAMES = Counter("skycam_live_frames_total", "Live pictures given to viewers.", ["quality"])
BYTES = Counter("skycam_live_bytes_total", "Bytes of live pictures given to viewers.")
DROPPED = Counter("skycam_live_dropped_total", "Live pictures left out, since a limit did not allow them.")
REFUSED = Counter("skycam_live_refused_total", "Viewers that were refused.", ["reason"])
LOWERED = Gauge(
    "skycam_live_lowered", "0 all is given, 1 smaller pictures, 2 fewer as well, 3 fewer alone: by this process's load."
)
LOWERED_TIMES = Counter("skycam_live_lowered_steps_total", "How often this process's load lowered live view by a step.")
