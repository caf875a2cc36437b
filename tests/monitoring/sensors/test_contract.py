"""What each kind of sensor promises, with a real far end."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.readings.reading import QUANTITIES
from monitoring.sensors.driver import SENSORS, SensorDriver, SensorError, driver_class
from monitoring.sensors.settings import checked_settings, settings_model
from tests.monitoring.sensors.far_ends import DEADLINE_S, FAR_ENDS, SHORT_S, FarEnd, driver_of

CAN_BE_GONE = sorted(set(SENSORS) - {"host"})
"""The machine itself cannot."""
IMPORTED = """
import sys, json
from monitoring.sensors.driver import driver_class
from monitoring.sensors import child
driver_class(sys.argv[1])
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def required_fields(kind: str) -> list[str]:
    return [name for name, about in settings_model(kind).model_fields.items() if about.is_required()]


@pytest.fixture(params=list(SENSORS))
def far_end(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[FarEnd]:
    with FAR_ENDS[request.param](tmp_path) as far_end:
        yield far_end


@pytest.fixture
def driver(far_end: FarEnd) -> Iterator[SensorDriver]:
    driver = driver_of(far_end.kind, far_end.settings)
    driver.open(DEADLINE_S)
    yield driver
    driver.close()


def test_a_reading_has_known_quantities_and_names_that_a_page_can_show(driver: SensorDriver) -> None:
    samples = driver.read(DEADLINE_S)
    assert samples
    assert {sample.quantity for sample in samples} <= set(QUANTITIES)
    assert all(0 < len(sample.channel) <= 80 and sample.channel.isprintable() for sample in samples)
    assert all(len(sample.label) <= 80 and sample.label.isprintable() for sample in samples)
    assert len({sample.channel for sample in samples}) == len(samples)


def test_it_is_closed_twice_and_opened_again(driver: SensorDriver) -> None:
    channels = {sample.channel for sample in driver.read(DEADLINE_S)}
    driver.close()
    driver.close()
    driver.open(DEADLINE_S)
    assert channels & {sample.channel for sample in driver.read(DEADLINE_S)}


def test_it_is_closed_without_having_been_opened(far_end: FarEnd) -> None:
    driver_of(far_end.kind, far_end.settings).close()


@pytest.mark.parametrize("kind", SENSORS)
def test_what_is_discovered_can_be_set(kind: str) -> None:
    found = driver_class(kind).detect(SHORT_S)
    assert all(checked_settings(kind, one.settings) for one in found)


@pytest.mark.parametrize("far_end", CAN_BE_GONE, indirect=True)
def test_a_far_end_that_is_gone_is_an_error(far_end: FarEnd, driver: SensorDriver) -> None:
    driver.read(DEADLINE_S)
    far_end.remove()
    driver.settings = {**driver.settings, **far_end.changed}
    with pytest.raises(SensorError, match=r"\. [A-Z].*\.$") as caught:
        driver.read(DEADLINE_S)
    assert not caught.value.permanent
    driver.close()


def test_an_unknown_setting_is_refused(far_end: FarEnd) -> None:
    with pytest.raises(ValueError, match=r"colour is not a setting of this kind; there are .*\."):
        driver_of(far_end.kind, {**far_end.settings, "colour": "red"})


def test_a_setting_of_a_wrong_type_is_refused(far_end: FarEnd) -> None:
    name = next(iter(settings_model(far_end.kind).model_fields))
    with pytest.raises(ValueError, match=rf"{name} is not valid; allowed .*\."):
        driver_of(far_end.kind, {**far_end.settings, name: {"a": float("nan")}})


@pytest.mark.parametrize("kind", [kind for kind in SENSORS if required_fields(kind)])
def test_a_missing_setting_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=r"\w+ is missing: "):
        checked_settings(kind, {})


@pytest.mark.parametrize("kind", SENSORS)
def test_its_process_imports_neither_django_nor_pydantic_nor_its_library(kind: str) -> None:
    imported = subprocess.run([sys.executable, "-c", IMPORTED, kind], capture_output=True, text=True, check=True).stdout
    assert not {name for name in ("django", "pydantic", "serial", "paho", "psutil") if f'"{name}"' in imported}
