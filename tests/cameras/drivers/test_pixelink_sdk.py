"""A missing, broken, incomplete or old SDK is reported, with how to install it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.harness.camera_processes.pixelink_driver import run_script
from tests.harness.far_ends.pixelink.build import LIBRARY, SERIAL, Sdk
from tests.harness.project import PROJECT

OPENING = 'report(failure(driver.open, soon())["message"])'
INSTALL = "Install the PixeLink SDK for Linux (https://www.navitar.com/products/pixelink-cameras/pixelink-sdk), set "

WMIC = """
import subprocess
version = subprocess.check_output(["wmic", "datafile", "get", "version"])
numbers = str(version, "utf-8").strip("Version \\r\\n").split(".")
assert all(int(number) >= 4 for number in numbers)
"""


def nothing(sdk: Sdk) -> None:
    (sdk.folder / LIBRARY).unlink()


def rubbish(sdk: Sdk) -> None:
    nothing(sdk)
    (sdk.folder / LIBRARY).write_text("This is no library.")


def no_version(sdk: Sdk) -> None:
    (sdk.folder / f"{LIBRARY}.4.2.6.30").unlink()


def short_version(sdk: Sdk) -> None:
    no_version(sdk)
    (sdk.folder / f"{LIBRARY}.4.2").symlink_to(sdk.folder / LIBRARY)


@pytest.mark.parametrize(
    ("broken", "sentence"),
    [
        (nothing, "The PixeLink SDK is missing: libPxLApi.so is in no folder of LD_LIBRARY_PATH."),
        (rubbish, "The PixeLink SDK is installed but cannot be loaded"),
        (no_version, "holds no file such as libPxLApi.so.4.2.6.30"),
        (short_version, "holds no file such as libPxLApi.so.4.2.6.30"),
    ],
)
def test_a_broken_sdk_is_reported_with_how_to_install_it(
    sdk: Sdk, broken: Callable[[Sdk], None], sentence: str
) -> None:
    broken(sdk)
    message = run_script(sdk.environment, OPENING)
    assert sentence in message
    assert INSTALL in message


def test_a_bad_version_folder_is_reported(sdk: Sdk) -> None:
    message = run_script(sdk.environment | {"PIXELINK_SDK_LIB": "/no/such/folder"}, OPENING)
    assert message.startswith("PIXELINK_SDK_LIB (/no/such/folder) is not a folder that can be searched")


def test_an_unset_version_folder_is_reported(sdk: Sdk, tmp_path: Path) -> None:
    says_of = f"import os; os.chdir({str(tmp_path)!r}); os.makedirs('empty'); os.chdir('empty')\n{OPENING}"
    assert "PIXELINK_SDK_LIB, which is not set," in run_script({"LD_LIBRARY_PATH": str(sdk.folder)}, says_of)


def test_a_library_without_the_wrappers_functions_is_reported(sdk: Sdk) -> None:
    nothing(sdk)
    (sdk.folder / LIBRARY).symlink_to(next(Path("/usr/lib").glob("*/libm.so.6")))
    assert run_script(sdk.environment, OPENING).startswith("This PixeLink SDK is too old or damaged")


def test_discovery_reports_it_too(sdk: Sdk) -> None:
    nothing(sdk)
    message = run_script(sdk.environment, 'report(failure(driver.discover)["message"])')
    assert message.startswith("The PixeLink SDK is missing")


def test_an_sdk_that_is_installed_meanwhile_is_found_by_the_next_opening(sdk: Sdk) -> None:
    library = sdk.folder / LIBRARY
    library.rename(sdk.folder / "aside")
    script = f"import os; before = failure(driver.open, soon()); os.rename('aside', {LIBRARY!r})"
    assert run_script(sdk.environment, f"{script}\nreport([bool(before), driver.open(soon()).serial])") == [
        True,
        SERIAL,
    ]


# pixelinkWrapper 1.4 on Windows: a package that does the same when it is imported


def test_windows_without_wmic_works_and_nothing_stays_patched(sdk: Sdk) -> None:
    wrapper(sdk.folder, f"{WMIC}class PxLApi:\n    pass")
    script = """
from cameras.drivers.pixelink.sdk import library
original = subprocess.check_output
loaded = library().__name__
report([loaded, subprocess.check_output is original])"""
    assert run_script(old(sdk), script) == ["PxLApi", True]


def test_nothing_stays_patched_when_the_wrapper_fails_anyway(sdk: Sdk) -> None:
    wrapper(sdk.folder, f"{WMIC}raise OSError('PxLAPI40.dll')")
    script = "original = subprocess.check_output; message = failure(driver.open, soon())['message']"
    message, restored = run_script(old(sdk), f"{script}\nreport([message, subprocess.check_output is original])")
    assert "PxLAPI40.dll" in message
    assert restored


def test_a_program_that_exists_still_runs(sdk: Sdk) -> None:
    script = """
from cameras.drivers.pixelink.sdk import without_wmic
with without_wmic():
    report(subprocess.check_output(["echo", "itself"], text=True).strip())"""
    assert run_script(sdk.environment, script) == "itself"


def old(sdk: Sdk) -> dict[str, str]:
    return sdk.environment | {"PYTHONPATH": f"{sdk.folder}:{PROJECT}"}


def wrapper(folder: Path, source: str) -> None:
    (folder / "pixelinkWrapper").mkdir()
    (folder / "pixelinkWrapper" / "__init__.py").write_text(source)
