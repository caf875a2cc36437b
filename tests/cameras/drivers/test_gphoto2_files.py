"""Which of the files that a DSLR announces belong to a capture. The virtual camera makes one file for each capture, so
these tests use a session with scripted announcements."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from cameras.drivers.base import CameraError, Exposure, ExposureRequest, Identity
from cameras.drivers.gphoto2 import Gphoto2Driver
from cameras.drivers.gphoto2.session import CardFile, kind_of
from cameras.drivers.gphoto2.widgets import Widget
from tests.harness.clocks.clock import SteppingClock
from tests.harness.far_ends.scripted_camera import OwnFile

RAW_AND_JPEG = "NEF+Fine"


class ScriptedSession:
    """A Nikon that makes two files for each capture and announces `events`; None is no event."""

    def __init__(self, clock: SteppingClock, *events: str | None) -> None:
        self.clock, self.events = clock, deque(events)
        self.identity, self.names = Identity(model="Scripted"), {"format": "imagequality"}
        self.number, self.captures, self.deadline, self.port = 1, 0, 0.0, "usb:001,001"
        self.ended = False

    def read(self, name: str) -> Widget:
        return Widget(RAW_AND_JPEG, [RAW_AND_JPEG], read_only=False)

    def check_due(self, seconds: float = 0.0) -> None: ...

    def end_live_view(self) -> None: ...

    def capture(self) -> CardFile:
        return self._file("DSC_2.NEF")

    def next_file(self, milliseconds: int) -> CardFile | None:
        self.clock.advance(milliseconds / 1000)
        name = self.events.popleft() if self.events else None
        return self._file(name) if name else None

    def fetch(self, file: CardFile) -> OwnFile:
        return OwnFile(kind_of(file.name), ".any", file.name.encode())

    def exit(self) -> None:
        self.ended = True

    def _file(self, name: str) -> CardFile:
        return CardFile("/store", name, self.number)


def exposed(*events: str | None) -> tuple[Exposure, ScriptedSession, Gphoto2Driver]:
    clock = SteppingClock()
    session = ScriptedSession(clock, *events)
    opened: Any = session
    driver = Gphoto2Driver("", clock, lambda *_: opened)
    driver.open(clock.monotonic() + 60)
    return driver.expose(ExposureRequest(), clock.monotonic() + 60), session, driver


def names(exposure: Exposure) -> list[str]:
    files: list[Any] = exposure.files
    return [file.content.decode() for file in files]


@pytest.mark.parametrize("events", [["DSC_2.JPG"], [None, "DSC_2.NEF", "DSC_2.JPG"]])
def test_a_capture_has_the_files_that_its_format_promises(events: list[str | None]) -> None:
    exposure, session, _ = exposed(*events)
    assert names(exposure) == ["DSC_2.NEF", "DSC_2.JPG"]
    assert exposure.missing == []
    assert session.ended is False


@pytest.mark.parametrize("stranger", ["DSC_1.NEF", "DSC_1.MOV"])
def test_a_file_that_the_capture_has_already_or_does_not_promise_is_not_its_own(stranger: str) -> None:
    exposure, _, _ = exposed(stranger, "DSC_2.JPG")
    assert names(exposure) == ["DSC_2.NEF", "DSC_2.JPG"]
    assert exposure.missing == []
    assert [file.name for file in exposure.card] == ["DSC_2.NEF", "DSC_2.JPG"]


def test_after_a_missing_file_the_session_ends_so_that_the_next_capture_does_not_get_it() -> None:
    exposure, session, driver = exposed()
    assert exposure.missing == ["jpeg"]
    assert session.ended is True
    with pytest.raises(CameraError) as error:
        driver.expose(ExposureRequest(), driver.clock.monotonic() + 60)
    assert error.value.before_shutter
