from captures.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.capturing.models import Capture, CaptureFile, CaptureReference, CaptureTotal
from captures.clips.models import Clip, ClipHold
from captures.experiments.models import (
    Experiment,
    ExperimentAttachment,
    ExperimentCamera,
    ExperimentCapture,
    ExperimentNote,
    ExperimentSession,
    ExperimentTag,
)
from captures.integrity.models import IntegrityFinding
from captures.offsite.models import Destination, DestinationHost, OffsiteCopy
from captures.recording_claims.models import ClaimSuspension, ExperimentClip, RecordingClaim
from captures.retention.models import HostClock, StoredPlan
from captures.sessions.models import Session, SessionGap
from captures.storage.models import StorageAssignment, StorageRoot
from captures.storage_usage.models import RootSpace, StorageUsage

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
