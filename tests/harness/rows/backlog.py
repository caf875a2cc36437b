"""Records of a session that wait in the spool of a camera, as after an outage of the database: `CAMERA NUMBER`, in the
environment of a station."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uuid6


def main(slug: str, number: int) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from cameras.models import Camera
    from captures.models import Session, StorageAssignment

    camera = Camera.objects.get(slug=slug)
    root = StorageAssignment.objects.get(storage_class="captures").root
    # It has ended, so the camera is free for the sessions of a test.
    session = Session.objects.create(camera=camera, programme={"exposure_us": 1000}, state="stopped", reported=9)
    write_backlog(Path(root.path), str(root.id), str(camera.id), slug, str(session.pk), number)
    print(session.pk)


def write_backlog(folder: Path, root: str, camera: str, slug: str, session: str, number: int) -> None:
    """`.done` files of saved captures, each of which appears whole. Their pictures do not exist."""
    spool = folder / ".spool" / camera
    with tempfile.TemporaryDirectory(dir=folder) as written:
        for index in range(number):
            record = saved_record(root, camera, slug, session, index)
            path = Path(written) / f"{record['id']}.done"
            path.write_text(json.dumps(record))
        for path in sorted(Path(written).iterdir()):
            path.rename(spool / path.name)


def saved_record(root: str, camera: str, slug: str, session: str, index: int) -> dict[str, Any]:
    from cameras.spool.records import Plan
    from cameras.spool.recovery import failed_record

    plan: dict[str, Any] = {
        "id": str(uuid6.uuid7()), "camera": camera, "slug": slug, "session": session, "index": index,
        "planned": "2026-01-01T00:00:00Z", "asked": {"exposure_us": 1000}, "requested_by": "backlog", "job": "",
    }  # fmt: skip
    record: dict[str, Any] = {**failed_record(Plan(**plan), root, "", "", "saved", now=time.time())}  # type: ignore[typeddict-item]
    record["body"] |= {"started": plan["planned"], "exposure_us": 1000, "simulated": True, "driver": "simulated"}
    record["files"] = [
        {
            "kind": "jpeg", "bytes": 1000, "sha256": "0" * 64, "part": f"{record['id']}.jpeg.part",
            "path": f"backlog/{record['id']}.jpg", "width": 320, "height": 240,
        }
    ]  # fmt: skip
    return record


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
