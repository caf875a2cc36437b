"""The formats in which a camera process keeps its stills."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from cameras.runtime.file_formats import DEFAULT_KEEP
from cameras.spool.spool import Spool
from captures.stills.formats import FORMATS, Format
from tests.harness.camera_processes.camera_loop import CameraLoopBench
from tests.harness.clocks.camera_clock import SetClock
from tests.harness.far_ends.scripted_camera import exposure
from tests.harness.rows.stills import picture

ALL = ["fits", "jpeg", "png", "tiff"]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[CameraLoopBench]:
    with CameraLoopBench(tmp_path, formats={"keep": ALL, "fits_compression": "none"}) as bench:
        bench.wait_for_type("observed", observed="ready")
        yield bench


def take(bench: CameraLoopBench, image: Any) -> dict[str, Any]:
    bench.camera.next.append(exposure(frame=bench.camera.image(image)))
    return bench.outcome(bench.capture())


def archived(bench: CameraLoopBench, suffix: str) -> Path:
    [path] = (bench.root / "captures").rglob(f"*{suffix}")
    return path


def cannot_encode(*_: object) -> Any:
    raise RuntimeError("the encoder is broken")


def test_a_still_is_kept_in_each_format_the_primary_one_first(bench: CameraLoopBench) -> None:
    record = take(bench, picture("mono 16"))
    assert record["outcome"] == "saved"
    assert [file["kind"] for file in record["files"]] == ALL
    assert {(file["width"], file["height"]) for file in record["files"]} == {(121, 91)}


def test_16_bits_stay_16_bits_from_the_driver_to_the_files(bench: CameraLoopBench) -> None:
    image = picture("mono 16")
    take(bench, image)
    np.testing.assert_array_equal(fits.getdata(archived(bench, ".fits")), image)
    for suffix in (".png", ".tif"):
        np.testing.assert_array_equal(cv2.imread(str(archived(bench, suffix)), cv2.IMREAD_UNCHANGED), image)


def test_the_site_of_the_camera_process_is_in_its_files(tmp_path: Path) -> None:
    site = {"latitude": 48.1, "longitude": 11.6, "time_zone": "UTC", "elevation": 520.0}
    with CameraLoopBench(tmp_path, site=site, formats={"keep": ["fits"], "fits_compression": "rice"}) as bench:
        bench.wait_for_type("observed", observed="ready")
        take(bench, picture("colour 8"))
        header = fits.getheader(archived(bench, ".fits"), 1)
    assert (header["SITELAT"], header["SITELONG"], header["SITEELEV"]) == (48.1, 11.6, 520.0)


def test_a_new_site_is_in_the_files_of_the_next_capture(bench: CameraLoopBench) -> None:
    site = {"latitude": -29.26, "longitude": -70.73, "time_zone": "America/Santiago", "elevation": 2347.0}
    command = bench.send_command("configure", site=site)
    bench.wait_for_type("answer", command_id=command)
    take(bench, picture("colour 8"))
    header = fits.getheader(archived(bench, ".fits"))
    assert (header["SITELAT"], header["SITELONG"], header["SITEELEV"]) == (-29.26, -70.73, 2347.0)


def test_without_formats_a_still_is_a_jpeg(tmp_path: Path) -> None:
    with CameraLoopBench(tmp_path) as bench:
        bench.wait_for_type("observed", observed="ready")
        record = take(bench, picture("colour 8"))
    assert [file["kind"] for file in record["files"]] == DEFAULT_KEEP


def test_new_formats_hold_from_the_next_capture_on(bench: CameraLoopBench) -> None:
    command = bench.send_command("configure", formats={"keep": ["png"], "fits_compression": "none"})
    bench.wait_for_type("answer", command_id=command)
    assert [file["kind"] for file in take(bench, picture("mono 8"))["files"]] == ["png"]


def test_a_client_that_requests_a_quality_gets_a_jpeg_first(bench: CameraLoopBench) -> None:
    capture = "0193b000-0000-7000-8000-000000000009"
    bench.send_command(
        "capture", id=capture, planned="2026-01-01T00:00:00Z", asked={}, requested_by="tester", job="",
        file={"name": "capture", "jpeg_quality": 90},
    )  # fmt: skip
    assert [file["kind"] for file in bench.outcome(capture)["files"]] == ["jpeg", "fits", "png", "tiff"]


def test_when_one_format_cannot_be_encoded_the_others_are_kept(
    bench: CameraLoopBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "fits", Format(".fits", cannot_encode))
    record = take(bench, picture("mono 8"))
    assert (record["outcome"], record["reason"]) == ("failed", "incomplete")
    assert (
        record["message"] == "The picture could not be written as fits. The other files are kept; the warnings say why."
    )
    assert record["warnings"] == ["The picture could not be encoded as fits: the encoder is broken"]
    assert [file["kind"] for file in record["files"]] == ["jpeg", "png", "tiff"]
    assert not list(bench.spool.glob("*.part"))


def test_when_no_format_can_be_encoded_the_capture_failed(
    bench: CameraLoopBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ALL:
        monkeypatch.setitem(FORMATS, kind, Format(f".{kind}", cannot_encode))
    record = take(bench, picture("mono 8"))
    assert (record["outcome"], record["reason"], record["files"]) == ("failed", "write_error", [])


def test_a_full_disk_fails_the_capture_and_leaves_no_file(
    bench: CameraLoopBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_part = Spool.write_part

    def is_full_after_the_first(spool: Spool, capture: str, kind: str, *rest: Any) -> Any:
        if kind == "png":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_part(spool, capture, kind, *rest)

    monkeypatch.setattr(Spool, "write_part", is_full_after_the_first)
    record = take(bench, picture("mono 8"))
    assert (record["reason"], record["files"]) == ("disk_full", [])
    assert not list((bench.root / "captures").rglob("*.*"))
    assert not list(bench.spool.glob("*.part"))


def test_a_warning_is_told_once_when_the_disk_fails_once(
    bench: CameraLoopBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_part, failures = Spool.write_part, [OSError(errno.EIO, "Input/output error")]

    def fails_once(spool: Spool, capture: str, kind: str, *rest: Any) -> Any:
        if failures and kind == "tiff":
            raise failures.pop()
        return write_part(spool, capture, kind, *rest)

    monkeypatch.setattr(Spool, "write_part", fails_once)
    monkeypatch.setitem(FORMATS, "png", Format(".png", cannot_encode))
    record = take(bench, picture("mono 8"))
    assert record["warnings"].count("The picture could not be encoded as png: the encoder is broken") == 1
    assert [file["kind"] for file in record["files"]] == ["fits", "jpeg", "tiff"]


def test_a_capture_has_the_state_of_the_clock(tmp_path: Path) -> None:
    clock = SetClock()
    clock.kernel_says = "unsynchronised"
    with CameraLoopBench(tmp_path, clock, formats={"keep": ["fits"], "fits_compression": "none"}) as bench:
        bench.wait_for_type("observed", observed="ready")
        assert take(bench, picture("mono 8"))["clock_jumped_s"] == 0.0
        clock.set_wall(-3600.0)
        record = take(bench, picture("mono 16"))
        assert take(bench, picture("mono 8"))["clock_jumped_s"] == 0.0
    assert (record["clock"], record["clock_offset_s"], record["clock_jumped_s"]) == ("unsynchronised", None, -3600.0)
    jump = "The station's clock was set by -3600.000 s since the last capture. Check the times around this one."
    assert jump in record["warnings"]
    [path] = [path for path in (bench.root / "captures").rglob("*.fits") if fits.getheader(path)["BITPIX"] == 16]
    assert fits.getheader(path)["CLKJUMP"] == -3600.0


def test_a_picture_with_a_simulated_frame_says_so(bench: CameraLoopBench) -> None:
    frame = bench.camera.image(picture("mono 8"))
    bench.camera.next.append(exposure(frame=frame, simulated=True))
    bench.outcome(bench.capture())
    assert fits.getheader(archived(bench, ".fits"))["SIMULATE"] is True
    with Image.open(archived(bench, ".jpg")) as jpeg:
        assert jpeg.getexif()[270] == "SIMULATED picture"
