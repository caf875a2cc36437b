"""PixeLink microscope cameras, by pixelinkWrapper over the vendor's SDK: stills and a stream.

`driver` is what the core sees; `session` is one opened camera; `controls` turn the camera's features into our settings
and back; `frames` make pictures of raw frames; `discovery` goes from a serial number to a session; `sdk` loads the
library; `errors` makes sentences.
"""

from cameras.drivers.pixelink.driver import PixelinkDriver

__all__ = ["PixelinkDriver"]
