"""Findings as JSON and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import TypedDict

from captures.integrity.models import IntegrityFinding
from core.times.timestamps import stamp

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a cell that a spreadsheet would calculate."""


class FindingBody(TypedDict):
    """`camera` is null for a file in the folder of no camera. `target` is where a file was set aside, in its root."""

    id: str
    kind: str
    state: str
    host: str
    root: str
    camera: str | None
    path: str
    bytes: int | None
    expected_bytes: int | None
    message: str
    found: str
    target: str
    decided_by: str


def finding_body(finding: IntegrityFinding) -> FindingBody:
    return FindingBody(
        id=str(finding.pk),
        kind=finding.kind,
        state=finding.state,
        host=finding.host,
        root=finding.root.path,
        camera=finding.camera.slug if finding.camera else None,
        path=finding.path,
        bytes=finding.bytes,
        expected_bytes=finding.expected_bytes,
        message=finding.message,
        found=stamp(finding.found_at),
        target=finding.target,
        decided_by=finding.decided_by,
    )


def csv_lines(findings: Iterable[IntegrityFinding]) -> Iterator[str]:
    """The lines of a table; a file name cannot become a formula."""
    yield _line(FindingBody.__annotations__)
    for finding in findings:
        yield _line("" if value is None else str(value) for value in finding_body(finding).values())


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow([safe_cell(cell) for cell in cells])
    return line.getvalue()


def safe_cell(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text
