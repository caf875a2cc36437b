"""`ImageOrganizer`: folders and file names of a camera's pictures and clips. Django-free."""

from __future__ import annotations

from datetime import datetime

from captures.paths.file_names import DEFAULT_TEMPLATE, FileNameTemplate, PictureName, time_text
from captures.paths.night import Site, night_of


class ImageOrganizer:
    """`captures/<camera>/YYYY/MM/DD/raw/<name>`: the folder has the date of the night, and the name is that of the
    template, by default `<camera>_YYYYMMDD_HHMMSS_mmm_<id>` with the time in UTC."""

    def __init__(self, slug: str, site: Site, template: str = DEFAULT_TEMPLATE) -> None:
        """ValueError for an invalid template."""
        self.slug, self.site, self._template = slug, site, FileNameTemplate(template)

    def folder(self, at: datetime) -> str:
        return f"captures/{self.slug}/{night_of(at, self.site):%Y/%m/%d}/raw"

    def path(
        self, capture: str, at: datetime, name: str = "", *, index: int | None = None, exposure_us: int | None = None
    ) -> str:
        """The path without the file's suffix. With a `name`, the file is named by it and the time only; otherwise by
        the template, whose fields the other arguments fill (`PictureName`)."""
        if name:
            return f"{self.folder(at)}/{name}_{time_text(at)}"
        return f"{self.folder(at)}/{self._template.name(PictureName(self.slug, capture, at, index, exposure_us))}"

    def clip(self, clip: str, at: datetime) -> str:
        """`clips/<camera>/YYYY/MM/DD/<camera>_YYYYMMDD_HHMMSS_mmm_<id>.mp4`, by the time of its first frame."""
        name = f"{self.slug}_{time_text(at)}_{clip}.mp4"
        return f"clips/{self.slug}/{night_of(at, self.site):%Y/%m/%d}/{name}"
