"""Machines that reach each other by their names, and nothing else. They end with the test, whatever ends it: namespaces
without a name in the file system are gone with their last process."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.harness.machines.machine import Machine

NETWORK = "10.77.0"


class Network:
    """The first machine is its switch, too."""

    def __init__(self, folder: Path, *names: str) -> None:
        addresses = {name: f"{NETWORK}.{number}" for number, name in enumerate(names, start=1)}
        self.machines = {name: Machine(name, address, folder) for name, address in addresses.items()}
        self.switch = self.machines[names[0]]
        table = "".join(f"{address} {name}\n" for name, address in addresses.items())
        for machine in self.machines.values():
            (machine.etc / "hosts").write_text(f"127.0.0.1 localhost\n{table}")

    def power_on(self, name: str) -> Machine:
        machine = self.machines[name]
        machine.power_on()
        if machine is self.switch:
            machine.run(f"ip link add name bridge type bridge; ip link set bridge up; "
                        f"ip address add {machine.address}/24 dev bridge")  # fmt: skip
        else:
            self.plug(machine)
        return machine

    def plug(self, machine: Machine) -> None:
        # The switch has its own numbers of processes, by which it does not find that machine.
        make = f"ip link add to-{machine.name} type veth peer name eth0 netns {machine.pids()[0]}"
        subprocess.run(["nsenter", f"--target={self.switch.pids()[0]}", "--net", "sh", "-ec", make], check=True)
        self.switch.run(f"ip link set to-{machine.name} master bridge up")
        machine.run(f"ip address add {machine.address}/24 dev eth0; ip link set eth0 up")


@contextmanager
def network(folder: Path, *names: str) -> Iterator[Network]:
    """All of them are on."""
    found = Network(folder, *names)
    try:
        for name in names:
            found.power_on(name)
        yield found
    finally:
        for machine in found.machines.values():
            machine.power_off()
