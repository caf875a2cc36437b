"""What a start says about two configuration files, of which only one counts."""

from __future__ import annotations

from pathlib import Path

from tests.harness.stations.command_line import Ran, run


def start(folder: Path, config: Path) -> Ran:
    """A start that ends at once, because there is no such part."""
    return run(folder / "data", "--config", str(config), "up", "--only", "nothing")


def test_a_start_says_which_of_two_files_counts(tmp_path: Path) -> None:
    config = tmp_path / "skycam.yaml"
    config.write_text("web: {port: 9001}\n")
    (tmp_path / ".env").write_text("WEB_PORT=9002\n")
    warning, refusal = start(tmp_path, config).stderr.splitlines()
    assert warning.startswith(f"skycam: warning: {tmp_path}/.env counts and {config} does not, where both set a key: ")
    assert "There is no part nothing." in refusal


def test_a_start_names_the_dotenv_that_it_does_not_read(tmp_path: Path) -> None:
    config = tmp_path / "etc" / "skycam.yaml"
    config.parent.mkdir()
    config.write_text("{}\n")
    (tmp_path / ".env").write_text("SKYCAM_SITE__LATITUDE=48.1\nSKYCAM_SITE__LONGITUDE=11.6\n")
    warning, _ = start(tmp_path, config).stderr.splitlines()
    assert warning.startswith("skycam: warning: The .env in the current folder is not read.")
    assert str(config.parent / ".env") in warning


def test_a_dotenv_that_agrees_with_the_file_causes_no_warning(tmp_path: Path) -> None:
    config = tmp_path / "skycam.yaml"
    config.write_text("web: {port: 9001, secret_key: '${KEY}'}\n")
    (tmp_path / ".env").write_text(f"KEY={'k' * 50}\nSKYCAM_SITE__TIME_ZONE=UTC\n")
    assert len(start(tmp_path, config).stderr.splitlines()) == 1
