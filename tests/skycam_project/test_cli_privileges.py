"""Operations on the whole host: root, the owner of the data folder and the group `skycam` may run them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from skycam_project.cli.configuration import apply_file, export_file
from skycam_project.cli.errors import CliError
from skycam_project.cli.privileges import check_privileged, groups_of_process, require_privileged_operation
from skycam_project.cli.station import Station
from skycam_project.config import ConfigError, ConfigManager, SkycamConfig

UID, OWNER = 54321, 54322


@pytest.mark.parametrize(("uid", "groups"), [(0, set()), (OWNER, set()), (UID, {"users", "skycam"})])
def test_root_the_owner_and_the_group_are_privileged(uid: int, groups: set[str]) -> None:
    check_privileged(uid, OWNER, groups)


@pytest.mark.parametrize("groups", [set(), {"users"}, {"skycam2"}])
def test_others_learn_how_to_run_it(groups: set[str]) -> None:
    with pytest.raises(CliError) as caught:
        check_privileged(UID, OWNER, groups)
    assert caught.value.status == 5
    assert f"the owner of the station's folder ({OWNER}) and members of the group skycam; you are {UID}." in str(
        caught.value
    )
    assert f"sudo -u {OWNER} " in str(caught.value)
    assert f"sudo usermod -aG skycam {UID}" in str(caught.value)


def test_the_groups_are_those_of_the_process() -> None:
    names = subprocess.run(["id", "-Gn"], capture_output=True, text=True, check=True).stdout.split()
    assert set(names) == groups_of_process()


class ClosedStation(Station):
    """A station whose files this user cannot open."""

    @property
    def config(self) -> SkycamConfig:  # type: ignore[override]
        try:
            raise PermissionError(13, "Permission denied")
        except PermissionError:
            raise ConfigError("The data folder cannot be created: Permission denied.") from None


@click.command()
@require_privileged_operation
def wipe() -> None:
    click.echo("done")


def test_a_privileged_user_runs_the_command(tmp_path: Path) -> None:
    station = Station()
    station.__dict__["config"] = ConfigManager(environment={}, here=tmp_path).config
    assert CliRunner().invoke(wipe, obj=station).output == "done\n"


def test_another_user_who_can_read_the_station_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    station = Station()
    station.__dict__["config"] = ConfigManager(environment={}, here=tmp_path).config
    monkeypatch.setattr("os.getuid", lambda: UID)
    refused = CliRunner().invoke(wipe, obj=station)
    assert isinstance(refused.exception, CliError)
    assert (refused.exception.status, refused.output) == (5, "")


def test_a_user_who_cannot_read_the_station_is_refused_in_the_same_words() -> None:
    error = CliRunner().invoke(wipe, obj=ClosedStation()).exception
    assert isinstance(error, CliError)
    assert error.status == 5
    assert "members of the group skycam" in error.detail


def test_apply_and_export_are_privileged() -> None:
    assert all(hasattr(command.callback, "__wrapped__") for command in (apply_file, export_file))
