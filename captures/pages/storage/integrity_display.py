"""Checks and findings as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max

from captures.pages.storage.plan_display import file_links
from captures.roots.models import StorageRoot
from captures.storage.integrity.models import FindingKind, FindingState, IntegrityFinding
from core.jobs.models import Job
from core.jobs.states import FINISHED


@dataclass(frozen=True, slots=True)
class KindText:
    label: str
    meaning: str
    advice: str


KINDS: dict[str, KindText] = {
    FindingKind.MISSING: KindText(
        "Missing",
        "A row without its file.",
        "Mount or move back the folder, then check again. If the file has an off-site copy or is in an archive, copy "
        "it back to its path. Without one it is lost: its row stays until you delete the clip or capture.",
    ),
    FindingKind.MISMATCHING: KindText(
        "Mismatching",
        "A file whose size or content differs from its row.",
        "Something changed the file, or the disk damaged it. Check the disk, copy the file back from its off-site copy "
        "or archive, then check again.",
    ),
    FindingKind.UNTRACKED: KindText(
        "Untracked",
        "A file without a row: no page shows it, and no rule deletes it.",
        "Adopt a picture or a clip that belongs here: it becomes a capture or a manual clip, in its place. Set aside "
        "everything else: it is moved to the folder set-aside of its root, and nothing is deleted.",
    ),
}
STATES: dict[str, str] = {
    FindingState.OPEN: "Open",
    FindingState.ADOPTED: "Adopted",
    FindingState.SET_ASIDE: "Set aside",
    FindingState.GONE: "Not found again",
}


@dataclass(frozen=True, slots=True)
class HostCheck:
    """The last check of a host; `job` is None before the first one."""

    host: str
    job: Any
    rows: int | None
    files: int | None
    problems: list[str]
    open: int

    @property
    def runs(self) -> bool:
        return self.job is not None and self.job.state not in {state.value for state in FINISHED}

    @property
    def took_s(self) -> float | None:
        if self.job is None or self.job.started_at is None or self.job.ended_at is None:
            return None
        return float((self.job.ended_at - self.job.started_at).total_seconds())


def host_checks() -> list[HostCheck]:
    """The hosts with storage roots. In a constant number of queries."""
    hosts = list(StorageRoot.objects.order_by("host").values_list("host", flat=True).distinct())
    last: dict[str, Any] = {}
    newest = Job.objects.filter(kind="integrity").order_by().values_list("host").annotate(at=Max("created_at"))
    jobs = Job.objects.filter(kind="integrity", created_at__in=[at for _, at in newest]).defer("checkpoint", "result")
    for job in jobs.annotate(rows=F("result__rows"), files=F("result__files"), problems=F("result__problems")):
        last.setdefault(job.host, job)
    counted = open_findings().values_list("host").annotate(number=Count("pk"))
    numbers = dict(counted.order_by())
    return [_host_check(host, last.get(host), numbers.get(host, 0)) for host in hosts]


def _host_check(host: str, job: Any, number: int) -> HostCheck:
    if job is None:
        return HostCheck(host, None, None, None, [], number)
    problems = [str(one) for one in job.problems] if isinstance(job.problems, list) else []
    return HostCheck(host, job, job.rows, job.files, [*problems, *([job.error] if job.error else [])], number)


def open_findings() -> Any:
    return IntegrityFinding.objects.filter(state=FindingState.OPEN)


@dataclass(frozen=True, slots=True)
class FindingDisplay:
    finding: IntegrityFinding
    link: str
    """The page of its row; empty without one."""

    @property
    def kind(self) -> KindText:
        return KINDS[self.finding.kind]

    @property
    def state(self) -> str:
        return STATES[self.finding.state]

    @property
    def may_be_decided(self) -> bool:
        return self.finding.kind == FindingKind.UNTRACKED and self.finding.state == FindingState.OPEN


def finding_displays(findings: list[IntegrityFinding]) -> list[FindingDisplay]:
    links = file_links((one.table, one.row) for one in findings)
    return [FindingDisplay(one, links[one.table, one.row]) for one in findings]
