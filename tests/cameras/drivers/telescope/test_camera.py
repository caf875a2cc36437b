"""The camera functions against the simulated controller: command lines, time-outs and header words."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from astropy.time import Time

from scheduler.telescope.driver.connection import ControllerHeld
from scheduler.telescope.driver.controller import TelescopeCamera
from scheduler.telescope.driver.field import DARK_CODE, FIELD_KINDS, SKY_CODE, Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.protocol import CommandError, ExposureMode, ProfileName
from scheduler.telescope.driver.status import ControllerState
from scheduler.telescope.driver.steps import BadReadout, ExposurePending
from scheduler.telescope.simulator.faults import FaultKind
from tests.cameras.drivers.telescope.conftest import Connect, StartController
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import RunningController
from tests.harness.waiting import eventually

MODES: list[ExposureMode] = ["single", "first", "next", "last"]


def header() -> FitsHeader:
    return FitsHeader(words=[("filterna", "rgzz"), ("comment", "UNKNOWN")])


def field(exposure_s: float = 3.0, shutter: int = SKY_CODE, line: str = "") -> Field:
    return Field(expt=exposure_s / 3600, shutter=shutter, script_line=line)


def commands(controller: RunningController) -> list[str]:
    return [report.text for report in controller.commands()]


def words(controller: RunningController) -> dict[str, str]:
    lines = [text.split(maxsplit=2) for text in commands(controller) if text.startswith("header ")]
    return {keyword: value for _, keyword, value in lines}


# Command lines and header words


def test_an_exposure_sends_its_header_words_and_then_its_command(
    camera: TelescopeCamera, controller: RunningController
) -> None:
    result = camera.take_exposure(field(1.5, line="1 2 Y 1.5 0 1 1 # NGC 253, east"), header())
    assert commands(controller) == [
        "header filterna rgzz",
        "header comment ' NGC 253, east '",
        "header sequence 1",
        "header imagetyp sky",
        f"header flatfile {result.filename}",
        f"expose True     1.500 {result.filename} single",
    ]


@pytest.mark.parametrize(("profile", "count"), [("seed", 12), ("2025", 12), ("2026", 13)])
def test_the_words_have_the_order_of_the_scheduler(
    controller: RunningController, connect: Connect, profile: ProfileName, count: int
) -> None:
    observatory = "ls4" if profile == "2026" else None
    connect(controller, profile).take_exposure(field(), FitsHeader.initial(observatory))
    order = ["filterna", "filterid", "lst", "ha", "imagetyp", "darkfile", "flatfile", "sequence"]
    order += ["tele-ra", "tele-dec", "focus", "comment"]
    order[2:2] = ["observat"] * (count - 12)
    assert list(words(controller)) == order


def test_the_first_exposure_of_a_scheduler_has_its_start_values(
    camera: TelescopeCamera, controller: RunningController
) -> None:
    camera.take_exposure(field(), FitsHeader.initial())
    found = words(controller)
    assert [found[word] for word in ("filterna", "filterid", "darkfile")] == ["UNKNOWN", "0", "UNKNOWN"]
    assert {found[word] for word in ("lst", "ha", "tele-ra", "tele-dec", "focus")} == {"0.0"}


@pytest.mark.parametrize(
    ("line", "comment"),
    [
        ("", "no_comment"),
        ("1 2 Y 3 0 1 1", "no_comment"),
        ("1 2 Y 3 0 1 1 #", "no_comment"),
        ("1 2 Y 3 0 1 1 # word", "word"),
        ("1 2 Y 3 0 1 1 # two words", "' two words '"),
        ("1 2 Y 3 0 1 1 # it's a ' here", "' it's a ` here '"),
        ("1 2 Y 3 0 1 1 # caf\u00e9\ttab", "' caf? tab '"),
    ],
)
def test_the_comment_is_a_value_that_the_controller_accepts(
    camera: TelescopeCamera, controller: RunningController, line: str, comment: str
) -> None:
    camera.take_exposure(field(line=line), header())
    assert words(controller)["comment"] == comment


def test_a_long_comment_is_cut(camera: TelescopeCamera, controller: RunningController) -> None:
    camera.take_exposure(field(line=f"1 2 Y 3 0 1 1 # {'long ' * 300}"), header())
    assert len(words(controller)["comment"]) <= 255


@pytest.mark.parametrize("shutter", [code for code in FIELD_KINDS if code >= 0])
def test_each_kind_of_field_has_its_letter_its_image_type_and_its_shutter(
    camera: TelescopeCamera, controller: RunningController, shutter: int
) -> None:
    result = camera.take_exposure(field(shutter=shutter), header())
    kind = FIELD_KINDS[shutter]
    assert (result.filename[-1], words(controller)["imagetyp"]) == (kind.letter, kind.image_type)
    assert commands(controller)[-1].split()[1] == ("False" if shutter == DARK_CODE else "True")


def test_the_sequence_counts_the_observations_of_the_field(
    camera: TelescopeCamera, controller: RunningController
) -> None:
    observed = field()
    observed.record_observation(camera.take_exposure(observed, header()))
    camera.take_exposure(observed, header())
    assert [text for text in commands(controller) if "sequence" in text] == ["header sequence 1", "header sequence 2"]


def test_the_exposure_may_differ_from_that_of_the_field(camera: TelescopeCamera, controller: RunningController) -> None:
    result = camera.take_exposure(field(3.0), header(), 7.25 / 3600)
    assert commands(controller)[-1].startswith("expose True     7.250 ")
    assert result.actual_exposure_s == pytest.approx(7.25)


def test_ut_date_and_julian_date_are_of_one_moment(camera: TelescopeCamera, clock: SharedTime) -> None:
    before = datetime.fromtimestamp(clock.wall_ns() / 1e9, UTC)
    result = camera.take_exposure(field(), header())
    assert result.filename == f"{before:%Y%m%d%H%M%S}s"
    assert result.ut == pytest.approx(before.hour + before.minute / 60 + before.second / 3600, abs=1e-6)
    assert result.jd == pytest.approx(Time(before).jd, abs=1e-8)


@pytest.mark.parametrize(("profile", "command"), [("seed", "clear 20"), ("2025", "clear 25"), ("2026", "clear 25")])
def test_clearing_names_the_seconds_of_the_version(
    controller: RunningController, connect: Connect, profile: ProfileName, command: str
) -> None:
    connect(controller, profile).clear_camera()
    assert commands(controller) == [command]


def test_a_pause_follows_each_command(camera: TelescopeCamera, controller: RunningController) -> None:
    camera.imprint_fits_header(FitsHeader.initial())
    reports = controller.commands()
    ends = [report.at_ns / 1e9 + report.seconds for report in reports]
    pauses = [report.at_ns / 1e9 - end for report, end in zip(reports[1:], ends[:-1], strict=True)]
    assert pauses == pytest.approx([0.1] * 11, abs=0.01)


# Time


def test_a_waiting_exposure_ends_with_its_image(camera: TelescopeCamera, clock: SharedTime) -> None:
    camera.imprint_fits_header(header())
    begin = clock.monotonic()
    result = camera.take_exposure(field(1.5), FitsHeader())
    words_s = 4 * 0.4
    assert clock.monotonic() - begin == pytest.approx(words_s + 0.1 + 13.3, abs=0.5)
    assert (result.waited, result.reply, result.actual_exposure_s) == (True, "DONE", pytest.approx(1.5))
    assert camera.wait_camera_readout() is None


def test_an_exposure_without_waiting_returns_at_its_end(
    camera: TelescopeCamera, controller: RunningController, clock: SharedTime
) -> None:
    result = camera.take_exposure(field(20.0), header(), wait_flag=False)
    begin = controller.commands("status")[0].at_ns / 1e9
    assert clock.wall_ns() / 1e9 == pytest.approx(begin, abs=0.3)
    assert (result.waited, result.reply, result.actual_exposure_s) == (False, None, pytest.approx(20.0))
    assert camera.update_camera_status().has(ControllerState.READING)
    done = camera.wait_camera_readout()
    assert done is not None
    assert (done.filename, done.waited, done.reply) == (result.filename, True, "DONE")
    assert clock.wall_ns() / 1e9 - begin == pytest.approx(13.3 - 1.5, abs=0.5)
    assert camera.wait_camera_readout() is None


def test_without_the_status_channel_the_exposure_time_alone_counts(
    controller: RunningController, connect: Connect
) -> None:
    camera = connect(controller, "seed")
    camera.take_exposure(field(5.0), header(), wait_flag=False)
    assert controller.commands("status") == []
    camera.wait_camera_readout()


def test_fractions_of_a_second_are_waited_for(
    controller: RunningController, connect: Connect, clock: SharedTime
) -> None:
    camera = connect(controller, "seed")
    begin = clock.monotonic()
    assert camera.wait_exp_done(0.75) == 0.75
    assert clock.monotonic() - begin == pytest.approx(0.75)


WORDS_S = 4 * 0.3 + 3 * 0.1
"""The time of the four header words that each exposure sets, with the pauses between them."""


def arm_before_the_exposure(clock: SharedTime, controller: RunningController, kind: FaultKind) -> None:
    """The fault strikes the command of the next exposure, after its header words."""

    def arm() -> None:
        clock.sleep(WORDS_S + 0.05)
        controller.faults.arm(kind, 1)

    clock.start_thread(arm, "fault")


@pytest.mark.parametrize(
    ("mode", "timeout_s"),
    [("single", 7 + 20 + 10 + 5), ("first", 7 + 20 + 5), ("next", 7 + 20 + 5), ("last", 10 + 5)],
)
def test_each_mode_has_its_time_out(
    camera: TelescopeCamera, controller: RunningController, clock: SharedTime, mode: ExposureMode, timeout_s: float
) -> None:
    camera.take_exposure(field(), FitsHeader(), exp_mode="first")
    clock.sleep(0.1)
    arm_before_the_exposure(clock, controller, "no-answer")
    begin = clock.monotonic()
    with pytest.raises(TimeoutError, match=rf"'expose True     7\.000 \S+ {mode}' within {timeout_s} s"):
        camera.take_exposure(field(7.0), FitsHeader(), exp_mode=mode)
    assert clock.monotonic() - begin == pytest.approx(WORDS_S + 0.1 + timeout_s, abs=0.01)


def test_the_readout_of_the_seed_may_take_longer(
    controller: RunningController, connect: Connect, clock: SharedTime
) -> None:
    camera = connect(controller, "seed")
    arm_before_the_exposure(clock, controller, "no-answer")
    with pytest.raises(TimeoutError, match="within 62 s"):
        camera.take_exposure(field(7.0), FitsHeader())


def test_an_exposure_without_waiting_has_time_for_exposure_and_readout(
    controller: RunningController, connect: Connect, clock: SharedTime
) -> None:
    camera = connect(controller)
    arm_before_the_exposure(clock, controller, "no-answer")
    camera.take_exposure(field(7.0), FitsHeader(), wait_flag=False)
    with pytest.raises(BadReadout, match="within 20 s"):
        camera.wait_camera_readout()
    with pytest.raises(TimeoutError, match=r"'expose True     7\.000 \S+ single' within 32 s"):
        camera.wait_camera_readout()
    assert camera.wait_camera_readout() is None


def test_a_header_word_has_five_seconds(
    camera: TelescopeCamera, controller: RunningController, clock: SharedTime
) -> None:
    controller.faults.arm("no-answer", 1)
    with pytest.raises(TimeoutError, match="'header filterna rgzz' within 5 s"):
        camera.imprint_fits_header(header())
    assert clock.monotonic() == pytest.approx(5.0)


@pytest.mark.parametrize(("profile", "timeout_s"), [("seed", 25), ("2025", 30)])
def test_clearing_has_five_seconds_more_than_it_takes(
    controller: RunningController, connect: Connect, profile: ProfileName, timeout_s: float
) -> None:
    controller.faults.arm("no-answer", 1)
    with pytest.raises(TimeoutError, match=f"within {timeout_s} s"):
        connect(controller, profile).clear_camera()


def test_the_status_has_five_seconds(camera: TelescopeCamera, controller: RunningController) -> None:
    controller.faults.arm("frozen-status", 1)
    with pytest.raises(TimeoutError, match="'status' within 5 s"):
        camera.update_camera_status()


# The end of an exposure


def test_the_status_is_polled_until_no_controller_exposes(
    camera: TelescopeCamera, controller: RunningController, clock: SharedTime
) -> None:
    camera.take_exposure(field(4.0), FitsHeader(), wait_flag=False)
    assert camera.cam_status.state_val[ControllerState.EXPOSING] == 0
    assert camera.cam_status.read_time == pytest.approx(clock.wall_ns() / 1e9, abs=0.01)
    assert camera.cam_status is not camera.update_camera_status()
    camera.wait_camera_readout()


def test_a_controller_that_exposes_too_long_is_a_bad_readout(
    camera: TelescopeCamera, controller: RunningController, clock: SharedTime
) -> None:
    camera.start_command("expose True   100.000 20260101000000s single", 200.0)
    begin = clock.monotonic()
    with pytest.raises(BadReadout, match=r"was not seen 7 s after it was due\. .* still exposes"):
        camera.wait_exp_done(2.0)
    assert clock.monotonic() - begin == pytest.approx(2 + 7, abs=0.3)
    clock.sleep(100)
    camera.wait_camera_readout()


def test_a_status_that_cannot_be_read_is_read_again(camera: TelescopeCamera, controller: RunningController) -> None:
    controller.faults.arm("garbage", 2)
    assert camera.wait_exp_done(1.0) == 1.0


def test_a_status_that_can_never_be_read_is_a_bad_readout(
    camera: TelescopeCamera, controller: RunningController
) -> None:
    controller.faults.arm("frozen-status")
    with pytest.raises(BadReadout, match=r"6 s after it was due\. .*no whole reply to 'status'"):
        camera.wait_exp_done(1.0)


def test_a_camera_that_reports_an_error_ends_the_wait(camera: TelescopeCamera, controller: RunningController) -> None:
    camera.send_command("power_off")
    with pytest.raises(CommandError):
        camera.take_exposure(field(1.0), FitsHeader())
    with pytest.raises(CommandError, match="The camera reports an error"):
        camera.wait_exp_done(0.0)


def test_first_next_and_last_leave_and_fetch_images(camera: TelescopeCamera) -> None:
    pending = []
    for mode in MODES[1:]:
        camera.take_exposure(field(1.0), FitsHeader(), exp_mode=mode)
        pending.append(camera.update_camera_status().has(ControllerState.FETCH_PENDING))
    assert pending == [True, True, False]


def test_the_mode_last_exposes_nothing(camera: TelescopeCamera, clock: SharedTime) -> None:
    camera.take_exposure(field(9.0), FitsHeader(), exp_mode="first")
    begin = clock.monotonic()
    result = camera.take_exposure(field(9.0), FitsHeader(), exp_mode="last", wait_flag=False)
    assert (result.actual_exposure_s, clock.monotonic() - begin < 3) == (0.0, True)
    camera.wait_camera_readout()


# One exposure at a time


@pytest.mark.parametrize(
    "use",
    [
        lambda camera: camera.send_command("open_shutter"),
        lambda camera: camera.start_command("open_shutter", 5.0),
        lambda camera: camera.imprint_fits_header(FitsHeader.initial()),
        lambda camera: camera.clear_camera(),
        lambda camera: camera.take_exposure(field(), FitsHeader()),
        lambda camera: camera.init_semaphores(),
        lambda camera: camera.set_address("localhost"),
        lambda camera: camera.set_profile(camera.profile),
    ],
    ids=["command", "thread", "header", "clear", "exposure", "init", "address", "profile"],
)
def test_nothing_else_is_sent_while_a_readout_is_pending(
    camera: TelescopeCamera, controller: RunningController, use: Callable[[TelescopeCamera], object]
) -> None:
    camera.take_exposure(field(), FitsHeader(), wait_flag=False)
    before = commands(controller)
    with pytest.raises(ExposurePending, match=r"'expose True .* has not ended: wait_camera_readout"):
        use(camera)
    assert camera.is_readout_pending
    camera.wait_camera_readout()
    # The exposure itself is reported at its end.
    assert len(commands(controller)) == len(before) + 1


def test_the_semaphores_may_be_initialised_twice(camera: TelescopeCamera) -> None:
    camera.init_semaphores()
    camera.init_semaphores()
    result = camera.take_exposure(field(), FitsHeader(), wait_flag=False)
    done = camera.wait_camera_readout()
    assert done is not None
    assert done.filename == result.filename


def test_the_status_may_be_read_during_a_readout(camera: TelescopeCamera) -> None:
    camera.take_exposure(field(), FitsHeader(), wait_flag=False)
    assert camera.update_camera_status().has(ControllerState.READING)
    camera.wait_camera_readout()


def test_no_thread_remains_after_an_exposure(camera: TelescopeCamera, clock: SharedTime) -> None:
    camera.take_exposure(field(), FitsHeader(), wait_flag=False)
    camera.wait_camera_readout()
    clock.sleep(0.001)
    eventually(lambda: not [one for one in threading.enumerate() if one.name.startswith("telescope")])


# Errors


def test_a_refused_word_ends_the_exposure_before_its_command(
    camera: TelescopeCamera, controller: RunningController
) -> None:
    controller.faults.arm("error", 1)
    with pytest.raises(CommandError, match="refused 'header filterna rgzz'") as refusal:
        camera.take_exposure(field(), header())
    assert refusal.value.reply.startswith("ERROR")
    assert [text.split()[0] for text in commands(controller)] == ["header"]


def test_a_refused_exposure_is_raised_once_and_at_once(
    camera: TelescopeCamera, controller: RunningController, clock: SharedTime
) -> None:
    arm_before_the_exposure(clock, controller, "error")
    with pytest.raises(CommandError, match="refused 'expose"):
        camera.take_exposure(field(60.0), FitsHeader(), wait_flag=False)
    assert clock.monotonic() < 5
    assert camera.wait_camera_readout() is None


@pytest.mark.parametrize(
    ("kind", "error"), [("drop", ConnectionError), ("garbage", TimeoutError), ("half", TimeoutError)]
)
def test_a_command_that_fails_leaves_the_camera_usable(
    start_controller: StartController, connect: Connect, kind: FaultKind, error: type[Exception]
) -> None:
    controller = start_controller(is_closing=False)
    camera = connect(controller)
    controller.faults.arm(kind, 1)
    with pytest.raises(error):
        camera.send_command("open_shutter")
    assert camera.send_command("open_shutter") == "DONE"


def test_a_controller_that_is_away_is_a_failed_connection(
    camera: TelescopeCamera, controller: RunningController, clock: SharedTime
) -> None:
    controller.faults.arm("refuse")
    clock.sleep(0.01)
    with pytest.raises(ConnectionError, match="Connection refused"):
        camera.take_exposure(field(), header())
    controller.faults.disarm("refuse")
    clock.sleep(0.01)
    assert camera.take_exposure(field(), header()).reply == "DONE"


@pytest.mark.parametrize("exposure_s", [-1.0, 1e6, float("nan"), float("inf")])
def test_an_impossible_exposure_sends_nothing_and_changes_nothing(
    camera: TelescopeCamera, controller: RunningController, exposure_s: float
) -> None:
    wanted = FitsHeader()
    with pytest.raises(ValueError, match=r"exposure of .* is not possible"):
        camera.take_exposure(field(exposure_s), wanted)
    assert (commands(controller), len(wanted)) == ([], 0)


def test_a_mode_that_does_not_exist_is_refused(camera: TelescopeCamera, controller: RunningController) -> None:
    with pytest.raises(ValueError, match="the modes are single, first, next, last"):
        camera.take_exposure(field(), header(), exp_mode="final")  # type: ignore[arg-type]
    assert commands(controller) == []


def test_a_second_camera_is_told_who_owns_the_controller(
    camera: TelescopeCamera, controller: RunningController, connect: Connect
) -> None:
    camera.send_command("open_shutter")
    second = connect(controller)
    with pytest.raises(ControllerHeld, match=f"held by process {os.getpid()}"):
        second.send_command("open_shutter")
    assert second.update_camera_status().ready
    camera.close()
    assert second.send_command("open_shutter") == "DONE"


@pytest.mark.parametrize("is_closing", [True, False], ids=["closing", "non-closing"])
@pytest.mark.parametrize("is_strict", [True, False], ids=["strict", "lenient"])
def test_a_night_of_exposures_works_with_every_kind_of_controller(
    start_controller: StartController, connect: Connect, is_closing: bool, is_strict: bool
) -> None:
    camera = connect(start_controller(is_closing=is_closing, is_strict=is_strict, controllers=1))
    camera.clear_camera()
    observed = field(2.0, line="# a pair of fields")
    for waits in (True, False, True, False):
        observed.record_observation(camera.take_exposure(observed, FitsHeader.initial(), wait_flag=waits))
        camera.wait_camera_readout()
    assert (observed.n_done, len(set(observed.filename))) == (4, 4)
