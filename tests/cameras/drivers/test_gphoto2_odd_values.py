"""No request to a DSLR, and no content of its pictures, causes a crash, a hang or a wrong report."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import Applied, CameraError, ExposureRequest, SystemClock
from cameras.drivers.gphoto2 import Gphoto2Driver
from cameras.drivers.gphoto2.discovery import open_session
from cameras.drivers.gphoto2.pictures import decode_jpeg, read_exif
from cameras.drivers.gphoto2.session import Session
from cameras.drivers.gphoto2.widgets import SETTINGS, is_bulb
from tests.harness.far_ends.gphoto2_port.build import build, plug, put
from tests.harness.far_ends.scripted_camera import OwnFile
from tests.harness.rows.pictures import dng, exposed_jpeg, jpeg
from tests.harness.runs.examples import examples
from tests.harness.waiting import PATIENCE_S

few = examples(60)
words = st.one_of(st.text(max_size=64), st.sampled_from(["raw", "jpeg", "raw+jpeg", "NEF (Raw)", "nef+fine", "tiff"]))
odd_values: dict[str, st.SearchStrategy[Any]] = {
    "exposure_us": st.one_of(st.integers(1, 3_600_000_000), st.sampled_from([8_000_000, 30_000_000, 30_000_001])),
    "iso": st.integers(1, 10_000_000),
    "f_number": st.floats(0, 128, exclude_min=True),
    "gain": st.floats(0, 1000),
    "exposure_compensation": st.floats(-10, 10),
    "format": words,
    "capture_target": st.sampled_from(["card", "memory"]),
    "keep_on_card": st.booleans(),
}
anything = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers()))


@pytest.fixture
def sessions() -> list[Session]:
    """The sessions that the driver has opened; it renews one after a refused value."""
    return []


@pytest.fixture
def camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sessions: list[Session]) -> Iterator[Gphoto2Driver]:
    def open_and_note(*arguments: Any) -> Session:
        sessions.append(open_session(*arguments))
        return sessions[-1]

    for name, value in build(tmp_path).items():
        monkeypatch.setenv(name, value)
    plug(tmp_path, "usb:001,004 6012345 battery=50 free=1000000000")
    put(tmp_path / "raw.nef", dng(jpeg(64, 48)))
    driver = Gphoto2Driver("6012345", SystemClock(), open_and_note)
    driver.open(soon())
    yield driver
    driver.close()


def soon() -> float:
    return SystemClock().monotonic() + PATIENCE_S


def texts_of(session: Session) -> dict[str, Any]:
    """The settings that the camera has now, in its own words."""
    return {name: session.read(name).value for name in session.names}


def true_of(name: str, value: Any, text: str) -> bool:
    return is_bulb(text) if name == "exposure_us" and is_bulb(text) else value == SETTINGS[name].parse(text)


@few
@given(requested=st.fixed_dictionaries({}, optional=odd_values))
def test_reported_settings_are_those_of_the_camera(
    camera: Gphoto2Driver, sessions: list[Session], requested: dict[str, Any]
) -> None:
    applied = camera.apply(requested, soon())
    now = texts_of(sessions[-1])
    assert all(true_of(name, value, now[name]) for name, value in applied.actual.items())
    assert set(applied.actual) == set(now)


@few
@given(requested=st.fixed_dictionaries({}, optional=odd_values))
def test_a_value_is_accepted_or_gives_a_warning(camera: Gphoto2Driver, requested: dict[str, Any]) -> None:
    applied = camera.apply(requested, soon())
    beyond = [name for name in requested if name != "keep_on_card" and not is_accepted(name, requested[name], applied)]
    assert len(applied.warnings) >= len(beyond)


def is_accepted(name: str, value: Any, applied: Applied) -> bool:
    """By the driver's own rule; for a format, by its kinds."""
    got = applied.actual.get(name)
    return name == "format" or (got is not None and SETTINGS[name].same(value, got))


@few
@given(requested=st.dictionaries(st.sampled_from([*odd_values, "colour", ""]), anything, max_size=4))
def test_an_unknown_setting_is_refused_and_changes_nothing(
    camera: Gphoto2Driver, sessions: list[Session], requested: dict[str, Any]
) -> None:
    before = texts_of(sessions[-1])
    with pytest.raises(CameraError) as refusal:
        camera.apply({**requested, "colour": 1}, soon())
    assert refusal.value.reason == "rejected_setting"
    assert texts_of(sessions[-1]) == before


@few
@given(iso=st.integers(1, 10_000_000), f_number=st.floats(0, 128, exclude_min=True), kind=words)
def test_an_exposure_is_made_with_any_request(camera: Gphoto2Driver, iso: int, f_number: float, kind: str) -> None:
    request = ExposureRequest(exposure_us=1000, iso=iso, f_number=f_number, format=kind)
    exposure = camera.expose(request, soon())
    assert exposure.files
    assert exposure.missing == []
    assert exposure.actual["iso"] in (100, 200, 400, 800, 1600, 3200, 6400)


PICTURES = {".jpg": exposed_jpeg(64, 48), ".nef": dng(jpeg(64, 48))}


@given(
    suffix=st.sampled_from(sorted(PICTURES)),
    at=st.integers(0, 15_000),
    rubbish=st.binary(max_size=12),
    cut=st.integers(0, 15_000),
)
def test_malformed_exif_breaks_nothing(suffix: str, at: int, rubbish: bytes, cut: int) -> None:
    whole = PICTURES[suffix]
    exif = read_exif(OwnFile("any", suffix, (whole[:at] + rubbish + whole[at + len(rubbish) :])[: len(whole) - cut]))
    assert set(exif) <= {"exposure_us", "f_number", "iso"}
    assert 1 <= exif.get("exposure_us", 1) <= 3_600_000_000
    assert 0 < exif.get("f_number", 1) <= 128
    assert 1 <= exif.get("iso", 1) <= 10_000_000


def claim_size(picture: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its header."""
    at = picture.index(b"\xff\xc0") + 5
    return picture[:at] + struct.pack(">HH", height, width) + picture[at + 4 :]


def test_a_header_that_claims_a_huge_picture_ends_neither_a_capture_nor_the_live_view() -> None:
    huge = claim_size(jpeg(64, 48), 65_500, 65_500)
    assert read_exif(OwnFile("jpeg", ".jpg", huge)) == {}
    with pytest.raises(CameraError, match="sent no picture"):
        decode_jpeg(huge)


@given(st.binary(max_size=200))
def test_a_file_that_is_no_picture_has_no_exif(content: bytes) -> None:
    assert read_exif(OwnFile("jpeg", ".jpg", b"\xff\xd8" + content)) == {}
