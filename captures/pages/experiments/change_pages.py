"""Pages that change an experiment: add, edit, move, abort, note, attach, archive."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

import uuid6
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from captures.days import parse_id
from captures.experiments.models import Experiment
from captures.experiments.resource import EXPERIMENTS, ReasonBody
from captures.experiments.selectors import check_sees_all
from captures.experiments.service import WrongState
from captures.pages.experiments.forms import AttachmentForm, ExperimentForm, NoteForm, ReasonForm, fixed_rows
from captures.pages.experiments.pages import ExperimentPage, ExperimentPageBase
from captures.roots.roots import UnusableRoot
from captures.storage.archives.selectors import archives_for
from captures.storage.archives.services import request_archive
from captures.storage.archives.verification import request_verification
from core.pages import is_htmx_request, message_response
from core.resources.forms import ModelForm


class AddExperimentPage(ExperimentPageBase):
    roles = {"GET": "operator", "POST": "operator"}
    template = "experiments/edit.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._form(ExperimentForm(request.user), uuid6.uuid7())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Create the experiment once, however often the form is sent: the form has its id."""
        pk = parse_id(request.POST.get("id", "")) or uuid6.uuid7()
        if Experiment.objects.filter(pk=pk).exists():
            return redirect("experiment", pk)
        form = ExperimentForm(request.user, request.POST)
        if not form.is_valid():
            return self._form(form, pk, 400)
        try:
            created = self.service.create(form.wanted, new_id=pk)
        except ValidationError as error:
            form.add_errors(error)
            return self._form(form, pk, 400)
        except IntegrityError:
            if Experiment.objects.filter(pk=pk).exists():
                return redirect("experiment", pk)
            raise
        return self._created(created)

    def _created(self, experiment: Experiment) -> HttpResponse:
        messages.success(self.request, f"{experiment.name} was created.")
        if "start" in self.request.POST:
            try:
                self.service.start(experiment)
            except WrongState as error:
                messages.error(self.request, str(error))
        return redirect("experiment", experiment.pk)

    def _form(self, form: ExperimentForm, pk: UUID, status: int = 200) -> HttpResponse:
        return self.render({"form": form, "pk": pk}, status=status)


class EditExperimentPage(ExperimentPageBase):
    roles = {"GET": "operator", "POST": "operator"}
    template = "experiments/edit.html"

    def get(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        found = self.experiment()
        check_sees_all(self.request.user, found)
        return self._form(ExperimentForm(request.user, experiment=found), found)

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        """Change the edited fields, and no others."""
        found = self.experiment()
        check_sees_all(self.request.user, found)
        form = ExperimentForm(request.user, request.POST, found)
        if not form.is_valid():
            return self._form(form, found, 400)
        try:
            changed = self.service.change(found, form.wanted) if form.changed_data else found
        except ValidationError as error:
            form.add_errors(error)
            return self._form(form, found, 400)
        except WrongState as error:
            # It has moved since the form was opened.
            return self._form(ExperimentForm(request.user, experiment=self.experiment()), found, 409, str(error))
        messages.success(request, f"{changed.name} was changed." if form.changed_data else "Nothing was changed.")
        return redirect("experiment", found.pk)

    def _form(self, form: ExperimentForm, experiment: Experiment, status: int = 200, refusal: str = "") -> HttpResponse:
        context = {"form": form, "experiment": experiment, "fixed": fixed_rows(experiment), "refusal": refusal}
        return self.render(context, status=status)


class MoveExperimentPage(ExperimentPageBase):
    """Does the operation that is named `move`."""

    roles = {"POST": "operator"}
    move: ClassVar[str] = ""

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        return self.act()

    def act(self, *wanted: ReasonBody) -> HttpResponse:
        operation = EXPERIMENTS.operation(self.move)
        try:
            EXPERIMENTS.run(operation, self.request.user, self.actor, self.experiment(), *wanted)
        except WrongState as error:
            return message_response(self.request, "bad", str(error))
        return message_response(self.request, "ok", operation.said)


class AbortExperimentPage(MoveExperimentPage):
    """Asks for a reason before it aborts the experiment, in a dialog or as a page of its own."""

    roles = {"GET": "operator", "POST": "operator"}
    template = "experiments/abort.html"
    move = "abort"

    def get(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        return self._form(ReasonForm())

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        form = ReasonForm(request.POST)
        if not form.is_valid():
            return self._form(form, 400)
        answer = self.act(form.wanted)
        if not is_htmx_request(request):
            return redirect("experiment", experiment)
        # The form in the dialog targets itself; the message belongs to the page.
        answer.headers["HX-Retarget"] = "#said-experiment"
        answer.headers["HX-Reswap"] = "innerHTML"
        return answer

    def _form(self, form: ReasonForm, status: int = 200) -> HttpResponse:
        template = "experiments/_abort.html" if is_htmx_request(self.request) else self.template
        context: dict[str, Any] = {"form": form, "experiment": self.experiment()}
        return self.render(context, template, status)


class AddToExperimentPage(ExperimentPage):
    """Without JavaScript the whole page comes back, with the errors of its form."""

    roles = {"POST": "operator"}
    form_class: ClassVar[type[NoteForm | AttachmentForm]]
    name: ClassVar[str]
    """Of the operation."""
    form_name: ClassVar[str]
    form_template: ClassVar[str]

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        found, form = self.experiment(), self.form_class(request.POST)
        if not form.is_valid():
            return (
                self._form(found, form, 400) if is_htmx_request(request) else self.show(400, **{self.form_name: form})
            )
        EXPERIMENTS.run(EXPERIMENTS.operation(self.name), request.user, self.actor, found, form.wanted)
        if not is_htmx_request(request):
            return redirect("experiment", found.pk)
        answer = self._form(found, self.form_class())
        answer.headers["HX-Trigger"] = "acted"
        return answer

    def _form(self, experiment: Experiment, form: ModelForm, status: int = 200) -> HttpResponse:
        return self.render({"experiment": experiment, self.form_name: form}, self.form_template, status)


class ExperimentNotesPage(AddToExperimentPage):
    name = "notes"
    form_class = NoteForm
    form_name = "note_form"
    form_template = "experiments/_note_form.html"


class ExperimentAttachmentsPage(AddToExperimentPage):
    name = "attachments"
    form_class = AttachmentForm
    form_name = "attachment_form"
    form_template = "experiments/_attachment_form.html"


class ArchiveExperimentPage(ExperimentPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        """Archive it, or what it has got since."""
        try:
            request_archive(self.experiment(), actor=self.actor, user=request.user)
        except UnusableRoot as error:
            return message_response(request, "bad", str(error))
        return message_response(request, "ok", "The experiment is being archived.")


class VerifyArchivePage(ExperimentPageBase):
    roles = {"POST": "operator"}

    def post(self, request: HttpRequest, experiment: UUID) -> HttpResponse:
        """Read all files of its archive again."""
        archive = archives_for(request.user).filter(experiment=self.experiment()).first()
        if archive is None:
            return message_response(request, "bad", "The experiment has no archive yet. Archive it first.")
        request_verification(archive, self.actor, user=request.user)
        return message_response(request, "ok", "The archive is being verified. Its progress is on the page Jobs.")
