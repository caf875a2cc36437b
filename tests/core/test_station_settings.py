"""The settings layer without the events that its caller records."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from core.station_settings import SettingChange, StationSetting, camera_config, store_changes

CRF = "camera_config.crf"
pytestmark = pytest.mark.django_db


def test_a_change_is_stored_and_returned_with_the_values_before_and_after() -> None:
    assert store_changes({CRF: 20}, "ada") == [SettingChange(CRF, 23, 20)]
    assert camera_config().crf == 20
    assert StationSetting.objects.get().changed_by == "ada"


def test_none_removes_what_was_set() -> None:
    store_changes({CRF: 20}, "ada")
    assert store_changes({CRF: None}, "ada") == [SettingChange(CRF, 20, 23)]
    assert StationSetting.objects.count() == 0


@pytest.mark.parametrize("changes", [{CRF: 20, "camera_config.none": 1}, {CRF: "sharp"}, {CRF: 20, "web.port": 80}])
def test_one_wrong_value_leaves_all_as_they_were(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        store_changes(changes, "ada")
    assert camera_config().crf == 23
    assert StationSetting.objects.count() == 0
