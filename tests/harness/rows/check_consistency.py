"""`python -m tests.harness.rows.check_consistency`: the inconsistencies of the station in SKYCAM_DATA, as JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

import django


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "skycam_project.settings"
    django.setup()
    from captures.models import StorageRoot
    from tests.harness.rows.archive import inconsistencies

    print(json.dumps(inconsistencies(*(Path(root.path) for root in StorageRoot.objects.all()))))


if __name__ == "__main__":
    main()
