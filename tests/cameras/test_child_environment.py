"""What a process that loads a vendor library gets of the station's environment."""

from __future__ import annotations

import pytest

from cameras.child_environment import LIBRARY_VARIABLES, scrubbed_environment


@pytest.fixture(autouse=True)
def station(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SECRET_KEY", "DATABASE_URL", "LC_TIME", "IOLIBS", "MY_SDK"):
        monkeypatch.setenv(name, f"the {name}")


def test_it_gets_no_secret_and_no_database_address() -> None:
    assert not {"SECRET_KEY", "DATABASE_URL", "MY_SDK"} & scrubbed_environment().keys()


def test_it_gets_locale_and_library_folders() -> None:
    found = scrubbed_environment()
    assert found["LC_TIME"] == "the LC_TIME"
    assert found["IOLIBS"] == "the IOLIBS"


def test_it_gets_how_libraries_use_threads_and_memory() -> None:
    assert scrubbed_environment().items() >= LIBRARY_VARIABLES.items()


def test_the_configuration_can_replace_how_libraries_use_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENCV_FOR_THREADS_NUM", "4")
    assert scrubbed_environment(["OPENCV_FOR_THREADS_NUM"])["OPENCV_FOR_THREADS_NUM"] == "4"


def test_it_gets_what_the_configuration_lists() -> None:
    assert scrubbed_environment(["MY_SDK"])["MY_SDK"] == "the MY_SDK"
