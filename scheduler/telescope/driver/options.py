"""What one exposure of a telescope's camera may be given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self, get_args

from pydantic import ConfigDict, Field, ValidationError, model_validator

from cameras.drivers.base import CameraError
from cameras.drivers.options import Option
from cameras.drivers.telescope_port import Pointing
from core.api.model import StrictModel, describe_error
from scheduler.telescope.driver.field import BAD_CODE, FIELD_KINDS
from scheduler.telescope.driver.protocol import FILE_ROOT

IMAGE_TYPES = {kind.image_type: code for code, kind in FIELD_KINDS.items() if code != BAD_CODE}
Mode = Literal["single", "overlap", "first", "next", "last"]
ImageType = Literal["sky", "dark", "focus", "offset", "pmskyflat", "amskyflat", "domeskyflat"]
MOST_HEADER_WORDS, LONGEST_COMMENT, LONGEST_FILTER, LONGEST_ROOT = 50, 200, 68, 64
MOST_SEQUENCE, FARTHEST_FOCUS = 1_000_000, 1e6
OPTIONS = {
    "mode": Option(
        "choices", "Readout",
        "overlap: the next exposure begins while this one is read out. first, next and last are the controller's own.",
        [*get_args(Mode)], default="single",
    ),
    "image_type": Option("choices", "Kind of image", choices=[*get_args(ImageType)], default="sky"),
    "shutter": Option("boolean", "Shutter opens", "Without it: closed for a dark, else open."),
    "clear": Option("boolean", "Clear the CCDs before", default=False),
    "sequence": Option("number", "Number in the sequence", minimum=1, maximum=MOST_SEQUENCE, is_whole=True, default=1),
    "comment": Option("text", "Comment", longest=LONGEST_COMMENT),
    "root": Option("text", "Name of the files without its end", "Without it: by the time.", longest=LONGEST_ROOT),
    "header": Option("words", "Header words", "They replace those of the telescope's status."),
    "ra": Option("number", "Right ascension to point to", "Hours, with dec.", minimum=0, maximum=24),
    "dec": Option("number", "Declination to point to", "Degrees, with ra.", minimum=-90, maximum=90),
    "focus": Option("number", "Focus to move to", minimum=-FARTHEST_FOCUS, maximum=FARTHEST_FOCUS),
    "filter": Option("text", "Filter to select", longest=LONGEST_FILTER),
}  # fmt: skip
"""As the camera declares them."""


class TelescopeOptions(StrictModel):
    """The options of one exposure.

    `mode`: what the controller is told. `overlap` is `first` or `next`, as its memory needs; an image in memory is
    fetched by `last` when no exposure follows it. `last` ends a series: its own image is fetched as well.
    """

    model_config = ConfigDict(extra="forbid")

    mode: Mode = "single"
    image_type: ImageType = "sky"
    shutter: bool | None = None
    """None: closed for a dark, else open."""
    clear: bool = False
    """Whether the CCDs are cleared before."""
    sequence: int = Field(default=1, ge=1, le=MOST_SEQUENCE)
    comment: str = Field(default="", max_length=LONGEST_COMMENT)
    root: str | None = Field(default=None, max_length=LONGEST_ROOT, pattern=rf"^{FILE_ROOT.pattern}$")
    """Of the names of its files; None: by the time."""
    header: dict[str, str] = Field(default_factory=dict, max_length=MOST_HEADER_WORDS)
    """Header words that replace those of the telescope's status."""
    ra: float | None = Field(default=None, ge=0, le=24)
    """Hours, for the telescope to point to."""
    dec: float | None = Field(default=None, ge=-90, le=90)
    focus: float | None = Field(default=None, ge=-FARTHEST_FOCUS, le=FARTHEST_FOCUS)
    filter: str | None = Field(default=None, max_length=LONGEST_FILTER)

    @model_validator(mode="after")
    def check_place(self) -> Self:
        if (self.ra is None) is not (self.dec is None):
            raise ValueError("ra and dec: give both or neither")
        return self

    @property
    def pointing(self) -> Pointing:
        place = (self.ra, self.dec) if self.ra is not None and self.dec is not None else None
        return Pointing(place, self.focus, self.filter)


def read_options(options: Mapping[str, Any]) -> TelescopeOptions:
    """CameraError rejected_setting."""
    try:
        return TelescopeOptions.model_validate({**options})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "options"
        raise CameraError(
            f"options.{name} {describe_error(first)}", reason="rejected_setting", permanent=True, before_shutter=True
        ) from None
