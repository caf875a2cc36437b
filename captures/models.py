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
from captures.roots.archives.models import Archive, ArchiveFile, ArchiveFolder
from captures.roots.integrity.models import IntegrityFinding
from captures.roots.models import StorageAssignment, StorageRoot
from captures.roots.offsite.models import Destination, DestinationHost, OffsiteCopy
from captures.roots.retention.models import HostClock, StoredPlan
from captures.roots.usage.models import RootSpace, StorageUsage
from captures.sessions.models import Session, SessionGap

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
