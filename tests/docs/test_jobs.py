"""docs/operating/jobs.md: its table has the kinds of jobs, their lanes, and which make room."""

from __future__ import annotations

import re

from core.jobs.tables import JOB_KINDS
from tests.harness.documents.pages import page


def test_the_table_has_all_kinds() -> None:
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (yes|no)", page("docs/operating/jobs.md"), re.MULTILINE)
    assert {name: (lane, room == "yes") for name, lane, room in rows} == {
        name: (kind.lane.value, kind.makes_room) for name, kind in JOB_KINDS.items()
    }
