"""Captures and clips in the admin."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.admin import display
from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString

from captures.capturing.models import Capture, CaptureFile, CaptureReference, CaptureStatus, Origin
from captures.capturing.records import describe_references
from captures.files import addresses
from captures.recordings.clips.models import Clip, ClipHold, ClipKind
from captures.storage.archives.models import ArchiveFile
from captures.storage.offsite.models import OffsiteCopy
from captures.storage.retention.clip_rules import age_limits, older_than
from core.station_settings import retention_config
from skycam_project.admin.base import (
    NOTHING,
    Detail,
    Media,
    ReadOnlyAdmin,
    Section,
    admin_link,
    link,
    picture,
    show_flag,
    show_length,
    show_size,
    show_time,
)
from skycam_project.admin.change_list import (
    CameraFilter,
    NightFilter,
    choices,
    faults,
    number_or_none,
    offsite,
    sizes,
    uuid_or_none,
    values_of,
    yes_or_no,
)

SMALL = 320
TRASH = {
    "no": ("Not in the trash", lambda: Q(trashed_at=None)),
    "yes": ("In the trash", lambda: Q(trashed_at__isnull=False, purged_at=None)),
    "due": ("Its time there is over", lambda: Q(purged_at=None, trashed_at__lte=_trash_limit())),
    "purged": ("Deleted", lambda: Q(purged_at__isnull=False)),
}


FILES = CaptureFile.objects.filter(capture=OuterRef("pk")).order_by()
BYTES = Subquery(FILES.values("capture").annotate(total=Sum("bytes")).values("total"))
COPIES = ArchiveFile.objects.filter(capture_file=OuterRef("pk"), state="copied", verified_at__isnull=False)
VERIFIED_CAPTURE = Q(Exists(FILES)) & ~Q(Exists(FILES.filter(~Exists(COPIES))))
"""All files of the capture have one."""


def _trash_limit() -> datetime:
    return timezone.now() - timedelta(days=retention_config().trash_days)


def capture_copied(state: str) -> Q:
    """Captures with a file that has such a copy."""
    copies = OffsiteCopy.objects.filter(table="captures", number=OuterRef("pk"), state=state)
    return Q(Exists(CaptureFile.objects.filter(Exists(copies), capture=OuterRef("pk"))))


def with_path(text: str) -> Q:
    """Captures with a file that has this in its path, in the path from which it was adopted, or in its place at a
    controller."""
    files = CaptureFile.objects.filter(Q(path__icontains=text) | Q(original__icontains=text), capture=OuterRef("pk"))
    return Q(Exists(files)) | Q(Exists(CaptureReference.objects.filter(place__icontains=text, capture=OuterRef("pk"))))


def captures_of(keys: list[str]) -> Q:
    """Of the files with these keys. Each capture once, with all its files."""
    numbers = [number for key in keys if (number := number_or_none(key)) is not None]
    return Q(Exists(CaptureFile.objects.filter(capture=OuterRef("pk"), pk__in=numbers)))


class CaptureAdmin(ReadOnlyAdmin):
    cursor_field = "started_at"
    arrival_fields = ("trashed_at",)
    ordering = ("-started_at", "-id")
    search_camera, search_texts = "camera_id", (with_path,)
    list_display = ("thumbnail", "camera_slug", "state", "began", "files_of", "size", "session_of", "is_simulated")
    list_display_links = ("thumbnail",)
    list_filter = (
        CameraFilter,
        values_of("status", CaptureStatus.choices),
        values_of("origin", Origin.choices),
        NightFilter,
        sizes(BYTES),
        yes_or_no("pinned", "pinned", Q(pinned=True)),
        yes_or_no("verified", "verified copy in an archive", VERIFIED_CAPTURE),
        choices("trash", "trash", TRASH),
        offsite(capture_copied),
        faults(captures_of),
    )
    facts = (
        "id", "status", "reason", "message", "pinned", "trashed_at", "trashed_by", "purged_at",
        "origin", "adopted_at", "planned_at", "started_at", "ended_at", "host",
        "exposure_us", "gain", "iso", "f_number", "temperature_celsius", "simulated", "driver", "library", "firmware",
        "serial", "clock", "clock_offset_s", "clock_error_s", "clock_jumped_s",
        "database_ahead_s", "requested_by", "job", "note", "asked",
        "statistics", "warnings",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Capture]:
        return (
            Capture.objects.select_related("camera", "session").prefetch_related("files", "references").defer("asked")
        )

    @display(description="Capture")
    def thumbnail(self, capture: Capture) -> SafeString | str:
        address = addresses.thumbnail(capture, SMALL)
        text = f"{capture.camera.slug}, {capture.started_at:%Y-%m-%d %H:%M:%SZ}"
        return picture(address, text) if address else "no picture"

    @display(description="Camera")
    def camera_slug(self, capture: Capture) -> SafeString | str:
        return admin_link(capture.camera, capture.camera.slug)

    @display(description="Status")
    def state(self, capture: Capture) -> str:
        state = f"{capture.status}: {capture.reason}" if capture.reason else capture.status
        if capture.trashed_at is None:
            return state
        return f"{state}, {'deleted' if capture.purged_at else 'in the trash'}"

    @display(description="Began")
    def began(self, capture: Capture) -> SafeString | str:
        return show_time(capture.started_at)

    @display(description="Files")
    def files_of(self, capture: Capture) -> str:
        remote = describe_references(capture.references.all())
        found = [*(file.kind for file in capture.files.all()), *([f"remote: {remote}"] if remote else [])]
        return ", ".join(found) or NOTHING

    @display(description="Size")
    def size(self, capture: Capture) -> str:
        return show_size(sum(file.bytes for file in capture.files.all()))

    @display(description="Session")
    def session_of(self, capture: Capture) -> SafeString | str:
        return admin_link(capture.session, capture.session.name or "session") if capture.session else NOTHING

    @display(description="Simulated")
    def is_simulated(self, capture: Capture) -> str:
        return show_flag(capture.simulated)

    def detail_rows(self) -> QuerySet[Any]:
        return Capture.objects.select_related("camera", "session__camera").prefetch_related("files__root")

    def detail(self, row: Any) -> Detail:
        files = list(row.files.all())
        elsewhere = files[0].host if files and files[0].host != settings.STATION.host else ""
        media = Media(picture=addresses.picture(row), elsewhere=elsewhere) if files else None
        facts = [("Camera", admin_link(row.camera)), ("Session", admin_link(row.session)), *self.show_facts(row)]
        rows = [
            [
                link(addresses.address(one), one.kind),
                one.path,
                one.original or NOTHING,
                show_size(one.bytes),
                one.sha256,
                admin_link(one.root),
            ]
            for one in files
        ]
        references = [
            [one.kind, one.place, NOTHING if one.bytes is None else show_size(one.bytes), one.sha256 or NOTHING]
            for one in row.references.all()
        ]
        experiments = [[admin_link(one), one.state] for one in row.experiments.all()]
        return Detail(facts, reverse("picture", args=[row.pk]), media, (
            Section("Files", ("Kind", "Path", "Adopted from", "Size", "SHA-256", "Storage root"), rows),
            Section("Remote files, not held by this station", ("Kind", "Place", "Size", "SHA-256"), references),
            Section("Experiments", ("Experiment", "State"), experiments),
        ))  # fmt: skip


HELD = Q(Exists(ClipHold.objects.filter(clip=OuterRef("pk"))))
VERIFIED_CLIP = Q(Exists(ArchiveFile.objects.filter(clip=OuterRef("pk"), state="copied", verified_at__isnull=False)))


def clip_copied(state: str) -> Q:
    return Q(Exists(OffsiteCopy.objects.filter(table="clips", uuid=OuterRef("pk"), state=state)))


def clips_of(keys: list[str]) -> Q:
    return Q(pk__in=[pk for key in keys if (pk := uuid_or_none(key))])


def due() -> Q:
    """Beyond the age of their class, without a pin or a hold. The rules of count and space decide when they run."""
    found = Q(pk__in=[])
    for kind, days in age_limits().items():
        if days:
            found |= older_than(kind, days)
    return found & Q(pinned=False, holds=None)


LOST = Q(lost_frames__gt=0) | Q(interrupted=True)


def poster(clip: Clip) -> str:
    return f"/api/v1/clips/{clip.pk}/poster/"


class ClipAdmin(ReadOnlyAdmin):
    cursor_field = "started_at"
    arrival_fields = ("created_at",)
    ordering = ("-started_at", "-id")
    search_camera, search_texts = "camera_id", ("path",)
    list_display = ("poster", "camera_slug", "kind", "began", "length", "size", "lost", "is_pinned", "held_by", "on")
    list_display_links = ("poster",)
    list_filter = (
        CameraFilter,
        values_of("kind", ClipKind.choices),
        NightFilter,
        sizes(F("bytes")),
        yes_or_no("pinned", "pinned", Q(pinned=True)),
        yes_or_no("held", "held", HELD),
        yes_or_no("verified", "verified copy in an archive", VERIFIED_CLIP),
        choices("lost", "frames", {"lost": ("Lost or cut off", lambda: LOST)}),
        choices("due", "retention", {"age": ("Beyond their age", due)}),
        offsite(clip_copied),
        faults(clips_of),
    )
    facts = (
        "id", "kind", "started_at", "ended_at", "frames", "lost_frames", "interrupted", "reason", "message", "pinned",
        "simulated", "codec", "copied", "width", "height", "clock", "clock_offset_s", "clock_error_s",
        "clock_jumped_s", "requested_by", "host", "path", "bytes", "sha256", "created_at", "conditions",
    )  # fmt: skip

    def get_queryset(self, request: HttpRequest) -> QuerySet[Clip]:
        return Clip.objects.present().select_related("camera").prefetch_related("holds").defer("conditions", "delivery")

    @display(description="Clip")
    def poster(self, clip: Clip) -> SafeString:
        return picture(poster(clip), f"{clip.camera.slug}, {clip.started_at:%Y-%m-%d %H:%M:%SZ}")

    @display(description="Camera")
    def camera_slug(self, clip: Clip) -> SafeString | str:
        return admin_link(clip.camera, clip.camera.slug)

    @display(description="Began")
    def began(self, clip: Clip) -> SafeString | str:
        return show_time(clip.started_at)

    @display(description="Length")
    def length(self, clip: Clip) -> str:
        return show_length(clip.duration)

    @display(description="Size")
    def size(self, clip: Clip) -> str:
        return show_size(clip.bytes)

    @display(description="Lost frames")
    def lost(self, clip: Clip) -> str:
        lost = "unknown" if clip.lost_frames is None else f"{clip.lost_frames:,}" if clip.lost_frames else NOTHING
        return f"{lost}, cut off" if clip.interrupted else lost

    @display(description="Pinned")
    def is_pinned(self, clip: Clip) -> str:
        return show_flag(clip.pinned)

    @display(description="Held by")
    def held_by(self, clip: Clip) -> str:
        return ", ".join(map(str, clip.holds.all())) or NOTHING

    @display(description="Host")
    def on(self, clip: Clip) -> str:
        return clip.host

    def detail_rows(self) -> QuerySet[Any]:
        return Clip.objects.present().select_related("camera", "root")

    def detail(self, row: Any) -> Detail:
        elsewhere = row.host if row.host != settings.STATION.host else ""
        media = Media(
            video=f"/api/v1/clips/{row.pk}/file/", poster=f"{poster(row)}?size=1024", elsewhere=elsewhere,
            width=row.width, height=row.height,
        )  # fmt: skip
        facts = [
            ("Camera", admin_link(row.camera)), ("Storage root", admin_link(row.root)), *self.show_facts(row),
            ("Rate", row.delivered.rate_text or NOTHING), ("Holes", row.delivered.holes_text),
        ]  # fmt: skip
        experiments = [[admin_link(one), one.state] for one in row.experiments.all()]
        holds = [[one.by, one.name, show_time(one.since)] for one in row.holds.all()]
        copies = [
            [admin_link(one.folder.archive), one.path, one.state, show_time(one.verified_at)]
            for one in row.archive_files.select_related("folder__archive").defer("folder__archive__manifest")
        ]
        return Detail(facts, reverse("clip", args=[row.pk]), media, (
            Section("Experiments", ("Experiment", "State"), experiments),
            Section("Holds", ("By", "Name", "Since"), holds),
            Section("Copies in archives", ("Archive", "Path", "State", "Verified"), copies),
        ))  # fmt: skip
