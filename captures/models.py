from captures.capturing.models import Capture, CaptureFile, CaptureReference, CaptureTotal
from captures.experiments.models import (
    Experiment,
    ExperimentAttachment,
    ExperimentCamera,
    ExperimentCapture,
    ExperimentNote,
    ExperimentSession,
    ExperimentTag,
)
from captures.recordings.claims.models import ClaimSuspension, ExperimentClip, RecordingClaim
from captures.recordings.clips.models import Clip, ClipHold
from captures.roots.models import StorageAssignment, StorageRoot
from captures.sessions.models import Session, SessionGap
from captures.storage.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.storage.integrity.models import IntegrityFinding
from captures.storage.offsite.models import Destination, DestinationHost, OffsiteCopy
from captures.storage.retention.models import HostClock, StoredPlan
from captures.storage.usage.models import RootSpace, StorageUsage

__all__ = [
    "Archive",
    "ArchiveFile",
    "ArchiveFolder",
    "Capture",
    "CaptureFile",
    "CaptureReference",
    "CaptureTotal",
    "ClaimSuspension",
    "Clip",
    "ClipHold",
    "Destination",
    "DestinationHost",
    "Experiment",
    "ExperimentAttachment",
    "ExperimentCamera",
    "ExperimentCapture",
    "ExperimentClip",
    "ExperimentNote",
    "ExperimentSession",
    "ExperimentTag",
    "HostClock",
    "IntegrityFinding",
    "OffsiteCopy",
    "RecordingClaim",
    "RootSpace",
    "Session",
    "SessionGap",
    "StorageAssignment",
    "StorageRoot",
    "StorageUsage",
    "StoredPlan",
]
