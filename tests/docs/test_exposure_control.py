"""docs/operating/exposure-control.md: its example is valid, and its tables name all fields and figures."""

from __future__ import annotations

import json
import re

import numpy as np

from cameras.exposure.settings import ExposureControlRequest
from cameras.exposure.statistics import as_body, statistics_of
from tests.harness.documents.pages import blocks, page, section

PAGE = "docs/operating/exposure-control.md"


def first_cells(text: str) -> list[str]:
    rows = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return [name for row in rows for name in re.findall(r"`(\w+)`", row)]


def test_the_example_is_valid() -> None:
    (example,) = blocks(PAGE, "json")
    assert ExposureControlRequest(**json.loads(example)).control() == json.loads(example)


def test_the_table_names_every_field() -> None:
    before_sections = page(PAGE).partition("\n## ")[0]
    assert sorted(first_cells(before_sections)) == sorted(ExposureControlRequest.model_fields)


def test_the_page_names_every_figure_of_a_capture() -> None:
    figures = as_body(statistics_of(np.zeros((8, 8), np.uint8)))
    assert first_cells(section(PAGE, "What is measured")) == list(figures)
