"""Planned captures of a session that another process decides or deletes while their records are ingested, on the
database of DATABASE_URL: `FOLDER`. Prints the outcomes of the rows and the alerts as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from tests.harness.races.hold_process import wait_for_a_blocked_transaction
from tests.harness.waiting import PATIENCE_S


def main(folder: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    from django.db import transaction

    from cameras.supervision.ingest import ingest_records
    from captures.models import Capture
    from core.events.models import Alert
    from tests.harness.rows.archive import Archive
    from tests.harness.rows.records import capture_record

    archive = Archive(Path(folder))
    session = archive.session(count=9)
    planned = [
        Capture.objects.create(camera=archive.camera, session=session, index=index, asked={"exposure_us": 1000})
        for index in range(3)
    ]
    decided, deleted, _ = planned
    records = [
        capture_record(archive, "failed", str(one.pk), session=str(session.pk), index=one.index) for one in planned
    ]
    ingest = threading.Thread(target=ingest_records, args=(records,))
    with transaction.atomic():
        Capture.objects.filter(pk=decided.pk).update(status="failed", reason="host_down")
        Capture.objects.filter(pk=deleted.pk).delete()
        ingest.start()
        wait_for_a_blocked_transaction()
    ingest.join(PATIENCE_S)
    rows = dict(Capture.objects.order_by("index").values_list("index", "reason"))
    print(json.dumps({"reasons": rows, "alerts": list(Alert.objects.values_list("key", flat=True))}))


if __name__ == "__main__":
    main(sys.argv[1])
