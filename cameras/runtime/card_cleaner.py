"""Deletes pictures from the camera's card that are safe in the archive."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from cameras.drivers.base import CameraError, Exposure
from cameras.runtime.device import Device


class CardCleaner:
    """Any thread may call `delete_later`; the camera loop's thread deletes, since it uses the driver."""

    def __init__(self, device: Device, handle_error: Callable[[CameraError], None]) -> None:
        self._device, self._handle_error = device, handle_error
        self._waiting: deque[Exposure] = deque()

    def delete_later(self, exposure: Exposure) -> None:
        self._waiting.append(exposure)

    def delete_waiting(self) -> None:
        """Those that wait when the camera is closed are deleted once it is open."""
        while self._waiting and self._device.is_open:
            try:
                # Removed from the queue first: a picture that cannot be deleted would close the camera again and again.
                self._device.exposures.delete_from_card(self._waiting.popleft())
            except CameraError as error:
                self._handle_error(error)
