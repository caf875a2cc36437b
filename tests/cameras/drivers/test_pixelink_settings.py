"""No requested value makes a PixeLink camera crash or hang, and the reported settings are its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.base import CameraError, ExposureRequest, SystemClock
from cameras.drivers.pixelink import PixelinkDriver
from tests.harness.far_ends.pixelink.build import FRAME_RATE, GAIN, PIXEL_FORMAT, ROI, SHUTTER, Sdk
from tests.harness.runs.examples import examples

FORMATS = {"mono8": 0, "mono16": 1, "yuv422": 2, "bayer8": 3, "bayer16": 4}

anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10), st.lists(st.integers(), max_size=2)
)
plausible = st.fixed_dictionaries(
    {},
    optional={
        "exposure_us": st.integers(1, 3_600_000_000),
        "gain": st.floats(0, 1000),
        "fps": st.floats(0.001, 10_000),
        "left": st.integers(0, 400),
        "top": st.integers(0, 300),
        "width": st.integers(1, 400),
        "height": st.integers(1, 300),
        "pixel_format": st.sampled_from(sorted(FORMATS)),
        "iso": st.integers(1, 10_000_000),
    },
)
odd = st.dictionaries(st.sampled_from([*PixelinkDriver.settings_model.model_fields, "shutter"]), anything, max_size=4)
many = examples(150)
Soon = Callable[[], float]


@pytest.fixture
def camera(pixelink_address: str, clock: SystemClock, soon: Soon) -> Iterator[PixelinkDriver]:
    driver = PixelinkDriver(pixelink_address, clock)
    driver.open(soon())
    yield driver
    driver.close()


def truth(sdk: Sdk) -> dict[str, Any]:
    """The camera's settings, from its own memory."""
    left, top, width, height = sdk.has(ROI)
    return {
        "exposure_us": round(sdk.has(SHUTTER)[0] * 1e6),
        "gain": pytest.approx(sdk.has(GAIN)[0], rel=1e-6),
        "fps": pytest.approx(sdk.has(FRAME_RATE)[0], rel=1e-6),
        "left": left, "top": top, "width": width, "height": height,
        "pixel_format": next(name for name, number in FORMATS.items() if number == sdk.has(PIXEL_FORMAT)[0]),
    }  # fmt: skip


def same(requested: Any, has: Any) -> bool:
    return has == (requested if isinstance(requested, str) else pytest.approx(requested, rel=1e-6, abs=1e-6))


@many
@given(values=plausible)
def test_reported_values_are_the_cameras_and_every_other_value_gives_a_warning(
    camera: PixelinkDriver, sdk: Sdk, soon: Soon, values: dict[str, Any]
) -> None:
    applied = camera.apply(values, soon())
    other = [name for name, requested in values.items() if not same(requested, applied.actual.get(name))]
    assert applied.actual == truth(sdk)
    assert len(applied.warnings) == len(other)


@many
@given(values=odd)
def test_invalid_values_leave_the_camera_open_and_its_settings_true(
    camera: PixelinkDriver, sdk: Sdk, soon: Soon, values: dict[str, Any]
) -> None:
    with suppress(CameraError):
        camera.apply(values, soon())
    assert camera.apply({}, soon()).actual == truth(sdk)


@examples(40)
@given(values=plausible, exposure_us=st.one_of(st.none(), st.integers(1, 30_000)), gain=st.floats(0, 1000))
def test_a_picture_has_the_reported_size_and_exposure(
    camera: PixelinkDriver, sdk: Sdk, soon: Soon, values: dict[str, Any], exposure_us: int | None, gain: float
) -> None:
    quick = values | {"fps": 60.0, "exposure_us": 1000}
    camera.apply(quick, soon())
    exposure = camera.expose(ExposureRequest(exposure_us=exposure_us, gain=gain), soon())
    has = camera.capabilities()
    assert exposure.frame is not None
    assert exposure.frame.image.shape == (has.height, has.width, 3)
    assert exposure.actual["exposure_us"] == (exposure_us if exposure_us and exposure_us >= 20 else 1000)
    assert camera.apply({}, soon()).actual == truth(sdk)


def test_a_camera_that_returns_no_number_is_an_error(camera: PixelinkDriver, sdk: Sdk, soon: Soon) -> None:
    sdk.fails("PxLGetFeature", "torn")
    with pytest.raises(CameraError, match="Switch it off and on"):
        camera.apply({"gain": 5.0}, soon())
