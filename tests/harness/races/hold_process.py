"""A concurrent hold and deletion on the database of DATABASE_URL: `FOLDER`. Prints the outcomes as JSON, with the hold
first and with the deletion first."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from tests.harness.waiting import PATIENCE_S, eventually

BLOCKED = """SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"""


def main(folder: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from tests.harness.rows.clip_archive import ClipArchive

    archive = ClipArchive(Path(folder))
    clips = archive.clips(4)
    found = {"hold first": hold_first(clips[0]), "deletion first": deletion_first(clips[1])}
    archive.cleanup.run()
    print(json.dumps({**found, "kept": archive.kept}))


def hold_first(clip) -> list:  # type: ignore[no-untyped-def, type-arg]
    """The deletion comes while the hold is not committed yet."""
    from django.db import transaction

    from captures.models import Clip
    from captures.recordings.clips.services import hold_clip, mark_for_deletion

    marked: list = []  # type: ignore[type-arg]
    deletion = threading.Thread(
        target=lambda: marked.extend(mark_for_deletion(Clip.objects.deletable().filter(pk=clip.pk)))
    )
    with transaction.atomic():
        hold_clip(clip.pk, "experiment", "growth")
        deletion.start()
        wait_for_a_blocked_transaction()
    deletion.join(PATIENCE_S)
    return marked


def deletion_first(clip) -> str:  # type: ignore[no-untyped-def]
    """The hold comes while the mark is not committed yet."""
    from django.db import transaction

    from captures.models import Clip
    from captures.recordings.clips.services import ClipDeleted, hold_clip, mark_for_deletion

    errors: list[str] = []

    def hold_it() -> None:
        try:
            hold_clip(clip.pk, "experiment", "growth")
        except ClipDeleted as error:
            errors.append(str(error))

    holding = threading.Thread(target=hold_it)
    with transaction.atomic():
        mark_for_deletion(Clip.objects.deletable().filter(pk=clip.pk))
        holding.start()
        wait_for_a_blocked_transaction()
    holding.join(PATIENCE_S)
    return errors[0]


def wait_for_a_blocked_transaction() -> None:
    """Until another transaction waits for a lock of this one."""
    from django.db import connection

    def is_one_blocked() -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees the activities of its first question
            cursor.execute(BLOCKED)
            return bool(cursor.fetchone()[0])

    eventually(is_one_blocked, "another transaction waits")


if __name__ == "__main__":
    main(*sys.argv[1:])
