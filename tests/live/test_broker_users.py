"""What a camera's process may do in the broker: publish its own live pictures, and nothing else."""

from __future__ import annotations

import asyncio
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

from cameras.supervision.broker_users import BrokerUsers, with_login
from core.broker import broker
from tests.harness.clients.station_sockets import open_socket
from tests.harness.stations.station import MANY_VIEWERS, Station
from tests.harness.waiting import eventually

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
        assert pubsub.get_message(timeout=40)
        assert camera.publish(broker.key("live", "sky", "low"), "picture") == 1
        assert pubsub.get_message(timeout=40)["data"] == "picture"


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
    """The texts of a process that other users of the machine, or its owner, can read."""
    return " ".join([*process.cmdline(), *process.environ().values()])


def passwords(station: Station) -> list[str]:
    """The station's own; only the server and two processes know those of the cameras."""
    found = urlsplit(station.config.redis_url).password
    assert found
    return [found]


def test_the_password_of_the_embedded_broker_is_new_at_each_start_and_is_stored_only_in_its_file(
    tmp_path: Path,
) -> None:
    station = Station(tmp_path / "data", **MANY_VIEWERS).up_with_camera()
    try:
        (password,) = passwords(station)
        assert not [process.pid for process in station.processes() if password in visible_text(process)]
        assert password not in station.log() + station.output()
        holding = [
            path for path in station.data.rglob("*") if path.is_file() and password.encode() in path.read_bytes()
        ]
        assert {path.name: stat.filemode(path.stat().st_mode) for path in holding} == {"broker-password": "-rw-------"}
        station.stop()
        assert passwords(station.up_with_camera()) != [password]
    finally:
        station.ensure_stopped()


async def request_picture(socket: ClientConnection) -> str:
    await socket.send('{"type": "request_frame", "quality": "low"}')
    return str(await socket.recv())


async def test_a_camera_process_publishes_without_the_stations_password(station: Station) -> None:
    async with open_socket(station, "/ws/live/simulated/") as socket:
        async with asyncio.timeout(30):
            while '"type": "frame"' not in await request_picture(socket):
                continue  # a busy machine's first picture comes later than its first answer
        users: Any = redis.Redis.from_url(station.config.redis_url, decode_responses=True).acl_list()
        ours = redis.Redis.from_url(station.config.redis_url, decode_responses=True).client_list()
    assert [user for user in users if not user.startswith("user default")] == [
        user for user in users if f"&{station.config.station.id}:live:simulated:* -@all +publish" in user
    ]
    assert {one["user"] for one in ours} == {"default", f"skycam-{station.config.station.id}-simulated"}
