"""PixeLink microscope cameras, by pixelinkWrapper over the vendor's SDK: stills and a stream. `driver` implements the
interface; `session` is one opened camera and its frames; `controls` map the camera's features to our settings;
`discovery` opens a session for a serial number; `sdk` loads the library and has the messages."""

from cameras.drivers.pixelink.driver import PixelinkDriver

__all__ = ["PixelinkDriver"]
