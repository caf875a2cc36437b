"""`retention`: how long files are kept, and when a cleanup stops itself."""

from __future__ import annotations

from typing import Any

from skycam_project.config.keys import Section, key


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
