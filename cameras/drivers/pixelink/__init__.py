"""PixeLink microscope cameras, by pixelinkWrapper over the vendor's SDK: stills and a stream.

`driver` implements the interface; `session` is one opened camera; `controls` map the camera's features to our settings;
`frames` make pictures of raw frames; `discovery` goes from a serial number to a session; `sdk` loads the library;
`errors` makes sentences.
"""

from cameras.drivers.pixelink.driver import PixelinkDriver

__all__ = ["PixelinkDriver"]
