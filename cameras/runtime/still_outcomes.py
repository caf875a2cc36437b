"""What follows a record of a capture: its report, its thumbnails, and the deletion from the camera's card."""

from __future__ import annotations

from collections.abc import Callable

from cameras.drivers.base import Exposure
from cameras.runtime.clock import CameraClock
from cameras.runtime.consumers import StillConsumer
from cameras.runtime.messages import LastCapture
from cameras.runtime.reporter import Reporter
from cameras.runtime.stills import Still
from cameras.spool.records import CaptureRecord


class StillOutcomes:
    """Used by the still thread; any thread may read `last_capture`. `delete_later` gets the exposures whose files on
    the camera's card are no longer needed."""

    def __init__(
        self, reporter: Reporter, writer: StillConsumer, clock: CameraClock, delete_later: Callable[[Exposure], None]
    ) -> None:
        self._reporter, self._writer, self._clock, self._delete_later = reporter, writer, clock, delete_later
        self.last_capture: LastCapture | None = None

    def add_record(self, record: CaptureRecord, still: Still) -> None:
        """The record is durable."""
        body, exposure = record["body"], still.exposure
        self.last_capture = LastCapture(
            id=record["id"], status=body["outcome"], reason=body["reason"], at=body["ended"]
        )
        self._reporter.report_record(record["id"], still.command)
        # Otherwise the file on the card may be all that there is of the picture.
        if exposure is not None and exposure.card and body["outcome"] == "saved":
            self._delete_later(exposure)
        if exposure is not None and record["files"]:
            self._writer.handle_saved(record, exposure)
        # The capture is settled, so the next start of the session may be due.
        self._clock.wake()
