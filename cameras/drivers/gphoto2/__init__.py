"""DSLRs over USB, by python-gphoto2: stills only.

`driver` is what the core sees; `session` is one opened camera; `widgets` turn the camera's own choices into our
units and back; `errors` and `device_holders` make sentences. Only `session` speaks to the library.
"""

from cameras.drivers.gphoto2.driver import Gphoto2Driver

__all__ = ["Gphoto2Driver"]
