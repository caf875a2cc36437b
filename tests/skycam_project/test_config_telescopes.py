"""The list of telescopes in the host's YAML: its values, and what is said of wrong ones."""

from __future__ import annotations

import pytest

from skycam_project.config.folder import ConfigError
from tests.skycam_project.conftest import Configure

TELESCOPES = """
telescopes:
- name: one-meter
  source: indi
  settings: {host: 10.0.0.7, telescope: Telescope Simulator}
  cameras: [mosaic]
- name: guider
  source: simulated
"""


def test_telescopes_are_read_with_their_defaults(configure: Configure) -> None:
    first, second = configure(TELESCOPES).config.telescopes
    assert (first.source, first.settings["host"], first.cameras) == ("indi", "10.0.0.7", ["mosaic"])
    assert (second.settings, second.cameras) == ({}, [])


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- {name: a, source: seeing}", "There is no source of telescope status 'seeing'. Choose one of fixed, file"),
        ("- {name: a, source: fixed, settings: {ra: 25}}", "must be at most 24"),
        ("- {name: a, source: indi}", "must name a telescope, a focuser or a filter_wheel"),
        ("- {name: a, source: fixed}\n- {name: a, source: fixed}", "two telescopes have the name a"),
        (
            "- {name: a, source: fixed, cameras: [m]}\n- {name: b, source: fixed, cameras: [m]}",
            "the camera m stands on two telescopes",
        ),
    ],
)
def test_a_wrong_telescope_is_refused_with_what_is_allowed(configure: Configure, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        configure(f"telescopes:\n{text}\n")
