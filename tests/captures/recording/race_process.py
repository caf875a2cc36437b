"""A hold and a deletion at the same moment, on the database of DATABASE_URL: `FOLDER`. Prints as JSON what became of
them, when the hold was first and when the deletion was."""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path


def main(folder: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.captures.recording.clip_archive import ClipArchive

    archive = ClipArchive(Path(folder))
    clips = archive.clips(4)
    found = {"hold first": hold_first(clips[0]), "deletion first": deletion_first(clips[1])}
    archive.cleanup.run()
    print(json.dumps({**found, "kept": archive.kept}))


def hold_first(clip) -> list:  # type: ignore[no-untyped-def, type-arg]
    """The deletion comes while the hold is not committed yet."""
    from django.db import transaction

    from captures.models import Clip
    from captures.recording.deletion import mark_for_deletion
    from captures.recording.holds import hold_clip

    marked: list = []  # type: ignore[type-arg]
    deletion = threading.Thread(
        target=lambda: marked.extend(mark_for_deletion(Clip.objects.deletable().filter(pk=clip.pk)))
    )
    with transaction.atomic():
        hold_clip(clip.pk, "experiment", "growth")
        deletion.start()
        until_somebody_waits()
    deletion.join()
    return marked


def deletion_first(clip) -> str:  # type: ignore[no-untyped-def]
    """The hold comes while the mark is not committed yet."""
    from django.db import transaction

    from captures.models import Clip
    from captures.recording.deletion import mark_for_deletion
    from captures.recording.holds import ClipDeleted, hold_clip

    said: list[str] = []

    def take() -> None:
        try:
            hold_clip(clip.pk, "experiment", "growth")
        except ClipDeleted as error:
            said.append(str(error))

    holding = threading.Thread(target=take)
    with transaction.atomic():
        mark_for_deletion(Clip.objects.deletable().filter(pk=clip.pk))
        holding.start()
        until_somebody_waits()
    holding.join()
    return said[0]


def until_somebody_waits() -> None:
    """For a lock of this transaction."""
    from django.db import connection

    deadline = time.monotonic() + 20
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
        assert time.monotonic() < deadline, "nobody waits"
        time.sleep(0.05)


if __name__ == "__main__":
    main(*sys.argv[1:])
