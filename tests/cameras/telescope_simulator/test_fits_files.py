"""The FITS files of the simulated controllers: the standard's verifier, header words, and what is in the pixels."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from scheduler.telescope.simulator.exposure_pixels import BIAS, ELECTRONS_PER_ADU, READ_NOISE, stars_around
from scheduler.telescope.simulator.fits_files import FitsWriter
from scheduler.telescope.simulator.images import SimulatedImage
from scheduler.telescope.simulator.options import SimulatorOptions
from tests.harness.clocks.shared_time import SharedTime
from tests.harness.far_ends.telescope_controller import WireClient, exchange, running_controller
from tests.harness.waiting import eventually

WORDS = {
    "filterna": "rgzz", "filterid": "0", "lst": "5.2500", "ha": "-0.2500", "imagetyp": "sky", "darkfile": "UNKNOWN",
    "flatfile": "20270115200000s", "sequence": "3", "tele-ra": "5.5000", "tele-dec": "-30.0000", "focus": "25.3000",
    "comment": "two words",
}  # fmt: skip
IMAGE = SimulatedImage(1, "night", True, 60.0, 1_800_043_200_123_456_000, WORDS)
SMALL = {"width": 128, "height": 256}


def write(folder: Path, image: SimulatedImage = IMAGE, **options: Any) -> list[Path]:
    """The files of an image with small CCDs."""
    writer = FitsWriter(SimulatorOptions(folder=str(folder), **(SMALL | options)))
    list(writer.write_image(image))
    writer.close()
    return sorted(folder.glob(f"{image.file_root}_*.fits"))


def pixels(path: Path, ccd: int = 0) -> Any:
    """(height, width + overscan) as numbers that do not overflow."""
    return fits.getdata(path, ccd + 1).astype(float)


def of_type(kind: str, **changes: Any) -> SimulatedImage:
    return replace(IMAGE, words=WORDS | {"imagetyp": kind}, **changes)


def verify(path: Path) -> str:
    return subprocess.run(["fitsverify", "-q", path], capture_output=True, text=True, check=False).stdout.strip()


@pytest.mark.parametrize("controllers", [1, 4])
@pytest.mark.parametrize("kind", ["sky", "dark", "pmskyflat", "focus", "unknown"])
def test_fitsverify_finds_neither_errors_nor_warnings(tmp_path: Path, controllers: int, kind: str) -> None:
    paths = write(tmp_path, of_type(kind), controllers=controllers)
    assert [path.name for path in paths] == [f"night_C{number}.fits" for number in range(controllers)]
    assert [verify(path) for path in paths] == [f"verification OK: {path}" for path in paths]


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("simple", "F"), ("naxis", "7"), ("end", "1"), ("extend", "no"), ("bzero", "1"), ("date-obs", "yesterday"),
        ("equinox", "never"), ("crval1", "x"), ("object", "5"), ("continue", "x"), ("checksum", "0"), ("tform1", "9"),
        ("a-very-long-keyword", "5"), ("an-even-longer-keyword-than-that-one", "5"), ("dotted.word", "5"), ("?", "?"),
        ("comment", "x" * 500), ("history", "it's"), ("quote", "'''"), ("number", "1e999"), ("number", "nan"),
        ("number", "1_000"), ("number", "9" * 30), ("number", "1.5e-7"), ("empty", ""), ("focus", "&"),
    ],
)  # fmt: skip
def test_any_header_word_leaves_a_valid_file(tmp_path: Path, word: str, value: str) -> None:
    (path,) = write(tmp_path, replace(IMAGE, words=WORDS | {word: value}), controllers=1)
    assert verify(path) == f"verification OK: {path}"


def test_header_words_are_in_the_primary_header_numbers_as_numbers(tmp_path: Path) -> None:
    header = fits.getheader(write(tmp_path)[0])
    assert (header["FILTERNA"], header["FILTERID"], header["SEQUENCE"]) == ("rgzz", 0, 3)
    assert (header["TELE-RA"], header["TELE-DEC"], header["HA"]) == (5.5, -30.0, -0.25)
    assert (header["IMAGETYP"], header["FLATFILE"], header["DARKFILE"]) == ("sky", "20270115200000s", "UNKNOWN")
    assert list(header["COMMENT"]) == ["two words"]


@pytest.mark.parametrize(("profile", "has_observatory"), [("seed", False), ("2025", False), ("2026", True)])
def test_a_word_of_the_profile_that_was_not_given_is_unknown(
    tmp_path: Path, profile: str, has_observatory: bool
) -> None:
    header = fits.getheader(write(tmp_path, replace(IMAGE, words={}), profile=profile)[0])
    assert {header[word] for word in ("FILTERNA", "LST", "TELE-RA", "FOCUS", "SEQUENCE")} == {"UNKNOWN"}
    assert ("OBSERVAT" in header) == has_observatory


def test_a_word_that_is_longer_than_a_keyword_is_kept(tmp_path: Path) -> None:
    header = fits.getheader(write(tmp_path, replace(IMAGE, words={"dome-azimuth": "12.5"}))[0])
    assert header["DOME-AZIMUTH"] == 12.5


def test_the_header_says_when_how_long_and_that_it_is_simulated(tmp_path: Path) -> None:
    header = fits.getheader(write(tmp_path, replace(IMAGE, exposure_s=1.5))[1])
    assert (header["DATE-OBS"], header["DATE-END"]) == ("2027-01-15T20:00:00.123456", "2027-01-15T20:00:01.623456")
    assert header["MJD-OBS"] == pytest.approx(61420.833334762, abs=1e-8)
    assert (header["EXPTIME"], header["SHUTTER"], header["SIMULATE"]) == (1.5, True, True)
    assert (header["CONTROLR"], header["EXPNUM"], header["FILENAME"]) == (1, 1, "night_C1.fits")


def test_each_ccd_is_an_extension_with_its_place_in_the_mosaic_and_its_overscan(tmp_path: Path) -> None:
    with fits.open(write(tmp_path)[3]) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "C3_CCD0", "C3_CCD1", "C3_CCD2", "C3_CCD3"]
        assert {(hdu.data.dtype.name, hdu.data.shape) for hdu in hdus[1:]} == {("uint16", (256, 136))}
        assert [hdu.header["DETSEC"] for hdu in hdus[1:]] == [
            "[537:664,262:517]", "[671:798,262:517]", "[805:932,262:517]", "[939:1066,262:517]",
        ]  # fmt: skip
        assert hdus[0].header["DETSIZE"] == "[1:1066,1:517]"
        assert {(hdu.header["DATASEC"], hdu.header["BIASSEC"]) for hdu in hdus[1:]} == {
            ("[1:128,1:256]", "[129:136,1:256]")
        }


def test_stars_are_where_the_header_says(tmp_path: Path) -> None:
    (path,) = write(tmp_path, controllers=1, width=512, height=1024)
    image, wcs = pixels(path), WCS(fits.getheader(path, 1))
    stars = stars_around(5.5 * 15, -30, 2)
    x, y = wcs.all_world2pix(stars.ra, stars.dec, 0)
    seen = (x > 10) & (x < 500) & (y > 10) & (y < 1010) & (stars.magnitude > 14) & (stars.magnitude < 16)
    assert 20 < seen.sum() < 200
    peaks = image[np.rint(y[seen]).astype(int), np.rint(x[seen]).astype(int)]
    assert peaks.min() > np.median(image) + 1000


def test_the_middle_of_the_mosaic_is_where_the_telescope_points(tmp_path: Path) -> None:
    header = fits.getheader(write(tmp_path)[0], 4)
    assert WCS(header).all_pix2world([[(1066 - 1) / 2 - 402, (517 - 1) / 2]], 0)[0] == pytest.approx([82.5, -30])


def test_the_same_field_shows_the_same_stars_with_other_noise(tmp_path: Path) -> None:
    first = pixels(write(tmp_path)[0])
    second = pixels(write(tmp_path, replace(IMAGE, number=2, file_root="second"))[0])
    other = pixels(write(tmp_path, replace(IMAGE, file_root="other", words=WORDS | {"tele-dec": "-31.0"}))[0])
    assert (first != second).mean() > 0.9
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.99
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.2


def test_the_same_image_has_the_same_pixels_again(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    np.testing.assert_array_equal(pixels(write(tmp_path)[2]), pixels(write(tmp_path / "again")[2]))


@pytest.mark.parametrize(
    "image", [of_type("dark", shutter=False), of_type("sky", shutter=False), of_type("dark")], ids=["", "sky", "open"]
)
def test_a_dark_has_bias_and_read_noise_alone(tmp_path: Path, image: SimulatedImage) -> None:
    found = pixels(write(tmp_path, replace(image, exposure_s=1.0))[0])
    assert found.mean() == pytest.approx(BIAS, abs=1)
    assert found.std() == pytest.approx(READ_NOISE / ELECTRONS_PER_ADU, rel=0.05)


def test_a_longer_dark_has_more_dark_current(tmp_path: Path) -> None:
    found = pixels(write(tmp_path, of_type("dark", exposure_s=1000.0))[0])
    assert found[:, :128].mean() == pytest.approx(BIAS + 0.02 * 1000 / ELECTRONS_PER_ADU, abs=0.5)
    assert found[:, 128:].mean() == pytest.approx(BIAS, abs=0.5)


@pytest.mark.parametrize("kind", ["pmskyflat", "amskyflat", "domeskyflat"])
def test_a_flat_is_bright_smooth_and_darker_at_the_edge_of_the_mosaic(tmp_path: Path, kind: str) -> None:
    first, *_ = write(tmp_path, of_type(kind, exposure_s=10.0))
    edge, middle = pixels(first, 0)[:, :128] - BIAS, pixels(first, 3)[:, :128] - BIAS
    assert 10_000 < edge[:64, :64].mean() < 0.85 * middle[-64:, -64:].mean() < 15_000
    assert middle[-64:, -64:].std() < 150


def test_no_light_reaches_the_overscan(tmp_path: Path) -> None:
    found = pixels(write(tmp_path, of_type("pmskyflat"))[0])[:, 128:]
    assert found.mean() == pytest.approx(BIAS, abs=1)


def test_a_bright_image_saturates(tmp_path: Path) -> None:
    found = pixels(write(tmp_path, of_type("pmskyflat", exposure_s=1000.0))[0])
    assert set(found[:, :128].ravel()) == {65535}


@pytest.mark.parametrize(
    ("ra", "dec"), [("UNKNOWN", "UNKNOWN"), ("25", "0"), ("5", "-91"), ("nan", "0"), ("5", "inf"), ("", "")]
)
def test_without_a_position_in_the_words_the_pointing_of_the_options_holds(tmp_path: Path, ra: str, dec: str) -> None:
    words = {"tele-ra": ra, "tele-dec": dec}
    header = fits.getheader(write(tmp_path, replace(IMAGE, words=words), ra_h=7.0, dec_deg=10.0)[0], 1)
    assert (header["CRVAL1"], header["CRVAL2"]) == (105.0, 10.0)


def test_a_file_that_is_not_complete_is_removed_when_it_is_given_up(tmp_path: Path) -> None:
    writer = FitsWriter(SimulatorOptions(folder=str(tmp_path), **SMALL))
    steps = writer.write_image(IMAGE)
    next(steps)
    next(steps)
    assert [path.name for path in tmp_path.iterdir()] == [".night_C0.fits.part"]
    steps.close()
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_kill_has_left_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".night_C0.fits.part").write_bytes(b"half a file")
    assert verify(write(tmp_path)[0]).startswith("verification OK")


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[FitsWriter]:
    (tmp_path / "data").mkdir()
    writer = FitsWriter(SimulatorOptions(folder=str(tmp_path / "data"), controllers=1, **SMALL))
    yield writer
    writer.close()


def test_the_file_is_complete_when_the_exposure_is_answered(
    clock: SharedTime, tmp_path: Path, writer: FitsWriter
) -> None:
    with running_controller(clock, writer.write_image, speed=1e5) as controller:
        exchange(clock, controller.command_port, "header sequence 7")
        assert exchange(clock, controller.command_port, "expose True 1 a single") == "DONE\n"
        assert fits.getheader(tmp_path / "data" / "a_C0.fits")["SEQUENCE"] == 7
        assert writer.written == 1


def test_each_image_has_its_own_name_and_words_though_it_is_fetched_by_a_later_command(
    clock: SharedTime, tmp_path: Path, writer: FitsWriter
) -> None:
    with running_controller(clock, writer.write_image) as controller:
        seen = []
        for number, (root, mode) in enumerate([("a", "first"), ("b", "next"), ("c", "last")]):
            exchange(clock, controller.command_port, f"header sequence {number}")
            exchange(clock, controller.command_port, f"expose True 1 {root} {mode}")
            seen.append(
                [(path.name, fits.getheader(path)["SEQUENCE"]) for path in sorted((tmp_path / "data").iterdir())]
            )
    assert seen == [[], [("a_C0.fits", 0)], [("a_C0.fits", 0), ("b_C0.fits", 1)]]


def test_a_single_exposure_fetches_its_own_image_though_an_older_one_waits(
    clock: SharedTime, tmp_path: Path, writer: FitsWriter
) -> None:
    with running_controller(clock, writer.write_image) as controller:
        exchange(clock, controller.command_port, "expose True 1 a first")
        exchange(clock, controller.command_port, "expose True 1 b single")
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["b_C0.fits"]


def test_words_hold_for_one_exposure(clock: SharedTime, tmp_path: Path, writer: FitsWriter) -> None:
    with running_controller(clock, writer.write_image) as controller:
        exchange(clock, controller.command_port, "header sequence 7")
        exchange(clock, controller.command_port, "expose True 1 a single")
        exchange(clock, controller.command_port, "expose True 1 b single")
    assert [fits.getheader(tmp_path / "data" / f"{root}_C0.fits")["SEQUENCE"] for root in "ab"] == [7, "UNKNOWN"]


class SlowWriter:
    """It stays in the middle of the first file until it may go on."""

    def __init__(self, writer: FitsWriter) -> None:
        self._writer, self.goes_on = writer, threading.Event()

    def write_image(self, image: SimulatedImage) -> Iterator[None]:
        with closing(self._writer.write_image(image)) as steps:
            yield next(steps)
            yield next(steps)
            while not self.goes_on.is_set():
                yield
            yield from steps


def test_the_status_port_answers_while_files_are_written(clock: SharedTime, tmp_path: Path, writer: FitsWriter) -> None:
    slow, written = SlowWriter(writer), tmp_path / "data" / "a_C0.fits"
    with (
        running_controller(clock, slow.write_image) as controller,
        WireClient(clock, controller.command_port) as client,
    ):
        exchange(clock, controller.command_port, "expose True 1 a first")
        client.send("expose True 1 b last")
        assert "'FETCHING': '1111'" in exchange(clock, controller.status_port, "status")
        assert not written.exists()
        slow.goes_on.set()
        assert client.receive() == b"DONE\n"
    assert written.exists()


def test_a_disk_that_fails_fails_the_exposure_and_not_the_simulator(
    clock: SharedTime, tmp_path: Path, writer: FitsWriter
) -> None:
    data = tmp_path / "data"
    with running_controller(clock, writer.write_image) as controller:
        data.rmdir()
        reply = exchange(clock, controller.command_port, "expose True 1 a single")
        assert reply == "ERROR the image cannot be written: No such file or directory\n"
        assert " 'error': True,\n 'comment': 'simulated: the image cannot" in exchange(
            clock, controller.status_port, "status"
        )


def test_a_simulator_that_stops_leaves_no_incomplete_file(
    clock: SharedTime, tmp_path: Path, writer: FitsWriter
) -> None:
    folder = tmp_path / "data"
    with (
        running_controller(clock, SlowWriter(writer).write_image) as controller,
        WireClient(clock, controller.command_port) as client,
    ):
        exchange(clock, controller.command_port, "expose True 1 a first")
        client.send("expose True 1 b last")
        eventually(lambda: list(folder.glob(".a_C*.fits.part")))
    assert list(folder.iterdir()) == []
