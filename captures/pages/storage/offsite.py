"""Destinations of off-site copies, as pages show them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import F, Max

from cameras.camera_display import StateDisplay
from captures.pages.storage.labels import CLASS_LABELS
from captures.storage.offsite.destinations.settings import DESTINATION_KINDS
from captures.storage.offsite.limits import closed_reason
from captures.storage.offsite.models import Destination, DestinationHost
from captures.storage.offsite.selectors import Backlog, backlogs_of
from captures.storage.offsite.services import TEST_KIND
from core.jobs.models import Job
from core.jobs.states import FINISHED
from core.templatetags.skycam import format_bytes


@dataclass(frozen=True, slots=True)
class TestDisplay:
    """The last test of a destination. `sentences` is what it found."""

    job: Job
    works: bool | None
    sentences: list[str]

    @property
    def ended(self) -> bool:
        return self.job.state in {state.value for state in FINISHED}


@dataclass(frozen=True, slots=True)
class DestinationDisplay:
    destination: Destination
    backlog: Backlog
    failing: list[DestinationHost]
    test: TestDisplay | None

    @property
    def kind(self) -> str:
        return DESTINATION_KINDS[self.destination.kind][0]

    @property
    def where(self) -> str:
        """Without secrets: `settings` has none."""
        given = self.destination.settings
        if self.destination.kind == "s3":
            return "/".join(filter(None, [str(given.get("endpoint")), str(given.get("bucket")), given.get("prefix")]))
        if self.destination.kind == "sftp":
            return f"{given.get('user')}@{given.get('host')}:{given.get('path') or '.'}"
        return str(given.get("path"))

    @property
    def classes(self) -> str:
        return ", ".join(CLASS_LABELS.get(name, name) for name in self.destination.classes)

    @property
    def hours(self) -> str:
        begin, end = self.destination.begin, self.destination.end
        return f"{begin:%H:%M} to {end:%H:%M}" if begin and end else "at all hours"

    @property
    def bandwidth(self) -> str:
        limit = self.destination.bytes_per_s
        return f"{format_bytes(limit)}/s for each host" if limit else "no limit"

    @property
    def state(self) -> StateDisplay:
        if self.failing:
            return StateDisplay("bad", "Failing", "bad")
        if not self.destination.enabled:
            return StateDisplay("pause", "Paused")
        if self.test is None and not self.backlog.verified:
            return StateDisplay("ready", "Not tested yet", "warn")
        if self.backlog.files and closed_reason(self.destination):
            return StateDisplay("wait", "Outside its hours")
        if self.backlog.sending:
            return StateDisplay("expose", "Sending", "act")
        if self.backlog.files:
            return StateDisplay("wait", "Files wait")
        return StateDisplay("ok", "All copied", "ok")

    @property
    def row_class(self) -> str:
        if self.failing or self.backlog.dead:
            return "is-bad"
        return "is-warn" if self.state.tone == "warn" else ""


def destination_displays(destinations: Iterable[Destination] | None = None) -> list[DestinationDisplay]:
    """All destinations, or these. In a constant number of queries."""
    found = list(Destination.objects.prefetch_related("hosts") if destinations is None else destinations)
    backlogs, tests = backlogs_of(found), _tests()
    return [
        DestinationDisplay(
            one, backlogs[one.pk], [host for host in one.hosts.all() if host.failures],
            tests.get(str(one.pk)),
        )
        for one in found
    ]  # fmt: skip


def _tests() -> dict[str, TestDisplay]:
    """Destination -> its last test."""
    found: dict[str, TestDisplay] = {}
    newest = Job.objects.filter(kind=TEST_KIND).order_by().values_list("subject").annotate(at=Max("created_at"))
    jobs: Any = Job.objects.filter(kind=TEST_KIND, created_at__in=[at for _, at in newest])
    jobs = jobs.defer("arguments", "checkpoint", "result")
    for job in jobs.annotate(works=F("result__works"), said=F("result__said")):
        said = [str(one) for one in job.said] if isinstance(job.said, list) else []
        found.setdefault(job.subject, TestDisplay(job, job.works, said or ([job.error] if job.error else [])))
    return found
