"""Checks rows, spools and archive against each other; inconsistencies are sentences."""

from __future__ import annotations

import hashlib
from collections import Counter
from pathlib import Path

import uuid6
from django.db.models import Q

from cameras.models import Camera
from cameras.spool.storage import make_root
from cameras.supervision.desired_state import DesiredState
from cameras.supervision.ingest import OpenedSpool
from captures.models import Capture, CaptureFile, CaptureTotal, Clip, Session, SessionGap, StorageRoot
from captures.roots.models import StorageClass
from captures.roots.roots import assign_root
from captures.sessions.desired import describe_desired_session
from tests.harness.stations.spools import IDLE_PREFIXES


class Archive:
    """A storage root with one simulated camera, in the test's database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = str(uuid6.uuid7())
        make_root(folder, root)
        self.root = StorageRoot.objects.create(id=root, host="main", path=str(folder))
        assign_root(self.root, StorageClass.CAPTURES)
        self.camera = Camera.objects.create(slug="sim", name="Sim", kind="simulated", host="main")
        self.spool = folder / ".spool" / str(self.camera.id)

    def desired(self) -> DesiredState:
        return desired_camera(str(self.camera.id), str(self.root.id), str(self.folder))

    def session(self, **programme: object) -> Session:
        return Session.objects.create(camera=self.camera, programme={"exposure_us": 1000, **programme})

    def desired_session(self, session: Session) -> dict[str, object]:
        session.refresh_from_db()
        return describe_desired_session(session)

    def planned(self) -> Capture:
        """A row as the web part plans it, before its command is sent."""
        return Capture.objects.create(camera=self.camera, asked={"exposure_us": 1000})

    def ingest(self) -> None:
        with OpenedSpool(self.desired()) as ingester:
            for name in sorted(ingester.waiting_records()):
                ingested = ingester.ingest(name)
                if ingested is not None:
                    ingester.remove_records([ingested])

    def inconsistencies(self) -> list[str]:
        return inconsistencies(self.folder)


def desired_camera(camera: str, root: str, folder: str) -> DesiredState:
    """The simulated camera `sim`, whose storage root is `folder`."""
    return DesiredState(
        id=camera, slug="sim", kind="simulated", address="", settings={}, enabled=True, connected=True,
        removed=False, session=None, root=root, root_path=folder, recording=None, video_root=root,
        video_root_path=folder,
    )  # fmt: skip


def inconsistencies(*folders: Path) -> list[str]:
    """Inconsistencies between these storage roots, which must be all, and their database."""
    return [*_rows(), *(wrong for folder in folders for wrong in (*_files(folder), *_leftovers(folder)))]


def _rows() -> list[str]:
    wrong = [f"{capture.pk} has no outcome" for capture in Capture.objects.filter(status="planned")]
    for session in Session.objects.all():
        covered = [capture.index for capture in session.captures.all()]
        for gap in session.gaps.all():
            covered += range(gap.first_index, gap.first_index + gap.count)
        if sorted(covered) != list(range(session.planned)):
            wrong.append(f"session {session.pk} planned {session.planned} and covers {sorted(covered)}")
        if session.planned != session.saved + session.failed + session.skipped:
            wrong.append(f"session {session.pk} does not add up")
    saved = Capture.objects.filter(status="saved", files=None, references=None)
    wrong += _totals()
    return wrong + [f"{capture.pk} is saved without a file or a reference" for capture in saved]


def _totals() -> list[str]:
    """Captures by outcome, as rows and gaps against the totals of metrics. No row may have been deleted."""
    rows = Counter(Capture.objects.exclude(status="planned").filter(origin="camera").values_list("status", flat=True))
    rows.update({"skipped": sum(SessionGap.objects.values_list("count", flat=True))})
    totals: Counter[str] = Counter()
    for total in CaptureTotal.objects.all():
        totals[total.status] += total.captures
    return [] if +rows == +totals else [f"the totals are {dict(totals)} and the rows {dict(rows)}"]


def _files(folder: Path) -> list[str]:
    here = Q(root__path=str(folder))
    named: dict[str, CaptureFile | Clip] = {file.path: file for file in CaptureFile.objects.filter(here)}
    named |= {clip.path: clip for clip in Clip.objects.filter(here)}
    archives = (folder / "captures", folder / "clips")
    there = {str(path.relative_to(folder)) for archive in archives for path in archive.rglob("*") if path.is_file()}
    wrong = [f"file without row: {path}" for path in there - named.keys()]
    wrong += [f"row without file: {path}" for path in named.keys() - there]
    for path in there & named.keys():
        if hashlib.sha256((folder / path).read_bytes()).hexdigest() != named[path].sha256:
            wrong.append(f"wrong hash: {path}")
    return wrong


def _leftovers(folder: Path) -> list[str]:
    spools = [spool for one in (folder / ".spool").iterdir() for spool in (one, one / "clips") if spool.is_dir()]
    names = [path.name for spool in spools for path in spool.iterdir() if not path.name.startswith(IDLE_PREFIXES)]
    names += [f"rejected/{path.name}" for spool in spools for path in (spool / "rejected").iterdir()]
    return [f"left over in the spool: {name}" for name in names]
