"""A further kind of cameras: a package and a line in DRIVERS."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command

from cameras.drivers import DRIVERS
from cameras.models import Camera, SettingsPreset

pytestmark = pytest.mark.django_db


@pytest.fixture
def dark(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(DRIVERS, "dark", ("Camera with its cap on", DRIVERS["simulated"][1]))
    return "dark"


def test_a_further_kind_needs_no_migration(dark: str) -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


@pytest.mark.parametrize("model", [Camera, SettingsPreset])
def test_a_row_may_be_of_a_further_kind_and_of_no_other(model: type[Camera | SettingsPreset], dark: str) -> None:
    field = model._meta.get_field("kind")
    field.clean(dark, None)
    with pytest.raises(ValidationError, match="not a valid choice"):
        field.clean("bright", None)
