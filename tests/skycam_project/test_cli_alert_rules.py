"""Alert rules and maintenance windows on the command line."""

from __future__ import annotations

import pytest

from monitoring.models import AlertRule, MaintenanceWindow
from tests.harness.stations.command_line import answer, skycam

pytestmark = pytest.mark.django_db
HOT = ("hot", "reading_above", "--subject", "balcony:t", "--threshold", "30", "--for", "5min")


@pytest.fixture(autouse=True)
def no_rules(db: None) -> None:
    AlertRule.objects.all().delete()


def test_a_rule_is_added_changed_and_removed() -> None:
    new = answer("alerts", "rules", "add", *HOT, "--clear", "25")
    assert (new["threshold"], new["clear"], new["for_s"]) == (30, 25, 300)
    assert answer("alerts", "rules", "list")["results"] == [new]
    assert answer("alerts", "rules", "change", "hot", "--threshold", "40", "--no-clear")["clear"] is None
    assert answer("alerts", "rules", "disable", "hot")["enabled"] is False
    assert answer("alerts", "rules", "enable", "hot")["enabled"] is True
    assert answer("alerts", "rules", "remove", "hot")["name"] == "hot"
    assert "No alert rules." in skycam("alerts", "rules", "list").stdout


def test_a_bad_rule_says_what_is_allowed() -> None:
    found = skycam("alerts", "rules", "add", "hot", "reading_abov", "--threshold", "1")
    assert found.exit_code == 2
    assert "Did you mean reading_above?" in found.stderr


def test_a_rule_is_shown_with_its_preview() -> None:
    answer("alerts", "rules", "add", *HOT)
    found = skycam("alerts", "rules", "show", "hot", "--preview")
    assert "Concerns now: nothing." in found.stdout
    assert "No sensor has readings of balcony:t" in found.stdout


def test_a_preview_stores_nothing() -> None:
    assert "is not known" in answer("alerts", "rules", "add", *HOT, "--preview")["sentence"]
    assert not AlertRule.objects.exists()


def test_the_rules_of_a_new_station_are_restored_with_yes() -> None:
    assert "With --yes they are restored." in skycam("alerts", "rules", "restore").stdout
    assert not AlertRule.objects.exists()
    answer("alerts", "rules", "restore", "--yes")
    assert AlertRule.objects.filter(name="no-frame").exists()
    assert "All rules of a new station are here" in skycam("alerts", "rules", "restore").stdout


def test_a_rule_that_is_not_there_is_named() -> None:
    assert "There is no alert rule moon." in skycam("alerts", "rules", "show", "moon").stderr


def test_a_maintenance_window_is_added_ended_and_removed() -> None:
    new = answer("alerts", "maintenance", "add", "balcony", "--for", "2h", "--reason", "New cable")
    assert (new["running"], new["reason"]) == (True, "New cable")
    assert answer("alerts", "maintenance", "list")["results"] == [new]
    assert answer("alerts", "maintenance", "end", new["id"][:13])["running"] is False
    assert answer("alerts", "maintenance", "remove", new["id"])["id"] == new["id"]
    assert not MaintenanceWindow.objects.exists()


def test_a_window_that_is_not_there_is_named() -> None:
    found = skycam("alerts", "maintenance", "end", "01a1fc97")
    assert "`skycam alerts maintenance list` lists all." in found.stderr
