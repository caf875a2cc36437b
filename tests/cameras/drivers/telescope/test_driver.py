"""The driver against the simulated controller, on one clock. `tests/cameras/drivers/test_contract.py` has its contract
with a controller in real time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from cameras.drivers.base import Aborted, CameraError, Exposure, ExposureRequest
from cameras.drivers.telescope_port import Pointing
from core.outgoing import OutgoingGuard
from scheduler.telescope.driver.connection import ControllerLock
from scheduler.telescope.driver.driver import TelescopeDriver
from scheduler.telescope.simulator.controller import WriteImage
from scheduler.telescope.simulator.images import SimulatedImage
from tests.cameras.drivers.telescope.conftest import StartController
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import RunningController, running_controller

SOON_S = 400.0


class DriverTime(SharedTime):
    """Also a clock of a driver."""

    def wait(self, seconds: float) -> bool:
        self.sleep(seconds)
        return False


@pytest.fixture
def clock() -> Iterator[DriverTime]:
    with DriverTime() as clock:
        yield clock


def address_of(controller: RunningController, rest: str = "profile=2025") -> str:
    return f"127.0.0.1:{controller.command_port},{controller.status_port}?{rest}"


Open = Callable[..., TelescopeDriver]


@pytest.fixture
def opened(clock: DriverTime) -> Iterator[Open]:
    drivers: list[TelescopeDriver] = []

    def open_driver(controller: RunningController, rest: str = "profile=2025") -> TelescopeDriver:
        driver = TelescopeDriver(address_of(controller, rest), clock, clock)
        drivers.append(driver)
        driver.open(clock.monotonic() + 20)
        return driver

    yield open_driver
    for driver in drivers:
        driver.close()


@pytest.fixture
def camera(controller: RunningController, opened: Open) -> TelescopeDriver:
    return opened(controller)


def expose(camera: TelescopeDriver, exposure_s: float = 3.0, **options: Any) -> Exposure:
    request = ExposureRequest(exposure_us=round(exposure_s * 1e6), options=options)
    return camera.expose(request, camera.clock.monotonic() + SOON_S)


def fetch(camera: TelescopeDriver, exposure: Exposure) -> Exposure:
    assert exposure.fetch is not None
    exposure.fetch(camera.clock.monotonic() + exposure.fetch_s)
    return exposure


def lines(controller: RunningController, word: str = "expose") -> list[str]:
    return [report.text for report in controller.commands() if report.text.startswith(word)]


def modes(controller: RunningController) -> list[str]:
    return [line.split()[-1] for line in lines(controller)]


# A sign of life


def alive(camera: TelescopeDriver) -> None:
    camera.check_alive(camera.clock.monotonic() + SOON_S)


def test_an_idle_controller_is_asked_for_its_status(camera: TelescopeDriver, controller: RunningController) -> None:
    before = len(controller.commands("status"))
    alive(camera)
    assert [one.text for one in controller.commands("status")[before:]] == ["status"]
    assert controller.commands() == []


def test_a_controller_without_a_status_channel_is_asked_on_its_command_port(clock: DriverTime, opened: Open) -> None:
    with running_controller(clock, profile="seed") as controller:
        camera = opened(controller, "profile=seed")
        before = len(controller.commands())
        alive(camera)
        assert [one.text for one in controller.commands()[before:]] == ["status"]


def test_a_controller_that_has_ended_is_noticed_while_no_one_exposes(clock: DriverTime, opened: Open) -> None:
    with running_controller(clock) as controller:
        camera = opened(controller)
        alive(camera)
    with pytest.raises(CameraError) as error:
        alive(camera)
    assert error.value.reason == "camera_unreachable"


def test_it_is_asked_after_an_exposure_that_was_aborted(camera: TelescopeDriver) -> None:
    camera.abort()
    alive(camera)


def test_nothing_is_asked_while_an_image_is_read_out(camera: TelescopeDriver, controller: RunningController) -> None:
    exposure = expose(camera)
    before = len(controller.reports)
    alive(camera)
    assert len(controller.reports) == before
    fetch(camera, exposure)
    alive(camera)


# Exposures


def test_an_exposure_ends_when_its_shutter_closes(camera: TelescopeDriver, clock: DriverTime) -> None:
    begin = clock.monotonic()
    exposure = expose(camera, 5.0)
    words_s = 12 * 0.4
    assert clock.monotonic() - begin == pytest.approx(words_s + 5.0, abs=0.6)
    assert exposure.ended_ns - exposure.started_ns == 5_000_000_000
    assert exposure.actual == {"exposure_us": 5_000_000}
    fetch(camera, exposure)
    assert clock.monotonic() - begin == pytest.approx(words_s + 5.0 + 11.8, abs=0.8)


def test_a_capture_refers_to_what_the_controller_keeps(camera: TelescopeDriver, controller: RunningController) -> None:
    exposure = fetch(camera, expose(camera))
    (line,) = lines(controller)
    root = line.split()[3]
    (reference,) = exposure.references
    assert (reference.kind, reference.place, reference.bytes, reference.sha256) == (
        "fits",
        f"127.0.0.1:{root}",
        None,
        None,
    )
    assert (exposure.files, exposure.frame, exposure.simulated) == ([], None, True)


def test_the_header_words_are_those_of_the_options(camera: TelescopeDriver, controller: RunningController) -> None:
    fetch(
        camera,
        expose(camera, image_type="dark", sequence=7, comment="a test of darks", header={"observer": "D. Rabinowitz"}),
    )
    found = dict(line.split(maxsplit=2)[1:] for line in lines(controller, "header"))
    assert (found["imagetyp"], found["sequence"], found["comment"]) == ("dark", "7", "' a test of darks '")
    assert found["observer"] == "' D. Rabinowitz '"
    assert lines(controller)[0].split()[1] == "False"
    assert lines(controller)[0].split()[3].endswith("d")


def test_the_shutter_may_stay_closed_for_any_kind(camera: TelescopeDriver, controller: RunningController) -> None:
    fetch(camera, expose(camera, shutter=False))
    assert lines(controller)[0].split()[1] == "False"


def test_the_camera_may_be_cleared_before(camera: TelescopeDriver, controller: RunningController) -> None:
    fetch(camera, expose(camera, clear=True))
    assert next(report.text for report in controller.commands()) == "clear 25"


# Readout overlap


def test_the_next_exposure_waits_for_the_controller_and_not_for_the_still_thread(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    first = expose(camera)
    second = expose(camera)
    assert modes(controller) == ["single"]
    for exposure in (first, second):
        fetch(camera, exposure)
        assert exposure.references
    assert modes(controller) == ["single", "single"]


def test_images_stay_in_memory_and_are_fetched_by_the_next_exposure(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    first = expose(camera, mode="overlap")
    fetching = clock.start_thread(lambda: fetch(camera, first) and None, "still thread")
    second = expose(camera, mode="overlap")
    clock.join(fetching)
    assert first.references
    fetch(camera, second)
    assert second.references
    assert modes(controller) == ["first", "next", "last"]


def test_the_last_exposure_of_a_series_is_fetched_at_once(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    first = expose(camera, mode="first")
    fetching = clock.start_thread(lambda: fetch(camera, first) and None, "still thread")
    last = expose(camera, mode="last")
    clock.join(fetching)
    begin = clock.monotonic()
    fetch(camera, last)
    # The first image came with the readout of the last one, which now needs a command of its own.
    assert clock.monotonic() - begin == pytest.approx(3.3, abs=0.3)
    assert modes(controller) == ["first", "next", "last"]


def test_a_single_exposure_begins_with_an_empty_memory(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    first = expose(camera, mode="first")
    fetching = clock.start_thread(lambda: fetch(camera, first) and None, "still thread")
    single = expose(camera)
    clock.join(fetching)
    fetch(camera, single)
    assert modes(controller) == ["first", "last", "single"]
    assert [bool(exposure.references) for exposure in (first, single)] == [True, True]


# Files


@contextmanager
def sharing_controller(
    clock: SharedTime, folder: Path, files: Sequence[int], size: int = 2880
) -> Iterator[RunningController]:
    """A controller whose first image has the first number of files, its second the second, of zeros."""
    counts = iter(files)

    def write(image: SimulatedImage) -> Iterator[None]:
        for number in range(next(counts)):
            (folder / f"{image.file_root}_{number}.fits").write_bytes(bytes(size))
            yield

    write_image: WriteImage = write
    with running_controller(clock, write_image, is_strict=True) as controller:
        yield controller


def test_shared_files_are_referred_to_with_size_and_hash(tmp_path: Path, clock: DriverTime, opened: Open) -> None:
    with sharing_controller(clock, tmp_path, [4]) as controller:
        camera = opened(controller, f"profile=2025&files={tmp_path}")
        exposure = fetch(camera, expose(camera))
        assert [reference.kind for reference in exposure.references] == ["fits", "fits2", "fits3", "fits4"]
        assert {reference.sha256 for reference in exposure.references} == {hashlib.sha256(bytes(2880)).hexdigest()}
        assert [Path(reference.place).stat().st_size for reference in exposure.references] == [2880] * 4
        camera.close()


def test_collected_files_are_those_of_the_capture(tmp_path: Path, clock: DriverTime, opened: Open) -> None:
    with sharing_controller(clock, tmp_path, [1]) as controller:
        camera = opened(controller, f"profile=2025&files={tmp_path}&collect=yes")
        exposure = fetch(camera, expose(camera))
        (file,) = exposure.files
        assert (file.kind, file.suffix, file.size, b"".join(file.chunks())) == ("fits", ".fits", 2880, bytes(2880))
        assert exposure.references == []
        camera.close()


def test_files_that_do_not_come_are_said_to_be_missing(tmp_path: Path, clock: DriverTime, opened: Open) -> None:
    with sharing_controller(clock, tmp_path, [1], size=100) as controller:
        camera = opened(controller, f"profile=2025&files={tmp_path}&collect=yes")
        exposure = fetch(camera, expose(camera))
        assert exposure.files == []
        assert "0 of 1 files" in " ".join(exposure.warnings)
        assert [reference.bytes for reference in exposure.references] == [None]
        camera.close()


def test_a_file_that_comes_later_than_the_others_is_waited_for(tmp_path: Path, clock: DriverTime, opened: Open) -> None:
    with sharing_controller(clock, tmp_path, [4, 3]) as controller:
        camera = opened(controller, f"profile=2025&files={tmp_path}")
        fetch(camera, expose(camera))
        second = expose(camera)
        fetching = clock.start_thread(lambda: fetch(camera, second) and None, "still thread")
        clock.sleep(11.8 + 2.0)
        root = lines(controller)[-1].split()[3]
        (tmp_path / f"{root}_3.fits").write_bytes(bytes(2880))
        clock.join(fetching)
        assert (len(second.references), second.warnings) == (4, [])
        camera.close()


def test_a_file_that_never_comes_leaves_the_others(tmp_path: Path, clock: DriverTime, opened: Open) -> None:
    with sharing_controller(clock, tmp_path, [4, 3]) as controller:
        camera = opened(controller, f"profile=2025&files={tmp_path}")
        fetch(camera, expose(camera))
        second = fetch(camera, expose(camera))
        assert [reference.kind for reference in second.references] == ["fits", "fits2", "fits3"]
        assert "3 of 4 files" in " ".join(second.warnings)
        camera.close()


# Errors


@pytest.mark.parametrize(
    ("kind", "reason"), [("error", "camera_error"), ("drop", "camera_unreachable"), ("no-answer", "too_slow")]
)
def test_errors_before_the_exposure_say_that_none_began(
    camera: TelescopeDriver, controller: RunningController, kind: Any, reason: str
) -> None:
    controller.faults.arm(kind, 1)
    with pytest.raises(CameraError) as error:
        expose(camera)
    assert (error.value.reason, error.value.before_shutter) == (reason, True)


def test_a_refused_exposure_is_an_error_at_once(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    def arm() -> None:
        clock.sleep(12 * 0.4 - 0.05)
        controller.faults.arm("error", 1)

    clock.start_thread(arm, "fault")
    with pytest.raises(CameraError, match="refused 'expose") as error:
        expose(camera, 60.0)
    assert (error.value.reason, error.value.before_shutter, clock.monotonic() < 20) == ("camera_error", False, True)


@pytest.mark.parametrize(
    "options",
    [
        {"mode": "final"},
        {"colour": 1},
        {"sequence": 0},
        {"image_type": "unknown"},
        {"header": {"two words": "x"}},
        {"header": [1]},
    ],
)
def test_wrong_options_are_refused_and_send_no_exposure(
    camera: TelescopeDriver, controller: RunningController, options: dict[str, Any]
) -> None:
    with pytest.raises(CameraError) as error:
        expose(camera, **options)
    assert (error.value.reason, error.value.before_shutter) == ("rejected_setting", True)
    assert lines(controller) == []


def test_a_closed_driver_ends_a_fetch(camera: TelescopeDriver, clock: DriverTime) -> None:
    exposure = expose(camera)
    errors: list[CameraError] = []

    def fetch_it() -> None:
        with pytest.raises(CameraError) as error:
            fetch(camera, exposure)
        errors.append(error.value)

    fetching = clock.start_thread(fetch_it, "still thread")
    clock.sleep(1.0)
    camera.close()
    clock.join(fetching)
    assert "closed before the image was fetched" in str(errors[0])


def test_an_aborted_exposure_leaves_the_controller_to_end_it(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    def abort() -> None:
        clock.sleep(10.0)
        camera.abort()

    clock.start_thread(abort, "abort")
    with pytest.raises(Aborted):
        expose(camera, 30.0)
    assert clock.monotonic() == pytest.approx(10.0, abs=0.3)
    exposure = fetch(camera, expose(camera, 1.0))
    assert exposure.references
    assert modes(controller) == ["single", "single"]


def test_an_image_that_a_program_has_left_is_fetched_first(
    controller: RunningController, opened: Open, clock: DriverTime
) -> None:
    killed = opened(controller)
    expose(killed, mode="first")
    killed.close()
    camera = opened(controller)
    exposure = fetch(camera, expose(camera))
    assert exposure.references
    assert modes(controller) == ["first", "last", "single"]


def test_a_controller_that_another_program_owns_is_held(controller: RunningController, clock: DriverTime) -> None:
    lock = ControllerLock("127.0.0.1", controller.command_port)
    lock.acquire()
    driver = TelescopeDriver(address_of(controller), clock, clock)
    with pytest.raises(CameraError, match="held by process") as error:
        driver.open(clock.monotonic() + 20)
    lock.release()
    assert error.value.reason == "camera_held"
    driver.close()


def test_an_address_that_is_not_allowed_is_not_connected_to(controller: RunningController, clock: DriverTime) -> None:
    driver = TelescopeDriver(address_of(controller), clock, clock)
    driver.set_connection_guard(OutgoingGuard(refused_ranges=["127.0.0.0/8"]))
    with pytest.raises(CameraError, match="The address of the controller") as error:
        driver.open(clock.monotonic() + 20)
    assert error.value.reason == "camera_unreachable"
    assert controller.commands("status") == []
    driver.close()


def test_without_a_status_channel_the_command_port_is_asked(start_controller: StartController, opened: Open) -> None:
    controller = start_controller(profile="seed")
    camera = opened(controller, "profile=seed")
    fetch(camera, expose(camera))
    assert controller.commands("status") == []


# The telescope


class Mount:
    """A telescope that takes its time."""

    immovable = ""

    def __init__(self, clock: DriverTime) -> None:
        self._clock = clock
        self.moves: list[tuple[float, Pointing]] = []

    def move(self, pointing: Pointing, deadline: float) -> list[str]:
        self.moves.append((self._clock.monotonic(), pointing))
        self._clock.sleep(8.0)
        return ["The focuser does not answer."]

    def set_site(self, latitude: float | None, longitude: float | None, elevation: float) -> None:
        raise AssertionError("No test moves it.")

    def header_words(self, deadline: float) -> tuple[dict[str, str], str]:
        return {"lst": "12.5000", "tele-ra": "3.2500"}, "The filter is unknown."


def test_the_telescope_moves_while_the_image_before_is_read(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    mount = Mount(clock)
    camera.set_telescope(mount)
    first = expose(camera)
    fetching = clock.start_thread(lambda: fetch(camera, first) and None, "still thread")
    begin = clock.monotonic()
    second = expose(camera, ra=3.25, dec=-29.0, focus=25.3, filter="rgzz")
    clock.join(fetching)
    assert mount.moves[-1] == (begin, Pointing((3.25, -29.0), 25.3, "rgzz"))
    # The readout takes longer than the telescope.
    assert clock.monotonic() - begin == pytest.approx(11.8 + 12 * 0.4 + 3.0, abs=1.0)
    assert second.warnings == ["The focuser does not answer.", "The filter is unknown."]
    fetch(camera, second)


def test_the_header_words_say_where_the_telescope_is(
    camera: TelescopeDriver, controller: RunningController, clock: DriverTime
) -> None:
    camera.set_telescope(Mount(clock))
    fetch(camera, expose(camera))
    found = dict(line.split(maxsplit=2)[1:] for line in lines(controller, "header"))
    assert (found["lst"], found["tele-ra"], found["tele-dec"]) == ("12.5000", "3.2500", "0.0")


def rehearsed(camera: TelescopeDriver, clock: DriverTime, **options: object) -> list[str]:
    """The warnings of an exposure that is only tried."""
    return camera.dry_run(ExposureRequest(exposure_us=1_000_000, options=options), clock.monotonic() + 10.0).warnings


def test_a_telescope_that_is_not_configured_is_said_before_an_exposure_and_once_with_it(
    camera: TelescopeDriver, clock: DriverTime
) -> None:
    assert rehearsed(camera, clock) == []
    assert rehearsed(camera, clock, ra=1.0, dec=2.0) == [
        "The telescope will not be moved: `telescopes` does not configure it."
    ]
    assert fetch(camera, expose(camera, ra=1.0, dec=2.0)).warnings == [
        "The telescope was not moved: `telescopes` does not configure it."
    ]


def test_a_telescope_that_can_be_moved_is_no_warning(camera: TelescopeDriver, clock: DriverTime) -> None:
    camera.set_telescope(Mount(clock))
    assert rehearsed(camera, clock, ra=1.0, dec=2.0) == []
