"""Fault injection for the simulated camera, so that a night with failures can be rehearsed."""

from __future__ import annotations

import signal
import threading
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError

from cameras.drivers.abilities import FaultListener
from cameras.drivers.base import CameraError, Pixels
from core.api.model import StrictModel, error_sentence

Times = Annotated[int, Field(ge=1, le=1000)]
SHIFT = 3
"""A torn picture's lower half is shifted by 1/SHIFT of its width, and its last eighth is grey."""
GREY = 128


class Faults(StrictModel):
    """The active faults; faults that are not named are off. Counted faults are used up, the others stay until they are
    cleared."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    hang: Times | None = Field(default=None, description="times that the next picture, or opening, never returns")
    hang_fetch: Times | None = Field(
        default=None,
        description="times that the next transfer of a picture (`fetch_s`) only ends when the camera is closed",
    )
    crash: Times | None = Field(default=None, description="times that the next picture, or opening, ends the process")
    disconnect: bool = Field(default=False, description="as if the cable were pulled")
    slow: Annotated[float, Field(gt=0, le=600)] | None = Field(
        default=None, description="seconds that each picture takes longer; it can be aborted"
    )
    torn_frame: Times | None = Field(default=None, description="pictures whose lower half is from another picture")
    rejected_setting: bool = Field(default=False, description="new settings are refused, and the old ones kept")
    wrong_clock: Annotated[float, Field(ge=-1e9, le=1e9)] | None = Field(
        default=None, description="seconds that the camera's own clock is ahead"
    )
    temperature: Annotated[float, Field(ge=-273, le=1000)] | None = Field(
        default=None, description="degrees Celsius that the sensor reports"
    )

    def active(self) -> dict[str, Any]:
        """The active faults, as JSON."""
        return {name: value for name, value in self.model_dump().items() if value is not None and value is not False}


class FaultInjector:
    """The faults of one camera. Set from any thread, triggered by the driver's."""

    def __init__(self) -> None:
        self._active: dict[str, Any] = {}
        self._listener: FaultListener = lambda *_: None
        self._changed = threading.Condition()
        self._revision = 0

    def set_faults(self, faults: dict[str, Any], on_change: FaultListener) -> dict[str, Any]:
        """Set exactly these faults; ends a hang. `on_change` is called on each change, in order, with the active faults
        and the name of the one that was triggered, if any. CameraError."""
        try:
            wanted = Faults.model_validate(faults).active()
        except ValidationError as error:
            raise CameraError(
                f"No such faults: {error_sentence(error.errors()[0])}", reason="rejected_setting"
            ) from None
        with self._changed:
            self._active, self._listener = wanted, on_change
            self._revision += 1
            # Under the lock, so that the listener gets the changes in their order.
            on_change(dict(wanted), "")
            self._changed.notify_all()
        return dict(wanted)

    def value(self, name: str) -> Any:
        """The value of a fault; None when it is off."""
        # Without the lock: `_active` is replaced and never changed in place.
        return self._active.get(name)

    def trigger(self) -> None:
        """Trigger due faults; called before a picture and on opening. `hang` never returns, `crash` ends the process.
        CameraError."""
        # It is counted down and reported first: the Supervisor gives the next process the faults that are left, which
        # would otherwise crash it again.
        if self.use_once("crash"):
            # As a vendor's library ends a process: no exception handler and no cleanup runs.
            signal.raise_signal(signal.SIGSEGV)
        if self.use_once("hang"):
            self._hang()
        self.check_cable()

    def check_cable(self) -> None:
        if self._active.get("disconnect"):
            raise CameraError(
                "The simulated camera is unplugged: its fault `disconnect` is on. Switch it off to plug it in.",
                reason="camera_unreachable",
                before_shutter=True,
            )

    def use_once(self, name: str) -> bool:
        """Whether this fault occurs now; counts it down by one."""
        with self._changed:
            left = self._active.get(name, 0)
            if not left:
                return False
            rest = {other: value for other, value in self._active.items() if other != name}
            self._active = {**rest, name: left - 1} if left > 1 else rest
            self._listener(dict(self._active), name)
        return True

    def _hang(self) -> None:
        """Hang as a vendor's library does: `abort` has no effect; only new faults or the end of the process end it."""
        with self._changed:
            revision = self._revision
            self._changed.wait_for(lambda: self._revision != revision)


def torn(image: Pixels) -> Pixels:
    """A copy of the picture, damaged as by a stall during the transfer."""
    # Not above: web processes import this module for the form of the faults.
    import numpy as np

    height, width = image.shape[:2]
    found = image.copy()
    found[height // 2 :] = np.roll(image[height // 2 :], width // SHIFT, axis=1)
    found[-height // 8 :] = GREY
    return found
