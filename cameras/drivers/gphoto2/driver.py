"""The driver of DSLRs: open by serial number, set by the camera's own choices, expose, fetch, forget."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Any, ClassVar, Literal

from pydantic import Field

from cameras.drivers.base import (
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    DriverSettings,
    Exposure,
    ExposureRequest,
    Identity,
)
from cameras.drivers.gphoto2.choices import parse_kinds
from cameras.drivers.gphoto2.errors import NO_WIDGET, NOT_THERE, camera_error
from cameras.drivers.gphoto2.finding import cameras_on_usb, check_address, connect, describe, listed
from cameras.drivers.gphoto2.session import CardFile, Session, is_listed, kind_of, library, library_version
from cameras.drivers.gphoto2.widgets import SETTINGS, label, say

SAFE_LIBRARY = (2, 5, 34)
SECOND_FILE_S = 4.0
"""How long a RAW + JPEG camera may take to announce the second file."""
READOUT_S = 5.0
EVENT_MS = 100
IN_MEMORY = "/"
"""The folder of a picture in the camera's memory: gone once fetched, and its name is used again for the next."""

OURS = frozenset({"keep_on_card"})
"""Settings that are this driver's, not the camera's."""

VIRTUAL = ("GP", "VC")
VIRTUAL_CAPTURES = 25
"""libgphoto2's virtual camera loses the 27th capture of a session: it is opened anew before."""


class Gphoto2Settings(DriverSettings):
    format: str | None = Field(default=None, max_length=64, description="raw, jpeg, raw+jpeg, or the camera's own name")
    capture_target: Literal["card", "memory"] | None = None
    keep_on_card: bool = Field(default=False, description="leave the pictures on the card after they are safe here")


class Gphoto2Driver(Driver):
    """A DSLR. `abort` does nothing: libgphoto2's capture() cannot be interrupted, only its process killed."""

    kind: ClassVar[str] = "gphoto2"
    Settings: ClassVar[type[DriverSettings]] = Gphoto2Settings

    def __init__(self, address: str, clock: Clock) -> None:
        super().__init__(address, clock)
        self._session: Session | None = None
        self._settings: dict[str, Any] = {}
        self._borrowed: dict[str, str] = {}
        self._refused: set[tuple[str, str]] = set()
        self._shutter = False
        self._warned_of_library = False

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        return check_address(address)

    @classmethod
    def detect(cls, held: Collection[str] = ()) -> list[dict[str, str]]:
        """The cameras on USB. A camera that another process holds has no serial here; its address is the port."""
        return [listed(camera) if camera.port in held else describe(camera) for camera in cameras_on_usb()]

    def place(self) -> str:
        return self._session.port if self._session else ""

    def open(self, deadline: float) -> Identity:
        self.close()
        self._refused.clear()
        self._borrowed.clear()
        self._warned_of_library = False
        self._session = connect(self.address, self.clock, deadline)
        return self._session.identity

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.exit()

    def capabilities(self) -> Capabilities:
        """From the open camera; before `open`, what every DSLR can."""
        if self._session is None:
            return Capabilities(kinds=("jpeg", "raw"), readout_s=READOUT_S)
        with self._talking(self.clock.monotonic() + READOUT_S) as session:
            widgets = {name: session.read(name) for name in session.names}
        ranges = {name: SETTINGS[name].range_of(widget) for name, widget in widgets.items()}
        formats = widgets["format"].choices if "format" in widgets else []
        kinds = frozenset[str]().union(*map(parse_kinds, formats)) or {"jpeg", "raw"}
        return Capabilities(kinds=tuple(sorted(kinds)), readout_s=READOUT_S, settings=ranges)

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        """Apply and read back. The first call after `open` also warns of a libgphoto2 with known flaws.

        What `settings` does not name stays as it was, `keep_on_card` too.
        """
        given = {name: value for name, value in self.validated(settings).items() if name in settings}
        self._settings |= given
        with self._talking(deadline):
            self._give_back({})
            warnings = [*self._library_warning(), *self._put_all(given)]
            return Applied(self._observe(), warnings)

    def rehearse(self, request: ExposureRequest, deadline: float) -> Applied:
        """Sets what is asked, as an exposure does, and reads it back."""
        asked = self.validated(asdict(request))
        with self._talking(deadline):
            warnings = self._borrow(asked)
            return Applied(self._observe(), warnings)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        """Set, expose, and fetch every file. `ended_ns` is when the camera had the picture.

        What the request sets is given back by the next call that does not ask for it, not at once: a session of
        equal exposures leaves the camera alone between them.
        """
        asked = self.validated(asdict(request))
        with self._talking(deadline) as session:
            if self._wears_out(session):
                self._renew(deadline)
            warnings = self._borrow(asked)
            promised = self._promised_kinds()
            exposure = Exposure(0, 0, self._observe(), warnings)
            self._collect(exposure, self._release(exposure), promised)
            return exposure

    def forget(self, exposure: Exposure, deadline: float) -> None:
        """Delete from the card, unless `keep_on_card`. What an earlier session left stays: names are used again."""
        if self._settings.get("keep_on_card") or self._session is None:
            return
        with self._talking(deadline) as session:
            for file in exposure.card:
                if file.session == session.number:
                    self._delete(session, file)

    # Sessions

    def _renew(self, deadline: float) -> None:
        """A new session with the same settings, before the shutter."""
        self.close()
        self._session = connect(self.address, self.clock, deadline)
        self._put_all(self._settings)

    def _wears_out(self, session: Session) -> bool:
        return (session.identity.vendor, session.identity.model) == VIRTUAL and session.captures >= VIRTUAL_CAPTURES

    # Settings

    def _borrow(self, asked: dict[str, Any]) -> list[str]:
        """Set for one exposure, remembering what the camera had; a sentence for each value it would not take."""
        session = self._ready()
        self._give_back(asked)
        for name in asked.keys() & session.names.keys() - self._borrowed.keys():
            self._borrowed[name] = session.read(name).value
        return self._put_all(asked)

    def _give_back(self, kept: dict[str, Any]) -> None:
        """Set back what earlier exposures had set, save for the settings in `kept`."""
        for name in self._borrowed.keys() - kept.keys():
            choice, widget = self._borrowed.pop(name), self._ready().read(name)
            if choice in widget.choices and choice != widget.value and not widget.read_only:
                self._write(name, choice)

    def _put_all(self, asked: dict[str, Any]) -> list[str]:
        """A sentence for each value that the camera would not take."""
        wanted = {name: value for name, value in asked.items() if name not in OURS}
        return [warning for name, value in wanted.items() if (warning := self._put(name, value))]

    def _put(self, name: str, value: Any) -> str | None:
        session = self._ready()
        if name not in session.names:
            return f"This camera lets no {label(name)} be set over USB; {say(name, value)} was asked."
        setting, widget = SETTINGS[name], session.read(name)
        if widget.read_only:
            return f"The {label(name)} can be set on the camera's body only; {say(name, value)} was asked."
        choice = setting.choose(widget, value)
        if choice is None:
            return f"{say(name, value)} was asked; the camera offers {', '.join(widget.choices)}."
        if choice != widget.value and not self._write(name, choice):
            return f"{say(name, value)} was asked; the camera refuses it in its present mode."
        got = setting.parse(self._ready().read(name).value)
        if setting.same(value, got):
            return None
        return f"{say(name, value)} was asked; the camera's nearest is {say(name, setting.parse(choice))}."

    def _write(self, name: str, choice: str) -> bool:
        """False when the camera refuses. A session that saw an error is not trusted with a capture: it is renewed."""
        session = self._ready()
        if (name, choice) in self._refused:
            return False
        try:
            session.write(name, choice)
        except library().GPhoto2Error as error:
            if error.code not in NO_WIDGET:
                raise
            self._refused.add((name, choice))
            self._renew(session.deadline)
            return False
        return True

    def _observe(self) -> dict[str, Any]:
        session = self._ready()
        values = {name: SETTINGS[name].parse(session.read(name).value) for name in session.names}
        return {name: value for name, value in values.items() if value is not None}

    def _promised_kinds(self) -> frozenset[str]:
        session = self._ready()
        return parse_kinds(session.read("format").value) if "format" in session.names else frozenset()

    def _library_warning(self) -> list[str]:
        if self._warned_of_library:
            return []
        self._warned_of_library = True
        return library_warnings(library_version())

    # Exposing

    def _release(self, exposure: Exposure) -> CardFile:
        """From the call of capture() on a picture may exist, whatever happens."""
        session = self._ready()
        session.check_due()
        self._shutter = True
        exposure.started_ns = self.clock.wall_ns()
        file = session.capture()
        exposure.ended_ns = self.clock.wall_ns()
        return file

    def _collect(self, exposure: Exposure, first: CardFile, promised: frozenset[str]) -> None:
        """Fetch the first file, which must come, and the others that the format promises, which may be missing.

        What is missing may still be announced, and would then be taken for a file of the next capture: the session
        with the camera ends.
        """
        self._keep(exposure, first)
        try:
            for file in self._further_files(exposure, first, promised):
                self._keep(exposure, file)
        except (library().GPhoto2Error, CameraError) as error:
            exposure.warnings.append(f"The camera gave one file and then failed: {error}")
            self.close()
        exposure.missing = sorted(promised - _kinds(exposure))
        if exposure.missing:
            exposure.warnings.append(
                f"The camera gave no {' or '.join(exposure.missing)} file, which its format promises."
            )
            self.close()

    def _further_files(self, exposure: Exposure, first: CardFile, promised: frozenset[str]) -> Iterator[CardFile]:
        """Each kind once: whatever else the camera announces belongs to another capture."""
        session, until = self._ready(), self.clock.monotonic() + SECOND_FILE_S
        while (wanted := promised - _kinds(exposure)) and self.clock.monotonic() < until:
            file = session.next_file(EVENT_MS)
            if file is not None and file != first and kind_of(file.name) in wanted:
                yield file

    def _keep(self, exposure: Exposure, file: CardFile) -> None:
        if file.folder != IN_MEMORY:
            exposure.card.append(file)
        exposure.files.append(self._ready().fetch(file))

    def _delete(self, session: Session, file: CardFile) -> None:
        try:
            session.delete(file)
        except library().GPhoto2Error as error:
            if error.code not in NOT_THERE:
                raise

    # The boundary

    def _ready(self) -> Session:
        if self._session is None:
            raise CameraError("The camera is not open, or was closed after an error. Open it first.")
        return self._session

    @contextlib.contextmanager
    def _talking(self, deadline: float) -> Iterator[Session]:
        """The session, until something fails: then it is ended, and the error leaves as CameraError."""
        self._shutter = False
        try:
            session = self._ready()
            session.deadline = deadline
            yield session
        except CameraError as error:
            self.close()
            error.before_shutter = not self._shutter
            raise
        except library().GPhoto2Error as error:
            self.close()
            raise camera_error(
                error.code, session.port, gone=not is_listed(session.port), before_shutter=not self._shutter
            ) from None


def library_warnings(version: str) -> list[str]:
    """A sentence when libgphoto2 is older than the first version without known memory-safety flaws."""
    if tuple(int(part) for part in re.findall(r"\d+", version)[:3]) >= SAFE_LIBRARY:
        return []
    flaws = f"libgphoto2 {version} has flaws that a hostile camera can use (CVE-2026-40333 to 40341)"
    return [f"{flaws}: install gphoto2 2.6.4 or newer, which brings 2.5.34."]


def _kinds(exposure: Exposure) -> frozenset[str]:
    return frozenset(file.kind for file in exposure.files)
