"""Single checks of `skycam doctor`, with the real thing that each looks at."""

from __future__ import annotations

import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.conf import settings

from skycam_project.cli import diagnostics
from skycam_project.cli.diagnostics import run_checks
from skycam_project.cli.diagnostics.cameras import KnownCamera, udev_findings, usb_findings
from skycam_project.cli.diagnostics.finding import Finding
from skycam_project.cli.diagnostics.network import certificate_finding, ports
from skycam_project.cli.diagnostics.station import owner_findings, room_finding
from skycam_project.cli.station import Station
from tests.harness.disks.small_disk import mount
from tests.harness.far_ends.usbdevfs.usb_bus import FakeBus
from tests.harness.stations.station import free_port
from tests.harness.waiting import PATIENCE_S

NOBODY = 65534
DEADLINE_S = 0.2
"""Of a check that hangs."""
NIKON = KnownCamera("dslr", "gphoto2", {"vendor": "04b0", "product": "0439", "serial": "3004"})
HERE = "tests.skycam_project.test_diagnostics"


def hang(_station: Station) -> list[Finding]:
    """A check that waits for a disk that does not answer. The checks after it are given time."""
    diagnostics.DEADLINE_S = PATIENCE_S
    threading.Event().wait(PATIENCE_S)
    return []


def fail(_station: Station) -> list[Finding]:
    raise OSError("No such device")


def be_well(_station: Station) -> list[Finding]:
    return [Finding("well", "ok", "All is well.")]


def test_a_check_that_hangs_or_fails_is_a_finding_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnostics, "DEADLINE_S", DEADLINE_S)
    checks = {name: f"{HERE}:{name}" for name in ("hang", "fail", "be_well")}
    found = run_checks(checks, Station())
    assert [(one.check, one.state) for one in found] == [("hang", "broken"), ("fail", "broken"), ("well", "ok")]
    assert "hangs" in found[0].detail
    assert "No such device" in found[1].detail


def test_every_check_of_the_tables_exists() -> None:
    tables = (diagnostics.MACHINE, diagnostics.CONFIGURATION, diagnostics.STATION, diagnostics.DATABASE)
    assert all(callable(diagnostics.resolve(path)) for table in tables for path in table.values())


def station_on(port: int) -> Station:
    """A station that is not running, whose web server has this port."""
    web = settings.STATION.web.model_copy(update={"port": port})
    station = Station()
    station.__dict__["config"] = settings.STATION.model_copy(update={"web": web})
    return station


def test_a_port_that_another_process_uses_is_broken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        found = next(iter(ports(station_on(server.getsockname()[1]))))
    assert found.state == "broken"
    assert f"(pid {os.getpid()})" in found.detail
    assert "set web.port to a free port" in found.remedy


def test_a_free_port_is_ok() -> None:
    assert next(iter(ports(station_on(free_port())))).state == "ok"


@contextmanager
def tls_server(folder: Path, ends: datetime) -> Iterator[int]:
    """The port of a server whose certificate is valid until `ends`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    built = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(ends - timedelta(days=90)).not_valid_after(ends)
    file = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(secret + built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=lambda: context.wrap_socket(server.accept()[0], server_side=True).close())
        thread.start()
        yield server.getsockname()[1]
        thread.join(PATIENCE_S)


@pytest.mark.parametrize(("days", "state"), [(-1, "broken"), (5, "warning"), (60, "ok")])
def test_the_end_of_a_certificate_is_found_before_it_comes(tmp_path: Path, days: int, state: str) -> None:
    ends = datetime.now(UTC) + timedelta(days=days, minutes=5)
    with tls_server(tmp_path, ends) as port:
        found = certificate_finding("127.0.0.1", port)
    assert found.state == state
    assert f"{ends:%Y-%m-%d}" in found.detail


def test_a_certificate_that_cannot_be_read_is_a_warning() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))  # no one else gets the port
        assert certificate_finding("127.0.0.1", deaf.getsockname()[1]).state == "warning"


def test_a_folder_of_another_user_is_named_with_both(tmp_path: Path) -> None:
    os.chown(tmp_path, NOBODY, -1)
    (found,) = owner_findings([tmp_path], os.geteuid())
    assert f"{tmp_path} belongs to nobody" in found.detail
    assert found.remedy.startswith("chown -R root")


@pytest.fixture
def disk_without_inodes(tmp_path: Path) -> Iterator[Path]:
    """1 GB, and 40 inodes, of which 2 are free."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=1g,nr_inodes=40", "skycam-test", folder)
    [(folder / str(number)).touch() for number in range(37)]
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_without_inodes_is_broken_despite_its_free_space(disk_without_inodes: Path) -> None:
    found = room_finding("disks", disk_without_inodes)
    assert found.state == "broken"
    assert "2 of 40 inodes free" in found.detail


@pytest.fixture
def fake_bus() -> Iterator[FakeBus]:
    """In a folder that other users can reach."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield FakeBus(Path(folder))


def findings(bus: FakeBus, *cameras: KnownCamera) -> list[Finding]:
    return list(usb_findings(bus.bus, list(cameras), set()))


def test_a_camera_that_this_user_may_open_is_ok(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-2", 5, serial="3004")
    (found,) = findings(fake_bus, NIKON)
    assert (found.state, found.detail.partition(":")[0]) == ("ok", "dslr")


def test_a_camera_that_is_not_attached_is_a_warning(fake_bus: FakeBus) -> None:
    assert findings(fake_bus, NIKON)[0].detail == "dslr is not attached to USB."


@pytest.fixture
def as_nobody(fake_bus: FakeBus) -> Iterator[None]:
    os.seteuid(NOBODY)
    yield
    os.seteuid(0)


def test_a_node_that_this_user_may_not_open_has_its_owner_and_the_udev_rule(
    fake_bus: FakeBus, request: pytest.FixtureRequest
) -> None:
    fake_bus.plug("1-2", 5, serial="3004").chmod(0o644)
    request.getfixturevalue("as_nobody")
    (found,) = findings(fake_bus, NIKON)
    assert found.state == "broken"
    assert "(root:root, mode 0644) may not be opened by nobody" in found.detail
    assert 'ATTR{idVendor}=="04b0"' in found.remedy


def test_the_program_that_has_opened_a_camera_is_named(fake_bus: FakeBus) -> None:
    node = fake_bus.plug("1-2", 5, serial="3004")
    hold = "import sys, time; file = open(sys.argv[1]); print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", hold, str(node)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (found,) = findings(fake_bus, NIKON)
        holder.kill()
    assert found.state == "broken"
    assert f"(pid {holder.pid}) has opened it" in found.detail
    assert f"kill {holder.pid}" in found.remedy


def test_an_unknown_ptp_camera_that_a_kernel_driver_has_claimed_is_named(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-3", 7, "04a9", "32d1")
    fake_bus.add_interface("1-3", "06", driver="usb-storage")
    (found,) = findings(fake_bus)
    assert found.state == "warning"
    assert "04a9:32d1 at usb:001,007: the kernel driver usb-storage has claimed it" in found.detail


def test_other_usb_devices_are_not_examined(fake_bus: FakeBus) -> None:
    fake_bus.plug("1-4", 8, "046d", "c31c")
    fake_bus.add_interface("1-4", "03", driver="usbhid")
    assert "No USB camera" in findings(fake_bus)[0].detail


def test_a_missing_udev_rule_is_a_warning_until_it_is_written(tmp_path: Path) -> None:
    assert [one.state for one in udev_findings({"gphoto2"}, (tmp_path,), is_root=False)] == ["warning"]
    (tmp_path / "70-skycam.rules").touch()
    assert [one.state for one in udev_findings({"gphoto2"}, (tmp_path,), is_root=False)] == ["ok"]
