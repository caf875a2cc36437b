from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from skycam_project.config import ConfigError, ConfigManager, check_writable, socket_path
from skycam_project.config.folder import KEY_FILE, create_once, secret_key

KILLED_BEFORE_LINK = """
import os, signal, sys, pathlib
os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
from skycam_project.config.folder import secret_key
secret_key(pathlib.Path(sys.argv[1]))
"""
LOG_FILE = """
from skycam_project.config import load_config
print(load_config().logging.file.name)
"""
WITHOUT_ROOTS_RIGHTS = ("unshare", "--user")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_only_its_owner_can_access_the_data_folder(configure):
    data = configure().config.data
    assert mode(data) == 0o700
    assert mode(data / KEY_FILE) == 0o600
    assert {"run", "logs", "sources", "images"} <= set(os.listdir(data))


def test_key_and_station_are_kept(configure):
    first, second = configure().config, configure().config
    assert first.web.secret_key == second.web.secret_key
    assert first.station == second.station


def test_two_data_folders_are_two_stations(configure):
    first, second = configure(SKYCAM_DATA="a").config, configure(SKYCAM_DATA="b").config
    assert first.station != second.station
    assert first.redis_url != second.redis_url


def test_processes_that_start_at_once_get_the_same_key(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(secret_key, [tmp_path] * 8))
    assert len(keys) == 1


def test_the_second_process_keeps_the_file_of_the_first(tmp_path):
    create_once(tmp_path / "file", "first")
    create_once(tmp_path / "file", "second")
    assert (tmp_path / "file").read_text() == "first\n"
    assert os.listdir(tmp_path) == ["file"]


def test_a_kill_while_the_key_is_created_leaves_no_empty_key(tmp_path):
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_LINK, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / KEY_FILE).exists()
    assert len(secret_key(tmp_path)) >= 50


def test_the_name_of_a_new_key_is_on_the_disk_before_the_key_is_used(tmp_path, synced):
    secret_key(tmp_path)
    assert len(synced) == 2
    assert synced[0].startswith(f"{tmp_path}/.{KEY_FILE}.")
    assert synced[1] == str(tmp_path)


def test_an_emptied_key_is_an_error_and_not_a_new_key(tmp_path):
    (tmp_path / KEY_FILE).touch()
    with pytest.raises(ConfigError, match="has invalid content"):
        secret_key(tmp_path)


def test_a_file_in_place_of_the_data_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        ConfigError, match=r"A file is in the place of the data folder .*/file; set SKYCAM_DATA to a folder\."
    ):
        ConfigManager(environment={"SKYCAM_DATA": "file"}, here=tmp_path)


def test_a_data_folder_that_cannot_be_created_is_an_error():
    with pytest.raises(ConfigError, match=r"The data folder /proc/skycam cannot be created: "):
        ConfigManager(environment={"SKYCAM_DATA": "/proc/skycam"})


def test_reading_the_configuration_creates_no_data_folder(tmp_path):
    with pytest.raises(ConfigError, match=r"There is no station in .*Start one with `skycam up`"):
        ConfigManager(environment={}, here=tmp_path, create=False)
    assert os.listdir(tmp_path) == []


def test_a_socket_lies_in_the_data_folder(tmp_path):
    assert socket_path(tmp_path, "valkey") == tmp_path / "run" / "valkey.sock"


@pytest.fixture
def long_folder(tmp_path):
    """A data folder with a path too long for a socket; its private folder is removed afterwards."""
    data = tmp_path / ("x" * 100)
    yield data
    folder = socket_path(data, "x").parent
    folder.rmdir()


def test_a_path_too_long_for_a_socket_gets_a_private_folder(long_folder):
    path = socket_path(long_folder, "valkey")
    assert path == socket_path(long_folder, "valkey")
    assert len(str(path)) <= 107
    assert mode(path.parent) == 0o700


def test_a_private_folder_that_others_can_access_is_refused(long_folder):
    folder = socket_path(long_folder, "valkey").parent
    folder.chmod(0o755)
    with pytest.raises(ConfigError, match="is not a private folder of this user"):
        socket_path(long_folder, "valkey")
    folder.chmod(0o700)


def test_a_link_in_place_of_the_private_folder_is_refused(long_folder, tmp_path):
    folder = socket_path(long_folder, "valkey").parent
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="is not a private folder of this user"):
        socket_path(long_folder, "valkey")
    folder.unlink()


def test_a_missing_storage_root_is_an_error_and_is_not_created(tmp_path):
    with pytest.raises(ConfigError, match=r"The storage root .*/images does not exist\. Mount or create it, or set"):
        check_writable(tmp_path / "images")
    assert not (tmp_path / "images").exists()


def test_a_read_only_storage_root_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"The storage root .* cannot be written: Not a directory\. Change its owner"):
        check_writable(tmp_path / "file")


def test_a_good_storage_root_is_left_as_it_was(tmp_path):
    check_writable(tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("kept", "used"), [("5", "skycam.log"), ("0", "mine.log")])
def test_a_log_file_that_could_not_be_rotated_in_its_folder_is_not_used(tmp_path, kept, used):
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "mine.log").touch()
    closed.chmod(0o555)
    variables = {"SKYCAM_LOGGING__FILE": str(closed / "mine.log"), "SKYCAM_LOGGING__BACKUP_COUNT": kept}
    command = [*WITHOUT_ROOTS_RIGHTS, sys.executable, "-c", LOG_FILE]
    own = {"PATH": os.environ["PATH"], **variables}
    found = subprocess.run(command, env=own, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout == f"{used}\n"
