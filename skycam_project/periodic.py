"""The table of all that a station does periodically: how often, who does it, and what it costs when it is late."""

from __future__ import annotations

from core.periodic.task import Owner, PeriodicTask, Start

HOUR_S, DAY_S = 3600.0, 86_400.0


def beat(name: str, task: str, interval_s: float, work: str, what: str, late: str) -> PeriodicTask:
    """A Celery task of the station, which any jobs part runs."""
    return PeriodicTask(
        task, interval_s, Owner.STATION, "jobs", what, late, work, Start.BEAT, may_take_s=600.0, beat=name
    )


_CAMERAS = (
    PeriodicTask(
        "supervisor", 0.1, Owner.HOST, "cameras",
        what="Starts, watches and ends the camera processes, and routes commands.",
        late="Commands wait. After 5 s the host counts as down, after 15 s its worker is killed and started again.",
        work="cameras.supervision.supervisor.Supervisor", start=Start.PART, may_take_s=5.0,
    ),
    PeriodicTask(
        "database-sync", 1.0, Owner.HOST, "cameras",
        what="Brings records, events and desired states from the spools to the database and back.",
        late="Captures are in the spool but not in the gallery; changed settings and sessions begin later.",
        work="cameras.supervision.database_thread.DatabaseThread", start=Start.PART,
    ),
    PeriodicTask(
        "late-answers", 0.1, Owner.HOST, "cameras",
        what="Answers callers that have waited for the database for more than a second.",
        late="A capture during an outage of the database answers as too slow.",
        work="cameras.supervision.ingester.Ingester", start=Start.PART,
    ),
    PeriodicTask(
        "status-publisher", 0.2, Owner.HOST, "cameras",
        what="Publishes the heartbeat and the status of each camera, and finds out which live views are watched.",
        late="After 5 s the pages show the host as down and its commands are refused. Cameras continue.",
        work="cameras.supervision.status_publisher.StatusPublisher", start=Start.PART,
    ),
    PeriodicTask(
        "gate", None, Owner.HOST, "cameras",
        what="Reads the source of a gate, at the interval that the gate's configuration gives.",
        late="The gate's value is unknown, and the gate does what its configuration says for that.",
        work="cameras.supervision.gate_monitor.SourceReader", start=Start.PART,
    ),
    PeriodicTask(
        "disk-meter", 5.0, Owner.HOST, "cameras",
        what="Measures the spools and the disks of the storage roots for the metrics.",
        late="After 30 s the metrics have no figures of spools and disks.",
        work="cameras.supervision.metrics.DiskMeter", start=Start.PART,
    ),
    PeriodicTask(
        "stored-counters", 5.0, Owner.HOST, "cameras",
        what="Stores the counters of the metrics in the data folder.",
        late="The counters stand still in the metrics; nothing that they count is lost.",
        work="cameras.supervision.process_counters.StoredCounters", start=Start.PART,
    ),
    PeriodicTask(
        "part-usage", 10.0, Owner.HOST, "cameras",
        what="Measures processor time and memory of the parts for the metrics.",
        late="After 60 s the metrics have no figures of parts.",
        work="skycam_project.launch.metrics_port.PartUsages", start=Start.PART,
    ),
    PeriodicTask(
        "usage-sampler", 10.0, Owner.HOST, "cameras",
        what="Measures the processes of the host for the charts of this page.",
        late="The charts have a gap.",
        work="skycam_project.launch.usage_sampler.UsageSampler",
    ),
    PeriodicTask(
        "restart-events", 2.0, Owner.HOST, "cameras",
        what="Makes events and alerts of the restarts of parts; each minute it checks the health of the host.",
        late="Restarts, crash loops and problems of this host reach no one.",
        work="skycam_project.launch.restart_events.RestartEvents",
    ),
)  # fmt: skip

_SENSORS = (
    PeriodicTask(
        "sensors-reconcile", 2.0, Owner.HOST, "sensors",
        what="Starts, replaces and stops the processes of sensors until they are those of the database.",
        late="A new or changed sensor is not read yet; the others are.",
        work="monitoring.sensor_host.host.SensorHost", start=Start.PART,
    ),
    PeriodicTask(
        "sensors-tick", 0.25, Owner.HOST, "sensors",
        what="Finds sensors that have become silent, and passes readings on to gates and alert rules.",
        late="Alerts about readings come late. After 5 s the sensors part is killed and started again.",
        work="monitoring.sensor_host.host.SensorHost", start=Start.PART, may_take_s=5.0,
    ),
    PeriodicTask(
        "latest-readings", 1.0, Owner.HOST, "sensors",
        what="Publishes the newest readings for pages and gates.",
        late="After 5 s the sensors of the host count as missing.",
        work="core.readings.latest.LatestPublisher", start=Start.PART,
    ),
    PeriodicTask(
        "reading-writer", 1.0, Owner.HOST, "sensors",
        what="Writes readings, and the alerts of rules, to the database.",
        late="Readings wait in a journal on the disk, alerts in memory.",
        work="monitoring.sensor_host.writer.ReadingWriter", start=Start.PART,
    ),
    PeriodicTask(
        "reading-relief", 1.0, Owner.HOST, "sensors",
        what="Moves readings to the journal while a write to the database hangs.",
        late="Readings wait in memory; a kill loses them.",
        work="monitoring.sensor_host.writer.ReadingWriter", start=Start.PART,
    ),
    PeriodicTask(
        "reading-notices", 1.0, Owner.PROCESS, "sensors",
        what="Sends new readings to open pages and programs.",
        late="Open pages show older values; the database has the newest.",
        work="monitoring.sensor_host.host.ReadingPublisher", start=Start.PART,
    ),
    PeriodicTask(
        "alert-rules", 2.0, Owner.HOST, "sensors",
        what="Reads the alert rules and maintenance windows.",
        late="A changed rule or window is not followed yet.",
        work="monitoring.alert_rules.watch.RuleWatch", start=Start.PART,
    ),
    PeriodicTask(
        "alert-rules-evaluate", 0.5, Owner.HOST, "sensors",
        what="Evaluates the alert rules, and opens and closes their alerts.",
        late="Alerts of rules open and close late.",
        work="monitoring.alert_rules.watch.RuleWatch", start=Start.PART, may_take_s=10.0,
    ),
    PeriodicTask(
        "signals", None, Owner.HOST, "sensors",
        what="Reads a signal of the alert rules, each at an interval of its own (SIGNALS). One host reads those of the "
        "station.",
        late="After 10 s the signal is unknown: alerts about it neither open nor close.",
        work="monitoring.alert_rules.signals.SignalSource", start=Start.PART,
    ),
)  # fmt: skip

_JOBS = (
    PeriodicTask(
        "jobs", 5.0, Owner.HOST, "jobs",
        what="Searches for jobs that are due, one thread for each lane, and runs them one after another.",
        late="Jobs wait.",
        work="core.jobs.worker.JobsWorker", start=Start.PART, has_gate=True,
    ),
    PeriodicTask(
        "database-check", DAY_S, Owner.HOST, "jobs",
        what="Checks the file of the database (SQLite) for damage.",
        late="Damage is noticed later, after more backups of it.",
        work="core.database_damage.DatabaseCheck", may_take_s=HOUR_S,
    ),
    PeriodicTask(
        "retention", 2.0, Owner.HOST, "jobs",
        what="Deletes the clips that the rules of count and space no longer keep.",
        late="The disk may fill up, and recording then stops at its reserve.",
        work="captures.storage.retention.cleanup.Retention", has_gate=True, may_take_s=600.0,
    ),
    PeriodicTask(
        "storage usage", HOUR_S, Owner.HOST, "jobs",
        what="Measures what cameras use of the storage; each six hours it reads the folders themselves.",
        late="The page Storage shows older figures, and its forecast is less exact.",
        work="captures.storage.usage.measurements.UsageMeasurement", may_take_s=6 * HOUR_S,
    ),
    PeriodicTask(
        "posters", 5.0, Owner.HOST, "jobs",
        what="Finds new clips and has their posters rendered.",
        late="A page that shows a new clip waits for its poster.",
        work="captures.files.thumbnail_queue.PosterSearch", has_gate=True,
    ),
    PeriodicTask(
        "copy-recovery", 600.0, Owner.HOST, "jobs",
        what="Removes or finishes what a killed job that organizes files has left.",
        late="Half-made copies use space.",
        work="captures.organizing.copying.CopyRecovery", may_take_s=600.0,
    ),
    PeriodicTask(
        "archives", 2.0, Owner.HOST, "jobs",
        what="Moves archives on to their next state.",
        late="An archive waits. Its files are kept meanwhile.",
        work="captures.storage.archives.services.advance_all", has_gate=True,
    ),
    PeriodicTask(
        "late-files", 60.0, Owner.HOST, "jobs",
        what="Adds files to archives that came after their end, as from a host that was away.",
        late="A late file is in the station, but not in its archive yet.",
        work="captures.storage.archives.services.extend_archives", may_take_s=600.0,
    ),
    PeriodicTask(
        "archive-verification", 60.0, Owner.HOST, "jobs",
        what="Starts the jobs that verify archives again.",
        late="A damaged copy is noticed later.",
        work="captures.storage.archives.verification.verify_due",
    ),
    PeriodicTask(
        "offsite", 15.0, Owner.HOST, "jobs",
        what="Finds new files for the off-site destinations, and starts the jobs that send them.",
        late="Files have no copy off-site yet; retention keeps those that need one.",
        work="captures.storage.offsite.queue.OffsiteQueue", start=Start.FACTORY, has_gate=True,
    ),
    PeriodicTask(
        "automatic-recording", 1.0, Owner.HOST, "jobs",
        what="Starts and ends recordings of experiments and schedules for camera hosts that are away.",
        late="None while the camera hosts run, which do it themselves.",
        work="scheduler.automatic_recording.service.reconcile", has_gate=True,
    ),
    PeriodicTask(
        "webhooks", 5.0, Owner.HOST, "jobs",
        what="Searches for deliveries of web-hooks that are due, also without a message that wakes it.",
        late="Deliveries wait, in their order.",
        work="monitoring.webhooks.thread.local_thread", start=Start.FACTORY, has_gate=True,
    ),
    PeriodicTask(
        "notifications", 1.0, Owner.HOST, "jobs",
        what="Searches for notifications that are due, and sends them.",
        late="People hear of alerts later.",
        work="monitoring.notifications.thread.local_thread", start=Start.FACTORY, has_gate=True,
    ),
    PeriodicTask(
        "home-assistant", 5.0, Owner.HOST, "jobs",
        what="Publishes the sensors of the host over MQTT.",
        late="Home Assistant shows older values.",
        work="monitoring.notifications.sensor_publishing.SensorPublishing", start=Start.FACTORY, has_gate=True,
    ),
    PeriodicTask(
        "dead-man-switch", None, Owner.HOST, "jobs",
        what="Pings a service outside of the station while it is well, at the interval of "
        "monitoring.dead_man_switch.interval_s.",
        late="The service outside reports the station as dead.",
        work="monitoring.notifications.dead_man_switch.DeadManSwitch", start=Start.FACTORY,
    ),
    PeriodicTask(
        "periodic-report", 5.0, Owner.PROCESS, "",
        what="Reports the tasks of this table for this page, from each part that has some.",
        late="After 20 s the page shows no figures of the part.",
        work="core.periodic.part_tasks.publish_report", start=Start.PART,
    ),
)  # fmt: skip

_STATION = (
    beat(
        "health", "monitoring.check_health", 60.0,
        "monitoring.tasks.check_health",
        "Checks the health of the station, and closes alerts whose cause is gone.",
        "Alerts about the station open and close late.",
    ),
    beat(
        "plan", "scheduler.replan", 60.0,
        "scheduler.tasks.replan_nights",
        "Plans the next nights again, and looks for runs that should have begun.",
        "New nights have no plan yet: a run may begin late, or not at all.",
    ),
    beat(
        "telescope", "scheduler.start_nights", 60.0,
        "scheduler.tasks.start_telescope_nights",
        "Starts the nights of field lists, and reports those that were missed.",
        "The night of a telescope begins late.",
    ),
    beat(
        "experiments", "scheduler.report_experiments", 60.0,
        "scheduler.tasks.report_late_experiments",
        "Raises the alerts of experiments that have not begun, and of cameras that do not record for theirs.",
        "These alerts come late.",
    ),
    beat(
        "nights", "scheduler.report_nights", 600.0,
        "scheduler.tasks.report_ended_nights",
        "Writes the reports of nights that are over.",
        "The report of a night comes late.",
    ),
    beat(
        "readings", "monitoring.aggregate_readings", 60.0,
        "monitoring.tasks.aggregate_readings",
        "Summarises the readings of sensors.",
        "Charts of long times end earlier; the summaries are made up for.",
    ),
    beat(
        "retention", "monitoring.remove_expired", HOUR_S,
        "monitoring.tasks.remove_expired",
        "Deletes events, alerts, readings and other rows that are older than the settings keep them.",
        "The database grows.",
    ),
    beat(
        "partitions", "core.create_partitions", HOUR_S,
        "core.tasks.create_partitions",
        "Makes the partitions of this month and the next two (PostgreSQL).",
        "None for two months; then rows go to the default partition, which is slower.",
    ),
    beat(
        "denials", "access.count_denials", HOUR_S,
        "skycam_project.access.tasks.count_denials",
        "Summarises refused requests and sign-ins of the past hours as events.",
        "The event log shows refusals later.",
    ),
    beat(
        "backups", "backups.start_due", 300.0,
        "skycam_project.backups.tasks.start_due",
        "Starts the backup of the station when it is due.",
        "The newest backup is older than planned.",
    ),
    beat(
        "jobs", "core.wake_lost_jobs", 60.0,
        "core.tasks.wake_lost_jobs",
        "Wakes the hosts that have jobs to do, also after a lost message.",
        "None while the hosts search for jobs themselves.",
    ),
)  # fmt: skip

TASKS = {task.name: task for task in (*_CAMERAS, *_SENSORS, *_JOBS, *_STATION)}
"""By name. What serves a queue, a connection or a device is not periodic: docs/decisions/periodic.md has the rule."""


def beat_schedule() -> dict[str, dict[str, object]]:
    """As Celery wants it."""
    return {
        task.beat: {"task": task.name, "schedule": task.interval_s}
        for task in TASKS.values()
        if task.start is Start.BEAT
    }
