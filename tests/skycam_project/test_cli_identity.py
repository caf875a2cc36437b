"""How operating-system users map to users of the station."""

from __future__ import annotations

import os

import pytest

from core.events.models import Event
from skycam_project.access.models import User
from skycam_project.cli.errors import CliError
from skycam_project.cli.identity import caller_for_uid, system_name
from tests.harness.rows.cameras import add_camera
from tests.harness.stations.command_line import skycam

pytestmark = pytest.mark.django_db
UID, OTHER_UID = 54321, 54322


def test_the_owner_of_the_folder_is_manager() -> None:
    assert caller_for_uid(UID, owner=UID).require("manager").actor == "cli:54321"


def test_root_is_manager() -> None:
    assert caller_for_uid(0, owner=UID).require("manager").actor == "cli:root"


def test_any_other_user_has_the_role_of_the_station_user_of_that_name() -> None:
    User.objects.create_user(username=str(UID), role="operator")
    assert caller_for_uid(UID, owner=OTHER_UID).require("operator").actor == "cli:54321"


def test_a_viewer_is_refused_as_operator() -> None:
    User.objects.create_user(username=str(UID), role="viewer")
    with pytest.raises(CliError, match="needs the role operator") as caught:
        caller_for_uid(UID, owner=OTHER_UID).require("operator")
    assert caught.value.status == 5


def test_a_user_without_a_role_is_refused() -> None:
    User.objects.create_user(username=str(UID), role="none")
    with pytest.raises(CliError) as caught:
        caller_for_uid(UID, owner=OTHER_UID).require("viewer")
    assert caught.value.status == 5


def test_an_inactive_user_is_refused() -> None:
    User.objects.create_user(username=str(UID), role="manager", is_active=False)
    with pytest.raises(CliError) as caught:
        caller_for_uid(UID, owner=OTHER_UID)
    assert caught.value.status == 5


def test_an_unknown_user_learns_who_can_add_them() -> None:
    with pytest.raises(CliError, match="skycam users add 54321") as caught:
        caller_for_uid(UID, owner=0)
    assert caught.value.status == 5


def test_events_have_the_name_of_the_caller() -> None:
    add_camera(slug="sim", kind="simulated")
    skycam("cameras", "set", "sim", "--name", "New")
    assert Event.objects.filter(kind="camera.changed").get().actor == f"cli:{system_name(os.getuid())}"
