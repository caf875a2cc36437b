"""A still writer whose library prints to the standard output of the process."""

from __future__ import annotations

import os

from cameras.drivers.base import Exposure, Identity
from cameras.spool.records import ClockState, PartFile, Plan
from cameras.spool.spool import Spool
from captures.stills.writer import StillWriter


class NoisyWriter(StillWriter):
    def write_files(
        self, spool: Spool, plan: Plan, exposure: Exposure, identity: Identity, clock: ClockState
    ) -> list[PartFile]:
        os.write(1, b'{"type": "state"} and rubbish without an end')
        print("a library says hello", flush=True)
        return super().write_files(spool, plan, exposure, identity, clock)
