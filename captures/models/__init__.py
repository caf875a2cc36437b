from captures.models.capture import Capture, CaptureFile
from captures.models.session import Session, SessionGap
from captures.models.storage import StorageRoot

__all__ = ["Capture", "CaptureFile", "Session", "SessionGap", "StorageRoot"]
