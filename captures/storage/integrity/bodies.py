"""Findings as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from captures.storage.integrity.answers import FindingBody
from captures.storage.integrity.models import IntegrityFinding
from core.resources.answers import body_of
from core.text.csv_lines import csv_line

finding_body = partial(body_of, FindingBody)


def csv_lines(findings: Iterable[IntegrityFinding]) -> Iterator[str]:
    """The lines of a table; a file name cannot become a formula."""
    yield csv_line(FindingBody.model_fields)
    for finding in findings:
        yield csv_line("" if value is None else str(value) for value in finding_body(finding).values())
