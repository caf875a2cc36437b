from captures.capturing.models import Capture, CaptureFile
from captures.clips.models import Clip, ClipHold
from captures.sessions.models import Session, SessionGap
from captures.storage.models import StorageAssignment, StorageRoot

__all__ = ["Capture", "CaptureFile", "Clip", "ClipHold", "Session", "SessionGap", "StorageAssignment", "StorageRoot"]
