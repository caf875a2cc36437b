"""A copy that is found damaged while its file comes back from another one, on the database of DATABASE_URL: `FOLDER`.
Prints where the file is, and the state of that copy, as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from tests.harness.races.hold_process import BLOCKED
from tests.harness.waiting import PATIENCE_S, eventually


def main(folder: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from captures.models import CaptureFile, OffsiteCopy
    from captures.storage.bring_back.jobs import bring_back
    from captures.storage.offsite.restore import take_back
    from core.events.models import Alert
    from core.events.service import raise_alert
    from core.jobs.context import JobContext
    from tests.harness.rows.archive import Archive
    from tests.harness.rows.captures import file_of, saved
    from tests.harness.rows.offsite import folder_destination, leave_to_copies, send

    root = Path(folder, "root")
    root.mkdir()
    archive = Archive(root)
    file = file_of(saved(archive.camera), archive.root)
    places = [folder_destination(Path(folder, name), name=name) for name in ("one", "other")]
    for place in places:
        send(place)
    leave_to_copies(file)
    damaged = OffsiteCopy.objects.get(destination=places[0])
    arguments = {"selection": {"capture": str(file.capture_id)}, "until": "2100-01-01T00:00:00Z"}
    job = JobContext("job-1", arguments, None, "ada", lambda _: None)
    returning = threading.Thread(target=bring_back, args=(job,), daemon=True)
    taking_back = threading.Thread(target=take_back, args=(damaged, "damaged"), daemon=True)

    # The file waits for its capture before its row says that it is here, and the damage for its alert.
    raise_alert(f"offsite.dead:{places[0].pk}", "It was dead before.", severity="error", camera=None)
    capture, alert = locked(file.capture), locked(Alert.objects.get())
    returning.start()
    eventually(lambda: blocked(alert) == 1, "the file waits for its place")
    taking_back.start()
    eventually(lambda: blocked(alert) == 2, "both wait")
    capture.close()
    eventually(lambda: CaptureFile.objects.get(pk=file.pk).kept == "here", "the file is here")
    alert.close()
    returning.join(PATIENCE_S)
    taking_back.join(PATIENCE_S)
    states = {"file": CaptureFile.objects.get(pk=file.pk).kept, "copy": OffsiteCopy.objects.get(pk=damaged.pk).state}
    print(json.dumps(states))


def locked(row: Any) -> psycopg.Connection[Any]:
    """A transaction that has the lock of the row until it is closed."""
    connection = psycopg.connect(os.environ["DATABASE_URL"])
    query = sql.SQL("SELECT 1 FROM {} WHERE id = %s FOR UPDATE").format(sql.Identifier(row._meta.db_table))
    connection.execute(query, [row.pk])
    return connection


def blocked(connection: psycopg.Connection[Any]) -> int:
    """How many transactions wait for a lock."""
    connection.execute("SELECT pg_stat_clear_snapshot()")
    [found] = connection.execute(BLOCKED).fetchone() or [0]
    return int(found)


if __name__ == "__main__":
    main(sys.argv[1])
