"""`live_streaming_config`: who may watch, in which qualities, and when less is given."""

from __future__ import annotations

from typing import Any, Self

from pydantic import model_validator

from skycam_project.config.keys import YES_NO, Section, key

PREFIX = "LIVE_STREAMING_CONFIG__"
PERCENT = "a number from 1 to 100, or 0 for never"


def size(default: int, name: str) -> Any:
    meaning = f"Longest side of a picture in the quality `{name}`, in pixels; a smaller one stays as it is."
    variable = f"{PREFIX}QUALITY_PRESETS__{name.upper()}__SIZE"
    return key(default, meaning, "a whole number from 64 to 16384", env=variable, ge=64, le=16_384)


def jpeg_quality(default: int, name: str) -> Any:
    variable = f"{PREFIX}QUALITY_PRESETS__{name.upper()}__JPEG_QUALITY"
    return key(default, f"JPEG quality of `{name}`.", "a whole number from 1 to 100", env=variable, ge=1, le=100)


def fps(default: float, name: str) -> Any:
    meaning = f"Most pictures a second in the quality `{name}`; further ones are not encoded."
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
    """Of all processors of a camera host, and of one processor for a web process, which uses no more."""

    lower_quality: float = key(
        85.0, "Load from which pictures are made smaller.", PERCENT, env=f"{PREFIX}CPU_THRESHOLDS__LOWER_QUALITY",
        ge=0, le=100,
    )  # fmt: skip
    lower_fps: float = key(
        95.0, "Load from which fewer pictures are made as well.", PERCENT, env=f"{PREFIX}CPU_THRESHOLDS__LOWER_FPS",
        ge=0, le=100,
    )  # fmt: skip
    restore: float = key(
        70.0, "Load below which one step is taken back.", "a number from 0 to 99, below the two thresholds",
        env=f"{PREFIX}CPU_THRESHOLDS__RESTORE", ge=0, le=99,
    )  # fmt: skip
    hold_s: float = key(
        5.0, "Seconds for which a load must last before a step is taken.", "a number of seconds from 0 to 600",
        env=f"{PREFIX}CPU_THRESHOLDS__HOLD_S", ge=0, le=600,
    )  # fmt: skip

    @model_validator(mode="after")
    def restored_below_both(self) -> Self:
        """A load between them would lower and restore in turn."""
        used = [value for value in (self.lower_quality, self.lower_fps) if value]
        if any(self.restore >= value for value in used):
            raise ValueError("cpu_thresholds.restore must be below lower_quality and lower_fps.")
        if len(used) == 2 and self.lower_fps < self.lower_quality:
            raise ValueError("cpu_thresholds.lower_fps must not be below lower_quality: quality goes first.")
        return self


class Bandwidth(Section):
    per_viewer_kbit_s: int = key(
        0, "Most that one viewer gets, in kbit/s; above it pictures are left out.",
        "a whole number from 0, 0 for no limit", env=f"{PREFIX}BANDWIDTH__PER_VIEWER_KBIT_S", ge=0,
    )  # fmt: skip
    total_kbit_s: int = key(
        0, "Most that all viewers of the station get together, in kbit/s.",
        "a whole number from 0, 0 for no limit", env=f"{PREFIX}BANDWIDTH__TOTAL_KBIT_S", ge=0,
    )  # fmt: skip


class LiveStreamingConfig(Section):
    enabled: bool = key(True, "Whether there are live pictures.", YES_NO, env=f"{PREFIX}ENABLED")
    frame_buffer_size: int = key(
        4, "Most requests of one viewer that may wait; pictures themselves are never queued (docs/decisions/live.md).",
        "a whole number from 1 to 16", env=f"{PREFIX}FRAME_BUFFER_SIZE", ge=1, le=16,
    )  # fmt: skip
    max_viewers: int = key(
        100, "Most viewers of the station at a time, over all its web processes.", "a whole number above 0",
        env=f"{PREFIX}MAX_VIEWERS", ge=1,
    )  # fmt: skip
    max_viewers_per_user: int = key(
        20, "Most viewers of one user at a time; each live picture of a page is one.", "a whole number above 0",
        env=f"{PREFIX}MAX_VIEWERS_PER_USER", ge=1,
    )  # fmt: skip
    quality_presets: QualityPresets = QualityPresets()
    cpu_thresholds: CpuThresholds = CpuThresholds()
    bandwidth: Bandwidth = Bandwidth()
