"""USB cameras (V4L2) and video files, through OpenCV. Network cameras have a driver of their own."""

from cameras.drivers.opencv.driver import OpencvDriver, OpencvSettings

__all__ = ["OpencvDriver", "OpencvSettings"]
