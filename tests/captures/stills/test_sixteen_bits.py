"""16 bits from a real driver to the file: a PixeLink camera whose SDK is compiled for the test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.io import fits

from tests.harness.camera_processes.camera_process import CameraProcess
from tests.harness.far_ends.pixelink.build import Sdk

MONO = "200000002"


class MonoProcess(CameraProcess):
    """The process of a mono camera with 16 bits."""

    sdk: Sdk

    def environment(self) -> dict[str, str]:
        return super().environment() | self.sdk.environment


def test_16_bits_of_a_pixelink_camera_are_those_of_its_fits_file(tmp_path: Path) -> None:
    MonoProcess.sdk = Sdk(tmp_path / "sdk")
    MonoProcess.sdk.plug(MONO, "mono")
    with MonoProcess(
        tmp_path, is_preloaded=False, kind="pixelink", address=MONO, settings={"pixel_format": "mono16"},
        formats={"keep": ["fits"], "fits_compression": "rice"},
    ) as process:  # fmt: skip
        process.wait_for_type("observed", observed="ready")
        process.wait_for_type("spooled", id=process.capture())
    [path] = tmp_path.rglob("*.fits")
    pixels = fits.getdata(path)
    rows, columns = np.indices(pixels.shape)
    assert pixels.dtype == np.uint16
    # The upper and the lower byte of the compiled camera's pattern.
    np.testing.assert_array_equal(pixels & 0xFF, columns % 256)
    np.testing.assert_array_equal(pixels >> 8, ((pixels[0, 0] >> 8) + columns + 2 * rows) % 256)
