"""The address of a controller: its host, its ports, and what the station knows of it, as `pco-nuc` or
`pco-nuc:6000,6001?profile=2026&files=/mnt/controller&collect=yes`; and what one exposure of a telescope's camera may
be given. Opens nothing."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, Self, get_args
from urllib.parse import parse_qsl, quote

from pydantic import ConfigDict, Field, ValidationError, model_validator

from cameras.drivers.base import CameraError
from cameras.drivers.options import Option
from cameras.drivers.telescope_port import Pointing
from core.api.model import StrictModel, describe_error
from core.folders import real_path_inside
from core.outgoing import HOST, ZONE, has_zone
from scheduler.telescope.driver.field import BAD_CODE, FIELD_KINDS
from scheduler.telescope.driver.protocol import FILE_ROOT, PROFILES, Profile, ProfileName

EXAMPLE = "pco-nuc:6000,6001?profile=2025"
_PARTS = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+(?:%[^\]\s]{0,40})?\]|[^:?,/\s\[\]]+)"
    r"(?::(?P<command>[0-9]{1,9})(?:,(?P<status>[0-9]{1,9}))?)?"
    r"(?:\?(?P<rest>.*))?"
)
_NAMES: tuple[ProfileName, ...] = ("seed", "2025", "2026")
_KEYS = {
    "profile": ", ".join(_NAMES),
    "amplifiers": "both, one",
    "files": "the folder where this machine sees the controller's files",
    "collect": "yes, no",
}
"""What may follow the question mark -> its values."""


@dataclass(frozen=True, slots=True)
class ControllerAddress:
    host: str
    command_port: int
    status_port: int
    profile_name: ProfileName
    has_one_amplifier: bool = False
    files: str = ""
    """The folder in which this machine sees the files that the controller writes; empty if it does not."""
    collects: bool = False
    """Whether the files are copied into the storage of the station."""

    @property
    def profile(self) -> Profile:
        profile = PROFILES[self.profile_name]
        return profile.with_one_amplifier() if self.has_one_amplifier else profile

    def __str__(self) -> str:
        """The normal form."""
        rest: list[tuple[str, str]] = [("profile", self.profile_name)]
        rest += [("amplifiers", "one")] if self.has_one_amplifier else []
        rest += [("files", quote(self.files, safe="/"))] if self.files else []
        rest += [("collect", "yes")] if self.collects else []
        options = "&".join(f"{key}={value}" for key, value in rest)
        return f"{self.host}:{self.command_port},{self.status_port}?{options}"


def parse_address(address: str, folders: list[str] | None = None) -> ControllerAddress:
    """ValueError with a sentence that says what is allowed. `folders`: those in which the files may be; None allows
    every folder, for an address that was checked when it was stored."""
    match = _PARTS.fullmatch(address.strip())
    if match is None:
        _refuse(f"The host {ZONE}" if has_zone(address.strip()) else "This is not the address of a controller.")
    host = _check_host(match["host"])
    options = _read_options(match["rest"] or "")
    name = options.get("profile", _NAMES[0])
    if name not in _NAMES:
        _refuse(f"The profile {name!r} does not exist; the profiles are {_KEYS['profile']}.")
    profile = PROFILES[name]
    command_port = _check_port(match["command"] or profile.command_port)
    status_port = _check_port(match["status"] or (command_port + 1 if match["command"] else profile.status_port))
    if command_port == status_port:
        _refuse("The port of the commands and the port of the status are the same.")
    files = _check_folder(options.get("files", ""), folders)
    collects = _choose(options, "collect", "yes", "no")
    if collects and not files:
        _refuse("collect=yes needs files=, the folder where this machine sees the controller's files.")
    return ControllerAddress(
        host, command_port, status_port, name, _choose(options, "amplifiers", "one", "both"), files, collects
    )


def _read_options(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, errors="strict") if text else []
    except ValueError:
        _refuse(f"{text[:80]!r} is not a list of KEY=VALUE with & between them.")
    options = dict(pairs)
    for key in options:
        if key not in _KEYS:
            _refuse(f"{key[:40]!r} is not a part of the address; its parts are {', '.join(_KEYS)}.")
    if len(options) < len(pairs):
        _refuse("A part of the address occurs twice.")
    return options


def _choose(options: dict[str, str], key: str, chosen: str, other: str) -> bool:
    value = options.get(key, other)
    if value not in (chosen, other):
        _refuse(f"{key}={value[:40]} is not possible; allowed are {_KEYS[key]}.")
    return value == chosen


def _check_host(host: str) -> str:
    if has_zone(host):
        _refuse(f"The host {ZONE}")
    if host.startswith("["):
        try:
            return f"[{ipaddress.IPv6Address(host[1:-1])}]"
        except ValueError:
            _refuse(f"{host[:60]!r} is not an IPv6 address.")
    if not HOST.fullmatch(host):
        _refuse(f"{host[:60]!r} is not the name of a host.")
    return host.lower().rstrip(".")


def _check_port(port: str | int) -> int:
    number = int(port)
    if not 1 <= number <= 65_535:
        _refuse(f"The port {number} does not exist; allowed are 1 to 65535.")
    return number


def _check_folder(folder: str, folders: list[str] | None) -> str:
    """The real path of the folder, which need not exist now: it may be on a disk that is not mounted."""
    if not folder:
        return ""
    if not folder.startswith("/") or not folder.isprintable() or ".." in folder.split("/"):
        _refuse(f"{folder[:80]!r} is not the full path of a folder.")
    path = os.path.realpath(folder)
    if folders is not None and real_path_inside(path, folders) is None:
        names = ", ".join(folders) or "none is configured"
        _refuse(f"The folder {path} is not in one of the folders of the setting `sources` ({names}).")
    return path


def _refuse(cause: str) -> NoReturn:
    raise ValueError(
        f"{cause} Give the controller's host, and its ports if they are not those of the profile: {EXAMPLE}"
    )


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
