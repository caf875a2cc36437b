"""Search in the admin's lists: by the beginning of an id, by a camera, or by a part of a text in the newest rows.

An id and a camera use an index. A part of a text uses none, so only the newest SEARCHED rows of the filtered list are
read, however many there are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from cameras.models import Camera

SEARCHED = 20_000
SHORTEST = 3
"""Characters of a part of a text."""
ID_DIGITS = 6
"""The fewest hexadecimal digits that are read as the beginning of an id."""


Searched = str | Callable[[str], Q]
"""A column with text; or, for a text of which a row has several, the condition of the rows with one that contains a
part: a join would find a row once for each of them."""


def search_rows(rows: QuerySet[Any], text: str, camera: str, texts: tuple[Searched, ...]) -> QuerySet[Any]:
    """The rows that `text` finds, each once. `camera`: the path to the camera's id, or empty."""
    text = text.strip()
    if not text:
        return rows
    if (span := id_range(text)) is not None:
        return rows.filter(pk__range=span)
    if camera and (cameras := list(Camera.objects.filter(slug=text).values_list("pk", flat=True))):
        return rows.filter(**{f"{camera}__in": cameras})
    if len(text) < SHORTEST or not texts:
        return rows.none()
    newest = rows.values("pk")[:SEARCHED]
    found = Q()
    for one in texts:
        found |= Q(**{f"{one}__icontains": text}) if isinstance(one, str) else one(text)
    return rows.filter(found, pk__in=newest)


def search_help(camera: str, texts: tuple[Searched, ...]) -> str:
    """What the search of a list finds, in words."""
    found = [f"an id or its first {ID_DIGITS} or more digits"]
    found += ["the id of a camera"] if camera else []
    if texts:
        found.append(f"a part of a path or name (at least {SHORTEST} characters, among the newest {SEARCHED:,})")
    return f"{', or '.join(found)}.".capitalize()


def id_range(text: str) -> tuple[UUID, UUID] | None:
    """The ids that begin with these digits; None for what is no beginning of an id."""
    digits = text.replace("-", "").lower()
    if not re.fullmatch(rf"[0-9a-f]{{{ID_DIGITS},32}}", digits):
        return None
    return UUID(digits.ljust(32, "0")), UUID(digits.ljust(32, "f"))
