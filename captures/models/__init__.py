from captures.clips.models import Clip, ClipHold
from captures.models.capture import Capture, CaptureFile
from captures.models.session import Session, SessionGap
from captures.models.storage import StorageRoot

__all__ = ["Capture", "CaptureFile", "Clip", "ClipHold", "Session", "SessionGap", "StorageRoot"]
