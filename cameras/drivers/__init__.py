"""The kinds of camera. Adding one is one file and one line. Importing this opens no vendor library."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.registry import resolve

if TYPE_CHECKING:
    from cameras.drivers.base import Driver

DRIVERS = {
    "gphoto2": ("DSLR over USB (gphoto2)", "cameras.drivers.gphoto2.Gphoto2Driver"),
    "network": ("Network camera (RTSP, MJPEG, MPEG-TS)", "cameras.drivers.network.NetworkDriver"),
    "opencv": ("USB camera or video file (OpenCV)", "cameras.drivers.opencv.OpencvDriver"),
    "pixelink": ("PixeLink microscope camera", "cameras.drivers.pixelink.PixelinkDriver"),
    "simulated": ("Simulated camera", "cameras.drivers.simulated.driver.SimulatedDriver"),
    "telescope": ("Telescope's mosaic camera", "scheduler.telescope.driver.driver.TelescopeDriver"),
}


def driver_class(kind: str) -> type[Driver]:
    """The driver of a kind; KeyError for a kind that does not exist."""
    driver: type[Driver] = resolve(DRIVERS[kind][1])
    return driver
