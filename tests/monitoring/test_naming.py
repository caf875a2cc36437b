"""Display names of cameras in sentences."""

from __future__ import annotations

import pytest

from core.text.naming import with_names

NAMES = {"sky": "All-sky", "lab": "Laboratory"}


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        ("anna took sky over from bob.", "anna took All-sky over from bob."),
        ("sky saved a capture.", "All-sky saved a capture."),
        ("38 captures saved: lab, sky.", "38 captures saved: Laboratory, All-sky."),
        ("There is no live view of 'sky'.", "There is no live view of All-sky."),
        ("Release it: `skycam connect sky`.", "Release it: `skycam connect sky`."),
        ("sky is away. Type `skycam connect sky`.", "All-sky is away. Type `skycam connect sky`."),
        ("The file sky_20261121.jpg of sky/2026 is gone.", "The file sky_20261121.jpg of sky/2026 is gone."),
        ("No picture with sky. sky is held by anna.", "No picture with All-sky. All-sky is held by anna."),
        ("sky is away. The sky is grey.", "All-sky is away. The sky is grey."),
        ("sky-2 saved a capture.", "sky-2 saved a capture."),
        ("skyline and sky", "skyline and All-sky"),
    ],
)
def test_a_sentence_shows_the_cameras_name(stored: str, read: str) -> None:
    assert with_names(stored, NAMES) == read


def test_a_name_is_inserted_literally() -> None:
    assert with_names("sky is away.", {"sky": r"\1 <b>"}) == r"\1 <b> is away."
