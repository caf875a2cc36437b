"""The status of a recorder as its camera process reports it."""

from __future__ import annotations

from cameras.runtime.spec import Recorder
from tests.harness.rows.captures import UNKNOWN

RECORDER = Recorder(
    state="recording", kind="rolling", by="ada", since="2026-03-01T20:00:00Z", reason="", message="", lost_frames=0,
    holes=0, expected_fps=15.0, actual_fps=15.0, delivered_percent=100.0, free_bytes=10**12, clip=UNKNOWN,
    clip_started="2026-03-01T20:05:00Z", frames=900, bytes=12_500_000, mb_per_min=12.5, floor_s=190_000,
)  # fmt: skip
