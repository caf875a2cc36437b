"""What both clients offer: groups of calls, for what the station has."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Generic, cast
from uuid import UUID

from pydantic import BaseModel

from cameras.resource import CAMERAS, CameraBody
from captures.capturing.answers import CaptureBody
from captures.experiments.resource import EXPERIMENTS, AccountBody, ExperimentBody
from captures.recordings.clips.answers import ClipBody, TimelineBody
from captures.sessions.answers import SessionBody, StartedBody
from captures.storage.archives.answers import ArchiveBody, ArchiveFileBody
from monitoring.alert_rules.resource import RULES
from monitoring.maintenance.resource import WINDOWS
from monitoring.notifications.resource import CHANNELS, NOTIFICATIONS, ROUTES, SILENCES
from monitoring.readings.answers import ReadingsBody
from monitoring.sensor_management.resource import SENSORS
from monitoring.webhooks.resource import WEBHOOKS
from skycam_client.api import ApiGroup, json_of, place, with_query
from skycam_client.calls import AnyClient, call, listing
from skycam_client.files import download, target_of
from skycam_client.live import LivePicture, live_pictures
from skycam_client.requests import API
from skycam_client.rows import Rows, resource_named
from skycam_client.steps import ManySteps, Send, Steps, Wait

OUTCOME_EVERY_S = 0.5


class Captures(ApiGroup[AnyClient]):
    @call
    def take(
        self, /, camera: str, wanted: BaseModel | None = None, *, wait: bool = True, idempotency_key: str = "",
        **fields: Any,
    ) -> Steps[CaptureBody]:  # fmt: skip
        """Take one picture: it is saved when this returns. Without `wait` it may be planned still. Taken once, however
        often the request had to be sent. CaptureNotSaved."""
        path, body = place("cameras", camera, "capture"), json_of(wanted, fields)
        found = yield from self._post(path, CaptureBody, body, key=idempotency_key)
        while wait and found.status == "planned":
            yield Wait(OUTCOME_EVERY_S)
            found = yield from self._get(place("captures", found.id), CaptureBody)
        return found

    @listing
    def list(self, /, **filters: Any) -> ManySteps[CaptureBody]:
        """Newest first, page by page. Filters: camera, session, experiment, status, simulated, from_, to, limit (of a
        page)."""
        yield from self._pages("captures/", CaptureBody, filters)

    @call
    def show(self, capture: UUID | str) -> Steps[CaptureBody]:
        return (yield from self._get(place("captures", capture), CaptureBody))

    @call
    def pin(self, capture: UUID | str, pinned: bool = True) -> Steps[CaptureBody]:
        return (yield from self._change("PATCH", place("captures", capture), CaptureBody, {"pinned": pinned}))

    @call
    def remove(self, capture: UUID | str) -> Steps[CaptureBody]:
        """Into the trash."""
        return (yield from self._change("DELETE", place("captures", capture), CaptureBody))

    @call
    def restore(self, capture: UUID | str) -> Steps[CaptureBody]:
        """Out of the trash."""
        return (yield from self._post(place("captures", capture, "restore"), CaptureBody))

    @call
    def download(self, capture: CaptureBody, to: str | Path, kind: str = "") -> Steps[Path]:
        """A file of the capture, the primary one without `kind`, as the file `to` or into the folder `to`. Its checksum
        is compared."""
        file = next((one for one in capture.files if kind in ("", one.kind)), None)
        if file is None:
            raise ValueError(f"The capture has no file {kind}. It has {[one.kind for one in capture.files]}.")
        target = target_of(to, file.filename)
        return (yield from download(file.url, target, file.sha256, self._client.retry_for_s))

    @call
    def thumbnail(self, capture: CaptureBody, size: int = 640) -> Steps[bytes]:
        """A JPEG whose longer side is about `size` pixels. ValueError for a capture without a picture."""
        if capture.thumbnail is None:
            raise ValueError("None of the files of this capture is a picture.")
        found = yield from self._send(Send("GET", with_query(capture.thumbnail, {"size": size})))
        return cast(bytes, found.content)


class Clips(ApiGroup[AnyClient]):
    @listing
    def list(self, /, **filters: Any) -> ManySteps[ClipBody]:
        """Newest first, page by page. Filters: camera, kind, experiment, pinned, interrupted, simulated, from_, to."""
        yield from self._pages("clips/", ClipBody, filters)

    @call
    def show(self, clip: UUID | str) -> Steps[ClipBody]:
        return (yield from self._get(place("clips", clip), ClipBody))

    @call
    def pin(self, clip: UUID | str, pinned: bool = True) -> Steps[ClipBody]:
        return (yield from self._change("PATCH", place("clips", clip), ClipBody, {"pinned": pinned}))

    @call
    def remove(self, clip: UUID | str) -> Steps[None]:
        """For good, with its file."""
        yield from self._remove(place("clips", clip))

    @call
    def timeline(self, /, camera: str, **between: Any) -> Steps[TimelineBody]:
        """When the camera has video: `from_`, `to` and `step`."""
        return (yield from self._get("clips/timeline/", TimelineBody, {"camera": camera, **between}))

    @call
    def download(self, clip: ClipBody, to: str | Path) -> Steps[Path]:
        """The file of the clip, as the file `to` or into the folder `to`. Its checksum is compared."""
        return (yield from download(clip.url, target_of(to, clip.filename), clip.sha256, self._client.retry_for_s))


class Sessions(ApiGroup[AnyClient]):
    @call
    def start(
        self, /, camera: str, wanted: BaseModel | None = None, *, idempotency_key: str = "", **fields: Any
    ) -> Steps[StartedBody]:
        path, body = place("cameras", camera, "start"), json_of(wanted, fields)
        return (yield from self._post(path, StartedBody, body, key=idempotency_key))

    @listing
    def list(self, /, **filters: Any) -> ManySteps[SessionBody]:
        """Newest first, page by page. Filters: camera, state, limit (of a page)."""
        yield from self._pages("sessions/", SessionBody, filters)

    @call
    def show(self, session: UUID | str) -> Steps[SessionBody]:
        return (yield from self._get(place("sessions", session), SessionBody))

    @call
    def stop(self, /, session: UUID | str, **fields: Any) -> Steps[SessionBody]:
        return (yield from self._post(place("sessions", session, "stop"), SessionBody, json_of(None, fields)))

    @call
    def pause(self, session: UUID | str) -> Steps[SessionBody]:
        return (yield from self._post(place("sessions", session, "pause"), SessionBody))

    @call
    def resume(self, session: UUID | str) -> Steps[SessionBody]:
        return (yield from self._post(place("sessions", session, "resume"), SessionBody))

    @call
    def hand_over(self, session: UUID | str, to: str) -> Steps[SessionBody]:
        """To another user, who holds the camera then."""
        return (yield from self._post(place("sessions", session, "hand-over"), SessionBody, {"to": to}))


class Cameras(Rows[AnyClient, CameraBody]):
    def __init__(self, client: AnyClient) -> None:
        super().__init__(client, CAMERAS)

    @call
    def status(self, camera: str) -> Steps[dict[str, Any]]:
        """What its host reports now: `observed`, `session`, `recorder` and others (docs/clients/cli.md)."""
        return (yield from self._get(place("cameras", camera, "status"), dict[str, Any]))

    @call
    def settings(self, /, camera: str, **fields: Any) -> Steps[dict[str, Any]]:
        """The desired and actual settings; settings that are given are changed first."""
        path = place("cameras", camera, "settings")
        if fields:
            return (yield from self._change("PATCH", path, dict[str, Any], fields))
        return (yield from self._get(path, dict[str, Any]))

    @call
    def control(self, /, camera: str, action: str, **fields: Any) -> Steps[dict[str, Any]]:
        """`connect`, `disconnect`, `take`, `release`, `record` or `stop-recording`."""
        return (yield from self._post(place("cameras", camera, action), dict[str, Any], json_of(None, fields)))


class Live(ApiGroup[AnyClient]):
    @call
    def picture(self, camera: str, quality: str = "medium") -> Steps[bytes]:
        """The newest picture, as JPEG. Quality: low, medium or high."""
        path = f"{API}{place('cameras', camera)}frame.jpg"
        found = yield from self._send(Send("GET", with_query(path, {"quality": quality})))
        return cast(bytes, found.content)

    @listing
    def pictures(self, camera: str, quality: str = "medium") -> ManySteps[LivePicture]:
        """Live pictures, until the program stops reading them. What a slow program has no time for is left out."""
        path = f"{API}{place('cameras', camera)}stream.mjpeg"
        yield from live_pictures(with_query(path, {"quality": quality}), self._client.retry_for_s)


class Experiments(Rows[AnyClient, ExperimentBody]):
    def __init__(self, client: AnyClient) -> None:
        super().__init__(client, EXPERIMENTS)

    @call
    def account(self, experiment: UUID | str) -> Steps[AccountBody]:
        """What it has of each camera, and what is missing."""
        return (yield from self._get(place("experiments", experiment, "account"), AccountBody))

    @call
    def archive(self, experiment: UUID | str, method: str = "copy") -> Steps[ArchiveBody]:
        """Make its archive, of copies or links; jobs do it, and `archives.show` says how far they are."""
        body = {"method": method}
        return (yield from self._post(place("experiments", experiment, "archive"), ArchiveBody, body))


class Archives(ApiGroup[AnyClient]):
    @listing
    def list(self, /, **filters: Any) -> ManySteps[ArchiveBody]:
        yield from self._pages("archives/", ArchiveBody, filters)

    @call
    def show(self, archive: UUID | str) -> Steps[ArchiveBody]:
        return (yield from self._get(place("archives", archive), ArchiveBody))

    @listing
    def files(self, /, archive: UUID | str, **filters: Any) -> ManySteps[ArchiveFileBody]:
        yield from self._pages(place("archives", archive, "files"), ArchiveFileBody, filters)

    @call
    def manifest(self, archive: UUID | str) -> Steps[dict[str, Any]]:
        return (yield from self._get(place("archives", archive, "manifest"), dict[str, Any]))

    @call
    def download(self, /, archive: UUID | str, to: str | Path, **filters: Any) -> Steps[Path]:
        """Its files as one ZIP file, which has their checksums. Filters: camera, kind, from_, to."""
        path = with_query(API + place("archives", archive, "zip"), filters)
        return (yield from download(path, target_of(to, f"{archive}.zip"), None, self._client.retry_for_s))


class Readings(ApiGroup[AnyClient]):
    @call
    def get(self, /, **filters: Any) -> Steps[ReadingsBody]:
        """What sensors measured, of the last day without `from_` and `to`. Filters: sensor, channel, quantity, bucket
        (seconds of a point), limit (points)."""
        return (yield from self._get("readings/", ReadingsBody, filters))


class Groups(Generic[AnyClient]):
    def __init__(self, client: AnyClient) -> None:
        self._client = client
        self.cameras = Cameras(client)
        self.live = Live(client)
        self.captures = Captures(client)
        self.clips = Clips(client)
        self.sessions = Sessions(client)
        self.experiments = Experiments(client)
        self.archives = Archives(client)
        self.readings = Readings(client)
        self.alert_rules = Rows(client, RULES)
        self.maintenance_windows = Rows(client, WINDOWS)
        self.notification_channels = Rows(client, CHANNELS)
        self.notification_routes = Rows(client, ROUTES)
        self.notifications = Rows(client, NOTIFICATIONS)
        self.sensors = Rows(client, SENSORS)
        self.silences = Rows(client, SILENCES)
        self.webhooks = Rows(client, WEBHOOKS)

    def rows(self, resource: str) -> Rows[AnyClient, Any]:
        """Those of any resource, by the name that begins the ids of its operations in OpenAPI, such as `webhooks`.
        KeyError."""
        return Rows(self._client, resource_named(resource))
