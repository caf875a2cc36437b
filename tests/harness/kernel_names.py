"""Names in the kernel: of all processes of the machine one has a name at a time, and a process that ends has none.

No file has to be removed, and no rights are needed (the abstract sockets of unix(7)).
"""

from __future__ import annotations

import atexit
import socket
import time

POLL_S = 0.02


class KernelName:
    def __init__(self, name: str) -> None:
        self._address = f"\0skycam-tests-{name}"
        self._socket: socket.socket | None = None

    def take(self) -> bool:
        """Whether this process has it from now on, until `give_up` or its end. False also if it has it already."""
        found = socket.socket(socket.AF_UNIX)
        try:
            found.bind(self._address)
        except OSError:
            found.close()
            return False
        self._socket = found
        # Python would warn of each name that is kept until the end.
        atexit.register(self.give_up)
        return True

    def wait(self, until: float) -> bool:
        """Whether it was free before `until`, a time of the monotonic clock."""
        while not self.take():
            if time.monotonic() > until:
                return False
            time.sleep(POLL_S)  # time: the kernel does not wake what waits for a name
        return True

    def give_up(self) -> None:
        """Also without having it."""
        atexit.unregister(self.give_up)
        if self._socket is not None:
            self._socket.close()
            self._socket = None
