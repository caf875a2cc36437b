"""The routes of clips: list, show, pin, delete, and the time-line."""

from __future__ import annotations

from typing import TypedDict
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.visibility import camera_condition, camera_ids
from captures.clips.bodies import ClipBody, clip_body
from captures.clips.models import Clip
from captures.clips.queries import ClipPage, ClipQuery, PinBody, TimelineQuery
from captures.clips.selectors import clips_for, known_until, overlapping
from captures.clips.services import delete_clip, pin_clip
from captures.clips.timeline import Row, Span, Timeline, timeline
from core.api.paging import page
from core.times.timestamps import stamp

SegmentBody = TypedDict("SegmentBody", {"from": str, "to": str, "clip": str})
LossBody = TypedDict("LossBody", {"from": str, "to": str, "clip": str, "lost_frames": int | None, "interrupted": bool})
GapBody = TypedDict("GapBody", {"from": str, "to": str})
TimelineBody = TypedDict(
    "TimelineBody",
    {
        "camera": str, "from": str, "to": str, "step_s": float,
        "video": list[SegmentBody], "lost": list[LossBody], "gaps": list[GapBody], "breaks": list[GapBody],
    },
)  # fmt: skip


class ClipsView(APIView):
    """Clips, newest first."""

    roles = {"GET": "viewer"}

    @extend_schema(operation_id="clips_list", parameters=ClipQuery.parameters(), responses=ClipPage)
    def get(self, request: Request) -> Response:
        query: ClipQuery = ClipQuery.of(request)
        conditions = camera_condition(request.user, query.camera) | query.conditions()
        clips = overlapping(clips_for(request.user).filter(**conditions), query.from_, query.to)
        return Response(page(clips, query, request, "started_at", clip_body))


class ClipView(APIView):
    roles = {"GET": "viewer", "PATCH": "operator", "DELETE": "manager"}

    @extend_schema(responses=ClipBody)
    def get(self, request: Request, clip: UUID) -> Response:
        return Response(clip_body(self.clip(clip)))

    @extend_schema(request=PinBody, responses=ClipBody)
    def patch(self, request: Request, clip: UUID) -> Response:
        """Pin the clip, so that nothing deletes it, or unpin it."""
        found = self.clip(clip)
        wanted = PinBody.model_validate(request.data)
        pin_clip(found, wanted.pinned, actor(request))
        return Response(clip_body(self.clip(clip)))

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
        return Response(timeline_body(query.camera, span, found))


def timeline_body(camera: str, span: Span, found: Timeline) -> TimelineBody:
    return {
        "camera": camera,
        "from": stamp(span.begin),
        "to": stamp(span.end),
        "step_s": span.step.total_seconds(),
        "video": [{"from": stamp(one.begin), "to": stamp(one.end), "clip": str(one.clip)} for one in found.video],
        "lost": [loss_body(clip) for clip in found.lost],
        "gaps": [{"from": stamp(begin), "to": stamp(end)} for begin, end in found.gaps],
        "breaks": [{"from": stamp(begin), "to": stamp(end)} for begin, end in found.breaks],
    }


def loss_body(clip: Row) -> LossBody:
    return {
        "from": stamp(clip.started_at),
        "to": stamp(clip.ended_at),
        "clip": str(clip.id),
        "lost_frames": clip.lost_frames,
        "interrupted": clip.interrupted,
    }
