"""Users: their allowed names, and the manager that always remains."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction

from captures.pixelink_service.served_camera import ACTOR
from core.text.names import RESERVED_USER_NAMES, person
from skycam_project.access import accounts
from skycam_project.access.models import User
from skycam_project.cli.errors import CliError
from skycam_project.cli.identity import caller_for_uid
from tests.harness.clients.pages import text_of
from tests.harness.postgresql import postgresql
from tests.harness.project import PROJECT
from tests.harness.stations.command_line import skycam
from tests.harness.stations.migrated_database import place_database
from tests.harness.waiting import PATIENCE_S

TAKEN = ["service", "Service", "SYSTEM", "station", "cli", "root", "\uff53ervice"]


@pytest.fixture
def boss(db: None) -> User:
    return User.objects.create_user(username="boss", role="manager")


# Names of the station


@pytest.mark.parametrize("name", TAKEN)
def test_a_reserved_name_is_refused_on_the_page(name: str, manager: Any) -> None:
    answer = manager.post("/users/", {"username": name, "role": "operator"}, format="multipart")
    assert answer.status_code == 400
    assert "is a name that the station uses for itself" in text_of(answer)


@pytest.mark.parametrize("name", TAKEN)
def test_a_reserved_name_is_refused_by_add_user(name: str, db: None) -> None:
    with pytest.raises(ValidationError, match="uses for itself"):
        accounts.add_user(name, "operator", actor="boss")


@pytest.mark.django_db
def test_a_reserved_name_is_refused_on_the_command_line() -> None:
    done = skycam("users", "add", "service", "--role", "operator")
    assert done.exit_code == 2
    assert "uses for itself" in done.stderr


def test_a_reserved_name_is_refused_by_djangos_own_command(db: None) -> None:
    with pytest.raises(CommandError, match="uses for itself"):
        call_command("createsuperuser", username="service", email="", interactive=False, stdout=io.StringIO())


@pytest.mark.parametrize("name", sorted(RESERVED_USER_NAMES))
def test_the_database_itself_refuses_a_reserved_name(name: str, db: None) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create(username=name)


def test_the_first_user_may_be_called_admin(db: None) -> None:
    assert accounts.add_user("admin", "manager", actor="boss")[0].pk


def test_no_user_can_have_the_name_of_the_services_actor() -> None:
    assert ACTOR in RESERVED_USER_NAMES


def test_an_account_of_the_machine_is_not_the_service(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert person("cli:service") != person(ACTOR)
    assert person("cli:root") == "root"
    assert person("cli:ada") == "ada"


def test_a_machine_account_with_a_reserved_name_is_no_user(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pwd.getpwuid", lambda _: type("Entry", (), {"pw_name": "service"}))
    with pytest.raises(CliError, match="uses for itself"):
        caller_for_uid(54321, owner=0)


# The last manager


def test_the_last_manager_is_not_removed(boss: User) -> None:
    with pytest.raises(ValidationError, match="boss is the last manager"):
        accounts.remove_user(boss, actor="cli:root")
    assert User.objects.exists()


def test_the_last_manager_keeps_the_role(boss: User) -> None:
    with pytest.raises(ValidationError, match="Make someone else a manager first"):
        accounts.change_user(boss, role="viewer", actor="cli:root")
    assert User.objects.get().role == "manager"


def test_an_inactive_manager_does_not_count(boss: User) -> None:
    User.objects.create_user(username="gone", role="manager", is_active=False)
    with pytest.raises(ValidationError, match="last manager"):
        accounts.remove_user(boss, actor="cli:root")


@pytest.mark.django_db
def test_the_command_line_says_why_the_last_manager_stays(boss: User) -> None:
    done = skycam("users", "remove", "boss")
    assert done.exit_code == 2
    assert User.objects.count() == 1
    assert "boss is the last manager" in done.stderr


def test_one_of_two_managers_can_be_removed(boss: User) -> None:
    other = User.objects.create_user(username="other", role="manager")
    accounts.remove_user(boss, actor="other")
    assert list(User.objects.all()) == [other]


def race(**environment: str) -> list[list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.harness.races.managers_process"],
        cwd=PROJECT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=PATIENCE_S, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[list[str]] = json.loads(done.stdout)
    return found


def test_one_of_two_managers_who_remove_each_other_at_once_remains_on_sqlite(tmp_path: Any) -> None:
    place_database(tmp_path)
    rounds = race(SKYCAM_DATA=str(tmp_path))
    assert [len(left) for left in rounds] == [1] * len(rounds)


def test_one_of_two_managers_who_remove_each_other_at_once_remains_on_postgresql(tmp_path: Any) -> None:
    with postgresql() as address:
        rounds = race(SKYCAM_DATA=str(tmp_path), DATABASE_URL=address)
    assert [len(left) for left in rounds] == [1] * len(rounds)
