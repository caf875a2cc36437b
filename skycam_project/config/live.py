"""`live_streaming_config`: limits of viewers, quality presets, and load shedding."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from skycam_project.config.keys import YES_NO, Section, key

PREFIX = "LIVE_STREAMING_CONFIG__"
PERCENT = "a number from 1 to 100, or 0 to disable"


def size(default: int, name: str) -> Any:
    meaning = f"Longest side of a picture in the quality `{name}`, in pixels. Smaller pictures are not enlarged."
    variable = f"{PREFIX}QUALITY_PRESETS__{name.upper()}__SIZE"
    return key(default, meaning, "a whole number from 64 to 16384", env=variable, ge=64, le=16_384)


def jpeg_quality(default: int, name: str) -> Any:
    variable = f"{PREFIX}QUALITY_PRESETS__{name.upper()}__JPEG_QUALITY"
    return key(default, f"JPEG quality of `{name}`.", "a whole number from 1 to 100", env=variable, ge=1, le=100)


def fps(default: float, name: str) -> Any:
    meaning = f"Maximum pictures per second in the quality `{name}`. Further pictures are not encoded."
    variable = f"{PREFIX}QUALITY_PRESETS__{name.upper()}__FPS"
    return key(default, meaning, "a number from 1 to 240", env=variable, ge=1, le=240)


class LowPreset(Section):
    size: int = size(640, "low")
    jpeg_quality: int = jpeg_quality(60, "low")
    fps: float = fps(10.0, "low")


class MediumPreset(Section):
    size: int = size(1280, "medium")
    jpeg_quality: int = jpeg_quality(75, "medium")
    fps: float = fps(25.0, "medium")


class HighPreset(Section):
    size: int = size(4096, "high")
    jpeg_quality: int = jpeg_quality(90, "high")
    fps: float = fps(30.0, "high")


class QualityPresets(Section):
    low: LowPreset = LowPreset()
    medium: MediumPreset = MediumPreset()
    high: HighPreset = HighPreset()


class CpuThresholds(Section):
    """Load of all processors of a camera host; of one processor for a web process, which uses only one."""

    lower_quality: float = key(
        85.0, "CPU load in percent above which picture quality is reduced.", PERCENT,
        env=f"{PREFIX}CPU_THRESHOLDS__LOWER_QUALITY", ge=0, le=100,
    )  # fmt: skip
    lower_fps: float = key(
        95.0, "CPU load in percent above which the frame rate is reduced too.", PERCENT,
        env=f"{PREFIX}CPU_THRESHOLDS__LOWER_FPS", ge=0, le=100,
    )  # fmt: skip
    restore: float = key(
        70.0, "CPU load in percent below which one reduction is undone.",
        "a number from 0 to 99, below both thresholds", env=f"{PREFIX}CPU_THRESHOLDS__RESTORE", ge=0, le=99,
    )  # fmt: skip
    hold_s: float = key(
        5.0, "Seconds that a load must last before a step up or down.", "a number of seconds from 0 to 600",
        env=f"{PREFIX}CPU_THRESHOLDS__HOLD_S", ge=0, le=600,
    )  # fmt: skip

    @model_validator(mode="after")
    def restored_below_both(self) -> Self:
        """Otherwise one load would reduce and restore in turn."""
        used = [value for value in (self.lower_quality, self.lower_fps) if value]
        if any(self.restore >= value for value in used):
            raise ValueError("cpu_thresholds.restore must be below lower_quality and lower_fps.")
        if len(used) == 2 and self.lower_fps < self.lower_quality:
            raise ValueError("cpu_thresholds.lower_fps must not be below lower_quality: quality is reduced first.")
        return self


class Bandwidth(Section):
    per_viewer_kbit_s: int = key(
        0, "Maximum bandwidth of one viewer, in kbit/s. Pictures above it are skipped.",
        "a whole number from 0, 0 for no limit", env=f"{PREFIX}BANDWIDTH__PER_VIEWER_KBIT_S", ge=0,
    )  # fmt: skip
    total_kbit_s: int = key(
        0, "Maximum bandwidth of all viewers of the station together, in kbit/s.",
        "a whole number from 0, 0 for no limit", env=f"{PREFIX}BANDWIDTH__TOTAL_KBIT_S", ge=0,
    )  # fmt: skip


class LiveStreamingConfig(Section):
    enabled: bool = key(True, "Whether live streaming is enabled.", YES_NO, env=f"{PREFIX}ENABLED")
    frame_buffer_size: int = key(
        4, "Maximum open requests of one viewer. Pictures are never queued (docs/decisions/live.md).",
        "a whole number from 1 to 16", env=f"{PREFIX}FRAME_BUFFER_SIZE", ge=1, le=16,
    )  # fmt: skip
    max_viewers: int = key(
        100, "Maximum viewers of the station at a time, across all web processes.", "a whole number above 0",
        env=f"{PREFIX}MAX_VIEWERS", ge=1,
    )  # fmt: skip
    max_viewers_per_user: int = key(
        20, "Maximum viewers of one user at a time. Each live picture on a page counts as one.",
        "a whole number above 0", env=f"{PREFIX}MAX_VIEWERS_PER_USER", ge=1,
    )  # fmt: skip
    quality_presets: QualityPresets = QualityPresets()
    cpu_thresholds: CpuThresholds = CpuThresholds()
    bandwidth: Bandwidth = Bandwidth()
