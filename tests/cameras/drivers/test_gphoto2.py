"""DSLRs, by the real libgphoto2 and its virtual camera: at most 1 s, f/2.8 and above, no ISO, no bulb."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cameras.drivers.gphoto2 import Gphoto2Driver
from cameras.drivers.gphoto2.driver import library_warnings
from cameras.drivers.gphoto2.errors import DESKTOP
from core.device_holders import find_holders
from tests.harness.camera_processes.dslr_driver import Dslr
from tests.harness.waiting import PATIENCE_S, eventually

TAKE_60 = """
def expose(request):                     # as the core does: the same capture once more, if no shutter was released
    try:
        return driver.expose(request, soon())
    except CameraError as error:
        if not error.before_shutter:
            raise
        driver.open(soon())
        return driver.expose(request, soon())

driver.open(soon())
driver.apply({"f_number": 5.6}, soon())
taken = [expose(ExposureRequest(exposure_us=100_000)) for _ in range(60)]
report([sorted({hashlib.sha256(bytes_of(exposure)).hexdigest() for exposure in taken}), len(taken),
     [exposure.actual["f_number"] for exposure in taken].count(5.6)])
"""


@pytest.fixture
def desktop(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with the name of the desktop's camera part."""
    name = "gvfs-gphoto2-volume-monitor"
    with subprocess.Popen([name, "-c", "input()"], executable=sys.executable, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_opening_returns_the_identity_of_the_dslr(dslr: Dslr) -> None:
    identity = dslr.run_script("i = driver.open(soon()); report([i.vendor, i.model, i.serial, i.firmware, i.library])")
    assert identity == ["GP", "VC", "0.1", "2.5.11", "libgphoto2 2.5.34"]


def test_a_camera_is_discovered_with_its_serial_as_address(dslr: Dslr) -> None:
    found = dslr.run_script("report(driver.discover())")
    assert found == [{"address": "0.1", "model": "Nikon DSC D750", "serial": "0.1"}]


def test_the_wheels_own_virtual_camera_needs_nothing_but_vcameradir(dslr: Dslr) -> None:
    plain = Dslr(dslr.folder, {"VCAMERADIR": dslr.environment["VCAMERADIR"], "HOME": str(dslr.folder)})
    plain.set_control("absent")
    assert plain.run_script("report(len(driver.discover()))") == 1


def test_only_what_the_camera_has_is_a_capability(dslr: Dslr) -> None:
    can = dslr.run_script("""
driver.open(soon())
can = driver.capabilities()
report({"stream": can.stream, **{name: can.settings[name].choices for name in can.settings}})
""")
    assert sorted(can) == ["capture_target", "exposure_compensation", "exposure_us", "f_number", "stream"]
    assert can["exposure_us"] == [100, 1200, 2500, 5000, 10_000, 20_000, 50_000, 100_000, 1_000_000]
    assert can["f_number"][:2] == [2.8, 3.5]


def test_the_nearest_value_is_used_with_a_warning(dslr: Dslr) -> None:
    applied = dslr.run_script("""
driver.open(soon())
applied = driver.apply({"exposure_us": 8_000_000, "f_number": 1.4, "iso": 100}, soon())
report([applied.actual, applied.warnings])
""")
    has = {"exposure_us": 1_000_000, "f_number": 2.8, "capture_target": "memory", "exposure_compensation": 0.0}
    assert applied[0] == has
    assert applied[1] == [
        "8 s was requested; the camera's nearest is 1 s.",
        "The ISO of this camera cannot be set over USB; ISO 100 was requested.",
        "f/1.4 was requested; the camera's nearest is f/2.8.",
    ]


def test_a_value_that_the_camera_has_gives_no_warning(dslr: Dslr) -> None:
    script = 'driver.open(soon()); report(driver.apply({"exposure_us": 100_000, "f_number": 5.6}, soon()).warnings)'
    assert dslr.run_script(script) == []


def test_a_capture_is_byte_for_byte_what_the_camera_made(dslr: Dslr) -> None:
    taken = dslr.run_script("""
driver.open(soon())
exposure = driver.expose(ExposureRequest(exposure_us=100_000), soon())
file = exposure.files[0]
report([hashlib.sha256(bytes_of(exposure)).hexdigest(), file.kind, file.suffix, file.size, exposure.missing,
     exposure.actual["exposure_us"], exposure.started_ns <= exposure.ended_ns])
""")
    whole = hashlib.sha256(dslr.picture).hexdigest()
    assert taken == [whole, "jpeg", ".jpg", len(dslr.picture), [], 100_000, True]


def test_a_picture_outlives_its_camera_and_arrives_in_chunks_of_a_mebibyte(dslr: Dslr) -> None:
    (dslr.folder / "pictures" / "scene.jpg").write_bytes(dslr.picture + bytes(3 << 20))
    pieces = dslr.run_script("""
driver.open(soon())
file = driver.expose(ExposureRequest(), soon()).files[0]
driver.close()
report([hashlib.sha256(b"".join(file.chunks())).hexdigest(), max(map(len, file.chunks()))])
""")
    assert pieces == [hashlib.sha256(dslr.picture).hexdigest(), 1 << 20]


def test_sixty_captures_in_a_row_lose_nothing(dslr: Dslr) -> None:
    assert dslr.run_script(TAKE_60) == [[hashlib.sha256(dslr.picture).hexdigest()], 60, 60]


def test_a_capture_leaves_the_card_only_when_deleted(dslr: Dslr) -> None:
    on_card = dslr.run_script("""
driver.open(soon())
listing = lambda file: driver._sessions.current._camera.folder_list_files(file.folder)
exposure = driver.expose(ExposureRequest(), soon())
before = listing(exposure.card[0]).count()
driver.delete_from_card(exposure, soon())
driver.delete_from_card(exposure, soon())
report([before, listing(exposure.card[0]).count()])
""")
    assert on_card == [1, 0]


@pytest.mark.parametrize("later", [{}, {"f_number": 5.6}])
def test_keep_on_card_survives_later_settings(dslr: Dslr, later: dict[str, float]) -> None:
    kept = dslr.run_script(f"""
driver.open(soon())
driver.apply({{"keep_on_card": True}}, soon())
driver.apply({later}, soon())
exposure = driver.expose(ExposureRequest(), soon())
driver.delete_from_card(exposure, soon())
report(driver._sessions.current._camera.folder_list_files(exposure.card[0].folder).count())
""")
    assert kept == 1


def test_a_name_of_an_earlier_session_is_not_deleted(dslr: Dslr) -> None:
    kept = dslr.run_script("""
driver.open(soon())
old = driver.expose(ExposureRequest(), soon())
driver.open(soon())
new = driver.expose(ExposureRequest(), soon())
driver.delete_from_card(old, soon())
names = [one.card[0].name for one in (old, new)]
left = driver._sessions.current._camera.folder_list_files(new.card[0].folder).count()
report([names[0] == names[1], left])
""")
    assert kept == [True, 1]


def test_no_camera_is_unreachable_and_says_what_to_check(dslr: Dslr) -> None:
    dslr.set_control("absent")
    error = dslr.run_script("report(failure(driver.open, soon()))")
    assert error["reason"] == "camera_unreachable"
    assert error["message"].startswith("No camera answers over USB. Check that it is switched on")


def test_a_camera_of_another_serial_is_not_opened(dslr: Dslr) -> None:
    error = dslr.run_script('driver = Gphoto2Driver("6012345", clock); report(failure(driver.open, soon()))')
    assert error["reason"] == "camera_unreachable"
    assert "attached are Nikon DSC D750 at usb:001,001" in error["message"]


@pytest.mark.parametrize("address", ["0.1", "usb:001,001"])
def test_a_camera_is_found_by_its_address(dslr: Dslr, address: str) -> None:
    assert dslr.run_script(f"driver = Gphoto2Driver({address!r}, clock); report(driver.open(soon()).serial)") == "0.1"


def test_a_faulty_camera_does_not_keep_another_from_being_opened(dslr: Dslr) -> None:
    serial = dslr.run_script("""
from dataclasses import replace
from cameras.drivers.gphoto2 import discovery
(sound,) = discovery.cameras_on_usb()
faulty = replace(sound, model="No such camera")
report(discovery._open_by_serial("0.1", [faulty, sound], clock, soon()).identity.serial)
""")
    assert serial == "0.1"


def test_a_camera_that_fails_on_its_second_serial_is_an_error_and_closed(dslr: Dslr) -> None:
    failed, let_go = dslr.run_script("""
import gphoto2
from cameras.drivers.base import Identity
from cameras.drivers.gphoto2 import discovery

class Faulty:
    identity, port, let_go = Identity(), "usb:001,001", False
    def text(self, widget):
        raise gphoto2.GPhoto2Error(-7)
    def exit(self):
        self.let_go = True

session = Faulty()
report([failure(discovery._has_serial, session, "6012345"), session.let_go])
""")
    assert failed["reason"] == "camera_unreachable"
    assert let_go is True


def test_a_held_camera_names_who_probably_holds_it(dslr: Dslr, desktop: subprocess.Popen[bytes]) -> None:
    dslr.set_control("busy")
    error = dslr.run_script('driver = Gphoto2Driver("0.1", clock); report(failure(driver.open, soon()))')
    assert error["reason"] == "camera_held"
    assert f"gvfs-gphoto2-volume-monitor (pid {desktop.pid}; stop it with `systemctl --user mask" in error["message"]


def test_a_program_with_the_device_open_is_a_holder(tmp_path: Path) -> None:
    device = tmp_path / "device"
    device.touch()
    with device.open() as held, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=held) as other:
        eventually(lambda: [holder.name for holder in find_holders(str(device), DESKTOP)] == ["cat"])
        (holder,) = find_holders(str(device), DESKTOP)
        other.communicate(timeout=PATIENCE_S)
    assert holder.pid == other.pid
    assert holder.stop == f"kill {other.pid}"


def test_a_transfer_error_before_the_shutter_may_be_tried_again(dslr: Dslr) -> None:
    failed, taken = dslr.run_script("""
driver.open(soon())
control(folder, "error")
first = failure(driver.expose, ExposureRequest(exposure_us=100_000), soon())
control(folder, "")
driver.open(soon())
report([first, len(driver.expose(ExposureRequest(), soon()).files)])
""")
    assert failed["before_shutter"]
    assert not failed["permanent"]
    assert taken == 1


def test_a_transfer_error_while_exposing_is_not_tried_again(dslr: Dslr) -> None:
    failed, closed = dslr.run_script("""
driver.open(soon())
control(folder, "error capture once")
report([failure(driver.expose, ExposureRequest(), soon()), failure(driver.expose, ExposureRequest(), soon())])
""")
    assert failed["reason"] == "camera_unreachable"
    assert not failed["before_shutter"]
    assert "Open it first" in closed["message"]


def test_a_camera_that_is_pulled_out_is_gone(dslr: Dslr) -> None:
    failed, taken = dslr.run_script("""
driver.open(soon())
control(folder, "absent")
first = failure(driver.expose, ExposureRequest(), soon())
control(folder, "")
driver.open(soon())
report([first, len(driver.expose(ExposureRequest(), soon()).files)])
""")
    assert failed["reason"] == "camera_unreachable"
    assert "does not answer" in failed["message"]
    assert taken == 1


def test_a_refused_value_is_a_warning_and_the_picture_is_taken(dslr: Dslr) -> None:
    warnings, files = dslr.run_script("""
driver.open(soon())
control(folder, "error set once")
exposure = driver.expose(ExposureRequest(exposure_us=100_000), soon())
report([exposure.warnings, len(exposure.files)])
""")
    assert warnings == ["100 ms was requested; the camera refuses it in its present mode."]
    assert files == 1


def test_a_deadline_that_is_over_releases_no_shutter(dslr: Dslr) -> None:
    late = "clock.monotonic() - 1"
    error = dslr.run_script(f"driver.open(soon()); report(failure(driver.expose, ExposureRequest(), {late}))")
    assert error["reason"] == "too_slow"
    assert error["before_shutter"]


def test_a_capture_that_hangs_leaves_other_threads_alive_and_dies_of_a_kill(dslr: Dslr) -> None:
    dslr.set_control("hang capture once")
    script = """
import threading
driver.open(soon())
threading.Thread(target=driver.expose, args=(ExposureRequest(), soon()), daemon=True).start()
while True:
    report("alive")
    time.sleep(0.01)
"""
    with dslr.process(script) as process:
        eventually(dslr.is_control_used_up)
        assert process.stdout is not None
        assert process.stdout.readline() == '"alive"\n'
        process.kill()
        assert process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
    assert dslr.run_script("driver.open(soon()); report(len(driver.expose(ExposureRequest(), soon()).files))") == 1


@pytest.mark.parametrize("address", ["", "6012345", "0.1", "usb:001,004", "  0.1 "])
def test_these_are_addresses(address: str) -> None:
    assert Gphoto2Driver.check_address(address, []) == address.strip()


@pytest.mark.parametrize(
    "address", ["usb:1", "/dev/video0", "http://camera", "a b", "-x", "usb:001,001;x", "é", "x" * 65]
)
def test_these_are_no_addresses(address: str) -> None:
    with pytest.raises(ValueError, match="serial number"):
        Gphoto2Driver.check_address(address, [])


def test_an_old_libgphoto2_is_warned_of() -> None:
    assert library_warnings("2.5.34") == []
    assert "CVE-2026-40333" in library_warnings("2.5.33")[0]
