"""Findings as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypedDict

from captures.integrity.models import IntegrityFinding
from core.text.csv_lines import csv_line
from core.times.timestamps import stamp


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
    yield csv_line(FindingBody.__annotations__)
    for finding in findings:
        yield csv_line("" if value is None else str(value) for value in finding_body(finding).values())
