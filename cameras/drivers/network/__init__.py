"""Network cameras: RTSP, MJPEG over HTTP and MPEG-TS, through one PyAV connection that yields packets."""

from cameras.drivers.network.driver import NetworkDriver

__all__ = ["NetworkDriver"]
