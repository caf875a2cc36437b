"""The FITS files of an image: one for each controller, with an extension for each of its CCDs."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from typing import IO, Any

import numpy as np
from astropy.io import fits
from numpy.typing import NDArray

from cameras.spool.durable import RootFiles
from scheduler.telescope.simulator.exposure_pixels import (
    BIAS,
    ELECTRONS_PER_ADU,
    READ_NOISE,
    Ccd,
    ExposureRenderer,
    build_mosaic,
    light_of,
    pointing_of,
)
from scheduler.telescope.simulator.images import Card, SimulatedImage, exposure_cards, word_cards
from scheduler.telescope.simulator.options import SimulatorOptions

BLOCK_BYTES = 2880
STRIP_PIXELS = 1 << 17
"""Rendered and written in a step: some milliseconds."""


class FitsWriter:
    """Writes `<file root>_C<controller>.fits` to a folder. A file is complete, or has a name that begins with a dot.

    An image with the file root of an older one replaces its files.
    """

    def __init__(self, options: SimulatorOptions) -> None:
        """OSError if the folder is not there."""
        self._options, self._mosaic = options, build_mosaic(options)
        self._files = RootFiles(options.folder)
        self.written = 0
        """Complete files."""

    def close(self) -> None:
        self._files.close()

    def write_image(self, image: SimulatedImage) -> Generator[None, None, None]:
        """Each step renders and writes some rows, or completes a file. OSError; the incomplete file is then removed."""
        renderer = ExposureRenderer(image, self._mosaic, self._options)
        yield
        for controller in range(self._options.controllers):
            name = f"{image.file_root}_C{controller}.fits"
            yield from self._write_file(name, image, controller, renderer)
            self.written += 1

    def _write_file(
        self, name: str, image: SimulatedImage, controller: int, renderer: ExposureRenderer
    ) -> Generator[None, None, None]:
        part = f".{name}.part"
        self._files.unlink("", part)
        try:
            with os.fdopen(self._files.open_new("", part), "wb") as file:
                file.write(self._primary_header(name, image, controller))
                for ccd in self._mosaic.ccds:
                    if ccd.controller == controller:
                        file.write(self._extension_header(ccd, image))
                        yield from write_pixels(file, ccd, renderer)
                file.flush()
                os.fsync(file.fileno())
            self._files.rename("", part, name)
            self._files.sync("")
        except BaseException:
            # Also if the generator is closed because the simulator ends.
            self._files.unlink("", part)
            raise
        yield

    def _primary_header(self, name: str, image: SimulatedImage, controller: int) -> bytes:
        hdu = fits.PrimaryHDU()
        mosaic = f"[1:{self._mosaic.width},1:{self._mosaic.height}]"
        add_cards(hdu.header, exposure_cards(image, controller, name, mosaic))
        add_cards(hdu.header, [*word_cards(image, self._options.version)])
        hdu.header["EXTEND"] = True
        return header_bytes(hdu.header)

    def _extension_header(self, ccd: Ccd, image: SimulatedImage) -> bytes:
        header = fits.ImageHDU(name=f"C{ccd.controller}_CCD{ccd.number}").header
        header["BITPIX"], header["NAXIS"] = 16, 2
        header.insert("NAXIS", ("NAXIS1", ccd.width + ccd.overscan), after=True)
        header.insert("NAXIS1", ("NAXIS2", ccd.height), after=True)
        # FITS has no unsigned 16-bit integers: 0 to 65535 are stored as -32768 to 32767.
        header["BSCALE"], header["BZERO"] = 1, 32768
        add_cards(header, ccd_cards(ccd))
        if light_of(image).has_stars:
            add_cards(header, self._sky_cards(ccd, image))
        return header_bytes(header)

    def _sky_cards(self, ccd: Ccd, image: SimulatedImage) -> list[Card]:
        """The gnomonic projection around the pointing. North is up and east is left."""
        (ra, dec), (x, y), scale = (
            pointing_of(image.words, self._options), self._mosaic.center, self._mosaic.arcsec_per_pixel / 3600,
        )  # fmt: skip
        return [
            ("CTYPE1", "RA---TAN", ""), ("CTYPE2", "DEC--TAN", ""), ("CUNIT1", "deg", ""), ("CUNIT2", "deg", ""),
            ("CRVAL1", ra, "[deg] pointing"), ("CRVAL2", dec, "[deg] pointing"),
            # FITS counts pixels from 1.
            ("CRPIX1", x - ccd.x + 1, ""), ("CRPIX2", y - ccd.y + 1, ""),
            ("CD1_1", -scale, ""), ("CD1_2", 0.0, ""), ("CD2_1", 0.0, ""), ("CD2_2", scale, ""),
            ("RADESYS", "ICRS", ""),
        ]  # fmt: skip


def write_pixels(file: IO[bytes], ccd: Ccd, renderer: ExposureRenderer) -> Generator[None, None, None]:
    """Each step writes a strip of rows."""
    rows = max(1, STRIP_PIXELS // ccd.width)
    for first_row in range(0, ccd.height, rows):
        file.write(signed_pixels(renderer.render(ccd, first_row, min(rows, ccd.height - first_row))))
        yield
    file.write(bytes(-2 * (ccd.width + ccd.overscan) * ccd.height % BLOCK_BYTES))


def ccd_cards(ccd: Ccd) -> list[Card]:
    image = f"[1:{ccd.width},1:{ccd.height}]"
    return [
        ("INHERIT", True, "the primary header holds here too"),
        ("BUNIT", "adu", "unit of the pixels"),
        ("CCDNUM", ccd.number, "number of the CCD of its controller, from 0"),
        ("DATASEC", image, "pixels of the image"),
        ("TRIMSEC", image, "what to keep"),
        ("BIASSEC", f"[{ccd.width + 1}:{ccd.width + ccd.overscan},1:{ccd.height}]", "overscan"),
        ("CCDSEC", image, "of the CCD"),
        ("DETSEC", f"[{ccd.x + 1}:{ccd.x + ccd.width},{ccd.y + 1}:{ccd.y + ccd.height}]", "of the mosaic"),
        ("CCDSUM", "1 1", "binning"),
        ("GAIN", ELECTRONS_PER_ADU, "electrons per ADU"),
        ("RDNOISE", READ_NOISE, "[electrons] read noise"),
        ("BIASLEV", BIAS, "[adu] bias of the first CCD"),
        ("SATURATE", 65_535, "[adu]"),
    ]


def add_cards(header: Any, cards: Sequence[Card]) -> None:
    for keyword, value, comment in cards:
        if keyword in ("COMMENT", "HISTORY"):
            header.add_history(value) if keyword == "HISTORY" else header.add_comment(value)
        else:
            header[keyword] = (value, comment)


def header_bytes(header: Any) -> bytes:
    content: bytes = header.tostring().encode("ascii")
    return content


def signed_pixels(image: NDArray[np.uint16]) -> bytes:
    """As FITS stores them: big-endian, shifted by 32768."""
    shifted = np.empty(image.shape, ">u2")
    np.bitwise_xor(image, np.uint16(0x8000), out=shifted)
    return shifted.tobytes()
