"""The driver of DSLRs: open by serial number, set the camera's choices, expose, fetch the files, delete them from the
card."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Collection, Iterator
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
from cameras.drivers.gphoto2.choices import CameraChoices, SessionHolder, SessionOpener
from cameras.drivers.gphoto2.discovery import (
    cameras_on_usb,
    check_address,
    describe_camera,
    listed_camera,
    open_session,
)
from cameras.drivers.gphoto2.errors import NOT_ON_CARD, camera_error
from cameras.drivers.gphoto2.pictures import LiveView, collect_files, release_shutter
from cameras.drivers.gphoto2.session import CardFile, Session, SupplyReader, is_listed, library, library_version
from cameras.drivers.gphoto2.widgets import SETTINGS, parse_kinds
from cameras.drivers.options import DriverSettings
from core.resources.fields import field

SAFE_LIBRARY = (2, 5, 34)
READOUT_S = 5.0
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
        self._sessions = SessionHolder(address, clock, open_session)
        self._choices = CameraChoices(self._sessions)
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
        return self._sessions.current.port if self._sessions.current else ""

    def open(self, deadline: float) -> Identity:
        self._choices.record_opened()
        self._warned_of_library = False
        self._supply_reader, self._live = SupplyReader(), LiveView(self.clock)
        return self._sessions.open(deadline).identity

    def close(self) -> None:
        self._sessions.end()

    def capabilities(self) -> Capabilities:
        """Those of the open camera; before `open`, those of every DSLR."""
        if self._sessions.current is None:
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
        # Before they are set: a refused value renews the session, which sets `desired` again.
        self._choices.desired |= given
        with self._using_session(deadline):
            self._choices.restore({})
            warnings = [*self._library_warning(), *self._choices.set_values(given)]
            return Applied(self._choices.read(), warnings)

    def read_back(self, deadline: float) -> dict[str, Any]:
        with self._using_session(deadline):
            return self._choices.read_own()

    def dry_run(self, request: ExposureRequest, deadline: float) -> Applied:
        """Set the requested values, as an exposure does, and read them back."""
        requested = self.validated({**request.settings(), "format": request.format})
        with self._using_session(deadline):
            warnings = self._choices.override(requested)
            return Applied(self._choices.read(requested), warnings)

    def expose(self, request: ExposureRequest, deadline: float) -> Exposure:
        """Set, expose, and fetch every file. `ended_ns` is when the camera had the picture.

        The request's settings are restored by the next call that does not use them, not at once: a session of equal
        exposures does not change the camera between them.
        """
        # Outside the session's context: an invalid request must not cost the open connection.
        requested = self.validated({**request.settings(), "format": request.format})
        with self._using_session(deadline) as session:
            model = session.identity.vendor, session.identity.model
            if model == VIRTUAL and session.captures >= VIRTUAL_CAPTURES:
                self._choices.renew(deadline)
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
        if self._choices.desired.get("keep_on_card") or self._sessions.current is None:
            return
        with self._using_session(deadline) as session:
            for file in exposure.card:
                if file.session == session.number:
                    self._delete(session, file)

    def _library_warning(self) -> list[str]:
        if self._warned_of_library:
            return []
        self._warned_of_library = True
        return library_warnings(library_version())

    # Exposing

    def _expose(self, requested: dict[str, Any]) -> Exposure:
        """Once `release_shutter` is called, a picture may exist, even if an error follows."""
        warnings = self._choices.override(requested)
        # After the override: a refused value there replaces the session.
        choices, session = self._choices, self._sessions.ready()
        promised, bulb_us = choices.promised_kinds(), choices.bulb_us(requested)
        session.end_live_view()
        # Read before the shutter: an error of the reading then costs a second try and no picture.
        exposure = Exposure(0, 0, self._choices.read(requested), warnings)
        # The last check before the shutter. After it an error may mean a picture, and the core must not expose the same
        # capture again.
        session.check_due()
        self._shutter = True
        first = release_shutter(session, self.clock, exposure, bulb_us)
        if not collect_files(session, self.clock, exposure, first, promised, bulb=bulb_us is not None):
            self.close()
        return exposure

    def _delete(self, session: Session, file: CardFile) -> None:
        try:
            session.delete(file)
        except library().GPhoto2Error as error:
            # It may have been deleted on the body; the result is the desired one.
            if error.code not in NOT_ON_CARD:
                raise

    # The boundary

    @contextlib.contextmanager
    def _using_session(self, deadline: float) -> Iterator[Session]:
        """The open session. On an error but a rejected setting it is ended, and the error is raised as CameraError."""
        self._shutter = False
        try:
            session = self._sessions.ready()
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
