"""Two destinations that are compared again while a copy of a file at each of them is taken back, on the database of
DATABASE_URL: `FOLDER`. Prints how many wait while both destinations are locked, how many copies those that wait have
locked, the errors, and the states of the copies, as JSON."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

from tests.harness.waiting import PATIENCE_S, eventually


def main(folder: str) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    import django

    django.setup()
    import psycopg
    from django.db import DatabaseError

    from captures.models import OffsiteCopy
    from captures.storage.offsite.copy_rows import compare_again
    from captures.storage.offsite.restore import take_back
    from tests.harness.races.bring_back_process import blocked
    from tests.harness.rows.archive import Archive
    from tests.harness.rows.captures import file_of, saved
    from tests.harness.rows.offsite import folder_destination, send

    root = Path(folder, "root")
    root.mkdir()
    archive = Archive(root)
    places = [folder_destination(Path(folder, name), name=name) for name in ("one", "other")]
    # The copies of both files are queued in another order, so their keys are, too.
    file_of(saved(archive.camera), archive.root)
    send(places[0])
    file_of(saved(archive.camera), archive.root)
    send(places[1])
    send(places[0])
    calls = [(compare_again, place) for place in places]
    calls += [(take_back, copy, "damaged") for copy in OffsiteCopy.objects.filter(number=1)]

    errors = list[str]()

    def run(function, *arguments) -> None:  # type: ignore[no-untyped-def]
        try:
            function(*arguments)
        except DatabaseError as error:
            errors.append(str(error))

    threads = [threading.Thread(target=run, args=call, daemon=True) for call in calls]
    with psycopg.connect(os.environ["DATABASE_URL"]) as change:
        change.execute("SELECT 1 FROM captures_destination FOR UPDATE")
        for thread in threads:
            thread.start()
        eventually(lambda: blocked(change) == len(calls), "all wait")
        free = change.execute("SELECT id FROM captures_offsitecopy FOR UPDATE SKIP LOCKED").fetchall()
    for thread in threads:
        thread.join(PATIENCE_S)
    states = list(OffsiteCopy.objects.values_list("state", flat=True))
    print(json.dumps({"locked": len(states) - len(free), "errors": errors, "states": states}))


if __name__ == "__main__":
    main(sys.argv[1])
