"""FITS files: the standard's own verifier, the pixels, and what the verifier passes wrongly."""

from __future__ import annotations

import math
import subprocess
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from captures.stills.fits import header_cards
from captures.stills.formats import Encoding
from tests.harness.rows.stills import FACTS, SHAPES, STARTED, picture, write_encoded, write_still

FORMS = pytest.mark.parametrize("form", SHAPES)
COMPRESSIONS = pytest.mark.parametrize("compression", ["none", "rice"])


def header_of(path: Path) -> Any:
    """Of the HDU that has the picture."""
    with fits.open(path) as hdus:
        return hdus[-1].header


def cards(**facts: Any) -> dict[str, Any]:
    return {keyword: value for keyword, value, _ in header_cards(replace(FACTS, **facts), lambda _: None)}


@FORMS
@COMPRESSIONS
def test_fitsverify_finds_neither_errors_nor_warnings(tmp_path: Path, form: str, compression: str) -> None:
    path = write_still(tmp_path, "fits", picture(form), compression)
    verified = subprocess.run(["fitsverify", "-q", path], capture_output=True, text=True, check=False)
    assert verified.stdout.strip() == f"verification OK: {path}"


def test_fitsverify_finds_a_flipped_byte_by_the_checksum(tmp_path: Path) -> None:
    path = write_still(tmp_path, "fits", picture("mono 16"))
    content = bytearray(path.read_bytes())
    content[-3000] ^= 1
    path.write_bytes(content)
    verified = subprocess.run(["fitsverify", path], capture_output=True, text=True, check=False)
    assert "Data checksum" in verified.stdout


@FORMS
@COMPRESSIONS
def test_every_pixel_is_kept(tmp_path: Path, form: str, compression: str) -> None:
    image = picture(form)
    with fits.open(write_still(tmp_path, "fits", image, compression)) as hdus:
        found = hdus[-1].data
    assert found.dtype == image.dtype
    planes = image.transpose(2, 0, 1) if image.ndim == 3 else image
    np.testing.assert_array_equal(found, planes)


def test_sixteen_bits_are_stored_as_the_standard_says(tmp_path: Path) -> None:
    header = header_of(write_still(tmp_path, "fits", picture("mono 16")))
    assert (header["BITPIX"], header["BZERO"], header["BSCALE"]) == (16, 32768, 1)


def test_a_compressed_file_is_smaller_and_still_a_fits_file(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(400), np.arange(600)).astype(np.uint16)
    plain = write_still(tmp_path, "fits", smooth).stat().st_size
    path = write_still(tmp_path, "fits", smooth, "rice")
    assert path.stat().st_size < plain / 2
    with fits.open(path, disable_image_compression=True) as hdus:
        assert hdus[1].header["ZCMPTYPE"] == "RICE_1"


def test_dates_have_no_time_zone_and_say_that_they_are_utc() -> None:
    found = cards()
    assert found["DATE-OBS"] == found["DATE-BEG"] == "2027-01-15T20:00:00.123456"
    assert found["DATE-AVG"] == "2027-01-15T20:00:04.373456"
    assert found["DATE-END"] == "2027-01-15T20:00:08.623456"
    assert found["TIMESYS"] == "UTC"
    # 2027-01-15 20:00 is JD 2461421.33333.
    assert math.isclose(found["MJD-OBS"], 61420.833334762, abs_tol=1e-9)


def test_exposure_times_are_numbers() -> None:
    found = cards()
    assert (found["EXPTIME"], found["XPOSURE"], found["TELAPSE"]) == (8.0, 8.0, 8.5)


def test_the_header_has_site_instrument_and_clock() -> None:
    found = cards()
    assert (found["SITELAT"], found["SITELONG"], found["SITEELEV"]) == (-33.45, -70.66, 2400.0)
    assert (found["OBSGEO-B"], found["OBSGEO-L"], found["OBSGEO-H"]) == (-33.45, -70.66, 2400.0)
    assert (found["INSTRUME"], found["SERIALNO"]) == ("Nikon Z 9", "6001234")
    assert (found["GAIN"], found["ISO"], found["FOCRATIO"], found["CCD-TEMP"]) == (2.5, 1600, 1.4, -3.5)
    assert (found["CLKSTATE"], found["CLKOFFS"], found["CLKERR"]) == ("synchronised", 0.000125, 0.002)
    assert found["CLKJUMP"] == 0.0
    assert found["ROWORDER"] == "TOP-DOWN"
    assert found["SIMULATE"] is False


def test_what_is_unknown_has_no_keyword() -> None:
    found = cards(gain=None, latitude=None, serial="", temperature_celsius=None)
    assert not {"GAIN", "SITELAT", "OBSGEO-B", "SERIALNO", "CCD-TEMP"} & found.keys()


@pytest.mark.parametrize("missing", [["latitude"], ["longitude"], ["latitude", "longitude"]])
def test_without_a_site_no_keyword_names_a_place(missing: list[str]) -> None:
    found = cards(**dict.fromkeys(missing), elevation=0.0)
    assert not {"SITELAT", "SITELONG", "SITEELEV", "OBSGEO-B", "OBSGEO-L", "OBSGEO-H"} & found.keys()


def test_a_text_that_is_not_ascii_is_transliterated_with_a_warning(tmp_path: Path) -> None:
    encoding = Encoding(replace(FACTS, vendor="Müller", model="Ω7", serial="北京"))
    header = header_of(write_encoded(tmp_path, "fits", picture("mono 8"), encoding))
    assert header["INSTRUME"] == "Muller 7"
    assert "SERIALNO" not in header
    assert encoding.warnings == [
        "The FITS header cannot hold 'Müller Ω7' in INSTRUME and has 'Muller 7' instead.",
        "The FITS header cannot hold '北京' in SERIALNO and leaves it out.",
    ]


@given(
    vendor=st.text(max_size=100),
    serial=st.text(max_size=100),
    took=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1)),
)
def test_any_text_of_a_camera_makes_a_header_of_ascii(vendor: str, serial: str, took: timedelta) -> None:
    facts = replace(FACTS, vendor=vendor, serial=serial, ended=STARTED + took)
    header = fits.Header(header_cards(facts, lambda _: None))
    assert header.tostring().isascii()
    assert header["CAPTURE"] == FACTS.capture
