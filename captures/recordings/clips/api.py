"""The routes of clips: list, show, pin, delete, and the time-line."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.visibility import camera_condition, camera_ids
from captures.recordings.clips.answers import ClipBody, ClipPage, TimelineBody
from captures.recordings.clips.models import Clip
from captures.recordings.clips.queries import ClipQuery, PinBody, TimelineQuery
from captures.recordings.clips.selectors import clips_for, known_until, overlapping
from captures.recordings.clips.services import delete_clip, pin_clip
from captures.recordings.clips.timeline import Span, Timeline, timeline
from core.api.paging import page
from core.resources.answers import body_of


class CameraTimeline(NamedTuple):
    camera: str
    span: Span
    timeline: Timeline


class ClipsView(APIView):
    """Clips, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="clips_list", parameters=ClipQuery.parameters(), responses=ClipPage)
    def get(self, request: Request) -> Response:
        query: ClipQuery = ClipQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | query.conditions()
        clips = overlapping(clips_for(request.user).filter(**conditions), query.from_, query.to)
        return Response(page(clips, query, request, "started_at", partial(body_of, ClipBody)))


class ClipView(APIView):
    roles = {"GET": "viewer", "PATCH": "operator", "DELETE": "manager"}

    @extend_schema(responses=ClipBody)
    def get(self, request: Request, clip: UUID) -> Response:
        return Response(body_of(ClipBody, self.clip(clip)))

    @extend_schema(request=PinBody, responses=ClipBody)
    def patch(self, request: Request, clip: UUID) -> Response:
        """Pin the clip, so that nothing deletes it, or unpin it."""
        found = self.clip(clip)
        wanted = PinBody.model_validate(request.data)
        pin_clip(found, wanted.pinned, actor(request))
        return Response(body_of(ClipBody, self.clip(clip)))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, clip: UUID) -> Response:
        """Delete the clip and its file for good. 409 while it is held or pinned."""
        delete_clip(self.clip(clip), actor(request))
        return Response(status=204)

    def clip(self, clip: UUID) -> Clip:
        return clips_for(self.request.user).get(pk=clip)


class TimelineView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=TimelineQuery.parameters(), responses=TimelineBody)
    def get(self, request: Request) -> Response:
        """When a camera has video. `video`: segments, each with the clip at its beginning; `lost`: clips that lost
        frames or were cut off, the first of each step; `gaps`: times without video of a step or more; `breaks`:
        shorter ones, if there are few clips. The clip being recorded is not included."""
        query: TimelineQuery = TimelineQuery.of(request)
        cameras = camera_ids(request.user, query.camera)
        span = Span(*query.ends, query.width)
        found = timeline(cameras, span, known_until(cameras))
        return Response(body_of(TimelineBody, CameraTimeline(query.camera, span, found)))
