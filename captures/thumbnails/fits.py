"""Reads FITS files for thumbnails. Django-free; imported only when one is rendered, as astropy takes 15 MB."""

from __future__ import annotations

import warnings
from typing import Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.io.fits.verify import VerifyError

COLOURS = 3


def read_fits(file: BinaryIO, max_pixels: int) -> tuple[Any, bool]:
    """The first image, (height, width) or (height, width, 3), uint8 or uint16, the first row on top; and whether it is
    simulated. ValueError for a file that has no such image or too many pixels."""
    try:
        # A file that another program has changed may violate the standard and still be read.
        with warnings.catch_warnings(action="ignore"), fits.open(file, memmap=False) as hdus:
            for hdu in hdus:
                if is_picture(hdu):
                    return pixels_of(hdu, max_pixels), bool(hdu.header.get("SIMULATE", False))
    # What astropy raises for damaged headers and tiles.
    except (VerifyError, KeyError, IndexError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(f"the FITS file is damaged ({error})") from None
    raise ValueError("the FITS file has no image")


def is_picture(hdu: Any) -> bool:
    """By the header alone: nothing is read or decompressed."""
    shape: tuple[int, ...] = getattr(hdu, "shape", ())
    return getattr(hdu, "is_image", False) and (len(shape) == 2 or (len(shape) == 3 and shape[0] == COLOURS))


def pixels_of(hdu: Any, max_pixels: int) -> Any:
    height, width = hdu.shape[-2:]
    if not 0 < height * width <= max_pixels:
        raise ValueError(f"the FITS image has {width} x {height} pixels; the limit is {max_pixels}")
    found = hdu.data
    if found is None or found.dtype not in (np.uint8, np.uint16):
        raise ValueError("the FITS image has neither 8 nor 16 bits without sign")
    # The byte order of the machine.
    found = found.astype(found.dtype.newbyteorder("="), copy=False)
    planes = np.moveaxis(found, 0, -1) if found.ndim == COLOURS else found
    rows = planes if hdu.header.get("ROWORDER", "BOTTOM-UP") == "TOP-DOWN" else planes[::-1]
    return np.ascontiguousarray(rows)
