"""The Supervisor: one thread that starts, watches and restarts the camera processes of this host.

It never touches the database, and uses the broker only to answer commands that came through it. `DatabaseThread` and
`StatusPublisher` use them on their own threads, so an outage of either delays no restart.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Mapping

from cameras.supervision.alerts import FailureAlerts
from cameras.supervision.camera_slot import CameraSlot
from cameras.supervision.child import FINISH_S
from cameras.supervision.command_queue import CommandQueue
from cameras.supervision.command_router import CommandRouter
from cameras.supervision.database_thread import DatabaseThread
from cameras.supervision.desired_state_applier import DesiredStateApplier
from cameras.supervision.gate_monitor import GateMonitor, GateSender
from cameras.supervision.host_identity import HostLock
from cameras.supervision.ports import Liveness, Snapshots
from cameras.supervision.process_manager import ProcessManager
from cameras.supervision.recovery_steps import ReconnectWatcher
from cameras.supervision.spool_janitor import SpoolJanitor
from cameras.supervision.status_publisher import StatusPublisher
from core import heartbeat
from core.periodic.thread import task_of
from core.run_notes import RunNotes, known


class Supervisor:
    """The loop, and the order in which the threads of a camera host start and stop. `assembly.py` builds it."""

    def __init__(
        self,
        slots: Mapping[str, CameraSlot],
        snapshots: Snapshots,
        applier: DesiredStateApplier,
        router: CommandRouter,
        watcher: ReconnectWatcher,
        processes: ProcessManager,
        gates: GateMonitor,
        gate_sender: GateSender,
        failures: FailureAlerts,
        janitor: SpoolJanitor,
        liveness: Liveness,
        woken: threading.Event,
        lock: HostLock,
        database: DatabaseThread,
        status_publisher: StatusPublisher,
        command_queue: CommandQueue,
    ) -> None:
        """Other threads set `woken` to make the loop run at once."""
        self._slots, self._snapshots, self._applier, self._router = slots, snapshots, applier, router
        self._watcher, self._processes, self._failures, self._janitor = watcher, processes, failures, janitor
        self._gates, self._gate_sender = gates, gate_sender
        self._liveness, self._woken, self._lock = liveness, woken, lock
        self._database, self._status_publisher = database, status_publisher
        self._command_queue = command_queue
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)

    def start(self) -> None:
        """Raises HostLocked when this host already has a Supervisor."""
        self._lock.acquire()
        # Under the lock, or it would kill the cameras of a Supervisor that still runs. Before the threads, because an
        # orphan still has its camera open and holds the lock of its spool.
        self._processes.kill_orphans()
        self._database.start()
        self._status_publisher.start()
        self._gates.start()
        self._thread.start()
        self._command_queue.start()

    def stop(self) -> None:
        """Finish every camera process, ingest what they left, then withdraw the heartbeat. Idempotent."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._woken.set()
        # In this order: no further command is received, the database thread ingests what the processes left, and only
        # then is the heartbeat withdrawn and may another Supervisor start.
        self._command_queue.stop()
        if self._thread.is_alive():
            # FINISH_S for all processes together, and the rest for those that have to be killed.
            self._thread.join(FINISH_S + 3)
        self._gates.stop()
        self._database.stop()
        self._status_publisher.stop()
        self._lock.release()

    def tick(self) -> None:
        """One round of the loop: desired states, commands, cameras that return, each process, gates."""
        # First: an error in a step below becomes an alert, but without heartbeats the launcher would kill the
        # worker with all its cameras.
        self._liveness.beat()
        heartbeat.send_heartbeat()
        # One snapshot: `cameras` of a reading without the host's name and `is_complete` of a later one would together
        # release every camera.
        self._applier.apply_snapshot(self._snapshots.snapshot)
        self._router.route_waiting()
        self._watcher.check_bus()
        for slot in self._slots.values():
            self._failures.run_safely(slot.desired, functools.partial(self._processes.maintain_process, slot))
        # Last: after an error here the cameras are still supervised, and their gates close after a while.
        self._gates.evaluate_gates()
        self._gate_sender.send_gates()

    def _run(self) -> None:
        task = task_of("supervisor")
        interval_s, notes = task.fixed_interval_s, RunNotes(task.name)
        with known(notes):
            while not self._stopping.is_set():
                notes.begin()
                self._failures.run_safely(None, self.tick)
                notes.end(interval_s)
                self._woken.wait(interval_s)
                # Before the next tick, not after it: what arrives during a tick ends the next wait at once.
                self._woken.clear()
        self._processes.finish_processes(self._janitor.recover_spool)
