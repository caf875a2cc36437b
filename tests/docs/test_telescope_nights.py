"""docs/operating/telescope-nights.md: its field list is planned as the page shows it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.harness.documents.pages import blocks
from tests.harness.waiting import PATIENCE_S

PAGE = "docs/operating/telescope-nights.md"
SKYCAM = str(Path(sys.executable).parent / "skycam")


def test_the_field_list_of_the_page_is_planned_as_it_shows(tmp_path: Path) -> None:
    fields, shown = blocks(PAGE, "text")
    (tmp_path / "tonight.fields").write_text(fields)
    (command,) = blocks(PAGE, "sh")
    words = [SKYCAM, *command.split()[1:]]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE_S, check=True)
    printed = [line.rstrip() for line in done.stdout.splitlines()]
    assert [line for line in shown.splitlines() if line not in printed] == []
