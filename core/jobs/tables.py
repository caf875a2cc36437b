"""What a station can do in the background, and what core needs from higher apps for it: dotted paths, resolved at run
time and never imported upward."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

GB = 1_000_000_000


class Lane(StrEnum):
    """Each host runs one job of each lane at a time, beside those of the other lanes."""

    SHORT = "short"
    """A person waits for the job. One that takes longer than half a minute makes room for another one."""
    LONG = "long"
    """Work for hours, which no one watches. It makes room after ten minutes."""


class JobKind(NamedTuple):
    """One kind of job. `function` takes a `core.jobs.context.JobContext` and returns its result as JSON.

    `role` is the lowest role that may start and cancel the kind. Without a camera, a job shows its arguments, error and
    result to this role only, because they may name cameras that others cannot see.
    """

    label: str
    role: str
    # The limit of the address space, of which libraries reserve far more than they use.
    memory_bytes: int
    deadline_s: float
    """Wall clock seconds of one attempt."""
    nice: int
    max_attempts: int
    one_per_subject: bool
    """Whether a subject has at most one unfinished job of this kind on each host."""
    lane: Lane
    makes_room: bool
    """Whether it is interrupted after a while for another job of its lane that is due, and continues behind that one:
    its next attempt continues where one ended. A kind without it must be short, or end by itself."""
    function: str


JOB_KINDS: dict[str, JobKind] = {
    "clip_cleanup": JobKind(
        "Clean up clips", "manager", 2 * GB, 3600.0, 10, 3, True, Lane.SHORT, True,
        "captures.storage.retention.jobs.clean_up_clips",
    ),
    "storage_cleanup": JobKind(
        "Clean up storage", "manager", 2 * GB, 86_400.0, 10, 20, True, Lane.SHORT, True,
        "captures.storage.retention.jobs.execute_plan",
    ),
    "offsite_test": JobKind(
        "Test an off-site destination", "manager", 2 * GB, 300.0, 10, 1, True, Lane.SHORT, False,
        "captures.storage.offsite.jobs.probe_destination",
    ),
    "bring_back": JobKind(
        "Bring files back", "operator", 2 * GB, 7 * 86_400.0, 15, 20, True, Lane.SHORT, True,
        "captures.storage.bring_back.jobs.bring_back",
    ),
    "archive": JobKind(
        "Archive an experiment", "operator", 2 * GB, 7 * 86_400.0, 15, 20, True, Lane.SHORT, True,
        "captures.storage.archives.jobs.make_archive",
    ),
    "admin_action": JobKind(
        "Archive admin", "manager", 2 * GB, 7 * 86_400.0, 15, 20, False, Lane.SHORT, True,
        "skycam_project.admin.jobs.run_action",
    ),
    "forget_files": JobKind(
        "Forget the files of a retired host", "manager", 2 * GB, 86_400.0, 15, 20, True, Lane.SHORT, True,
        "skycam_project.hosts.retiring.forget_files",
    ),
    "integrity": JobKind(
        "Check the storage", "manager", 2 * GB, 86_400.0, 15, 20, True, Lane.LONG, True,
        "captures.storage.integrity.check.check_integrity",
    ),
    # It ends by itself when another job is due, and goes on in a new one.
    "offsite": JobKind(
        "Copy files off-site", "manager", 2 * GB, 7200.0, 15, 20, True, Lane.LONG, False,
        "captures.storage.offsite.jobs.send_files",
    ),
    # The process that decodes the files inherits the limit of memory, and needs 3 GB.
    # Each attempt begins again, so that it would never end if it made room.
    "backup": JobKind(
        "Back up the station", "manager", 2 * GB, 86_400.0, 15, 3, True, Lane.LONG, False,
        "skycam_project.backups.jobs.back_up",
    ),
    "organize": JobKind(
        "Organize files", "operator", 4 * GB, 86_400.0, 15, 20, True, Lane.LONG, True,
        "captures.organizing.jobs.organize_folder",
    ),
    "verify_archive": JobKind(
        "Verify an archive", "operator", 2 * GB, 7 * 86_400.0, 15, 20, True, Lane.LONG, True,
        "captures.storage.archives.verification.verify_archive",
    ),
    "verify": JobKind(
        "Verify files", "manager", 2 * GB, 86_400.0, 15, 20, True, Lane.LONG, True,
        "captures.files.verification.verify_files",
    ),
}  # fmt: skip
"""Kind -> what it is, its limits, and the function that does it."""

BACKGROUND_THREADS = {
    "archive_sender": "captures.storage.archives.transfer.ArchiveSender",
}
"""What serves a queue in a host's jobs part: host -> object with `start` and `stop`, which has a thread of its own.
Periodic work is in `skycam_project/periodic.py`."""

JOB_ENDED = {
    "events": "monitoring.jobs.record_job_end",
}
"""Functions that are called with each job that ended, in the transaction of its end."""

JOB_HIDDEN_CAMERAS = {
    "cameras": "cameras.selectors.hidden_cameras",
}
"""User -> the cameras, including removed ones, whose jobs this user must not see."""

JOBS_WAIT = {
    "drained": "cameras.draining.is_draining",
    "name": "cameras.supervision.lease.is_name_lost",
}
"""Subject -> a function that takes a host, and returns whether its jobs wait: a copy of a machine, for example, may not
work in its name."""


def kind_of(name: str) -> JobKind | None:
    """None for a kind that a newer or older version of the station knows."""
    return JOB_KINDS.get(name)


def role_of(name: str) -> str:
    """The lowest role that may start and cancel the kind."""
    kind = kind_of(name)
    return kind.role if kind else "manager"


def label_of(name: str) -> str:
    kind = kind_of(name)
    return kind.label if kind else name


def lane_of(name: str) -> Lane:
    kind = kind_of(name)
    return kind.lane if kind else Lane.LONG
