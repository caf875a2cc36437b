"""Several DSLRs with all that real ones have: serial numbers, bulb, ISO, RAW, live view, battery, card. The real
libgphoto2 over the port library in tests/harness/far_ends/gphoto2_port."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness.camera_processes.dslr_driver import Dslr
from tests.harness.far_ends.gphoto2_port.build import build
from tests.harness.processes.preloaded import PreloadedProcess
from tests.harness.rows.pictures import dng, exposed_jpeg, jpeg
from tests.harness.waiting import PATIENCE_S

NIKON = "usb:001,004 6012345 battery=77 free=32000000000"
OTHER = "usb:001,005 6012346"
OPEN = 'driver = Gphoto2Driver("6012345", clock)\ndriver.open(soon())\n'


@pytest.fixture
def desk(tmp_path: Path) -> Dslr:
    """Two cameras on a desk."""
    cameras = Dslr(tmp_path, build(tmp_path))
    cameras.set_pictures(exposed_jpeg(seconds=(8, 1)), dng(jpeg(320, 212)))
    cameras.plugged(OTHER, NIKON)
    return cameras


# Identity


def test_each_camera_is_listed_with_its_serial_number(desk: Dslr) -> None:
    assert [one["address"] for one in desk.run_script("report(driver.discover())")] == ["6012346", "6012345"]


@pytest.mark.parametrize("serial", ["6012345", "6012346"])
def test_a_camera_is_found_by_its_serial_number_among_several(desk: Dslr, serial: str) -> None:
    assert desk.run_script(f'driver = Gphoto2Driver("{serial}", clock); report(driver.open(soon()).serial)') == serial


def test_a_camera_that_is_replugged_into_another_port_is_found_again(desk: Dslr) -> None:
    ports = desk.run_script(f"""{OPEN}
ports = [driver._sessions.current.port]
plug(folder, "{OTHER}")
gone = failure(driver.supplies, soon())
plug(folder, "{OTHER}", "usb:002,017 6012345")
driver.open(soon())
report([*ports, driver._sessions.current.port, gone["reason"], len(driver.expose(ExposureRequest(), soon()).files)])
""")
    assert ports == ["usb:001,004", "usb:002,017", "camera_unreachable", 1]


def test_another_camera_at_the_old_port_is_not_mistaken_for_it(desk: Dslr) -> None:
    desk.plugged("usb:001,004 6012346")
    error = desk.run_script('driver = Gphoto2Driver("6012345", clock); report(failure(driver.open, soon()))')
    assert error["reason"] == "camera_unreachable"
    assert error["message"].startswith("No camera has the serial number 6012345; attached are")


@contextmanager
def held(desk: Dslr, *, by_skycam: bool = False) -> Iterator[PreloadedProcess]:
    """Another process has the Nikon open, until its input ends. Only Skycam's own processes claim it."""
    release_claim = "" if by_skycam else "driver._sessions.current._claim.end()"
    with desk.process(f"{OPEN}{release_claim}\nreport('mine')\nimport sys\nsys.stdin.read()") as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == '"mine"\n'
        yield holder


def test_a_camera_that_another_process_has_open_is_held_until_it_closes(desk: Dslr) -> None:
    with held(desk) as holder:
        error = desk.run_script('driver = Gphoto2Driver("6012345", clock); report(failure(driver.open, soon()))')
        holder.communicate(timeout=PATIENCE_S)
    assert error["reason"] == "camera_held"
    assert error["before_shutter"] is False
    assert "is held by another process" in error["message"]
    assert desk.run_script(f"{OPEN}report(driver._sessions.current.identity.serial)") == "6012345"


def test_a_held_camera_does_not_block_the_others(desk: Dslr) -> None:
    with held(desk):
        script = 'driver = Gphoto2Driver("6012346", clock); report(driver.open(soon()).serial)'
        assert desk.run_script(script) == "6012346"


def test_a_camera_of_another_skycam_process_is_not_disturbed_and_listed_as_in_use(desk: Dslr) -> None:
    with held(desk, by_skycam=True):
        error = desk.run_script('driver = Gphoto2Driver("6012399", clock); report(failure(driver.open, soon()))')
    listed = "Nikon DSC D750 at usb:001,005, Nikon DSC D750 at usb:001,004 (in use by Skycam)."
    assert error["message"].startswith(f"No camera has the serial number 6012399; attached are {listed}")


def test_without_an_address_the_first_free_camera_is_opened(desk: Dslr) -> None:
    desk.plugged(NIKON, OTHER)
    with held(desk, by_skycam=True):
        assert desk.run_script("report(driver.open(soon()).serial)") == "6012346"


def test_a_killed_process_holds_no_camera(desk: Dslr) -> None:
    with held(desk) as holder:
        holder.kill()
        holder.wait(PATIENCE_S)
        assert desk.run_script(f"{OPEN}report(driver._sessions.current.identity.serial)") == "6012345"


# Settings


def test_every_setting_is_read_back_as_the_camera_has_it(desk: Dslr) -> None:
    desired = {"exposure_us": 8_000_000, "iso": 800, "f_number": 4.0, "exposure_compensation": -1.0, "format": "raw"}
    actual, warnings = desk.run_script(f"""{OPEN}
applied = driver.apply({desired}, soon())
report([applied.actual, applied.warnings])
""")
    assert actual == {**desired, "format": "NEF (Raw)", "capture_target": "memory"}
    assert warnings == []


def test_the_nearest_compensation_is_used_with_a_warning(desk: Dslr) -> None:
    applied = desk.run_script(f"""{OPEN}
applied = driver.apply({{"exposure_compensation": 0.7}}, soon())
report([applied.actual["exposure_compensation"], applied.warnings])
""")
    assert applied == [0.5, ["+0.7 EV was requested; the camera's nearest is +0.5 EV."]]


def test_reading_back_keeps_what_an_exposure_overrode(desk: Dslr) -> None:
    result = desk.run_script(f"""{OPEN}
driver.apply({{"iso": 100}}, soon())
driver.expose(ExposureRequest(iso=800), soon())
found = driver.read_back(soon())
report(["iso" in found, driver._sessions.current.read("iso").value])
""")
    assert result == [False, "800"]


def test_a_time_beyond_the_longest_is_bulb_and_may_be_read_back(desk: Dslr) -> None:
    can, actual, warnings = desk.run_script(f"""{OPEN}
applied = driver.apply({{"exposure_us": 90_000_000}}, soon())
limits = driver.capabilities().settings["exposure_us"]
report([[limits.maximum, limits.choices[-1]], applied.actual["exposure_us"], applied.warnings])
""")
    assert can == [3_600_000_000, 30_000_000]
    assert actual == 90_000_000
    assert warnings == []


# Exposing


def test_raw_and_jpeg_are_two_files_of_one_capture(desk: Dslr) -> None:
    files, on_card = desk.run_script(f"""{OPEN}
driver.apply({{"format": "raw+jpeg", "capture_target": "card"}}, soon())
exposure = driver.expose(ExposureRequest(), soon())
left = driver._sessions.current._camera.folder_list_files(exposure.card[0].folder).count()
driver.delete_from_card(exposure, soon())
report([[[file.kind, hashlib.sha256(b"".join(file.chunks())).hexdigest()] for file in exposure.files],
     [left, driver._sessions.current._camera.folder_list_files(exposure.card[0].folder).count()]])
""")
    raw, picture = (desk.folder / "raw.nef").read_bytes(), desk.picture
    assert files == [["raw", hashlib.sha256(raw).hexdigest()], ["jpeg", hashlib.sha256(picture).hexdigest()]]
    assert on_card == [2, 0]


def test_raw_and_jpeg_come_from_the_cameras_memory_too(desk: Dslr) -> None:
    kinds = desk.run_script(f"""{OPEN}
driver.apply({{"format": "raw+jpeg", "capture_target": "memory"}}, soon())
taken = [driver.expose(ExposureRequest(), soon()) for _ in range(3)]
for exposure in taken:
    driver.delete_from_card(exposure, soon())
report([[file.kind for file in exposure.files] + exposure.missing for exposure in taken])
""")
    assert kinds == [["raw", "jpeg"]] * 3


def test_exif_fills_in_what_the_camera_does_not_report(desk: Dslr) -> None:
    desk.plugged(f"{NIKON} silent")
    actual = desk.run_script(f"""{OPEN}
driver.apply({{"format": "raw"}}, soon())
report(driver.expose(ExposureRequest(), soon()).actual)
""")
    assert actual["iso"] == 800
    assert actual["exposure_us"] == 10_000
    assert actual["f_number"] == 2.8


def test_bulb_holds_the_shutter_open_and_exif_gives_the_time(desk: Dslr) -> None:
    actual, taken, held_s = desk.run_script(f"""{OPEN}
driver.apply({{"exposure_us": 31_000_000}}, soon())
# What the shutter is held open for, so that the test does not take 31 s.
driver._choices.desired["exposure_us"] = 300_000
exposure = driver.expose(ExposureRequest(), soon())
report([exposure.actual, len(exposure.files), (exposure.ended_ns - exposure.started_ns) / 1e9])
""")
    assert actual["exposure_us"] == 8_000_000
    assert taken == 1
    assert held_s >= 0.3


def test_bulb_without_exif_is_as_long_as_measured(desk: Dslr) -> None:
    desk.set_pictures(jpeg(64, 48))
    exposure_us, held_us = desk.run_script(f"""{OPEN}
driver.apply({{"exposure_us": 31_000_000}}, soon())
driver._choices.desired["exposure_us"] = 300_000
exposure = driver.expose(ExposureRequest(), soon())
report([exposure.actual["exposure_us"], (exposure.ended_ns - exposure.started_ns) // 1000])
""")
    assert 300_000 <= exposure_us <= held_us


def test_an_abort_closes_a_shutter_that_is_held_open(desk: Dslr) -> None:
    aborted = desk.run_script(f"""
from cameras.drivers.base import Aborted
from cameras.runtime.clock import CameraClock
import threading
clock = CameraClock()
{OPEN}
driver.apply({{"exposure_us": 3_600_000_000}}, soon())
threading.Timer(0.2, clock.abort).start()
was_aborted = False
try:
    driver.expose(ExposureRequest(), clock.monotonic() + 4000)
except Aborted:
    was_aborted = True
clock.clear_abort()
driver.open(soon())
report([was_aborted, len(driver.expose(ExposureRequest(exposure_us=1000), soon()).files)])
""")
    assert aborted == [True, 1]


def test_a_dial_at_bulb_without_a_time_opens_no_shutter(desk: Dslr) -> None:
    error = desk.run_script(f"""{OPEN}
driver.apply({{"exposure_us": 60_000_000}}, soon())
driver._choices.desired.clear()
report(failure(driver.expose, ExposureRequest(), soon()))
""")
    assert error["reason"] == "rejected_setting"
    assert error["before_shutter"] is True
    assert error["permanent"] is True
    assert error["message"].startswith("The camera's dial is at bulb")


def test_a_dial_at_bulb_without_a_time_leaves_the_camera_open(desk: Dslr) -> None:
    taken = desk.run_script(f"""{OPEN}
driver.apply({{"exposure_us": 60_000_000}}, soon())
driver._choices.desired.clear()
failure(driver.expose, ExposureRequest(), soon())
report(len(driver.expose(ExposureRequest(exposure_us=10_000), soon()).files))
""")
    assert taken == 1


def test_a_bulb_time_beyond_the_deadline_opens_no_shutter(desk: Dslr) -> None:
    error = desk.run_script(f"{OPEN}report(failure(driver.expose, ExposureRequest(exposure_us=60_000_000), soon()))")
    assert error["reason"] == "too_slow"
    assert error["before_shutter"] is True


def test_a_full_card_is_named_in_the_message(desk: Dslr) -> None:
    desk.plugged("usb:001,004 6012345 free=0")
    error = desk.run_script(f"""{OPEN}
driver.apply({{"capture_target": "card"}}, soon())
report([failure(driver.expose, ExposureRequest(), soon()), driver.open(soon()).serial,
     driver.supplies(soon()).card_free_bytes])
""")
    assert "check its display (focus, card, battery, mode dial)" in error[0]["message"]
    assert error[1:] == ["6012345", 0]


def test_a_truncated_file_is_incomplete_and_may_be_on_the_card(desk: Dslr) -> None:
    error = desk.run_script(f"""{OPEN}
driver.apply({{"capture_target": "card"}}, soon())
control(folder, "half fetch")
report(failure(driver.expose, ExposureRequest(), soon()))
""")
    assert error["reason"] == "incomplete"
    assert error["before_shutter"] is False
    assert error["message"].endswith("of DSC_0001.JPG; it may still be on its card.")


def test_a_camera_that_is_busy_before_the_shutter_may_be_tried_again(desk: Dslr) -> None:
    error = desk.run_script(f"""{OPEN}
control(folder, "refuse set 0x2019")
failed = driver.expose(ExposureRequest(iso=400), soon())
report([failed.warnings, len(failed.files)])
""")
    assert error == [["ISO 400 was requested; the camera refuses it in its present mode."], 1]


def test_a_refused_value_leaves_the_other_values_of_the_exposure(desk: Dslr) -> None:
    error = desk.run_script(f"""{OPEN}
from cameras.drivers.gphoto2.session import Session
driver.apply({{"exposure_us": 10_000}}, soon())
write = Session.write

def write_and_refuse_iso(session, name, choice):
    control(folder, "refuse set 0x2019 once" if name == "iso" else "")
    write(session, name, choice)

Session.write = write_and_refuse_iso
exposure = driver.expose(ExposureRequest(exposure_us=100_000, iso=400), soon())
report([exposure.warnings, exposure.actual["exposure_us"]])
""")
    assert error == [["ISO 400 was requested; the camera refuses it in its present mode."], 100_000]


def test_forty_captures_of_one_session_lose_nothing(desk: Dslr) -> None:
    assert (
        desk.run_script(f"""{OPEN}
report(sum(len(driver.expose(ExposureRequest(), soon()).files) for _ in range(40)))
""")
        == 40
    )


# Live view, battery, card


def test_a_preview_gives_numbered_frames_at_a_limited_rate(desk: Dslr) -> None:
    preview, numbers, shape, took_s = desk.run_script(f"""{OPEN}
began = clock.monotonic()
frames = [driver.frame(soon()) for _ in range(4)]
report([driver.capabilities().preview, [frame.number for frame in frames], frames[0].image.shape,
     clock.monotonic() - began])
""")
    assert preview is True
    assert numbers == [1, 2, 3, 4]
    assert shape == [424, 640, 3]
    assert took_s >= 3 / 15


@pytest.mark.parametrize("end", ["driver.stop_frames(soon())", "driver.expose(ExposureRequest(), soon())"])
def test_the_mirror_comes_down_when_no_one_watches_and_for_a_still(desk: Dslr, end: str) -> None:
    live = desk.run_script(f"""{OPEN}
value = lambda: driver._sessions.current._camera.get_single_config("viewfinder").get_value()
driver.apply({{"capture_target": "card"}}, soon())
driver.frame(soon())
up = value()
{end}
report([up, driver._sessions.current.live, driver.frame(soon()) is not None])
""")
    assert live == [1, False, True]


def test_a_preview_that_is_not_a_picture_is_an_error(desk: Dslr) -> None:
    (desk.folder / "preview.jpg").write_bytes(b"\xff\xd8\xff rubbish \xff\xd9")
    error = desk.run_script(f"{OPEN}report(failure(driver.frame, soon()))")
    assert error["reason"] == "camera_error"


def test_a_camera_without_live_view_reports_no_preview(dslr: Dslr) -> None:
    assert dslr.run_script("driver.open(soon()); report(driver.capabilities().preview)") is False


def test_battery_and_card_are_reported_as_they_change(desk: Dslr) -> None:
    result = desk.run_script(f"""{OPEN}
first = driver.supplies(soon())
plug(folder, "usb:001,004 6012345 battery=9 free=1000448")
until = clock.monotonic() + {PATIENCE_S}    # libgphoto2 asks for a battery every few seconds at most
while (now := driver.supplies(soon())).battery_percent == first.battery_percent and clock.monotonic() < until:
    time.sleep(0.05)
report([[first.battery_percent, first.card_free_bytes], [now.battery_percent, now.card_free_bytes]])
""")
    assert result == [[77, 32_000_000_000], [9, 1_000_448]]


def test_an_idle_camera_that_is_unplugged_is_noticed(desk: Dslr) -> None:
    error = desk.run_script(f'{OPEN}plug(folder, "{OTHER}")\nreport(failure(driver.supplies, soon()))')
    assert error["reason"] == "camera_unreachable"
    assert error["message"].startswith("The camera at usb:001,004 does not answer.")
