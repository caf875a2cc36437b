from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.telescope.driver.options import EXAMPLE, parse_address


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        ("pco-nuc", "pco-nuc:5000,5001?profile=seed"),
        ("  PCO-nuc. ", "pco-nuc:5000,5001?profile=seed"),
        ("pco-nuc?profile=2025", "pco-nuc:6000,6001?profile=2025"),
        ("pco-nuc:7000", "pco-nuc:7000,7001?profile=seed"),
        ("10.0.0.7:7000,7005?profile=2026&amplifiers=one", "10.0.0.7:7000,7005?profile=2026&amplifiers=one"),
        ("[fe80:0::1]:7000?amplifiers=both", "[fe80::1]:7000,7001?profile=seed"),
        (EXAMPLE, EXAMPLE),
    ],
)
def test_an_address_has_a_normal_form(address: str, normal: str) -> None:
    assert str(parse_address(address, [])) == normal
    assert str(parse_address(normal, [])) == normal


def test_the_files_of_the_controller_may_be_in_a_folder_of_this_machine(tmp_path: Path) -> None:
    folder = tmp_path / "of the controller"
    address = parse_address(f"pco-nuc?files={folder}&collect=yes", [str(tmp_path)])
    assert (address.files, address.collects) == (str(folder), True)
    assert parse_address(str(address), [str(tmp_path)]) == address


def test_one_amplifier_takes_longer() -> None:
    profile = parse_address("pco-nuc?profile=2025&amplifiers=one", []).profile
    assert (profile.readout_s, profile.clear_s) == (40, 45)


def test_the_seed_has_one_readout_time() -> None:
    profile = parse_address("pco-nuc?amplifiers=one", []).profile
    assert (profile.readout_s, profile.clear_s) == (40, 20)


@pytest.mark.parametrize(
    ("address", "cause"),
    [
        ("", "not the address of a controller"),
        ("a b", "not the address of a controller"),
        ("http://pco-nuc", "not the address of a controller"),
        ("-x", "'-x' is not the name of a host"),
        ("[::g]", "not the address of a controller"),
        ("[fe80::1%eth0]:6000", "has an IPv6 zone, the part from % on"),
        ("fe80::1%eth0", "has an IPv6 zone, the part from % on"),
        ("[1::2::3]", "not an IPv6 address"),
        ("pco-nuc:0", "port 0 does not exist"),
        ("pco-nuc:70000", "port 70000 does not exist"),
        ("pco-nuc:65535", "port 65536 does not exist"),
        ("pco-nuc:6000,6000", "are the same"),
        ("pco-nuc?profile=2027", "The profile '2027' does not exist; the profiles are seed, 2025, 2026"),
        ("pco-nuc?amplifiers=two", "allowed are both, one"),
        ("pco-nuc?colour=red", "'colour' is not a part of the address"),
        ("pco-nuc?profile=2025&profile=2026", "occurs twice"),
        ("pco-nuc?profile", "not a list of KEY=VALUE"),
        ("pco-nuc?collect=yes", "needs files="),
        ("pco-nuc?files=data", "not the full path"),
        ("pco-nuc?files=/data/../etc", "not the full path"),
        ("pco-nuc?files=/etc", "not in one of the folders of the setting `sources`"),
    ],
)
def test_a_wrong_address_is_refused_with_what_is_allowed(address: str, cause: str) -> None:
    with pytest.raises(ValueError, match="Give the controller's host") as refusal:
        parse_address(address, ["/data"])
    assert cause in str(refusal.value)


def test_a_link_does_not_lead_out_of_the_folders(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "link").symlink_to("/etc")
    with pytest.raises(ValueError, match="The folder /etc is not in one"):
        parse_address(f"pco-nuc?files={tmp_path}/data/link", [f"{tmp_path}/data"])


@given(st.text(max_size=80))
def test_no_text_fails_otherwise(address: str) -> None:
    try:
        found = str(parse_address(address, []))
    except ValueError as refusal:
        found = str(refusal)
    assert found
