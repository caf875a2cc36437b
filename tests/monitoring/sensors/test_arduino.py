"""pyserial on a pseudo-terminal."""

from __future__ import annotations

import queue
from collections.abc import Iterator

import pytest

from core.outgoing import OutgoingGuard
from monitoring.sensor_host.running import SensorProcess
from monitoring.sensors.driver import SensorDriver, SensorError
from monitoring.sensors.messages import Message, Specification
from monitoring.sensors.settings import checked_settings
from tests.harness.far_ends.serial_device import SerialDevice
from tests.harness.waiting import PATIENCE_S, eventually
from tests.monitoring.sensors.far_ends import DEADLINE_S, SHORT_S, driver_of


@pytest.fixture
def device() -> Iterator[SerialDevice]:
    """It sends what a test sends."""
    with SerialDevice() as device:
        yield device


@pytest.fixture
def driver(device: SerialDevice) -> Iterator[SensorDriver]:
    driver = driver_of("arduino", {"port": device.port})
    driver.open(DEADLINE_S)
    yield driver
    driver.close()


def read(driver: SensorDriver, deadline_s: float = DEADLINE_S) -> dict[str, float]:
    return {sample.channel: sample.value for sample in driver.read(deadline_s)}


def test_lines_that_come_in_parts_are_joined(driver: SensorDriver, device: SerialDevice) -> None:
    device.send_parts([b"\n", b"T:2", b"3.5,", b"H:40", b"\r", b"\n"])
    assert read(driver) == {"temperature": 23.5, "humidity": 40.0}


def test_half_of_a_line_gives_no_value_until_its_end_has_come(driver: SensorDriver, device: SerialDevice) -> None:
    device.send(b"\r\n-1")
    assert read(driver, SHORT_S) == {}
    device.send(b"2.5,40\r\n")
    assert read(driver) == {"temperature": -12.5, "humidity": 40.0}


def test_a_boot_banner_and_noise_are_dropped(driver: SensorDriver, device: SerialDevice) -> None:
    device.send(b"\x00\xff\xf0half\r\nDHT22 v1.2 ready\r\n\xff\xfe\r\nT:23.5\r\n")
    assert read(driver) == {"temperature": 23.5}


def test_temperature_and_humidity_on_lines_of_their_own_are_one_reading(
    driver: SensorDriver, device: SerialDevice
) -> None:
    parts = [b"\nTemperature: 23.5\n", b"Humidity: 40\n"]
    device.send_parts(parts)
    eventually(lambda: device.unread_bytes == len(b"".join(parts)))
    assert read(driver) == {"temperature": 23.5, "humidity": 40.0}


def test_of_several_lines_the_newest_counts(driver: SensorDriver, device: SerialDevice) -> None:
    device.send(b"\n20\n21\n22\n")
    assert read(driver) == {"temperature": 22.0}


def test_a_silent_device_has_no_values_at_the_deadline(driver: SensorDriver) -> None:
    assert read(driver, SHORT_S) == {}


def test_what_the_kernel_kept_until_it_was_full_is_dropped(driver: SensorDriver, device: SerialDevice) -> None:
    """A full kernel drops bytes, so that halves of lines are joined."""
    device.send(b"11.5\n" * 819)
    eventually(lambda: device.unread_bytes == 819 * 5)
    assert read(driver, SHORT_S) == {}
    device.send(b"\n22.5\n")
    assert read(driver) == {"temperature": 22.5}


def test_bytes_without_values_are_an_error_that_names_the_baud_rate(driver: SensorDriver, device: SerialDevice) -> None:
    device.send(b"\xf0\x0f\x80" * 1000)
    with pytest.raises(SensorError, match=r"has no value in it. Check `baud_rate`"):
        driver.read(DEADLINE_S)


def test_lines_without_values_are_an_error_that_quotes_one(driver: SensorDriver, device: SerialDevice) -> None:
    device.send(b"\n" + b"Failed to read from DHT sensor!\r\n" * 100)
    with pytest.raises(
        SensorError, match=r"no value in it, such as the line `Failed to read from DHT sensor!`\. Check"
    ):
        driver.read(DEADLINE_S)


def test_a_line_with_two_meanings_is_refused_and_says_what_to_set(driver: SensorDriver, device: SerialDevice) -> None:
    device.send(b"\n23,5\r\n")
    with pytest.raises(SensorError, match=r"The line `23,5` at .*Set `decimal` to comma or to point") as caught:
        driver.read(DEADLINE_S)
    assert caught.value.permanent


def test_a_line_with_two_meanings_after_a_plain_one_is_dropped(driver: SensorDriver, device: SerialDevice) -> None:
    device.send(b"\nT:23.5\r\n23,5\r\n")
    assert read(driver) == {"temperature": 23.5}


def test_the_decimal_sign_is_a_setting(device: SerialDevice) -> None:
    driver = driver_of("arduino", {"port": device.port, "decimal": "comma"})
    driver.open(DEADLINE_S)
    device.send(b"\n-3,5\r\n")
    assert read(driver) == {"temperature": -3.5}
    driver.close()


def test_an_unplugged_device_is_an_error_and_found_again_once_it_is_back() -> None:
    with SerialDevice(b"T:23.5\n") as device:
        driver = driver_of("arduino", {"port": device.port})
        driver.open(DEADLINE_S)
        driver.read(DEADLINE_S)
    with pytest.raises(SensorError, match=r"The device at /dev/pts/\d+ is gone. Plug it in again"):
        driver.read(DEADLINE_S)
    driver.close()
    with pytest.raises(SensorError, match=r"does not exist|is gone"):
        driver.open(DEADLINE_S)


def test_a_device_is_unplugged_while_it_is_waited_for(device: SerialDevice, driver: SensorDriver) -> None:
    device.send(b"\n")
    device.close()
    with pytest.raises(SensorError, match="is gone"):
        driver.read(DEADLINE_S)


def test_a_port_is_opened_once(driver: SensorDriver, device: SerialDevice) -> None:
    with pytest.raises(SensorError, match="is in use by"):
        driver_of("arduino", {"port": device.port}).open(DEADLINE_S)


def test_a_pattern_is_used(device: SerialDevice) -> None:
    driver = driver_of("arduino", {"port": device.port, "pattern": r"SQM (?P<sky_brightness>[\d.]+)m"})
    driver.open(DEADLINE_S)
    device.send(b"\nSQM 21.43m\n")
    assert read(driver) == {"sky_brightness": 21.43}
    driver.close()


def test_a_pattern_that_never_ends_costs_its_own_process_alone(
    device: SerialDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitoring.sensor_host.running.MARGIN_S", PATIENCE_S)
    settings = checked_settings("arduino", {"port": device.port, "pattern": r"(?P<temperature>(\d+)+)x"})
    specification = Specification(
        kind="arduino", settings=settings, interval_s=0.05, deadline_s=0.5, outgoing=OutgoingGuard().rules()
    )
    heard: queue.Queue[Message] = queue.Queue()
    process = SensorProcess("balcony", specification, heard.put)
    process.start()
    heard.get(timeout=PATIENCE_S)
    first = process.pid
    device.send(b"\n" + b"1" * 60 + b"\n")
    # From now on it hangs, however slowly it was started.
    monkeypatch.setattr("monitoring.sensor_host.running.MARGIN_S", 0.0)
    eventually(lambda: process.pid not in {None, first})
    process.stop(PATIENCE_S)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("baud_rate", 12345),
        ("baud_rate", "fast"),
        ("port", "COM3"),
        ("order", "colour"),
        ("pattern", "("),
        ("decimal", ";"),
    ],
)
def test_a_wrong_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"{setting} is not"):
        checked_settings("arduino", {"port": "/dev/ttyACM0", setting: value})
