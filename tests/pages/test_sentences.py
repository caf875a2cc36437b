"""Sentences of the station on pages: what stands in back-quotes is shown as code, not with its back-quotes."""

from __future__ import annotations

import re

from tests.harness.clients.pages import templates
from tests.harness.project import PROJECT

ATTRIBUTE = re.compile(r'\w="[^"]*"')
SENTENCE = re.compile(
    r"\{\{ ((?:\w+\.)*(?:message|sentence|problem|refusal|last_error|error|advice|wrong|warning)) \}\}"
)
"""Without a filter."""


def test_every_sentence_is_shown_with_its_code() -> None:
    found = {
        str(template.relative_to(PROJECT)): SENTENCE.findall(ATTRIBUTE.sub("", template.read_text()))
        for template in templates()
    }
    assert {name: names for name, names in found.items() if names} == {}
