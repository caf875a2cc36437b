"""DSLRs over USB, by python-gphoto2: stills only. `driver` implements the interface; `session` is one opened camera;
`widgets` convert the camera's choices to our units and back; `errors` has the messages. Only `session` calls the
library."""

from cameras.drivers.gphoto2.driver import Gphoto2Driver

__all__ = ["Gphoto2Driver"]
