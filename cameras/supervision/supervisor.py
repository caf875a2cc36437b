"""The Supervisor: one thread that starts, watches and restarts the camera processes of this host; and `build_host`,
which builds it from its parts. It never touches the database, and uses the broker only to answer commands that came
through it. `DatabaseThread` and `StatusPublisher` use them on their own threads, so an outage of either delays no
restart."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings

from cameras.live.presets import LoadShedder
from cameras.spool.durable import RootFiles
from cameras.supervision.alerts import CameraAlerts, FailureAlerts
from cameras.supervision.camera_slot import CameraSlot, CameraSlots
from cameras.supervision.camera_status import CaptureTotals, LastCaptures, StatusBuilder
from cameras.supervision.child import FINISH_S
from cameras.supervision.command_results import BrokerAnswers, CommandResults, ReconcileWaiters
from cameras.supervision.command_router import Arrival, CommandIntake, CommandQueue, CommandRouter, CommandSender
from cameras.supervision.configured_gates import configured_gates
from cameras.supervision.database_thread import DatabaseThread
from cameras.supervision.desired_state import EndedSessions
from cameras.supervision.desired_state_sync import DesiredStateApplier, DesiredStateReader
from cameras.supervision.discovery import DiscoveryRunner
from cameras.supervision.gate_monitor import GateMonitor, GateReports, GateSender
from cameras.supervision.host_identity import HostLock
from cameras.supervision.ingester import Ingester
from cameras.supervision.lease import HostLease
from cameras.supervision.metrics import COLLECTION_FAILED, OUTBOX_LOST, DiskMeter, HostCollector
from cameras.supervision.outbox import Outbox
from cameras.supervision.ports import Liveness, Snapshots
from cameras.supervision.process_counters import ProcessCounters, StoredCounters
from cameras.supervision.process_manager import ProcessManager
from cameras.supervision.process_messages import EventWriter, ProcessMessages
from cameras.supervision.recovery_ladder import RecoveryLadder, SessionWatch
from cameras.supervision.recovery_policy import REOPENED, RestartSchedule
from cameras.supervision.recovery_steps import RESET_S, PortResetter, Quarantine, ReconnectWatcher
from cameras.supervision.spool_janitor import OutcomeReconciler, RecoveryRecorder, SpoolJanitor
from cameras.supervision.status_publisher import StatusPublisher, idle_core_s
from cameras.supervision.usb import UsbBus
from core import heartbeat
from core.collection_errors import COLLECTION_ERRORS
from core.limits.repeats import BackOff
from core.periodic.thread import task_of
from core.retrying_thread import RunNotes, known


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


@dataclass(frozen=True, slots=True)
class Host:
    """The parts of a camera host. The worker uses `supervisor` alone; tests reach for the others."""

    supervisor: Supervisor
    slots: CameraSlots
    lease: HostLease
    database: DatabaseThread
    outbox: Outbox
    reader: DesiredStateReader
    ingester: Ingester
    outcomes: OutcomeReconciler
    recoveries: RecoveryRecorder
    janitor: SpoolJanitor
    events: EventWriter
    answers: BrokerAnswers
    statuses: StatusBuilder
    status_publisher: StatusPublisher
    applier: DesiredStateApplier
    processes: ProcessManager
    messages: ProcessMessages
    intake: CommandIntake
    router: CommandRouter
    ladder: RecoveryLadder
    quarantine: Quarantine
    watcher: ReconnectWatcher
    disks: DiskMeter
    counters: StoredCounters
    metrics: HostCollector


def build_host(
    run_folder: Path | None = None,
    bus: UsbBus | None = None,
    reopened: int = REOPENED,
    reset_s: float = RESET_S,
    idle_core_s: Callable[[], float] = idle_core_s,
) -> Host:
    """Build the parts; nothing is started. `run_folder` is the station's by default. `reopened` is the number of
    failures in a row after which a camera is unreachable and its process is replaced; `reset_s` is how long a reset of
    its USB port is waited for. `idle_core_s` is the time for which the machine's cores have been idle."""
    station, bus = settings.STATION, bus or UsbBus()
    host, run_folder = station.host, run_folder or Path(station.data) / "run"

    # What threads share
    work, woken = threading.Event(), threading.Event()
    slots, ended_sessions = CameraSlots(), EndedSessions()
    last_captures, capture_totals = LastCaptures(), CaptureTotals()
    waiting: queue.Queue[Arrival] = queue.Queue()
    # The heartbeat needs both: a host whose command queue hangs must not pass as reachable.
    loops = supervisor_loop, queue_loop = Liveness(), Liveness()

    # The database thread
    lease = HostLease(host)
    outbox, answers = Outbox(lease, work.set), BrokerAnswers()
    counters = ProcessCounters()
    events = EventWriter(outbox, counters)
    ingester = Ingester(lease, slots, answers, ended_sessions, last_captures, work.set)
    outcomes = OutcomeReconciler(host, lease, slots, answers, outbox)
    reader = DesiredStateReader(host, lease, last_captures, capture_totals, work.set, woken.set)
    janitor = SpoolJanitor(host, slots, reader, outbox, ingester, outcomes)
    recoveries = RecoveryRecorder(outbox, ingester, outcomes)
    database = DatabaseThread(lease, ingester, outbox, reader, janitor, work)

    # Gates
    gates = GateMonitor(configured_gates(station), slots, GateReports(events, host))

    # The status publisher
    # The load of the whole machine: encoding is the work of the camera processes, not of this one.
    load_shedder = LoadShedder(station.live_streaming_config.cpu_thresholds, psutil.cpu_percent)
    statuses = StatusBuilder(slots, last_captures, capture_totals, load_shedder, gates.statuses)
    status_publisher = StatusPublisher(host, slots, statuses, reader, load_shedder, loops)

    # The Supervisor's thread
    quarantine = Quarantine(events)
    alerts = CameraAlerts(events, quarantine, reopened)
    resetter = PortResetter(events, bus, woken.set, reset_s)
    reset_port = resetter.reset_port if station.supervision.usb_reset else None
    ladder = RecoveryLadder(events, alerts, quarantine, reset_port, idle_core_s, reopened)
    watcher = ReconnectWatcher(slots, bus, events, quarantine)
    results = CommandResults(ingester, outcomes, answers, recoveries.record_recovery, status_publisher.publish_status)
    messages = ProcessMessages(slots, events, bus, results, counters)
    register = run_folder / f"cameras-{host}.json"
    processes = ProcessManager(
        slots,
        register,
        events,
        answers,
        ladder,
        SessionWatch(alerts, ladder),
        ended_sessions,
        messages.handle_message,
        gates.statuses,
        idle_core_s,
    )
    applier = DesiredStateApplier(slots, alerts, ended_sessions, new_schedule)

    # Commands
    sender = CommandSender(host, reader, outcomes, answers)
    intake = CommandIntake(slots, sender, outcomes, waiting, woken.set)
    waiters = ReconcileWaiters(slots, statuses, answers)
    discovery = DiscoveryRunner(host, slots, answers)
    router = CommandRouter(
        slots, waiting, sender, waiters, quarantine, answers, discovery.request_discovery, reader.read_soon
    )

    supervisor = Supervisor(
        slots=slots,
        snapshots=reader,
        applier=applier,
        router=router,
        watcher=watcher,
        processes=processes,
        gates=gates,
        gate_sender=GateSender(slots, gates.statuses),
        failures=FailureAlerts(events),
        janitor=janitor,
        liveness=supervisor_loop,
        woken=woken,
        lock=HostLock(host, run_folder),
        database=database,
        status_publisher=status_publisher,
        command_queue=CommandQueue(host, intake.route_command, queue_loop, reader),
    )

    # Metrics
    disks = DiskMeter(host, slots)
    stored_counters = StoredCounters(
        host,
        functools.partial(RootFiles, str(run_folder)),
        [
            counters.totals,
            lambda: {OUTBOX_LOST: outbox.lost, COLLECTION_FAILED: COLLECTION_ERRORS.number},
        ],
        events,
    )
    return Host(
        supervisor=supervisor, slots=slots, lease=lease, database=database, outbox=outbox, reader=reader,
        ingester=ingester, outcomes=outcomes, recoveries=recoveries, janitor=janitor, events=events, answers=answers,
        statuses=statuses, status_publisher=status_publisher, applier=applier, processes=processes, messages=messages,
        intake=intake, router=router, ladder=ladder, quarantine=quarantine, watcher=watcher, disks=disks,
        counters=stored_counters,
        metrics=HostCollector(slots, stored_counters, disks, outbox, ingester, database),
    )  # fmt: skip


def new_schedule() -> RestartSchedule:
    """The restart schedule of a new camera, as configured."""
    supervision = settings.STATION.supervision
    return RestartSchedule(BackOff(supervision.healthy_s, supervision.crash_loop_exits, supervision.crash_loop_s))
