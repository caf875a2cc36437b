"""What can be made to go wrong with a simulated camera while it works, so that a bad night can be rehearsed."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Annotated, Any

import numpy as np
from pydantic import ConfigDict, Field, ValidationError

from cameras.drivers.base import CameraError, Pixels
from core.model import StrictModel

Times = Annotated[int, Field(ge=1, le=1000)]
SHIFT = 3
"""A torn picture's lower half is moved sideways by this part of its width, and its last eighth is grey."""
GREY = 128
Told = Callable[[dict[str, Any], str], None]


class Faults(StrictModel):
    """The faults that are on; what is not named is off. Those that count are used up, the others last until they are
    switched off."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hang: Times | None = Field(default=None, description="times that the next picture, or opening, never comes back")
    crash: Times | None = Field(default=None, description="times that the next picture, or opening, ends the process")
    disconnect: bool = Field(default=False, description="as if the cable were pulled")
    slow: Annotated[float, Field(gt=0, le=600)] | None = Field(
        default=None, description="seconds that each picture takes longer; it can be aborted"
    )
    torn_frame: Times | None = Field(default=None, description="pictures whose lower half is another one's")
    rejected_setting: bool = Field(default=False, description="new settings are refused, and the old ones kept")
    wrong_clock: Annotated[float, Field(ge=-1e9, le=1e9)] | None = Field(
        default=None, description="seconds that the camera's own clock is ahead"
    )
    temperature: Annotated[float, Field(ge=-273, le=1000)] | None = Field(
        default=None, description="degrees Celsius that the sensor shows"
    )

    def on(self) -> dict[str, Any]:
        """Those that are on, as JSON."""
        return {name: value for name, value in self.model_dump().items() if value is not None and value is not False}


class Switchboard:
    """The faults of one camera. Set from any thread; met by the owner's."""

    def __init__(self) -> None:
        self._on: dict[str, Any] = {}
        self._told: Told = lambda *_: None
        self._changed = threading.Condition()
        self._orders = 0

    def set(self, faults: dict[str, Any], told: Told) -> dict[str, Any]:
        """These and no others from now on; ends a hang. `told` hears of each change in order: the faults that are on,
        and which one has struck, if any. CameraError."""
        try:
            wanted = Faults.model_validate(faults).on()
        except ValidationError as error:
            raise CameraError(f"No such faults: {error.errors()[0]['msg']}.", reason="rejected_setting") from None
        with self._changed:
            self._on, self._told = wanted, told
            self._orders += 1
            told(dict(wanted), "")
            self._changed.notify_all()
        return dict(wanted)

    def value(self, name: str) -> Any:
        """The value of a fault; None when it is off."""
        return self._on.get(name)

    def meet(self) -> None:
        """Before a picture, and at opening: `hang` does not come back, nor the process from `crash`. CameraError."""
        if self.strikes("crash"):
            signal.raise_signal(signal.SIGSEGV)
        if self.strikes("hang"):
            self._hang()
        self.need_cable()

    def need_cable(self) -> None:
        if self._on.get("disconnect"):
            raise CameraError(
                "The simulated camera is unplugged: its fault `disconnect` is on. Switch it off to plug it in.",
                reason="camera_unreachable",
                before_shutter=True,
            )

    def strikes(self, name: str) -> bool:
        """Whether this fault happens now, which uses it up once."""
        with self._changed:
            left = self._on.get(name, 0)
            if not left:
                return False
            rest = {other: value for other, value in self._on.items() if other != name}
            self._on = {**rest, name: left - 1} if left > 1 else rest
            self._told(dict(self._on), name)
        return True

    def _hang(self) -> None:
        """As in a vendor's library: no abort is heard, only a new order for the faults, or the end of the process."""
        with self._changed:
            orders = self._orders
            self._changed.wait_for(lambda: self._orders != orders)


def torn(image: Pixels) -> Pixels:
    """A picture as a stall inside the transfer leaves it; a new array of the same shape."""
    height, width = image.shape[:2]
    found = image.copy()
    found[height // 2 :] = np.roll(image[height // 2 :], width // SHIFT, axis=1)
    found[-height // 8 :] = GREY
    return found
