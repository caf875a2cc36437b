"""The driver of DSLRs: open by serial number, set the camera's choices, expose, fetch the files, delete them from the
card."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, ClassVar, Literal

from cameras.drivers.abilities import AttachedDevice, CameraBody, StoppableStream, Supplies
from cameras.drivers.base import (
    Aborted,
    Applied,
    CameraError,
    Capabilities,
    Clock,
    Driver,
    Exposure,
    ExposureRequest,
    FrameData,
    Identity,
)
from cameras.drivers.gphoto2.discovery import (
    cameras_on_usb,
    check_address,
    describe_camera,
    listed_camera,
    open_session,
)
from cameras.drivers.gphoto2.errors import NO_WIDGET, NOT_ON_CARD, camera_error
from cameras.drivers.gphoto2.pictures import LiveView, collect_files, release_shutter
from cameras.drivers.gphoto2.session import CardFile, Session, SupplyReader, is_listed, library, library_version
from cameras.drivers.gphoto2.widgets import SETTINGS, format_value, is_bulb, parse_kinds, setting_label
from cameras.drivers.options import DriverSettings
from core.resources.fields import field

SAFE_LIBRARY = (2, 5, 34)
READOUT_S = 5.0
BULB_WITHOUT_A_TIME = "The camera's dial is at bulb, and no exposure time is set. Set one, or turn the dial to a time."

SessionOpener = Callable[[str, Clock, float], Session]
"""Opens the camera at an address until a deadline, as `open_session` does."""

DRIVER_SETTINGS = frozenset({"keep_on_card"})
"""Settings that are this driver's, not the camera's."""

VIRTUAL = ("GP", "VC")
VIRTUAL_CAPTURES = 25
"""libgphoto2's virtual camera loses the 27th capture of a session, so the session is renewed before that."""


class Gphoto2Settings(DriverSettings):
    exposure_compensation: float | None = field(None, ge=-10, le=10, help="EV; where exposure is automatic")
    format: str | None = field(None, max_length=64, help="raw, jpeg, raw+jpeg, or the camera's own name")
    capture_target: Literal["card", "memory"] | None = None
    keep_on_card: bool = field(False, help="leave the pictures on the card after they are safe here")


class Gphoto2Driver(Driver, AttachedDevice, CameraBody, StoppableStream):
    """A DSLR. An abort ends a bulb exposure. libgphoto2's capture() cannot be interrupted: only a kill of the process
    ends it."""

    kind: ClassVar[str] = "gphoto2"
    settings_model: ClassVar[type[DriverSettings]] = Gphoto2Settings
    makes_files: ClassVar[bool] = True

    def __init__(self, address: str, clock: Clock, open_session: SessionOpener = open_session) -> None:
        super().__init__(address, clock)
        self._open_session = open_session
        self._session: Session | None = None
        self._settings: dict[str, Any] = {}
        self._overridden: dict[str, str] = {}
        self._refused: set[tuple[str, str]] = set()
        self._shutter = False
        self._warned_of_library = False
        self._supply_reader, self._live = SupplyReader(), LiveView(clock)

    @classmethod
    def check_address(cls, address: str, sources: list[str]) -> str:
        return check_address(address)

    @classmethod
    def discover(cls, held: Collection[str] = ()) -> list[dict[str, str]]:
        """The cameras on USB. A camera that another process has open is listed without a serial; its address is the
        port."""
        return [
            listed_camera(camera) if camera.port in held else describe_camera(camera) for camera in cameras_on_usb()
        ]

    def device_location(self) -> str:
        return self._session.port if self._session else ""

    def open(self, deadline: float) -> Identity:
        # First: the claim of an open session would make its own camera look taken by another process.
        self.close()
        # Another camera may be at the address, or its mode dial may have been turned: remembered choices need not fit.
        self._refused.clear()
        self._overridden.clear()
        self._warned_of_library = False
        self._supply_reader, self._live = SupplyReader(), LiveView(self.clock)
        self._session = self._open_session(self.address, self.clock, deadline)
        return self._session.identity

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.exit()

    def capabilities(self) -> Capabilities:
        """Those of the open camera; before `open`, those of every DSLR."""
        if self._session is None:
            return Capabilities(kinds=("jpeg", "raw"), readout_s=READOUT_S)
        with self._using_session(self.clock.monotonic() + READOUT_S) as session:
            widgets = {name: session.read(name) for name in session.names}
        ranges = {name: SETTINGS[name].range_of(widget) for name, widget in widgets.items()}
        formats = widgets["format"].choices if "format" in widgets else []
        # A camera's own names of its formats may not say which kinds of file they give.
        kinds = frozenset[str]().union(*map(parse_kinds, formats)) or {"jpeg", "raw"}
        return Capabilities(
            preview=session.has_live_view, kinds=tuple(sorted(kinds)), readout_s=READOUT_S, settings=ranges
        )

    def apply(self, settings: dict[str, Any], deadline: float) -> Applied:
        """Apply and read back. The first call after `open` also warns of a libgphoto2 with known flaws.

        Settings that are not in `settings` stay as they were, `keep_on_card` too.
        """
        # Fields with a default, such as `keep_on_card`, are in the validated dump even if they were not given.
        given = {name: value for name, value in self.validated(settings).items() if name in settings}
        # Before they are set: a refused value renews the session, which sets `_settings` again.
        self._settings |= given
        with self._using_session(deadline):
            self._restore_settings({})
            warnings = [*self._library_warning(), *self._set_values(given)]
            return Applied(self._read_settings(), warnings)

    def read_back(self, deadline: float) -> dict[str, Any]:
        with self._using_session(deadline):
            # An overridden value is the driver's own doing; reported, it would look like a dial that was turned.
            return {name: value for name, value in self._read_settings().items() if name not in self._overridden}

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        """Set the requested values, as an exposure does, and read them back."""
        requested = self.validated({**request.settings(), "format": request.format})
        with self._using_session(deadline):
            warnings = self._override_settings(requested)
            return Applied(self._read_settings(requested), warnings)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        """Set, expose, and fetch every file. `ended_ns` is when the camera had the picture.

        The request's settings are restored by the next call that does not use them, not at once: a session of equal
        exposures does not change the camera between them.
        """
        # Outside the session's context: an invalid request must not cost the open connection.
        requested = self.validated({**request.settings(), "format": request.format})
        with self._using_session(deadline) as session:
            if self._needs_renewal(session):
                self._renew(deadline)
            return self._expose(requested)

    def frame(self, deadline: float) -> FrameData | None:
        """A preview picture. The mirror of a DSLR stays up until `stop_frames`, or until the next exposure."""
        if not self._live.wait_until_due(deadline):
            return None
        with self._using_session(deadline) as session:
            return self._live.read_frame(session)

    def stop_frames(self, deadline: float) -> None:
        with self._using_session(deadline) as session:
            session.end_live_view()

    def supplies(self, deadline: float) -> Supplies:
        with self._using_session(deadline) as session:
            return self._supply_reader.read_supplies(session)

    def delete_from_card(self, exposure: Exposure, deadline: float) -> None:
        """Delete from the card, unless `keep_on_card`. Files of an earlier session stay, because names are reused."""
        if self._settings.get("keep_on_card") or self._session is None:
            return
        with self._using_session(deadline) as session:
            for file in exposure.card:
                if file.session == session.number:
                    self._delete(session, file)

    # Sessions

    def _renew(self, deadline: float) -> None:
        """A new session with the same settings, before the shutter."""
        # Not `open`: `_refused` must stay, else the same value would be refused and renew the session at each exposure;
        # and `_overridden`, else the camera's own values would not be restored.
        self.close()
        self._session = self._open_session(self.address, self.clock, deadline)
        self._set_values(self._settings)

    def _needs_renewal(self, session: Session) -> bool:
        return (session.identity.vendor, session.identity.model) == VIRTUAL and session.captures >= VIRTUAL_CAPTURES

    # Settings

    def _override_settings(self, requested: dict[str, Any]) -> list[str]:
        """Set values for one exposure and remember the camera's own; a sentence for each value that it refuses."""
        session = self._ready()
        self._restore_settings(requested)
        # Only the first override records a value: at the second one the camera has that of the first.
        for name in requested.keys() & session.names.keys() - self._overridden.keys():
            self._overridden[name] = session.read(name).value
        warnings = self._set_values(requested)
        # A refused value renews the session, and with it the desired values: those that were set before it are lost.
        # The second pass meets no further refusal, because `_refused` has them.
        return warnings if self._session is session else self._set_values(requested)

    def _restore_settings(self, kept: dict[str, Any]) -> None:
        """Restore what earlier exposures overrode, except for the settings in `kept`."""
        for name in self._overridden.keys() - kept.keys():
            choice, widget = self._overridden.pop(name), self._ready().read(name)
            # The choices depend on the camera's mode, which may have changed since the override.
            if choice in widget.choices and choice != widget.value and not widget.read_only:
                self._write(name, choice)

    def _set_values(self, requested: dict[str, Any]) -> list[str]:
        """Set values; a sentence for each one that the camera refuses."""
        wanted = {name: value for name, value in requested.items() if name not in DRIVER_SETTINGS}
        return [warning for name, value in wanted.items() if (warning := self._set_value(name, value))]

    def _set_value(self, name: str, value: Any) -> str | None:
        session = self._ready()
        if name not in session.names:
            return (
                f"The {setting_label(name)} of this camera cannot be set over USB; "
                f"{format_value(name, value)} was requested."
            )
        setting, widget = SETTINGS[name], session.read(name)
        if widget.read_only:
            label = setting_label(name)
            return f"The {label} can be set on the camera's body only; {format_value(name, value)} was requested."
        choice = setting.choose(widget, value)
        if choice is None:
            return f"{format_value(name, value)} was requested; the camera offers {', '.join(widget.choices)}."
        if choice != widget.value and not self._write(name, choice):
            return f"{format_value(name, value)} was requested; the camera refuses it in its present mode."
        has = self._ready().read(name).value
        if setting.same(value, setting.parse(has)) or (name == "exposure_us" and is_bulb(has)):
            return None
        nearest = format_value(name, setting.parse(choice))
        return f"{format_value(name, value)} was requested; the camera's nearest is {nearest}."

    def _write(self, name: str, choice: str) -> bool:
        """False when the camera refuses. The session is then renewed, because a capture after an error can block."""
        session = self._ready()
        if (name, choice) in self._refused:
            return False
        try:
            session.write(name, choice)
        except library().GPhoto2Error as error:
            if error.code not in NO_WIDGET:
                raise
            # Before the renewal, which sets all values again and would meet the same refusal.
            self._refused.add((name, choice))
            self._renew(session.deadline)
            return False
        return True

    def _read_settings(self, requested: dict[str, Any] | None = None) -> dict[str, Any]:
        """The camera's settings; at bulb, the time for which the shutter will be held open."""
        session = self._ready()
        texts = {name: session.read(name).value for name in session.names}
        values = {name: SETTINGS[name].parse(text) for name, text in texts.items()}
        if is_bulb(texts.get("exposure_us", "")):
            # The widget says only "Bulb", and the driver holds the shutter open for the requested time.
            values["exposure_us"] = {**self._settings, **(requested or {})}.get("exposure_us")
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

    def _expose(self, requested: dict[str, Any]) -> Exposure:
        """Once `release_shutter` is called, a picture may exist, even if an error follows."""
        warnings = self._override_settings(requested)
        # After the override: a refused value there replaces the session.
        session, promised, bulb_us = self._ready(), self._promised_kinds(), self._bulb_us(requested)
        session.end_live_view()
        # Read before the shutter: an error of the reading then costs a second try and no picture.
        exposure = Exposure(0, 0, self._read_settings(requested), warnings)
        # The last check before the shutter. After it an error may mean a picture, and the core must not expose the same
        # capture again.
        session.check_due()
        self._shutter = True
        first = release_shutter(session, self.clock, exposure, bulb_us)
        if not collect_files(session, self.clock, exposure, first, promised, bulb=bulb_us is not None):
            self.close()
        return exposure

    def _bulb_us(self, requested: dict[str, Any]) -> int | None:
        """How long to hold the shutter open; None if the camera times the exposure. CameraError before the shutter when
        the dial is at bulb and no time is set."""
        session = self._ready()
        if "exposure_us" not in session.names or not is_bulb(session.read("exposure_us").value):
            return None
        wanted_us: int | None = requested.get("exposure_us", self._settings.get("exposure_us"))
        if wanted_us is None or not session.has_bulb:
            raise CameraError(BULB_WITHOUT_A_TIME, reason="rejected_setting", permanent=True)
        session.check_due(wanted_us / 1e6)
        return wanted_us

    def _delete(self, session: Session, file: CardFile) -> None:
        try:
            session.delete(file)
        except library().GPhoto2Error as error:
            # It may have been deleted on the body; the result is the desired one.
            if error.code not in NOT_ON_CARD:
                raise

    # The boundary

    def _ready(self) -> Session:
        if self._session is None:
            raise CameraError("The camera is not open, or was closed after an error. Open it first.")
        return self._session

    @contextlib.contextmanager
    def _using_session(self, deadline: float) -> Iterator[Session]:
        """The open session. On an error but a rejected setting it is ended, and the error is raised as CameraError."""
        self._shutter = False
        try:
            session = self._ready()
            session.deadline = deadline
            yield session
        except CameraError as error:
            # After a rejected setting the core keeps the camera open.
            if error.reason != "rejected_setting":
                self.close()
            # Decided here for all errors of the driver, because the modules below do not know how far the exposure was.
            error.before_shutter = not self._shutter
            raise
        except Aborted:
            # The camera may still announce the picture of the bulb exposure, and the next capture would fetch it.
            self.close()
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
