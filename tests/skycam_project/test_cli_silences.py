"""A group of commands that is derived from a resource as a whole, shown by that of silences."""

from __future__ import annotations

import pytest

from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db


def test_a_silence_is_added_listed_and_ended() -> None:
    new = answer("silences", "add", "--for", "8h", "--key-prefix", "camera.", "--reason", "cleaning")
    assert answer("silences", "list", "--active")["results"] == [new]
    assert answer("silences", "end", new["id"][:8])["ended_by"] == "cli:root"
    assert answer("silences", "list", "--active")["results"] == []


def test_a_silence_of_everything_is_refused_with_what_is_needed() -> None:
    assert "Give key_prefix or camera" in skycam("silences", "add", "--for", "8h").stderr


def test_the_table_shows_which_alerts_are_silenced() -> None:
    answer("silences", "add", "--for", "8h", "--key-prefix", "camera.")
    assert "camera." in skycam("silences", "list").stdout
