"""Discovery does not open cameras that Skycam has open; an open camera reports its port."""

from __future__ import annotations

from tests.harness.camera_processes.dslr_driver import Dslr

PLACE = "usb:001,001"


def test_an_open_dslr_reports_its_port(dslr: Dslr) -> None:
    assert dslr.run_script(
        "driver.open(soon())\nreport([driver.device_location(), driver.close(), driver.device_location()])"
    ) == [PLACE, None, ""]


def test_a_dslr_at_a_held_port_is_listed_and_not_opened(dslr: Dslr) -> None:
    found = dslr.run_script(f"report([driver.discover(['{PLACE}']), driver.discover()])")
    assert [one["serial"] for listed in found for one in listed] == ["", "0.1"]
    assert found[0][0]["address"] == PLACE
    assert found[0][0]["model"] == "Nikon DSC D750"
