"""`ImageOrganizer`: folders and file names of a camera's pictures and clips. Django-free."""

from __future__ import annotations

from datetime import UTC, datetime

from captures.paths.night import Site, night_of


class ImageOrganizer:
    """`captures/<camera>/YYYY/MM/DD/raw/<camera>_YYYYMMDD_HHMMSS_mmm_<id>`: the folder has the date of the night, the
    name has the time in UTC, and the capture's id makes the name unique."""

    def __init__(self, slug: str, site: Site) -> None:
        self.slug, self.site = slug, site

    def folder(self, at: datetime) -> str:
        return f"captures/{self.slug}/{night_of(at, self.site):%Y/%m/%d}/raw"

    def path(self, capture: str, at: datetime, name: str = "") -> str:
        """The path without the file's suffix. With a `name`, the file is named by it and the time only."""
        utc = at.astimezone(UTC)
        time = f"{utc:%Y%m%d_%H%M%S}_{utc.microsecond // 1000:03}"
        return f"{self.folder(at)}/{f'{name}_{time}' if name else f'{self.slug}_{time}_{capture}'}"

    def clip(self, clip: str, at: datetime) -> str:
        """`clips/<camera>/YYYY/MM/DD/<camera>_YYYYMMDD_HHMMSS_mmm_<id>.mp4`, by the time of its first frame."""
        utc = at.astimezone(UTC)
        name = f"{self.slug}_{utc:%Y%m%d_%H%M%S}_{utc.microsecond // 1000:03}_{clip}.mp4"
        return f"clips/{self.slug}/{night_of(at, self.site):%Y/%m/%d}/{name}"
