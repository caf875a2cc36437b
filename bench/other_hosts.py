"""A file of another host: what the web part's relay costs, beside nginx's `proxy_pass` of the same file server."""

from __future__ import annotations

import contextlib
import http.client
import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.figures import Table
from bench.live import cpu_seconds
from bench.runs import Runs
from tests.harness.far_ends.network.encrypted import certificate
from tests.harness.postgresql import postgresql
from tests.harness.stations.outside_broker import Broker
from tests.harness.stations.station import ANY_NUMBER_OF_KILLS, Station, free_port
from tests.harness.waiting import eventually

GIGABYTES = 2
BYTES = GIGABYTES * 1024**3
BLOCK = 1 << 20
MOST_RATIO, MOST_MEGABYTES = 1.5, 16
ENLARGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
import django; django.setup()
from captures.files.host_files.addresses import FileAddress
from captures.models import CaptureFile
file = CaptureFile.objects.select_related("root").get(capture=sys.argv[1])
path, size = f"{file.path}.big.jpg", int(sys.argv[2])
with open(os.path.join(file.root.path, path), "wb") as big:
    big.truncate(size)
CaptureFile.objects.filter(pk=file.pk).update(path=path, bytes=size)
file.refresh_from_db()
print(FileAddress.of(file).sign())
"""
NGINX = """
daemon off; worker_processes 1; error_log {folder}/error.log; pid {folder}/pid;
events {{ }}
http {{
  access_log off;
  client_body_temp_path {folder}; proxy_temp_path {folder}; fastcgi_temp_path {folder};
  uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass {scheme}://127.0.0.1:{upstream};
      proxy_buffering {buffering};
      {verify}
    }}
  }}
}}
"""


@dataclass(frozen=True)
class Cost:
    cpu_s: float
    grown_mb: float


def run(runs: Runs) -> list[Table]:
    found = Table(f"A file of {GIGABYTES} GB of another host: processor time of what relays it")
    for scheme in ("http", "https"):
        with ExitStack() as stack:
            measure(found, scheme, runs, stack)
    return [found]


def measure(found: Table, scheme: str, runs: Runs, stack: ExitStack) -> None:
    folder = runs.folder / scheme
    folder.mkdir()
    tls = {}
    if scheme == "https":
        signed = certificate(folder, "localhost")
        tls = {name: str(signed) for name in ("CERTIFICATE", "CERTIFICATE_KEY", "AUTHORITY")}
    database, broker = stack.enter_context(postgresql()), Broker(folder)
    stack.callback(broker.kill)
    variables = {"DATABASE_URL": database, "REDIS_URL": f"unix://{broker.socket}", **ANY_NUMBER_OF_KILLS}
    variables |= {f"SKYCAM_FILES__{name}": value for name, value in tls.items()}
    main = Station(folder / "main", **variables)
    stack.callback(main.ensure_stopped)
    main.up()
    dome = Station(folder / "dome", **variables, SKYCAM_HOST="dome", **main.shared_identity)
    stack.callback(dome.ensure_stopped)
    dome.start(only="worker")
    main.api.ask("POST", "cameras/", {"slug": "dome", "name": "Dome", "kind": "simulated", "host": "dome"})
    main.cameras.eventually_ready("dome")
    capture = main.cameras.saved_capture("dome")
    address = dome.run("-c", ENLARGE, capture["id"], str(BYTES)).split()[-1]
    path = f"/api/v1/captures/{capture['id']}/file/"
    web = main.part("web")
    nginx, port = stack.enter_context(proxy(folder, scheme, dome.files_port, "on"))
    plain, plain_port = stack.enter_context(proxy(folder / "plain", scheme, dome.files_port, "off"))
    costs = {
        "the web part": cost(web, main.port, path, main.api.authorization),
        "nginx": cost(nginx, port, address, {}),
        "nginx, proxy_buffering off": cost(plain, plain_port, address, {}),
    }
    for name, one in costs.items():
        found.add(f"{scheme}, {name}", f"{one.cpu_s:.2f} s", note=f"memory grew by {one.grown_mb:.1f} MB")
    ratio = costs["the web part"].cpu_s / costs["nginx"].cpu_s
    found.add(f"{scheme}, the web part to nginx", f"{ratio:.2f}", f"{MOST_RATIO}")
    grown = costs["the web part"].grown_mb
    found.add(f"{scheme}, growth of the web part", f"{grown:.1f} MB", f"{MOST_MEGABYTES} MB")


@contextlib.contextmanager
def proxy(folder: Path, scheme: str, upstream: int, buffering: str) -> Iterator[tuple[psutil.Process, int]]:
    """The worker process of an nginx."""
    folder.mkdir(exist_ok=True)
    port, conf = free_port(), folder / "nginx.conf"
    verify = "proxy_ssl_verify off;" if scheme == "https" else ""
    conf.write_text(
        NGINX.format(folder=folder, port=port, scheme=scheme, upstream=upstream, buffering=buffering, verify=verify)
    )
    for parent in (folder, *folder.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)  # its worker runs as another user
    process = subprocess.Popen(["nginx", "-c", str(conf), "-p", str(folder), "-e", str(folder / "start.log")])
    try:
        master = psutil.Process(process.pid)
        yield eventually(lambda: next(iter(master.children()), None), "nginx serves"), port
    finally:
        process.terminate()
        process.wait()


def cost(process: psutil.Process, port: int, path: str, headers: dict[str, str]) -> Cost:
    """Of one download, after a first one of a megabyte."""
    download(port, path, headers | {"Range": "bytes=0-1048575"}, 1 << 20)
    before, memory = cpu_seconds({"": process})[""], process.memory_info().rss
    download(port, path, headers, BYTES)
    return Cost(cpu_seconds({"": process})[""] - before, (process.memory_info().rss - memory) / 1e6)


def download(port: int, path: str, headers: dict[str, str], size: int) -> None:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        buffer, got = bytearray(BLOCK), 0
        while count := answer.readinto(buffer):
            got += count
    if got != size:
        raise ValueError(json.dumps({"status": answer.status, "got": got, "wanted": size}))
