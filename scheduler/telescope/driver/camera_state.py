"""What a camera remembers between two calls of its program, and its functions as steps. Threads and coroutines share
it."""

from __future__ import annotations

from typing import Generic, TypeVar

from scheduler.telescope.driver import exposures
from scheduler.telescope.driver.exposures import ExposurePending, ExposureResult, Now, PendingExposure, Steps
from scheduler.telescope.driver.field import Field
from scheduler.telescope.driver.header import FitsHeader
from scheduler.telescope.driver.profiles import PROFILES, Profile, ProfileName
from scheduler.telescope.driver.protocol import ExposureMode
from scheduler.telescope.driver.status import CameraStatus

Pending = TypeVar("Pending", bound=PendingExposure)


class CameraState(Generic[Pending]):
    """One exposure at a time: it is *taken* until `take_exposure` returns, then *pending* until its readout is waited
    for."""

    def __init__(self, profile: ProfileName | Profile, now: Now) -> None:
        self.profile = PROFILES[profile] if isinstance(profile, str) else profile
        self.status_channel_active = self.profile.has_status_channel
        self.cam_status = CameraStatus()
        """The newest status."""
        self._now = now
        self._is_taking = False
        self._pending: Pending | None = None
        self._pending_result: ExposureResult | None = None

    @property
    def is_readout_pending(self) -> bool:
        return self._pending is not None

    def _check_idle(self, what: str) -> None:
        if self._pending is not None or self._is_taking:
            running = self._pending.command if self._pending else "an exposure"
            raise ExposurePending(f"{what!r} was not sent, because {running!r} has not ended: wait_camera_readout().")

    def _set_pending(self, pending: Pending) -> None:
        self._pending, self._pending_result = pending, None

    def _forget(self, pending: Pending | None) -> None:
        if self._pending is pending:
            self._pending = self._pending_result = None

    def _forget_failed(self) -> None:
        """The program has the error of the command now. One that has not ended may still go on."""
        if self._pending is not None and self._pending.is_done:
            self._forget(self._pending)

    def _store_status(self, status: CameraStatus) -> None:
        self.cam_status = status

    # Steps

    def _status_steps(self) -> Steps[CameraStatus]:
        return exposures.read_status(self._now, self._store_status)

    def _take_steps(
        self, field: Field, header: FitsHeader, override_h: float, mode: ExposureMode, waits: bool
    ) -> Steps[ExposureResult]:
        result = yield from exposures.take(
            self.profile, self._now, field, header, override_h, mode, waits, self._done_steps
        )
        if not waits:
            self._pending_result = result
        return result

    def _done_steps(self, exposure_s: float) -> Steps[float]:
        store = self._store_status if self.status_channel_active else None
        return exposures.wait_done(self._now, exposure_s, self._pending, store)

    def _readout_steps(self) -> Steps[ExposureResult | None]:
        """An error of the exposure's command ends its being pending; BadReadout does not."""
        pending, result = self._pending, self._pending_result
        try:
            reply = yield from exposures.wait_readout(self._now, pending, self.profile.readout_s)
        except exposures.BadReadout:
            raise
        except Exception:
            self._forget(pending)
            raise
        self._forget(pending)
        return exposures.with_reply(result, reply) if result is not None and reply is not None else None
