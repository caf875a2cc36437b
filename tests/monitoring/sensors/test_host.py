"""This machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.times.clocks import KernelClock
from monitoring.sensors.drivers.host import is_card
from monitoring.sensors.settings import checked_settings
from tests.monitoring.sensors.far_ends import DEADLINE_S, driver_of

CLOCK = "monitoring.sensors.drivers.host.read_kernel_clock"


def channels(groups: str, disks: str = "/", reads: int = 1) -> dict[str, float]:
    driver = driver_of("host", {"groups": groups, "disks": disks})
    readings = [driver.read(DEADLINE_S) for _ in range(reads)]
    return {sample.channel: sample.value for sample in readings[-1]}


def test_groups_choose_what_is_read() -> None:
    assert list(channels("load")) == ["load:1", "load:5", "load:15"]
    assert "memory" in channels("memory, load")


def test_the_free_space_of_a_disk_is_a_percentage() -> None:
    found = channels("disks", "/")
    assert list(found) == ["disk:/"]
    assert 0 < found["disk:/"] <= 100


def test_a_folder_that_is_no_mount_point_has_no_value_whether_it_exists_or_not(tmp_path: Path) -> None:
    assert list(channels("disks", f"{tmp_path}, {tmp_path}/away")) == []


def test_a_disk_that_is_not_mounted_has_no_value_and_the_others_have(tmp_path: Path) -> None:
    assert list(channels("disks", f"{tmp_path}/away, /")) == ["disk:/"]


def test_rates_need_two_readings() -> None:
    assert channels("cpu,network") == {}
    assert "cpu" in channels("cpu,network", reads=2)


def test_loopback_bridges_and_the_interfaces_of_containers_are_no_cards(tmp_path: Path) -> None:
    (tmp_path / "enp1s0" / "device").mkdir(parents=True)
    (tmp_path / "veth0").mkdir()
    names = ("enp1s0", "veth0", "lo")
    assert [name for name in names if is_card(name, tmp_path)] == ["enp1s0"]


def test_an_unsynchronised_clock_has_no_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CLOCK, lambda: KernelClock("unsynchronised"))
    assert channels("clock") == {}
    monkeypatch.setattr(CLOCK, lambda: KernelClock("synchronised", offset_s=-0.002))
    assert channels("clock") == {"clock": -0.002}


@pytest.mark.parametrize(
    ("setting", "value"),
    [("groups", "colour"), ("groups", ","), ("disks", "relative"), ("disks", ",".join(f"/{n}" for n in range(21)))],
)
def test_a_wrong_setting_is_refused(setting: str, value: str) -> None:
    with pytest.raises(ValueError, match=rf"{setting} is not valid"):
        checked_settings("host", {setting: value})
