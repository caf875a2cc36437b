"""The routes of experiments: create, change, start, complete, abort, notes, attachments, account."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cameras.camera_view import actor
from cameras.visibility import camera_ids
from captures.experiment_control.hosts import wake_hosts
from captures.experiment_control.queries import ExperimentPage
from captures.experiments.bodies import (
    AccountBody,
    AttachmentBody,
    ExperimentBody,
    NoteBody,
    ReleasedBody,
    account_body,
    attachment_body,
    experiment_body,
    experiment_url,
    note_body,
)
from captures.experiments.models import Experiment, ExperimentState
from captures.experiments.requests import (
    AttachmentRequest,
    ExperimentFields,
    ExperimentQuery,
    ExperimentRequest,
    NoteRequest,
    ReasonBody,
)
from captures.experiments.selectors import experiment_for, experiments_for, hidden_ids, matching
from captures.experiments.service import ExperimentService
from core.api.paging import page
from core.idempotency.view import IdempotentView


class ExperimentView(IdempotentView):
    """The base of the views of one experiment."""

    def experiment(self, request: Request) -> Experiment:
        return experiment_for(request.user, self.kwargs["experiment"])

    @staticmethod
    def service(request: Request) -> ExperimentService:
        return ExperimentService(request.user, actor(request))


class ExperimentsView(ExperimentView):
    """Experiments, newest first."""

    roles = {"GET": "viewer", "POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(operation_id="experiments_list", parameters=ExperimentQuery.parameters(), responses=ExperimentPage)
    def get(self, request: Request) -> Response:
        query: ExperimentQuery = ExperimentQuery.of(request)
        found = experiments_for(request.user).filter(**query.conditions())
        if query.camera is not None:
            found = found.filter(places__camera__in=camera_ids(request.user, query.camera)).distinct()
        if query.tag is not None:
            found = found.filter(tags__name=query.tag)
        if query.search is not None:
            found = matching(found, query.search)
        user, hidden = request.user, hidden_ids(request.user)
        return Response(page(found, query, request, "created_at", lambda one: experiment_body(one, user, hidden)))

    @extend_schema(request=ExperimentRequest, responses={201: ExperimentBody})
    def post(self, request: Request) -> Response:
        """Create an experiment. It is planned; with `planned_start` it begins by itself then."""
        wanted = ExperimentRequest.model_validate(request.data)
        experiment = self.service(request).create(wanted, new_id=self.reserved_id)
        return Response(
            experiment_body(experiment, request.user), 201, headers={"Location": experiment_url(experiment.pk)}
        )


class ExperimentDetailView(ExperimentView):
    roles = {"GET": "viewer", "PATCH": "operator"}

    @extend_schema(responses=ExperimentBody)
    def get(self, request: Request, experiment: UUID) -> Response:
        return Response(experiment_body(self.experiment(request), request.user))

    @extend_schema(request=ExperimentFields, responses=ExperimentBody)
    def patch(self, request: Request, experiment: UUID) -> Response:
        """Change the fields that are given. Cameras and what decides what is recorded can be changed while it is
        planned, `planned_end` while it runs, the rest until it is archived."""
        found = self.experiment(request)
        changed = self.service(request).change(found, ExperimentFields.model_validate(request.data))
        return Response(experiment_body(changed, request.user))


class ExperimentMoveView(ExperimentView):
    """Move the experiment to `state`. A state that it has already changes nothing."""

    roles = {"POST": "operator"}
    idempotent = {"POST"}
    state = ExperimentState.RUNNING

    def move(self, request: Request, experiment: Experiment, message: str = "") -> Response:
        moved = self.service(request).move(experiment, self.state, message=message)
        wake_hosts(moved)
        return Response(experiment_body(moved, request.user))


class ExperimentStartView(ExperimentMoveView):
    @extend_schema(request=None, responses=ExperimentBody)
    def post(self, request: Request, experiment: UUID) -> Response:
        """Start it: its cameras record. Answers at once; the account says from when there is video."""
        return self.move(request, self.experiment(request))


class ExperimentCompleteView(ExperimentMoveView):
    state = ExperimentState.COMPLETED

    @extend_schema(request=None, responses=ExperimentBody)
    def post(self, request: Request, experiment: UUID) -> Response:
        """Complete it. Its cameras record for the post-roll, then only for others that want it."""
        return self.move(request, self.experiment(request))


class ExperimentAbortView(ExperimentMoveView):
    state = ExperimentState.ABORTED

    @extend_schema(request=ReasonBody, responses=ExperimentBody)
    def post(self, request: Request, experiment: UUID) -> Response:
        """Abort it, without a post-roll. What was recorded stays."""
        found = self.experiment(request)
        return self.move(request, found, ReasonBody.model_validate(request.data).reason)


class ExperimentReleaseView(ExperimentView):
    roles = {"POST": "manager"}
    idempotent = {"POST"}

    @extend_schema(request=None, responses=ReleasedBody)
    def post(self, request: Request, experiment: UUID) -> Response:
        """Release the clips of an experiment that has ended, so that retention may delete them."""
        return Response(ReleasedBody(clips=self.service(request).release(self.experiment(request))))


class ExperimentAccountView(ExperimentView):
    roles = {"GET": "viewer"}

    @extend_schema(responses=AccountBody)
    def get(self, request: Request, experiment: UUID) -> Response:
        """What it has of each camera: time with video, gaps with their reasons, captures, sessions; and its notes."""
        return Response(account_body(self.experiment(request), request.user))


class ExperimentNotesView(ExperimentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=NoteRequest, responses={201: NoteBody})
    def post(self, request: Request, experiment: UUID) -> Response:
        """Add a note. Notes are never changed."""
        found = self.experiment(request)
        wanted = NoteRequest.model_validate(request.data)
        note = self.service(request).add_note(found, wanted.text, wanted.at, new_id=self.reserved_id)
        return Response(note_body(note), 201)


class ExperimentAttachmentsView(ExperimentView):
    roles = {"POST": "operator"}
    idempotent = {"POST"}

    @extend_schema(request=AttachmentRequest, responses={201: AttachmentBody})
    def post(self, request: Request, experiment: UUID) -> Response:
        """Attach a reference to something outside of the station."""
        found = self.experiment(request)
        wanted = AttachmentRequest.model_validate(request.data)
        added = self.service(request).add_attachment(found, wanted.label, wanted.reference, new_id=self.reserved_id)
        return Response(attachment_body(added), 201)
