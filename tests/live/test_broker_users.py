"""What a camera's process may do in the broker: publish its own live pictures, and nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import redis
from django.conf import settings
from websockets.asyncio.client import ClientConnection

from cameras.supervision.status_publisher import BrokerUsers, with_login
from core.broker import broker
from tests.harness.clients.station_sockets import open_socket
from tests.harness.stations.station import Station
from tests.harness.waiting import PATIENCE_S, eventually

STATION = settings.STATION.station.id
REFUSED = [
    ("FLUSHALL",),
    ("CONFIG", "GET", "*"),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("INFO",),
    ("ACL", "WHOAMI"),
    ("CLIENT", "LIST"),
    ("MONITOR",),
    ("EVAL", "return 1", "0"),
    ("SET", f"{STATION}:cache:1:sessions", "forged"),
    ("GET", f"{STATION}:status:yard"),
    ("RPUSH", f"{STATION}:camera.main", "{}"),
    ("BLPOP", f"{STATION}:camera.main", "1"),
    ("SUBSCRIBE", f"{STATION}:live:yard:low"),
    ("PSUBSCRIBE", f"{STATION}:live:sky:*"),
    ("PUBLISH", f"{STATION}:live:yard:low", "forged"),
    ("PUBLISH", f"{STATION}:asgi:__group__", "forged"),
    ("PUBLISH", "another:live:sky:low", "forged"),
]


@pytest.fixture
def users(server: redis.Redis) -> Iterator[BrokerUsers]:
    users = BrokerUsers()
    yield users
    users.delete_users(server)


@pytest.fixture
def camera(server: redis.Redis, users: BrokerUsers) -> Iterator[redis.Redis]:
    """A client with the address that the process of the camera `sky` gets."""
    with redis.Redis.from_url(users.urls(server, ["sky"])["sky"]) as client:
        yield client


@pytest.mark.parametrize("words", REFUSED, ids=lambda words: " ".join(words).replace(STATION, "STATION"))
def test_a_camera_process_is_refused_all_but_its_own_pictures(camera: redis.Redis, words: tuple[str, ...]) -> None:
    with pytest.raises(redis.exceptions.NoPermissionError):
        camera.execute_command(*words)  # type: ignore[no-untyped-call]


def test_a_camera_process_publishes_its_own_pictures(server: redis.Redis, camera: redis.Redis) -> None:
    with server.pubsub() as pubsub:
        pubsub.subscribe(broker.key("live", "sky", "low"))
        assert pubsub.get_message(timeout=PATIENCE_S)
        assert camera.publish(broker.key("live", "sky", "low"), "picture") == 1
        assert pubsub.get_message(timeout=PATIENCE_S)["data"] == "picture"


def test_each_camera_has_a_user_of_its_own(server: redis.Redis, users: BrokerUsers) -> None:
    found = users.urls(server, ["sky", "yard"])
    logins = {urlsplit(url).username: urlsplit(url).password for url in found.values()}
    assert set(logins) == {f"skycam-{STATION}-sky", f"skycam-{STATION}-yard"}
    assert len({*logins.values(), urlsplit(settings.STATION.redis_url).password}) == 3


def test_users_that_the_server_lost_are_created_again(server: redis.Redis, users: BrokerUsers) -> None:
    before = users.urls(server, ["sky"])
    server.acl_deluser(f"skycam-{STATION}-sky")
    eventually(lambda: users.urls(server, ["sky"]) == before and server.acl_getuser(f"skycam-{STATION}-sky"))


def test_the_users_are_deleted_with_the_camera_host(server: redis.Redis) -> None:
    users = BrokerUsers()
    users.urls(server, ["sky"])
    users.delete_users(server)
    assert server.acl_users() == ["default"]


@pytest.fixture
def plain_user(server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A station whose own user may do all but create users, as on a server that someone else runs."""
    server.acl_setuser(
        "plain", True, passwords=["+a-long-password"], keys="*", channels="*", commands=["+@all", "-acl"]
    )
    url = with_login(settings.STATION.redis_url, "plain", "a-long-password")
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"redis_url": url}))
    yield url
    server.acl_deluser("plain")


def test_where_no_users_can_be_created_the_stations_own_address_is_used(plain_user: str) -> None:
    with redis.Redis.from_url(plain_user) as client:
        assert BrokerUsers().urls(client, ["sky"]) == {"sky": plain_user}


class Redis6(redis.Redis):
    """The client of a Redis before 6.2, whose users have no channels."""

    def execute_command(self, *words: Any, **options: Any) -> Any:
        if unknown := [word for word in words if words[0] == "ACL" and word.startswith("&")]:
            raise redis.ResponseError(f"Error in ACL SETUSER modifier '{unknown[0]}': Syntax error")
        return super().execute_command(*words, **options)  # type: ignore[no-untyped-call]


def test_where_users_have_no_channels_the_stations_own_address_is_used(server: redis.Redis) -> None:
    with Redis6.from_url(settings.STATION.redis_url) as client:
        assert BrokerUsers().urls(client, ["sky"]) == {"sky": settings.STATION.redis_url}


def test_a_configured_address_for_cameras_is_used_unchanged(
    server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "rediss://camera:password@broker:6379"
    monkeypatch.setattr(settings, "STATION", settings.STATION.model_copy(update={"camera_redis_url": url}))
    assert BrokerUsers().urls(server, ["sky"]) == {"sky": url}
    assert server.acl_users() == ["default"]


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("unix:///run/valkey.sock", "unix://cam:pw@/run/valkey.sock"),
        ("unix://:old@/a%20b/v.sock?db=3&password=old", "unix://cam:pw@/a%20b/v.sock"),
        ("redis://:old@127.0.0.1:6380/4", "redis://cam:pw@127.0.0.1:6380"),
        (
            "rediss://me:old@[::1]:6379/0?ssl_ca_certs=/etc/ca.pem&username=me",
            "rediss://cam:pw@[::1]:6379?ssl_ca_certs=%2Fetc%2Fca.pem",
        ),
    ],
)
def test_an_address_keeps_its_host_and_loses_its_login(url: str, expected: str) -> None:
    assert with_login(url, "cam", "pw") == expected


def visible_text(process: psutil.Process) -> str:
    """The texts of a process that other users of the machine, or its owner, can read. None of one that has ended."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return " ".join([*process.cmdline(), *process.environ().values()])
    return ""


def contains(path: Path, text: str) -> bool:
    """Whether a file contains the text. A file that was deleted meanwhile does not."""
    with contextlib.suppress(FileNotFoundError):
        return path.is_file() and text.encode() in path.read_bytes()
    return False


def password_of(station: Station) -> str:
    """The station's own; only the server and two processes know those of the cameras."""
    found = urlsplit(station.config.redis_url).password
    assert found
    return found


def test_the_password_of_the_embedded_broker_is_stored_only_in_its_file(plain_station: Station) -> None:
    password = password_of(plain_station)
    assert not [process.pid for process in plain_station.processes() if password in visible_text(process)]
    assert password not in plain_station.log() + plain_station.output()
    holding = [path for path in plain_station.data.rglob("*") if contains(path, password)]
    assert {path.name: stat.filemode(path.stat().st_mode) for path in holding} == {"broker-password": "-rw-------"}


def test_the_password_of_the_embedded_broker_is_new_at_each_start(tmp_path: Path) -> None:
    station = Station(tmp_path / "data")
    try:
        first = password_of(station.up())
        station.stop()
        assert password_of(station.up()) != first
    finally:
        station.ensure_stopped()


async def request_picture(socket: ClientConnection) -> str:
    await socket.send('{"type": "request_frame", "quality": "low"}')
    return str(await socket.recv())


async def test_a_camera_process_publishes_without_the_stations_password(plain_station: Station) -> None:
    station = plain_station.config.station.id
    async with open_socket(plain_station, "/ws/live/simulated/") as socket:
        async with asyncio.timeout(PATIENCE_S):
            while '"type": "frame"' not in await request_picture(socket):
                continue  # a busy machine's first picture comes later than its first answer
        with redis.Redis.from_url(plain_station.config.redis_url, decode_responses=True) as client:
            acl: Any = client.acl_list()
            connected = {one["user"] for one in client.client_list()}
    # Other tests add cameras, each with a user of its own.
    users = {user.split()[1]: user for user in acl if not user.startswith("user default")}
    slugs = {name: name.removeprefix(f"skycam-{station}-") for name in users}
    assert [user for name, user in users.items() if f"&{station}:live:{slugs[name]}:* -@all +publish" not in user] == []
    assert f"skycam-{station}-simulated" in connected
    assert connected <= {"default", *users}
