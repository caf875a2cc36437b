"""One opened camera: all calls to libgphoto2, and its battery and card space. Raises the library's GPhoto2Error,
which the driver turns into sentences. After an error the session must be ended: its capture() can block for ever."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import count
from typing import Any, TypeVar

from cameras.drivers.abilities import Supplies
from cameras.drivers.base import Aborted, CameraError, Clock, Identity, remaining
from cameras.drivers.gphoto2.errors import NO_WIDGET, NOT_ON_CARD, Claim
from cameras.drivers.gphoto2.widgets import SETTINGS, Widget, is_bulb, parse_percent

CHUNK = 1 << 20
NUMBERS = count(1)
LIVE_VIEW = "viewfinder"
"""The toggle of the cameras that give previews."""
CLOSE_S = 2.0
"""The time to close the shutter, even beyond the deadline."""
SUFFIX_KINDS = {".jpg": "jpeg", ".jpeg": "jpeg", ".heic": "heif", ".hif": "heif", ".tif": "tiff", ".tiff": "tiff"}
RAW_SUFFIXES = frozenset({".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".raf", ".orf", ".rw2", ".dng", ".pef"})


@cache
def library() -> Any:
    """The gphoto2 module, imported when first needed: it is slow, and reads VCAMERADIR while it is imported.

    The import sets IOLIBS and CAMLIBS to folders in its own wheel. The values of the environment are restored, so that
    a station can name its own port libraries.
    """
    original = {name: os.environ[name] for name in ("IOLIBS", "CAMLIBS") if name in os.environ}
    try:
        import gphoto2
    except ImportError as error:
        raise CameraError(f"gphoto2 cannot be loaded ({error}): run `make install`.", permanent=True) from None
    wheel = os.path.dirname(gphoto2.__file__)
    # A value that points into the wheel was inherited from a process that had imported gphoto2, not set by the station.
    os.environ.update({name: path for name, path in original.items() if not path.startswith(wheel)})
    return gphoto2


def library_version() -> str:
    """As the library reports it: `2.5.34`."""
    return str(library().gp_library_version(library().GP_VERSION_SHORT)[0])


@dataclass(frozen=True, slots=True)
class Attached:
    """A camera that USB lists: its probable model, and its port.

    `models` and `ports` are the library's lists. They are kept alive, because their entries point into them.
    """

    model: str
    port: str
    models: Any
    ports: Any


def attached() -> list[Attached]:
    """The cameras on USB, in the library's order; those claimed by another process are listed too."""
    gp = library()
    models, ports = gp.CameraAbilitiesList(), gp.PortInfoList()
    models.load()
    ports.load()
    found = models.detect(ports)
    pairs = [(found.get_name(index), found.get_value(index)) for index in range(found.count())]
    # libgphoto2 also lists mounted cards and network ports, which cannot be claimed or exposed like a USB camera.
    return [Attached(model, port, models, ports) for model, port in pairs if port.startswith("usb:")]


def is_listed(port: str) -> bool:
    with contextlib.suppress(library().GPhoto2Error):
        return any(camera.port == port for camera in attached())
    return False


@dataclass(frozen=True, slots=True)
class CardFile:
    """A file on the camera's card. Valid only in the session that made it, because cameras reuse names."""

    folder: str
    name: str
    session: int


def suffix_of(name: str) -> str:
    return os.path.splitext(name)[1].lower() or ".bin"


def kind_of(name: str) -> str:
    """The kind of file, by its name on the card: `raw`, `jpeg`, ..."""
    suffix = suffix_of(name)
    return "raw" if suffix in RAW_SUFFIXES else SUFFIX_KINDS.get(suffix, suffix[1:])


class Picture:
    """A picture file of the camera. Keeps libgphoto2's CameraFile alive, which owns the bytes."""

    def __init__(self, name: str, file: Any) -> None:
        self.suffix, self.kind = suffix_of(name), kind_of(name)
        # gphoto2's `file_get(...).get_data_and_size()` in one expression is a use after free: 20 of 20 buffers were
        # corrupt.
        self._file = file
        self._data = memoryview(file.get_data_and_size())
        self.size = len(self._data)

    def chunks(self) -> Iterator[memoryview]:
        """The bytes, in views of at most 1 MiB of the library's own memory."""
        for start in range(0, self.size, CHUNK):
            yield self._data[start : start + CHUNK]


class Session:
    """One `Camera` from init to exit, used by one thread. `deadline` is checked before each call of the library."""

    def __init__(self, camera: Attached, clock: Clock, deadline: float) -> None:
        self.model, self.port, self.clock, self.deadline = camera.model, camera.port, clock, deadline
        self.number, self.captures = next(NUMBERS), 0
        self._camera: Any = library().Camera()
        # Before init, so that no other process of Skycam opens the camera meanwhile.
        self._claim = Claim(camera.port)
        with contextlib.ExitStack() as undo:
            # A camera whose init or first reading failed stays claimed on USB until exit().
            undo.callback(self.exit)
            # With model and port preset, init opens exactly this camera; otherwise libgphoto2 takes the first that it
            # detects.
            self._call(self._camera.set_abilities, camera.models[camera.models.lookup_model(camera.model)])
            self._call(self._camera.set_port_info, camera.ports[camera.ports.lookup_path(camera.port)])
            self._call(self._camera.init)
            self.identity = Identity(
                vendor=self.text("manufacturer"),
                model=self.text("cameramodel") or self.model,
                serial=self.text("serialnumber"),
                firmware=self.text("deviceversion"),
                library=f"libgphoto2 {library_version()}",
            )
            self.live = False
            self.has_live_view = self._has(LIVE_VIEW)
            self.has_bulb = self._has("bulb")
            self.names = {name: widget for name in SETTINGS if (widget := self._find(name))}
            undo.pop_all()

    def exit(self) -> None:
        """Release the camera and, with its `Camera`, the port library; also when the camera is gone."""
        camera, self._camera = self._camera, None
        self._claim.end()
        with contextlib.suppress(library().GPhoto2Error):
            camera.exit()

    def text(self, widget: str) -> str:
        """The text of a widget; empty where the camera has none."""
        try:
            return str(self._call(self._camera.get_single_config, widget).get_value())
        except library().GPhoto2Error as error:
            _raise_unless_missing(error)
            return ""

    def read(self, name: str) -> Widget:
        """One of our settings (in `names`) as it is now."""
        widget = self._read(self.names[name])
        if name == "exposure_us" and not self.has_bulb:
            # Without the `bulb` toggle an opened shutter could not be closed over USB.
            widget = replace(widget, choices=[choice for choice in widget.choices if not is_bulb(choice)])
        return widget

    def write(self, name: str, choice: str) -> None:
        """Set one of the widget's choices. libgphoto2 accepts any other value too, but crashes when it is read."""
        # Read again just before it is set: a dial turned since `read` may have changed the choices.
        widget = self._call(self._camera.get_single_config, self.names[name])
        # libgphoto2 2.5.34 segfaults the interpreter when a value outside the choices is read back.
        if choice not in list(widget.get_choices()):
            raise CameraError(f"The camera no longer offers {choice} for {name}.", reason="rejected_setting")
        widget.set_value(choice)
        self._call(self._camera.set_single_config, self.names[name], widget)

    def check_due(self, seconds: float = 0.0) -> None:
        """CameraError too_slow when the deadline has passed, or will pass within `seconds`."""
        remaining(self.clock, self.deadline - seconds)

    def capture(self) -> CardFile:
        """Expose; returns when the camera has the picture. Cannot be interrupted, and may block for ever."""
        self.captures += 1
        path = self._call(self._camera.capture, library().GP_CAPTURE_IMAGE)
        return CardFile(path.folder, path.name, self.number)

    def next_file(self, milliseconds: int) -> CardFile | None:
        """The next file that the camera announces within about `milliseconds`; None without one."""
        kind, path = self._call(self._camera.wait_for_event, milliseconds)
        is_file = kind == library().GP_EVENT_FILE_ADDED
        return CardFile(path.folder, path.name, self.number) if is_file else None

    def expose_bulb(self, seconds: float) -> float:
        """Bulb: open the shutter, and close it after `seconds` or on an abort (Aborted). Returns the exposure in
        seconds. The camera announces the picture afterwards."""
        self.captures += 1
        self._toggle("bulb", on=True)
        opened = self.clock.monotonic()
        try:
            aborted = self.clock.wait(seconds)
        finally:
            held_s = self.clock.monotonic() - opened
            # `_call` refuses calls after the deadline, which would leave the shutter open.
            self.deadline = max(self.deadline, self.clock.monotonic() + CLOSE_S)
            self._toggle("bulb", on=False)
        if aborted:
            raise Aborted
        return held_s

    def preview(self) -> bytes:
        """A JPEG of the live view. The mirror stays up until `end_live_view`."""
        # Before the call: a preview that fails may have raised the mirror already.
        self.live = True
        # Kept in a variable until its bytes are copied: the buffer is the CameraFile's.
        file = self._call(self._camera.capture_preview)
        return bytes(file.get_data_and_size())

    def end_live_view(self) -> None:
        if self.live:
            self.live = False
            self._toggle(LIVE_VIEW, on=False)

    def card_free_bytes(self) -> int | None:
        """Free bytes on all cards; None if the camera does not report it."""
        reported, gp = self._call(self._camera.get_storageinfo), library()
        # The flag says whether the card's entry has the field; without it the 0 would be shown as a full card.
        free = [store.freekbytes * 1024 for store in reported if store.fields & gp.GP_STORAGEINFO_FREESPACEKBYTES]
        return sum(free) if free else None

    def fetch(self, file: CardFile) -> Picture:
        """The file's bytes; CameraError incomplete when there are more or fewer than the camera announced."""
        kept = self._call(self._camera.file_get, file.folder, file.name, library().GP_FILE_TYPE_NORMAL)
        picture = Picture(file.name, kept)
        announced = self._announced_size(file)
        if picture.size == 0 or (announced is not None and announced != picture.size):
            raise CameraError(
                f"The camera sent {picture.size} of {announced} bytes of {file.name}; it may still be on its card.",
                reason="incomplete",
            )
        return picture

    def delete(self, file: CardFile) -> None:
        self._call(self._camera.file_delete, file.folder, file.name)

    def _call(self, function: Any, *arguments: Any) -> Any:
        # libgphoto2's calls take no time limit, so none may begin after the deadline.
        self.check_due()
        return function(*arguments)

    def _toggle(self, widget: str, *, on: bool) -> None:
        found = self._call(self._camera.get_single_config, widget)
        found.set_value(int(on))
        self._call(self._camera.set_single_config, widget, found)

    def _has(self, widget: str) -> bool:
        try:
            self._call(self._camera.get_single_config, widget)
        except library().GPhoto2Error as error:
            _raise_unless_missing(error)
            return False
        return True

    def _find(self, name: str) -> str | None:
        """The first widget of a setting that this camera has."""
        for widget in SETTINGS[name].widgets:
            try:
                self._read(widget)
            except library().GPhoto2Error as error:
                _raise_unless_missing(error)
            else:
                return widget
        return None

    def _read(self, widget: str) -> Widget:
        gp, found = library(), self._call(self._camera.get_single_config, widget)
        has_choices = found.get_type() in (gp.GP_WIDGET_RADIO, gp.GP_WIDGET_MENU)
        choices = list(found.get_choices()) if has_choices else []
        return Widget(str(found.get_value()), choices, read_only=not choices or bool(found.get_readonly()))

    def _announced_size(self, file: CardFile) -> int | None:
        """None also for a picture from the camera's memory, which is on no card."""
        try:
            info = self._call(self._camera.file_get_info, file.folder, file.name).file
        except library().GPhoto2Error as error:
            if error.code not in NO_WIDGET | NOT_ON_CARD:
                raise
            return None
        return int(info.size) if info.fields & library().GP_FILE_INFO_SIZE else None


def _raise_unless_missing(error: Any) -> None:
    """Raise an error that is not that of a widget that the camera does not have."""
    if error.code not in NO_WIDGET:
        raise error


T = TypeVar("T")


class SupplyReader:
    """The reader of one session. What the camera does not report is not read again."""

    def __init__(self) -> None:
        self._unsupported: set[str] = set()

    def read_supplies(self, session: Session) -> Supplies:
        """GPhoto2Error when the camera is gone."""
        return Supplies(
            battery_percent=self._read_unless_unsupported(
                session, "battery", lambda: parse_percent(session.text("batterylevel"))
            ),
            card_free_bytes=self._read_unless_unsupported(session, "card", session.card_free_bytes),
        )

    def _read_unless_unsupported(self, session: Session, what: str, read: Callable[[], T | None]) -> T | None:
        if what in self._unsupported:
            return None
        try:
            value = read()
        except library().GPhoto2Error as error:
            # An unplugged camera answers -2 as well, like one without the widget.
            if error.code not in NO_WIDGET or not is_listed(session.port):
                raise
            value = None
        if value is None:
            self._unsupported.add(what)
        return value
