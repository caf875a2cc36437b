"""What a machine has after Debian's packages of PostgreSQL and Redis were installed on it."""

from __future__ import annotations

from tests.harness.machines.machine import Machine

PLACES = ("lib/postgresql", "log/postgresql", "lib/redis", "log/redis")
INSTALLED_AS_ON_DEBIAN = """
mount -t tmpfs tmpfs /run
mkdir /run/postgresql /run/redis
chown postgres: /run/postgresql /var/lib/postgresql /var/log/postgresql
chown redis: /run/redis /var/lib/redis /var/log/redis
rm -rf /etc/postgresql
LANG=C pg_createcluster 15 main
"""
RESTART = """
pg_ctlcluster 15 main restart
runuser -u redis -- redis-server /etc/redis/redis.conf
"""
"""For `systemctl restart postgresql redis-server`: these machines have no systemd."""


def own_places(machine: Machine) -> None:
    """Its servers keep their files on its own disk."""
    for place in PLACES:
        folder = machine.disk / "var" / place.replace("/", "-")
        folder.mkdir(parents=True)
        machine.own_folder(folder, f"/var/{place}")
