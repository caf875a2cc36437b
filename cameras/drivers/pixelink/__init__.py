"""PixeLink microscope cameras, by pixelinkWrapper over the vendor's SDK: stills and a stream.

`driver` implements the interface; `session` is one opened camera; `controls` map the camera's features to our settings;
`frames` converts raw frames to pictures; `discovery` opens a session for a serial number; `sdk` loads the library;
`errors` has the messages.
"""

from cameras.drivers.pixelink.driver import PixelinkDriver

__all__ = ["PixelinkDriver"]
