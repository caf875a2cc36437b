"""The rules for all drivers. A new kind adds its fake camera to the table: a fixture that returns its address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers import driver_class
from cameras.drivers.abilities import SettableStream
from cameras.drivers.base import Aborted, CameraError, Driver, Exposure, ExposureRequest, SystemClock
from cameras.drivers.network import NetworkDriver
from cameras.drivers.options import OptionValue
from tests.harness.far_ends.v4l2.host import FarDriver
from tests.harness.runs.examples import examples
from tests.harness.waiting import PATIENCE_S, eventually

FAR_ENDS = {
    "gphoto2": "dslr_address",
    "network": "rtsp_address",
    "network snapshots": "snapshot_address",
    "opencv": "video_file",
    "opencv device": "usb_address",
    "pixelink": "pixelink_address",
    "simulated": "simulated_address",
    "telescope": "telescope_address",
}
MADE_BY: dict[str, type[Driver]] = {"network snapshots": NetworkDriver, "opencv device": FarDriver}
"""The drivers of those that are no kinds of their own. The USB device exists in another process only."""
STREAMING = ["network", "network snapshots", "opencv", "opencv device", "pixelink", "simulated"]
SIMULATED = ("simulated", "telescope")
"""The kinds that say that their picture is simulated: the controller of the telescope says it of itself."""
OVERLAPPING: dict[str, dict[str, object]] = {"simulated": {"fetch_s": 0.05}, "telescope": {}}
"""The kinds that expose while a picture is fetched, with the settings for it."""
SLOW: dict[str, tuple[dict[str, object], dict[str, OptionValue]]] = {
    "simulated": ({"fetch_s": 600.0}, {}),
    "telescope": ({}, {"mode": "first"}),
}
"""The settings and the options with which a fetch takes longer than the other calls together."""
Soon = Callable[[], float]

amounts = st.one_of(st.none(), st.floats(min_value=0, max_value=1000, width=32))
odd_settings = st.fixed_dictionaries(
    {},
    optional={
        "exposure_us": st.one_of(st.none(), st.integers(1, 3_600_000_000)),
        "gain": amounts,
        "iso": st.one_of(st.none(), st.integers(1, 10_000_000)),
        "f_number": st.one_of(st.none(), st.floats(min_value=0.01, max_value=128)),
    },
)
odd_requests = st.builds(
    ExposureRequest,
    exposure_us=st.one_of(st.none(), st.integers(-5, 2_000)),
    gain=st.one_of(st.none(), st.floats()),
    iso=st.one_of(st.none(), st.integers(-5, 10**12)),
    f_number=st.one_of(st.none(), st.floats()),
    format=st.one_of(st.none(), st.text(max_size=5)),
)
few = examples(25)


def made_by(kind: str) -> type[Driver]:
    return MADE_BY[kind] if kind in MADE_BY else driver_class(kind)


def kinds_with(ability: type) -> list[str]:
    return [kind for kind in sorted(FAR_ENDS) if issubclass(made_by(kind), ability)]


@pytest.fixture(params=sorted(FAR_ENDS))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def closed_camera(kind: str, request: pytest.FixtureRequest, clock: SystemClock) -> Iterator[Driver]:
    driver = made_by(kind)(request.getfixturevalue(FAR_ENDS[kind]), clock)
    yield driver
    driver.close()


@pytest.fixture
def camera(closed_camera: Driver, soon: Soon) -> Driver:
    closed_camera.open(soon())
    return closed_camera


def within(camera: Driver, seconds: float) -> float:
    return camera.clock.monotonic() + seconds


def delivered(exposure: Exposure, soon: Soon) -> Exposure:
    if exposure.fetch is not None:
        exposure.fetch(soon())
    return exposure


def test_opening_returns_the_identity(closed_camera: Driver, soon: Soon) -> None:
    identity = closed_camera.open(soon())
    assert identity.library
    assert identity.model


def test_the_address_is_already_in_its_normal_form(kind: str, request: pytest.FixtureRequest, sources: object) -> None:
    address = request.getfixturevalue(FAR_ENDS[kind])
    assert made_by(kind).check_address(address, [str(sources)]) == address


def test_every_setting_that_a_camera_has_is_one_of_its_model(camera: Driver) -> None:
    assert set(camera.capabilities().settings) <= set(camera.settings_model.model_fields)


def test_only_the_values_of_a_microscope_camera_are_in_proportion_to_the_light(camera: Driver, kind: str) -> None:
    assert camera.transfer == ("linear" if kind == "pixelink" else "srgb")


def test_settings_read_back_are_those_in_the_capabilities(camera: Driver, soon: Soon) -> None:
    assert set(camera.apply({}, soon()).actual) == set(camera.capabilities().settings)


def test_settings_read_back_later_equal_the_applied_ones(camera: Driver, soon: Soon) -> None:
    applied = camera.apply({"exposure_us": 2000}, soon())
    camera.expose(ExposureRequest(exposure_us=1000), soon())
    later = camera.read_back(soon())
    assert later
    assert later == {name: applied.actual[name] for name in later}


def test_settings_read_back_can_be_applied(camera: Driver, soon: Soon) -> None:
    found = camera.read_back(soon())
    assert camera.validated(found).items() >= found.items()


def test_a_closed_camera_has_nothing_to_read_back(closed_camera: Driver, soon: Soon) -> None:
    with pytest.raises(CameraError, match="Open it first"):
        closed_camera.read_back(soon())


def test_a_refused_value_gives_a_warning(camera: Driver, soon: Soon) -> None:
    applied = camera.apply({"gain": 999.0}, soon())
    assert applied.actual.get("gain") != 999.0
    assert "999 was requested." in " ".join(applied.warnings)


def test_a_setting_that_does_not_exist_is_refused(camera: Driver, soon: Soon) -> None:
    with pytest.raises(CameraError, match="colour_of_the_case") as refusal:
        camera.apply({"colour_of_the_case": 1}, soon())
    assert refusal.value.reason == "rejected_setting"


def test_an_exposure_gives_a_picture_and_its_times(camera: Driver, kind: str, soon: Soon) -> None:
    exposure = delivered(camera.expose(ExposureRequest(exposure_us=1000), soon()), soon)
    assert exposure.started_ns <= exposure.ended_ns
    assert exposure.frame is not None or exposure.files or exposure.references
    assert exposure.simulated == (kind in SIMULATED)


def test_an_exposure_reports_the_settings_used(camera: Driver, soon: Soon) -> None:
    exposure = camera.expose(ExposureRequest(exposure_us=1000, iso=123_457), soon())
    assert exposure.actual.get("iso") != 123_457
    assert exposure.warnings


def test_an_option_that_the_camera_does_not_declare_is_refused(camera: Driver) -> None:
    with pytest.raises(CameraError, match="colour_of_the_case") as refusal:
        camera.check_options({"colour_of_the_case": True})
    assert (refusal.value.reason, refusal.value.permanent) == ("rejected_setting", True)


def test_the_default_of_each_option_is_one_of_its_values(camera: Driver) -> None:
    options = camera.capabilities().options
    camera.check_options({name: one.default for name, one in options.items() if one.default is not None})
    assert all(option.label for option in options.values())


def test_an_exposure_leaves_the_settings_as_they_were(camera: Driver, soon: Soon) -> None:
    before = camera.apply({}, soon()).actual
    camera.expose(ExposureRequest(exposure_us=1000, gain=2.0), soon())
    assert camera.apply({}, soon()).actual == before


@pytest.mark.parametrize("kind", kinds_with(SettableStream))
def test_settings_of_the_stream_are_not_read_back_and_leave_the_cameras_own(camera: Any, soon: Soon) -> None:
    camera.apply({"exposure_us": 2000}, soon())
    own = camera.read_back(soon())
    camera.use_for_stream({"exposure_us": 1000, "iso": 200}, soon())
    meanwhile = camera.read_back(soon())
    camera.use_for_stream({"exposure_us": 3000}, soon())
    camera.use_for_stream({}, soon())
    assert meanwhile == {name: own[name] for name in meanwhile}
    assert camera.read_back(soon()) == own


def test_a_passed_deadline_is_too_slow(camera: Driver) -> None:
    with pytest.raises(CameraError) as error:
        camera.expose(ExposureRequest(exposure_us=1000), camera.clock.monotonic() - 1)
    assert error.value.reason == "too_slow"


def test_an_idle_camera_gives_a_sign_of_life_and_stays_as_it_is(camera: Driver, soon: Soon) -> None:
    before = camera.read_back(soon())
    camera.check_alive(soon())
    assert camera.read_back(soon()) == before


def test_closing_is_idempotent(camera: Driver) -> None:
    camera.close()
    camera.close()


def test_a_camera_that_was_never_opened_can_be_closed(closed_camera: Driver) -> None:
    closed_camera.close()


def test_a_closed_camera_can_be_opened_again(camera: Driver, soon: Soon) -> None:
    camera.close()
    camera.open(soon())
    assert camera.expose(ExposureRequest(exposure_us=1000), soon()).ended_ns


def test_a_closed_camera_is_an_error(camera: Driver, soon: Soon) -> None:
    camera.close()
    with pytest.raises(CameraError, match="Open it first"):
        camera.expose(ExposureRequest(), soon())


@few
@given(values=odd_settings)
def test_odd_settings_are_applied_or_raise_a_camera_error(camera: Driver, values: dict[str, object]) -> None:
    accepted = camera.settings_model.model_validate(values).model_dump()
    allowed_to_fail(lambda: camera.apply(accepted, within(camera, 5)))


@pytest.mark.slow
@few
@given(request_=odd_requests)
def test_odd_requests_give_a_picture_or_raise_a_camera_error(camera: Driver, request_: ExposureRequest) -> None:
    allowed_to_fail(lambda: camera.expose(request_, within(camera, 5)))


def allowed_to_fail(call: Callable[[], object]) -> None:
    """A driver raises only these two; any other error fails the test."""
    with suppress(CameraError, Aborted):
        call()


@pytest.mark.parametrize("kind", STREAMING)
def test_frames_of_a_stream_increase_in_number_and_time(camera: Driver, soon: Soon) -> None:
    frames = [camera.frame(soon()) for _ in range(6)]
    assert camera.capabilities().stream
    assert np.all(np.diff([frame.number for frame in frames if frame]) > 0)
    assert np.all(np.diff([frame.monotonic for frame in frames if frame]) > 0)
    assert len([frame for frame in frames if frame]) == 6


@pytest.mark.parametrize("kind", STREAMING)
def test_a_frame_has_the_size_of_the_capabilities(camera: Driver, soon: Soon) -> None:
    frame, can = camera.frame(soon()), camera.capabilities()
    assert frame is not None
    assert frame.image.shape == (can.height, can.width, 3)
    assert frame.image.flags.c_contiguous
    assert frame.image.dtype == np.uint8


@pytest.mark.parametrize("kind", STREAMING)
def test_a_stream_without_a_frame_in_time_gives_none(camera: Driver) -> None:
    eventually(lambda: camera.frame(within(camera, 0.001)) is None)  # one may be due after a pause of the test


@pytest.mark.parametrize("kind", STREAMING)
def test_a_frame_does_not_change_after_it_was_returned(camera: Driver, soon: Soon) -> None:
    first = camera.frame(soon())
    assert first is not None
    as_it_was = first.image.copy()
    camera.frame(soon())
    assert np.array_equal(first.image, as_it_was)


@pytest.fixture
def overlapping(camera: Driver, kind: str, soon: Soon) -> Driver:
    camera.apply(OVERLAPPING[kind], soon())
    return camera


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor() as threads:
        yield threads


def held(
    camera: Driver, soon: Soon, options: dict[str, OptionValue] | None = None
) -> tuple[Exposure, Callable[[float], None]]:
    """An exposure whose picture the camera still holds."""
    exposure = camera.expose(ExposureRequest(exposure_us=1000, options=options or {}), soon())
    assert exposure.fetch is not None
    assert (exposure.frame, exposure.files, exposure.references) == (None, [], [])
    return exposure, exposure.fetch


@pytest.mark.parametrize("kind", OVERLAPPING)
def test_a_picture_arrives_with_its_fetch(overlapping: Driver, soon: Soon) -> None:
    exposure, fetch = held(overlapping, soon)
    fetch(soon())
    assert overlapping.capabilities().overlap >= 1
    assert exposure.frame is not None or exposure.files or exposure.references
    assert exposure.fetch_s > 0


@pytest.mark.parametrize("kind", OVERLAPPING)
def test_the_next_exposure_may_begin_while_a_picture_is_fetched(
    overlapping: Driver, soon: Soon, threads: ThreadPoolExecutor
) -> None:
    first, fetch = held(overlapping, soon)
    fetching = threads.submit(fetch, soon())
    second = delivered(overlapping.expose(ExposureRequest(exposure_us=1000), soon()), soon)
    fetching.result(PATIENCE_S)
    assert first.started_ns < second.started_ns
    assert [bool(one.frame or one.files or one.references) for one in (first, second)] == [True, True]


@pytest.mark.parametrize("kind", OVERLAPPING)
def test_other_calls_do_not_wait_for_a_fetch(
    overlapping: Driver, kind: str, soon: Soon, threads: ThreadPoolExecutor
) -> None:
    settings, options = SLOW[kind]
    overlapping.apply(settings, soon())
    _, fetch = held(overlapping, soon, options)
    fetching = threads.submit(fetch, within(overlapping, 2 * PATIENCE_S))
    overlapping.read_back(soon())
    overlapping.check_alive(soon())
    overlapping.temperature()
    overlapping.abort()
    assert not fetching.done()
    overlapping.close()
    assert isinstance(fetching.exception(PATIENCE_S), CameraError)


@pytest.mark.parametrize("kind", OVERLAPPING)
def test_a_picture_cannot_be_fetched_after_the_camera_was_closed(overlapping: Driver, soon: Soon) -> None:
    _, fetch = held(overlapping, soon)
    overlapping.close()
    overlapping.open(soon())
    with pytest.raises(CameraError):
        fetch(soon())


@pytest.mark.parametrize("kind", OVERLAPPING)
def test_a_fetch_after_its_deadline_is_too_slow(overlapping: Driver, soon: Soon) -> None:
    _, fetch = held(overlapping, soon)
    with pytest.raises(CameraError) as error:
        fetch(overlapping.clock.monotonic() - 1)
    assert error.value.reason == "too_slow"
