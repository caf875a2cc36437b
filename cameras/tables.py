"""What cameras needs from higher apps: dotted paths, resolved at run time and never imported upward.

A system check resolves every path. A test starts a camera process with all consumers and checks that it imports no
Django.
"""

from __future__ import annotations

CONSUMERS = {
    "still_writer": "captures.stills.writer.StillWriter",
    "live_publisher": "cameras.live.publisher.LivePublisher",
    "clip_recorder": "captures.recordings.recorder.recorder.ClipRecorder",
    "statistics": "cameras.runtime.session_exposure.ExposureStatistics",
}
"""Consumers of frames and stills in a camera process. Django-free."""

RECORDS = {
    "capture": "captures.ingest.ingest_captures",
    "gap": "captures.ingest.ingest_gaps",
    "session": "captures.ingest.ingest_sessions",
    "clip": "captures.ingest.ingest_clips",
    "observation": "scheduler.telescope.field_lists.spool.ingest_observations",
}
"""Kind of spool record -> the function that ingests some of them in their order, idempotent by the record's id."""

PROGRAMME_KINDS = {
    "interval": "cameras.programmes.kinds.IntervalKind",
    "bracket": "cameras.programmes.kinds.BracketKind",
    "burst": "cameras.programmes.kinds.BurstKind",
    "telescope": "scheduler.telescope.night.programme.TelescopeKind",
}
"""Kind of a session's programme -> its class. Django-free."""

OBSERVATIONS = {
    "telescope": "scheduler.telescope.night.night_run.settle_observation",
}
"""Kind of the observation in a plan -> the function that counts its capture in a file of the spool
(`cameras.spool.recovery.Settle`). Django-free."""

PROGRAMMES = {
    "sessions": "captures.sessions.desired.desired_sessions",
    "recording": "captures.recordings.control.commands.desired_recording",
}
"""Cameras -> the session of each that has one, by its id; and camera -> its desired recording, or None. Both as
JSON."""

AGENDAS = {
    "planned": "scheduler.runs.agendas.agendas",
}
"""Cameras -> the agenda of each, by its id: the sessions that it begins by itself."""

RECONCILERS = {
    "automatic_recording": "scheduler.automatic_recording.service.reconcile",
    "field_lists": "scheduler.telescope.field_lists.spool.deliver_lists",
}
"""Functions that a camera host calls before it reads the desired states. Each one is idempotent."""

DRAINING = {"states": "skycam_project.hosts.host_list.states_while_drained"}
"""What becomes of the desired states of a host that is drained."""

RECORDING = {
    "settings": "captures.recordings.control.commands.recording_settings",
}
"""How every camera of this host records, as JSON."""

LEASE_HOLDERS = {
    "session": "captures.sessions.selectors.holders",
    "end": "captures.sessions.desired.fail_session_of_lost_host",
}
"""`session`: cameras -> the holders by running sessions. `end`: ends the session of a camera whose host is gone."""

DECIDED_OUTCOMES = {
    "capture": "captures.capturing.outcomes.fail_unsent_capture",
    "session": "captures.sessions.desired.mark_session_refused",
    "overdue": "captures.capturing.outcomes.overdue_captures",
    "settled": "captures.capturing.outcomes.has_outcome",
}
"""Id -> outcome of what never started, capture or session; what is planned beyond its deadline; whether an id has its
outcome."""

LAST_CAPTURES = {
    "captures": "captures.capturing.outcomes.last_captures",
}
"""Ids of cameras -> how the last capture of each ended, as in the status."""

CAPTURE_TOTALS = {
    "captures": "captures.capturing.outcomes.totals_of",
}
"""Ids of cameras -> how many captures of each had which outcome, as in the status."""

ROOTS = {
    "of_class": "captures.roots.roots.root_of_class",
    "own": "captures.pixelink_service.roots.own_root",
    "all": "captures.roots.roots.all_roots",
}
"""Host and storage class -> the storage root of its new files as JSON; camera -> a root of its own for captures, or
None; host -> all its roots."""

RECOVERIES = {
    "clips": "captures.recordings.recorder.recovery.recover_all",
}
"""Part of a spool -> the function that recovers it while its camera has no process. Django-free."""

ACCESS = {
    "principal": "skycam_project.access.authentication.principal_of",
}
"""Headers of a WebSocket or request -> its user, to be checked again while it lasts."""
