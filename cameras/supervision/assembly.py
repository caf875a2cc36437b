"""Builds the Supervisor of a camera host from its parts: who gets which port."""

from __future__ import annotations

import functools
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
from django.conf import settings

from cameras.live.load_shedder import LoadShedder
from cameras.spool.durable import RootFiles
from cameras.supervision.alerts import CameraAlerts, FailureAlerts
from cameras.supervision.camera_slot import CameraSlots
from cameras.supervision.camera_status import CaptureTotals, LastCaptures, StatusBuilder
from cameras.supervision.command_queue import CommandQueue
from cameras.supervision.command_results import BrokerAnswers, CommandResults, ReconcileWaiters
from cameras.supervision.command_router import Arrival, CommandIntake, CommandRouter, CommandSender
from cameras.supervision.configured_gates import configured_gates
from cameras.supervision.database_thread import DatabaseThread
from cameras.supervision.desired_state import EndedSessions
from cameras.supervision.desired_state_applier import DesiredStateApplier
from cameras.supervision.desired_state_reader import DesiredStateReader
from cameras.supervision.discovery import DiscoveryRunner
from cameras.supervision.disk_meter import DiskMeter
from cameras.supervision.event_writer import EventWriter
from cameras.supervision.gate_monitor import GateMonitor, GateReports, GateSender
from cameras.supervision.host_identity import HostLock
from cameras.supervision.ingester import Ingester
from cameras.supervision.lease import HostLease
from cameras.supervision.metrics import COLLECTION_FAILED, OUTBOX_LOST, HostCollector
from cameras.supervision.outbox import Outbox
from cameras.supervision.outcome_reconciler import OutcomeReconciler
from cameras.supervision.ports import Liveness
from cameras.supervision.process_counters import ProcessCounters, StoredCounters
from cameras.supervision.process_manager import ProcessManager
from cameras.supervision.process_messages import ProcessMessages
from cameras.supervision.recovery_ladder import RecoveryLadder, SessionWatch
from cameras.supervision.recovery_policy import REOPENED, RestartSchedule
from cameras.supervision.recovery_steps import RESET_S, PortResetter, Quarantine, ReconnectWatcher
from cameras.supervision.spool_janitor import RecoveryRecorder, SpoolJanitor
from cameras.supervision.status_publisher import StatusPublisher, idle_core_s
from cameras.supervision.supervisor import Supervisor
from cameras.supervision.usb import UsbBus
from core.collection_errors import COLLECTION_ERRORS
from core.limits.backoff import BackOff


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
