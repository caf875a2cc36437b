"""`skycam install-service`: units that systemd accepts and finds well protected, and a real systemd that runs them."""

from __future__ import annotations

import grp
import json
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import pytest

from skycam_project.launch.parts import CAMERA_HOST, parts_of
from skycam_project.systemd_service import (
    FILES,
    START,
    UNIT,
    ServiceError,
    check_readable,
    remove_service_files,
    service_files,
    write_service_files,
)
from tests.harness.far_ends.systemd.machine import SystemdMachine
from tests.harness.project import build_wheel
from tests.harness.waiting import PATIENCE_S, eventually

ROLES = ["station", "camera-host"]
MOST_EXPOSED = 4.0
SERVICE = "/opt/skycam/bin/skycam"
STATION_PARTS = [name for name in parts_of("") if name != "files"]
"""Of a station on SQLite: no other machine asks it for files."""
OPENED = """
import errno, json, os
def opened(path):
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        return errno.errorcode[error.errno]
    return "opened"
paths = ["/dev/ttyS0", "/dev/fuse", "/dev/null", "/etc/written", "/var/lib/skycam/written", "/srv/pictures/written"]
[open(path, "w").close() for path in paths if path.startswith("/srv")]
with open("/var/lib/skycam/opened", "w") as file:
    json.dump({path: opened(path) for path in paths if os.path.exists(path) or path.startswith("/etc")}, file)
"""
DROP_IN = """
[Service]
# The Python of the tests finds its library by a path that the service cannot read.
Environment=LD_LIBRARY_PATH=/opt/python/lib
ExecStartPre=/opt/python/bin/python3 /opt/opened.py
WatchdogSec=5
TimeoutAbortSec=1
RestartSec=0
"""


@pytest.fixture(params=ROLES)
def unit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The file of a unit whose command exists."""
    path = tmp_path / "skycam.service"
    path.write_text(service_files(Path(sys.prefix), request.param, [tmp_path])[UNIT])
    return path


def analyze(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False)


def test_systemd_accepts_the_unit(unit: Path) -> None:
    done = analyze("verify", str(unit))
    assert [line for line in done.stderr.splitlines() if "skycam" in line] == []
    assert done.returncode == 0


def test_systemd_finds_the_unit_well_protected(unit: Path) -> None:
    done = analyze("security", "--offline=true", f"--threshold={MOST_EXPOSED * 10:.0f}", str(unit))
    assert done.returncode == 0, done.stdout.splitlines()[-1]


@pytest.mark.parametrize(("role", "words"), [("station", ""), ("camera-host", ' "--only" "worker"')])
def test_the_service_of_a_camera_host_runs_what_cameras_need(role: str, words: str) -> None:
    assert f'ExecStart="{SERVICE}" "up"{words}\n' in service_files(Path("/opt/skycam"), role)[UNIT]


def test_systemd_reads_a_path_with_a_percent_sign_as_it_is() -> None:
    text = service_files(Path("/opt/sky cam"), "station", [Path("/srv/100% sky")])[UNIT]
    assert 'ExecStart="/opt/sky cam/bin/skycam" "up"\n' in text
    assert 'ReadWritePaths="-/srv/100%% sky"\n' in text


def test_a_skycam_that_a_service_could_not_read_is_refused() -> None:
    check_readable([Path("/opt/skycam"), Path("/usr")])
    with pytest.raises(ServiceError, match=r"^/home/ada/skycam/.venv is hidden from a service"):
        check_readable([Path("/opt/skycam"), Path("/home/ada/skycam/.venv")])


def test_removed_files_are_those_that_were_written(tmp_path: Path) -> None:
    write_service_files(service_files(Path("/opt/skycam"), "station"), tmp_path)
    assert remove_service_files(tmp_path) == list(FILES)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemdMachine]:
    """With Skycam installed from its wheel, and its service started as the command says."""
    folder = tmp_path_factory.mktemp("machine")
    wheel = build_wheel(folder / "wheel")
    site = Path(sysconfig.get_path("purelib"))
    with SystemdMachine(folder, {"python": Path(sys.base_prefix), "site": site, "wheel": wheel.parent}) as machine:
        machine.run("/opt/python/bin/python3", "-m", "venv", "/opt/skycam")
        python = f"python{sys.version_info.major}.{sys.version_info.minor}"
        machine.write(f"/opt/skycam/lib/{python}/site-packages/dependencies.pth", "/opt/site")
        pip = ["/opt/skycam/bin/python", "-m", "pip", "install", "--no-index", "--no-deps", f"/opt/wheel/{wheel.name}"]
        machine.run(*pip)
        machine.run("mkdir", "-p", "/srv/pictures", f"{UNIT}.d")
        machine.write("/opt/opened.py", OPENED)
        machine.write(f"{UNIT}.d/test.conf", DROP_IN)
        machine.run(SERVICE, "install-service", "--writable", "/srv/pictures")
        machine.run("systemd-sysusers", "skycam.conf")
        machine.run("chown", "skycam:", "/srv/pictures")
        for line in START:
            machine.run(*line.split())
        yield machine


def skycam(machine: SystemdMachine, *words: str) -> str:
    """What the administrator runs, as the user of the service and in its folder."""
    enter = ["env", "-C", "/var/lib/skycam", "LD_LIBRARY_PATH=/opt/python/lib"]
    return machine.run("setpriv", "--reuid=skycam", "--regid=skycam", "--init-groups", *enter, SERVICE, *words)


def launcher(machine: SystemdMachine) -> str:
    return machine.property_of("skycam", "MainPID")


@pytest.mark.slow
def test_a_started_service_says_which_parts_run(machine: SystemdMachine) -> None:
    # `systemctl enable --now` returned: with Type=notify the launcher has reported that all parts run.
    assert machine.property_of("skycam", "ActiveState") == "active"
    assert machine.property_of("skycam", "StatusText") == f"running: {', '.join(STATION_PARTS)}"
    assert set(CAMERA_HOST) - {"files"} < set(STATION_PARTS)


@pytest.mark.slow
def test_a_station_under_all_protections_is_ready_and_saves_captures(machine: SystemdMachine) -> None:
    curl = ["curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}"]
    eventually(lambda: machine.run(*curl, "http://127.0.0.1:8080/readyz") == "200", "ready")
    assert machine.run(*curl, "http://127.0.0.1:8080/accounts/login/") == "200"
    capture = json.loads(skycam(machine, "capture", "simulated", "--output", "json"))
    assert capture["status"] == "saved"
    assert machine.run("stat", "-c", "%U", f"/proc/{launcher(machine)}") == "skycam\n"


@pytest.mark.slow
def test_a_service_opens_serial_ports_and_writes_its_own_folders_alone(machine: SystemdMachine) -> None:
    assert json.loads(machine.run("cat", "/var/lib/skycam/opened")) == {
        "/dev/ttyS0": "opened", "/dev/fuse": "EPERM", "/dev/null": "opened", "/etc/written": "ENOENT",
        "/srv/pictures/written": "opened",
    }  # fmt: skip


@pytest.mark.slow
def test_udev_gives_serial_ports_to_the_group_of_the_service(machine: SystemdMachine) -> None:
    found = machine.run("udevadm", "test", "/sys/class/tty/ttyS0")
    said = [line.partition("70-skycam.rules:")[2] for line in found.splitlines() if "70-skycam.rules:" in line]
    # An error in a line of the file would be said of it, too.
    assert [line.split(" ", 1)[1] for line in said] == [f"GROUP {grp.getgrnam('dialout').gr_gid}", "MODE 0660"]
    assert machine.run("stat", "-c", "%G %a", "/dev/ttyS0") == "dialout 660\n"


@pytest.mark.slow
def test_systemd_restarts_a_launcher_that_hangs(machine: SystemdMachine) -> None:
    hung = launcher(machine)
    machine.run("kill", "-STOP", hung)
    eventually(lambda: launcher(machine) not in {hung, "0"}, "another launcher", takes_s=10)
    eventually(lambda: machine.property_of("skycam", "ActiveState") == "active", "active", takes_s=30)
    assert machine.property_of("skycam", "NRestarts") == "1"
    assert "Watchdog timeout" in machine.run("journalctl", "--unit", "skycam")


@pytest.mark.slow
def test_a_service_is_removed_after_it_was_stopped_and_its_data_stays(machine: SystemdMachine) -> None:
    assert "systemctl disable --now skycam" in machine.run(SERVICE, "install-service", "--remove", check=False)
    machine.run("systemctl", "disable", "--now", "skycam")
    assert machine.property_of("skycam", "Result") == "success"
    assert f"removed {UNIT}\n" in machine.run(SERVICE, "install-service", "--remove")
    machine.run("systemctl", "daemon-reload")
    assert machine.property_of("skycam", "LoadState") == "not-found"
    assert machine.run("ls", "/var/lib/skycam/skycam-data/skycam.sqlite3")
