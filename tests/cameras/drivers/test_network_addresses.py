"""The valid addresses of a network camera, and which parts of an address are secret."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cameras.drivers.credentials import address_secrets, fill_secrets, redact_address, with_password
from cameras.drivers.network import NetworkDriver
from cameras.drivers.network.addresses import EXAMPLE, PROTOCOLS
from tests.harness.waiting import PATIENCE_S

printable = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


def normalise_address(address: str) -> str:
    return NetworkDriver.check_address(address, [])


def answered(address: str) -> tuple[str, str]:
    """The normal form, or the error message."""
    try:
        return normalise_address(address), ""
    except ValueError as refusal:
        return "", str(refusal)


@pytest.mark.parametrize(
    ("address", "normal"),
    [
        (" rtsp://10.0.0.9/live ", "rtsp://10.0.0.9/live"),
        ("RTSP://Cam.Lab:554/Live", "rtsp://cam.lab:554/Live"),
        ("rtsp://me:p@ss:w@cam/live?channel=1&subtype=0", "rtsp://me:p%40ss%3Aw@cam/live?channel=1&subtype=0"),
        ("rtsp://me:100%sure@cam/", "rtsp://me:100%25sure@cam/"),
        ("rtsp://me:*@cam/", "rtsp://me:%2A@cam/"),
        ("rtsp://me@cam/", "rtsp://me@cam/"),
        ("rtsps://cam:322/live#unverified", "rtsps://cam:322/live#unverified"),
        ("https://[2001:db8::1]:8443/mjpg/video.mjpg", "https://[2001:db8::1]:8443/mjpg/video.mjpg"),
        ("http://cam", "http://cam"),
        ("tcp://10.0.0.9:5000", "tcp://10.0.0.9:5000"),
        ("udp://239.0.0.1:1234", "udp://239.0.0.1:1234"),
        (EXAMPLE, EXAMPLE),
    ],
)
def test_an_address_has_a_normal_form(address: str, normal: str) -> None:
    assert normalise_address(address) == normal
    assert normalise_address(normal) == normal


@pytest.mark.parametrize("address", ["rtsp://[fe80::1%25eth0]/live", "http://me:12@[fe80::1%eth0]:80/video"])
def test_an_ipv6_zone_is_named(address: str) -> None:
    with pytest.raises(ValueError, match="has an IPv6 zone, the part from % on"):
        normalise_address(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "10.0.0.9",
        "file:///etc/passwd",
        "concat:rtsp://cam/a|rtsp://cam/b",
        "subfile,,start,0,end,9,,:/etc/passwd",
        "pipe:0",
        "crypto+http://cam/video",
        "hls+http://cam/list.m3u8",
        "ftp://cam/video",
        "rtmp://cam/live",
        "rtsp:cam/live",
        "rtsp:///live",
        "rtsp://cam:0/live",
        "rtsp://cam:99999/live",
        "rtsp://cam:/live",
        "rtsp://c am/live",
        "rtsp://cam/li\nve",
        "rtsp://cam/live\0",
        "rtsp://cam/li\u202eve",
        "rtsp://-cam/live",
        "rtsp://me:pass/word@cam/live",
        "rtsp://me:12/34@cam/live",
        "rtsp://me:12?34@cam/live",
        "rtsp://me:12#34@cam/live",
        "rtsp://cam/live#other",
        "rtsp://cam/live#unverified",
        "rtsp://me:***@cam/live",
        "rtsp://[::1%25eth0]/live",
        "tcp://cam",
        "tcp://cam:5000?listen=1",
        "tcp://me:secret@cam:5000",
        "udp://239.0.0.1:1234?localaddr=10.0.0.9",
        "udp://239.0.0.1:1234/x",
    ],
)
def test_another_address_is_refused_and_says_what_is_allowed(address: str) -> None:
    with pytest.raises(ValueError, match="Give rtsp://user:password@") as refusal:
        normalise_address(address)
    assert address == "" or address not in str(refusal.value)


@given(address=st.one_of(st.text(max_size=60), st.from_regex(r"(?i)(rtsp|https?|tcp|udp|file)://[!-~]{0,40}")))
def test_no_text_becomes_another_protocol_or_is_repeated(address: str) -> None:
    normal, refusal = answered(address)
    assert len(address) < 8 or address not in refusal
    assert not normal or (normal.partition("://")[0] in PROTOCOLS and normalise_address(normal) == normal)


@given(user=printable, password=printable, path=st.from_regex(r"\A(/[a-z0-9]{0,9}){0,3}\Z"))
def test_passwords_are_redacted_and_can_be_restored(user: str, password: str, path: str) -> None:
    address = with_password(normalise_address(f"rtsp://user@cam:554{path}"), password)
    assert normalise_address(address) == address
    assert redact_address(address) == f"rtsp://user:***@cam:554{path}"
    assert fill_secrets(redact_address(address), address_secrets(address)) == address


@pytest.mark.parametrize(
    ("address", "harmless"),
    [
        ("http://cam/video?user=me&pwd=sesame", "http://cam/video?user=me&pwd=***"),
        ("http://cam/v.cgi?loginuse=me&loginpas=sesame&res=1", "http://cam/v.cgi?loginuse=***&loginpas=***&res=1"),
        ("http://cam/video?whatever=sesame", "http://cam/video?whatever=***"),
        ("rtsp://cam/user=me_password=ses_ame_channel=1.sdp", "rtsp://cam/user=me_password=***_channel=1.sdp"),
        ("rtsp://me:open@cam/live?token=sesame#x", "rtsp://me:***@cam/live?token=***#x"),
        ("http://cam/video?pass[]=sesame&1=sesame", "http://cam/video?pass[]=***&1=***"),
        ("http://cam/%70assword=sesame", "http://cam/%70assword=***"),
        ("http://cam/video?session_id=sesame&stream_id=1", "http://cam/video?session_id=***&stream_id=1"),
        ("http://cam/video?key=a&key=b", "http://cam/video?key=***&key=***"),
        ("rtsp://me@cam/live?channel=1&subtype=0", "rtsp://me@cam/live?channel=1&subtype=0"),
        ("/dev/video0", "/dev/video0"),
        ("usb:001,004", "usb:001,004"),
    ],
)
def test_secrets_in_queries_and_paths_are_redacted_too(address: str, harmless: str) -> None:
    assert redact_address(address) == harmless
    assert fill_secrets(harmless, address_secrets(address)) == address


def test_harmless_parameters_are_not_redacted() -> None:
    assert redact_address(redact_address("rtsp://me:sesame@cam/live?token=x")) == "rtsp://me:***@cam/live?token=***"


@pytest.mark.parametrize("address", ["rtsp://me:***@cam/live", "rtsp://cam/***", "http://cam/?a=***"])
def test_an_unknown_secret_is_not_invented(address: str) -> None:
    with pytest.raises(ValueError, match="Write the password itself"):
        fill_secrets(address, {"token": "x"})


def test_a_password_needs_a_name() -> None:
    with pytest.raises(ValueError, match="A password needs a name"):
        with_password("rtsp://cam/live", "sesame")


def test_checking_an_address_loads_no_ffmpeg() -> None:
    code = f"""
import sys
from cameras.drivers import driver_class
driver_class("network").check_address("{EXAMPLE}", [])
assert "av" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=PATIENCE_S)
