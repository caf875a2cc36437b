"""Settings of recordings and archives, with the names of the laboratory's recording system (`CAMERA_CONFIG`,
`AUTO_RECORDING_CONFIG`, `ARCHIVE_CONFIG`), and `retention`: how long files are kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import field_validator, model_validator

from core.text.names import NAME_PATTERN
from skycam_project.config.keys import NAME, Section, key

RESOLUTION = r"^\d{2,5}x\d{2,5}$"
Preset = Literal["ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"]


def _key(name: str, default: Any, meaning: str, allowed: str, **limits: Any) -> Any:
    return key(default, meaning, allowed, env=f"CAMERA_CONFIG__{name}", **limits)


class RecordingConfig(Section):
    """Settings of all cameras that record."""

    max_cameras: int = _key(
        "MAX_CAMERAS", 32, "Maximum number of cameras.", "a whole number from 1 to 1000", ge=1, le=1000
    )
    recording_duration_minutes: float = _key(
        "RECORDING_DURATION_MINUTES", 10.0, "Length of a clip, in minutes. Then the next clip begins.",
        "a number of minutes from 0.01 to 1440", ge=0.01, le=1440,
    )  # fmt: skip
    rolling_clips_count: int = _key(
        "ROLLING_CLIPS_COUNT", 144,
        "Number of rolling clips to keep per camera; more if they are short (docs/station/storage.md).",
        "a whole number from 1 to 1000000", ge=1, le=1_000_000,
    )  # fmt: skip
    default_fps: float | None = _key(
        "DEFAULT_FPS", None, "Frame rate of a camera that is added without one, in frames per second.",
        "a number from 0.1 to 240", ge=0.1, le=240, unset="the camera's own",
    )  # fmt: skip
    default_resolution: str | None = _key(
        "DEFAULT_RESOLUTION", None, "Picture size of a camera that is added without one.",
        "WIDTHxHEIGHT in pixels", pattern=RESOLUTION, unset="the camera's own",
    )  # fmt: skip
    preset: Preset = _key(
        "PRESET", "ultrafast", "x264 preset: slower presets use more CPU for smaller files.",
        "ultrafast, superfast, veryfast, faster, fast, medium or slow",
    )  # fmt: skip
    crf: int = _key(
        "CRF", 23, "x264 CRF: a lower value means better quality and larger files.",
        "a whole number from 0 to 51", ge=0, le=51,
    )  # fmt: skip
    max_kbit_s: int = _key(
        "MAX_KBIT_S", 8000, "Maximum bit rate of recorded video, in kbit/s, also for noisy pictures.",
        "a whole number from 100 to 1000000", ge=100, le=1_000_000,
    )  # fmt: skip
    soft_floor_gb: float = _key(
        "SOFT_FLOOR_GB", 10.0, "Free disk space below which the oldest rolling clips are deleted, in GB.",
        "a number from 0 to 1000000", ge=0, le=1e6,
    )  # fmt: skip
    hard_floor_gb: float = _key(
        "HARD_FLOOR_GB", 2.0, "Free disk space below which recording stops, in GB.",
        "a number from 0 to 1000000", ge=0, le=1e6,
    )  # fmt: skip

    @model_validator(mode="after")
    def floors_in_order(self) -> Self:
        if self.hard_floor_gb > self.soft_floor_gb:
            raise ValueError("camera_config.hard_floor_gb must not be above camera_config.soft_floor_gb.")
        return self

    @field_validator("default_resolution", mode="before")
    @classmethod
    def lower_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    @property
    def clip_s(self) -> float:
        return self.recording_duration_minutes * 60


def _auto_key(name: str, default: Any, meaning: str, allowed: str, **limits: Any) -> Any:
    return key(default, meaning, allowed, env=f"AUTO_RECORDING_CONFIG__{name}", **limits)


class AutoRecordingConfig(Section):
    """Recording that no one starts by hand: for experiments, and of the primary camera."""

    enabled: bool = _auto_key(
        "ENABLED", True, "Whether the cameras of a new experiment record by themselves.", "true or false"
    )
    pre_roll_s: float = _auto_key(
        "PRE_ROLL_S", 30.0, "Seconds before the start of an experiment that its clips cover, from rolling clips.",
        "a number of seconds from 0 to 3600", ge=0, le=3600,
    )  # fmt: skip
    post_roll_s: float = _auto_key(
        "POST_ROLL_S", 30.0, "Seconds that are recorded after the end of an experiment.",
        "a number of seconds from 0 to 3600", ge=0, le=3600,
    )  # fmt: skip
    still_interval_s: float = _auto_key(
        "STILL_INTERVAL_S", 60.0, "Seconds from start to start of two stills of a camera without a stream.",
        "a number of seconds from 1 to 86400", ge=1, le=86_400,
    )  # fmt: skip
    record_primary_camera: bool = _auto_key(
        "RECORD_PRIMARY_CAMERA", False,
        "Whether the primary camera records rolling clips after each start of the station. Where `enabled` is set and "
        "this is not, it is as `enabled`.", "true or false",
    )  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def primary_camera_by_enabled(cls, values: Any) -> Any:
        """Who switches automatic recording on expects that it begins, as in the first documents of Skycam. By default
        experiments record, and nothing else does."""
        if not isinstance(values, Mapping) or values.get("enabled") is None:
            return values
        return {"record_primary_camera": values["enabled"], **values}


def _archive_key(name: str, default: Any, meaning: str, allowed: str, **limits: Any) -> Any:
    return key(default, meaning, allowed, env=f"ARCHIVE_CONFIG__{name}", **limits)


class ArchiveConfig(Section):
    """Archives of experiments."""

    on_completion: bool = _archive_key(
        "ON_COMPLETION", True, "Whether an experiment is archived by itself when it is completed.", "true or false"
    )
    method: Literal["copy", "link"] = _archive_key(
        "METHOD", "copy", "How files get into archives that no one requested by hand. A hard link is no second copy.",
        "copy or link",
    )  # fmt: skip
    wait_s: float = _archive_key(
        "WAIT_S", 300.0,
        "Seconds that an archive waits at most for clips that are still to be saved or recovered.",
        "a number of seconds from 0 to 86400", ge=0, le=86_400,
    )  # fmt: skip
    verify_days: int = _archive_key(
        "VERIFY_DAYS", 30, "Days between two verifications of an archive; 0 disables them.",
        "a whole number from 0 to 3650", ge=0, le=3650,
    )  # fmt: skip
    gather_host: str | None = _archive_key(
        "GATHER_HOST", None, "Host that also gets the files of all other hosts of an archive.", NAME,
        pattern=NAME_PATTERN, unset="no host",
    )  # fmt: skip


def _days(name: str, meaning: str) -> Any:
    allowed = "a number of days from 0 to 36500, 0 for no limit"
    return key(0.0, meaning, allowed, env=f"RETENTION__{name}", ge=0, le=36_500)


class RetentionConfig(Section):
    """Rules of age by storage class. Only rolling clips have rules of count and space, in `camera_config`."""

    rolling_clip_days: float = _days("ROLLING_CLIP_DAYS", "Age at which rolling clips are deleted, in days.")
    manual_clip_days: float = _days("MANUAL_CLIP_DAYS", "Age at which manual clips are deleted, in days.")
    capture_days: float = _days("CAPTURE_DAYS", "Age at which captures are moved to the trash, in days.")
    capture_offsite_days: float = _days(
        "CAPTURE_OFFSITE_DAYS", "Age at which captures are kept only at a destination that allows it, in days."
    )
    archive_offsite_days: float = _days(
        "ARCHIVE_OFFSITE_DAYS", "Age at which files of archives are kept only at such a destination, in days."
    )
    trash_days: float = key(
        30.0, "How long a capture can be restored from the trash, in days. Then its files are deleted.",
        "a number of days from 0 to 36500", env="RETENTION__TRASH_DAYS", ge=0, le=36_500,
    )  # fmt: skip
    vanished_percent: float = key(
        10.0, "If more than this share of the files that a cleanup looks for is missing, it deletes nothing in that "
        "root; in percent.", "a number of percent from 0 to 100", env="RETENTION__VANISHED_PERCENT", ge=0, le=100,
    )  # fmt: skip
