"""Files of captures that stay with their cameras, in words."""

from __future__ import annotations

import re
from collections.abc import Iterable

from captures.capturing.models import CaptureReference
from core.text.plurals import pluralize

HOST = re.compile(r"([A-Za-z0-9][A-Za-z0-9.-]*):/")
"""At the begin of a place."""


def describe_references(references: Iterable[CaptureReference]) -> str:
    """`4 files on pco-nuc`; empty without references."""
    places = [one.place for one in references]
    if not places:
        return ""
    hosts = sorted({found[1] for place in places if (found := HOST.match(place))})
    return " on ".join([pluralize(len(places), "file"), *([", ".join(hosts)] if hosts else [])])
