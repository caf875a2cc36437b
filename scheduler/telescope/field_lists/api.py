"""What is done with a field list besides the operations of its resource. A date, a place or a rule makes the query of
a plan a dry run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from uuid import UUID

from django.core.exceptions import ValidationError
from django.urls import path
from drf_spectacular.utils import extend_schema
from pydantic import Field, model_validator
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from cameras.camera_view import actor
from cameras.models import Camera
from cameras.selectors import cameras_for, hidden_cameras
from captures.capturing.models import Capture
from captures.sessions.answers import SessionBody
from core.api.queries import Query
from core.idempotency.view import IdempotentView
from core.resources.resource import body_of
from scheduler.planning.rules import FIRST, LAST
from scheduler.telescope.field_lists import resource
from scheduler.telescope.field_lists.models import FieldList
from scheduler.telescope.field_lists.night_start import start_night
from scheduler.telescope.field_lists.nightly import end_nightly_start, set_nightly_start
from scheduler.telescope.field_lists.nights import evening_of, station_site
from scheduler.telescope.field_lists.resource import FIELD_LISTS, FieldText, NightOptions, ObserveRequest
from scheduler.telescope.field_lists.service import FieldListService
from scheduler.telescope.night.night_programme import Rule
from scheduler.telescope.night.plan_bodies import PlanBody
from scheduler.telescope.night.sky import TelescopeSite

if TYPE_CHECKING:
    from scheduler.telescope.field_lists.plans import NightProgress


class PlanQuery(Query):
    evening: Annotated[date | None, Field(ge=FIRST, le=LAST, description="its date; the present night")] = None
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    elevation: Annotated[float, Field(ge=-500, le=9000)] = 0.0
    rule: Rule = "priority"
    begin: Annotated[
        Literal["sunset", "now"],
        Field(description="`now`: the rest of the night, with what was observed until now."),
    ] = "sunset"

    @model_validator(mode="after")
    def _check_place(self) -> Self:
        if (self.latitude is None) != (self.longitude is None):
            raise ValueError("latitude and longitude belong together: give both or neither.")
        return self

    @property
    def site(self) -> TelescopeSite:
        """That of the station without a place. ValidationError (Django's) when it has no coordinates."""
        if self.latitude is None or self.longitude is None:
            return station_site()
        return TelescopeSite(self.latitude, self.longitude, self.elevation)


MOST_OBSERVATIONS = 1000


class FieldsView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=resource.FieldsBody)
    def get(self, request: Request, field_list: UUID) -> Response:
        """The fields in the order of the list, then those that were added for a night."""
        found = FieldList.objects.get(pk=field_list)
        return Response({"results": [body_of(resource.FieldBody, field) for field in found.fields.all()]})


class AddFieldsView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=FieldText, responses=resource.FieldListDetail)
    def post(self, request: Request, field_list: UUID) -> Response:
        """Add fields for the night, as an .add file does."""
        wanted = FieldText.model_validate(request.data)
        found = FieldList.objects.get(pk=field_list)
        return detail(FieldListService(request.user, actor(request)).add_fields(found, wanted.text), request)


class PreviewView(APIView):
    roles = {"POST": "viewer"}

    @extend_schema(request=FieldText, responses=resource.FieldListPreview)
    def post(self, request: Request, field_list: UUID) -> Response:
        """What this text would change: its errors, the fields, and the rest of the night. Nothing is stored."""
        wanted, found = FieldText.model_validate(request.data), FieldList.objects.get(pk=field_list)
        from scheduler.telescope.field_lists.plans import preview_change

        site, now = station_site(), datetime.now(UTC)
        change = preview_change(found, wanted.text, evening_of(site, now), site=site, now=now)
        return Response(body_of(resource.FieldListPreview, change))


class PlanView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(parameters=PlanQuery.parameters(), responses=resource.NightPlanBody)
    def get(self, request: Request, field_list: UUID) -> Response:
        """A whole night with the reason of each choice, in less than a second; it is never stored."""
        query: PlanQuery = PlanQuery.of(request)
        progress = progress_of(FieldList.objects.get(pk=field_list), query)
        hidden = hidden_captures(request.user, progress)
        observed = [
            body_of(resource.ObservationEntry, one) for one in progress.observed if one.capture_id not in hidden
        ]
        return Response({**body_of(PlanBody, progress.plan), "observed": observed})


class NextView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=resource.NextBody)
    def get(self, request: Request, field_list: UUID) -> Response:
        """The next choice of the present night, and why each other field is passed over."""
        found = FieldList.objects.get(pk=field_list)
        return Response(body_of(resource.NextBody, progress_of(found, PlanQuery(begin="now"))))


class ObservationsView(APIView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=resource.ObservationList)
    def get(self, request: Request, field_list: UUID) -> Response:
        """The newest observations of the list."""
        found = FieldList.objects.get(pk=field_list)
        hidden = hidden_cameras(request.user)
        newest = found.observations.exclude(capture__camera__in=hidden).order_by("-observed_at")[:MOST_OBSERVATIONS]
        return Response({"results": [body_of(resource.ObservationEntry, one) for one in newest]})


class ObserveView(IdempotentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=ObserveRequest, responses={201: SessionBody})
    def post(self, request: Request, field_list: UUID) -> Response:
        """Start the night of the list on the camera of a telescope: a session that ends at sunrise."""
        wanted, found = ObserveRequest.model_validate(request.data), FieldList.objects.get(pk=field_list)
        camera = camera_of(request.user, wanted.camera)
        session = start_night(
            found, camera, wanted, user=request.user, actor=actor(request), now=datetime.now(UTC),
            new_id=self.reserved_id,
        )  # fmt: skip
        return Response(body_of(SessionBody, session), 201, headers={"Location": f"/api/v1/sessions/{session.pk}/"})


class NightlyView(APIView):
    roles = {"PUT": "operator", "DELETE": "operator"}

    @extend_schema(request=NightOptions, responses=resource.FieldListDetail)
    def put(self, request: Request, field_list: UUID) -> Response:
        """Have each night of the list started on the camera of a telescope, from the present one on."""
        wanted, found = NightOptions.model_validate(request.data), FieldList.objects.get(pk=field_list)
        camera = camera_of(request.user, wanted.camera)
        set_nightly_start(found, camera, wanted, user=request.user, actor=actor(request), now=datetime.now(UTC))
        return detail(found, request)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, field_list: UUID) -> Response:
        """Start no further night by itself. One that runs goes on."""
        found = FieldList.objects.get(pk=field_list)
        end_nightly_start(found, user=request.user, actor=actor(request))
        return Response(status=204)


def detail(found: FieldList, request: Request) -> Response:
    return Response(FIELD_LISTS.done(FIELD_LISTS.operation("show"), found, request.user))


def progress_of(found: FieldList, query: PlanQuery) -> NightProgress:
    from scheduler.telescope.field_lists.plans import night_progress

    site, now = query.site, datetime.now(UTC)
    evening = query.evening or evening_of(site, now)
    return night_progress(found, evening, site=site, rule=query.rule, now=now if query.begin == "now" else None)


def hidden_captures(user: Any, progress: NightProgress) -> set[UUID]:
    """The captures of the night that the user may not see."""
    hidden = hidden_cameras(user)
    if not hidden:
        return set()
    observed = [one.capture_id for one in progress.observed]
    return {*Capture.objects.filter(pk__in=observed, camera__in=hidden).values_list("pk", flat=True)}


def camera_of(user: Any, slug: str) -> Camera:
    """ValidationError for a camera that the user may not see."""
    found = cameras_for(user).filter(slug=slug).first()
    if found is None:
        raise ValidationError({"camera": f"There is no camera {slug!r}."})
    return found


urlpatterns = [
    path("<uuid:field_list>/fields/", FieldsView.as_view()),
    path("<uuid:field_list>/add/", AddFieldsView.as_view()),
    path("<uuid:field_list>/preview/", PreviewView.as_view()),
    path("<uuid:field_list>/plan/", PlanView.as_view()),
    path("<uuid:field_list>/next/", NextView.as_view()),
    path("<uuid:field_list>/observations/", ObservationsView.as_view()),
    path("<uuid:field_list>/observe/", ObserveView.as_view()),
    path("<uuid:field_list>/nightly/", NightlyView.as_view()),
]
