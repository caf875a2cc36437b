"""`CameraService`: the façade for programs. Each method calls the service of its subject."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import ValidationError

from cameras.discovery.service import Discovered, discover_cameras
from cameras.live.snapshot_limiter import next_picture
from cameras.live.viewer_registry import LiveViewRefused
from cameras.models import Camera
from captures.capturing.outcomes import Outcome
from captures.capturing.requests import CaptureRequest
from captures.capturing.service import CaptureService
from captures.experiments.models import Experiment
from captures.experiments.resource import ExperimentFields
from captures.experiments.service import ExperimentService
from captures.recordings.control.commands import record, stop_recording
from captures.roots.roots import HealthCheck, health_check
from captures.sessions.models import Session
from captures.sessions.requests import SessionRequest
from captures.sessions.service import Experiments, SessionService
from captures.storage.archives.models import ArchiveMethod
from captures.storage.archives.services import archive_path, request_archive
from core.broker.broker import BrokerDown

LIVE_WAIT_S = 3.0


class CameraService:
    def __init__(self, actor: str = "") -> None:
        self.actor = actor

    def capture(
        self, camera: Camera, request: CaptureRequest, *, new_id: UUID | None = None, wait: bool = True
    ) -> Outcome:
        """Take one still: see `CaptureService.capture`."""
        return CaptureService(self.actor).capture(camera, request, new_id=new_id, wait=wait)

    def start_session(self, camera: Camera, request: SessionRequest) -> Session:
        """See `SessionService.start`."""
        return SessionService(self.actor).start(camera, request)

    def stop_session(self, session: Session, experiments: Experiments = "ask") -> Session:
        """See `SessionService.stop`."""
        return SessionService(self.actor).stop(session, experiments)

    def pause_session(self, session: Session) -> Session:
        """See `SessionService.pause`."""
        return SessionService(self.actor).pause(session)

    def resume_session(self, session: Session) -> Session:
        """See `SessionService.resume`."""
        return SessionService(self.actor).resume(session)

    def archive_experiment_videos(self, experiment_id: str, method_name: str = "", copy_method: str = "copy") -> str:
        """The folder of the experiment's archive, at once; jobs fill it.

        `method_name` is the experiment's method. An experiment that has none gets it; empty, it says nothing.
        `copy_method` is copy or link. ValidationError for another one, and for another method than the experiment's;
        Experiment.DoesNotExist; WrongState for a method of an experiment that is archived without one; UnusableRoot
        when a host has no storage root.
        """
        if copy_method not in ArchiveMethod.values:
            raise ValidationError({"copy_method": f"Choose one of: {', '.join(ArchiveMethod.values)}."})
        experiment = Experiment.objects.get(pk=experiment_id)
        if method_name and not experiment.method:
            ExperimentService(None, self.actor).change(experiment, ExperimentFields(method=method_name))
        elif method_name not in ("", experiment.method):
            raise ValidationError(
                {
                    "method_name": f"The method of the experiment {experiment.name!r} is {experiment.method!r}, not"
                    f" {method_name[:100]!r}. Change that first, or leave method_name empty."
                }
            )
        return archive_path(request_archive(experiment, copy_method, self.actor, user=None))

    # For programs that name a camera by its slug.

    @staticmethod
    def detect_cameras() -> list[Discovered]:
        """Devices attached to the camera hosts, in use or free. Recordings continue. BrokerDown."""
        return discover_cameras()["results"]

    def start_recording(self, camera_id: str) -> bool:
        """True once its first frame is in a clip; False when recording is already on or the camera does not exist.

        ValidationError for a camera without a stream; LeaseHeld when another user holds it; RecordingDeferred when it
        does not record yet.
        """
        camera = _find_camera(camera_id)
        return camera is not None and not camera.recording and record(camera, actor=self.actor)["recording"]

    def stop_recording(self, camera_id: str) -> bool:
        """True once its last clip is finished; False when recording is off or the camera does not exist. LeaseHeld,
        RecordingDeferred."""
        camera = _find_camera(camera_id)
        return camera is not None and bool(camera.recording) and not stop_recording(camera, self.actor)["recording"]

    @staticmethod
    def get_live_frame(camera_id: str, quality: str = "medium") -> bytes | None:
        """The newest picture of the live feed as JPEG; None when live view is off or no picture arrives in time.
        Call it from a thread without an event loop."""
        if _find_camera(camera_id) is None:
            return None
        try:
            picture = next_picture(camera_id, quality, LIVE_WAIT_S)
        except (BrokerDown, LiveViewRefused):
            return None
        return picture.jpeg if picture else None

    @staticmethod
    def health_check() -> HealthCheck:
        return health_check()


def _find_camera(slug: str) -> Camera | None:
    return Camera.objects.present().filter(slug=slug).first()
