"""Clips in the admin."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.admin import display
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.safestring import SafeString

from captures.recordings.clips.models import Clip, ClipHold, ClipKind
from captures.storage.archives.models import ArchiveFile
from captures.storage.offsite.models import OffsiteCopy
from captures.storage.retention.clip_rules import age_limits, older_than
from skycam_project.admin.base import (
    NOTHING,
    Detail,
    Media,
    ReadOnlyAdmin,
    Section,
    admin_link,
    picture,
    show_flag,
    show_length,
    show_size,
    show_time,
)
from skycam_project.admin.filters import (
    CameraFilter,
    NightFilter,
    choices,
    faults,
    offsite,
    sizes,
    uuid_or_none,
    values_of,
    yes_or_no,
)

HELD = Q(Exists(ClipHold.objects.filter(clip=OuterRef("pk"))))
VERIFIED = Q(Exists(ArchiveFile.objects.filter(clip=OuterRef("pk"), state="copied", verified_at__isnull=False)))


def copied(state: str) -> Q:
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
        yes_or_no("verified", "verified copy in an archive", VERIFIED),
        choices("lost", "frames", {"lost": ("Lost or cut off", lambda: LOST)}),
        choices("due", "retention", {"age": ("Beyond their age", due)}),
        offsite(copied),
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
