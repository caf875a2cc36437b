"""What an experiment has of each camera, as its page shows it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from uuid import UUID

from cameras.camera_display import CameraDisplay
from captures.experiments.coverage import coverage
from captures.experiments.models import Experiment, ExperimentCamera, ExperimentSession
from captures.experiments.selectors import account_of
from captures.recordings.clips.delivery import Hole, longest
from core.templatetags.skycam import exact_duration

MAX_GAPS = 10
"""Gaps of a camera that are listed in the account."""
AT_THE_END_S = 2.0


@dataclass(frozen=True, slots=True)
class GapDisplay:
    """Time without video or stills. `by` is the user who caused it; empty for other reasons."""

    begin: datetime
    end: datetime
    why: str
    is_suspension: bool
    by: str

    @property
    def length_s(self) -> float:
        return (self.end - self.begin).total_seconds()


class PlaceAccount:
    """The account of one camera of an experiment that has started."""

    def __init__(
        self,
        experiment: Experiment,
        place: ExperimentCamera,
        links: list[ExperimentSession],
        live: CameraDisplay | None,
    ) -> None:
        """`live` is the camera's present state, while the experiment runs."""
        self.experiment, self.place, self.links, self.live = experiment, place, links, live
        found = coverage(experiment, place.camera_id)
        self.delivery = found.delivery
        self.body = account_of(experiment, place, found)
        self.gaps = [gap_display(gap) for gap in self.body["gaps"]]

    @property
    def gives_video(self) -> bool:
        return self.place.means == ExperimentCamera.Means.CLIPS or self.body["clips"] > 0

    @property
    def missing_kind(self) -> str:
        """What a gap of it is without."""
        return "video" if self.gives_video else "stills"

    @property
    def takes_stills(self) -> bool:
        return self.place.means in {ExperimentCamera.Means.STILLS, ExperimentCamera.Means.LINKED}

    @property
    def known_s(self) -> float:
        """The length of the run without its newest part, whose clip has not ended."""
        return float(self.body["length_s"] - self.body["pending_s"])

    @property
    def share_text(self) -> str:
        """`99.9 %` of the known time, never rounded up; empty without any."""
        if self.known_s <= 0:
            return ""
        tenths = math.floor(1000 * min(1.0, self.body["covered_s"] / self.known_s))
        # Breaks below a second between clips are no gaps.
        return "100 %" if not self.gaps else f"{min(999, tenths) / 10:g} %"

    @property
    def video_text(self) -> str:
        """`7 min 53 s of 8 min 1 s, 98.3 %`."""
        covered = f"{exact_duration(self.body['covered_s'])} of {exact_duration(self.known_s)}"
        return f"{covered}, {self.share_text}" if self.share_text else covered

    @property
    def missing_text(self) -> str:
        """`2 gaps, 9 min`."""
        count = len(self.gaps)
        return f"{count} gap{'s' * (count != 1)}, {exact_duration(sum(gap.length_s for gap in self.gaps))}"

    @property
    def listed_gaps(self) -> list[GapDisplay]:
        """The newest ones, newest first."""
        return self.gaps[::-1][:MAX_GAPS]

    @property
    def listed_holes(self) -> list[Hole]:
        """The longest ones that no still explains, in their order."""
        return longest([hole for hole in self.delivery.holes if hole.reason != "still"], MAX_GAPS)

    @property
    def unlisted(self) -> int:
        return max(0, len(self.gaps) - MAX_GAPS)

    @cached_property
    def open_gap(self) -> GapDisplay | None:
        """The gap that lasts until now, while the experiment runs."""
        if self.experiment.ended_at is not None or not self.gaps or self.body["pending_s"]:
            return None
        after_s = self.body["length_s"] - (self.gaps[-1].end - self._begin).total_seconds()
        return self.gaps[-1] if after_s < AT_THE_END_S else None

    @property
    def _begin(self) -> datetime:
        assert self.experiment.started_at is not None
        return self.experiment.started_at

    @property
    def trouble(self) -> str:
        """Why the camera contributes nothing at present; empty if it does, or is not to."""
        if self.experiment.ended_at is not None or not self.experiment.record:
            return ""
        if not self.place.means:
            return "Its recording could not be requested: the log of the station says why."
        if self.place.means == ExperimentCamera.Means.NOTHING:
            return self.place.message or "It contributes nothing."
        if self.open_gap:
            return self.open_gap.why
        return _fault_of(self.live) if self.live else ""

    @property
    def is_unknown(self) -> bool:
        """Whether its host cannot be asked. The camera may be recorded all the same."""
        return bool(self.live and not self.open_gap and self.live.observed in {"host_down", "unknown"})

    @property
    def records_now(self) -> bool:
        return bool(self.live and self.live.recorder and self.live.recorder["state"] == "recording")

    @property
    def has_captures(self) -> bool:
        counts = self.body["captures"]
        return bool(counts["saved"] or counts["failed"] or counts["skipped"])


def _fault_of(live: CameraDisplay) -> str:
    """Why the camera gives no video at present, before its last clip shows the gap."""
    if live.recorder is not None and live.recorder["state"] != "recording":
        return live.recorder["message"]
    return live.status["reason"] or live.state_display.label if live.is_stale else ""


def gap_display(gap: dict[str, str]) -> GapDisplay:
    begin, end = datetime.fromisoformat(gap["from"]), datetime.fromisoformat(gap["to"])
    why = gap["message"] or gap["reason"].replace("_", " ")
    return GapDisplay(begin, end, why, gap["reason"] == "suspended", gap["by"])


def accounts_of(
    experiment: Experiment, places: list[ExperimentCamera], live: Mapping[UUID, CameraDisplay]
) -> list[PlaceAccount]:
    """Empty before the start. `live` has the present states of cameras by their ids."""
    if experiment.started_at is None:
        return []
    links = list(experiment.session_links.select_related("session"))
    return [
        PlaceAccount(
            experiment, place, [link for link in links if link.session.camera_id == place.camera_id],
            live.get(place.camera_id),
        )
        for place in places
    ]  # fmt: skip
