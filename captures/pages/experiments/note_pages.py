"""The forms that add notes and attachments to an experiment, on its page."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from captures.experiments.models import Experiment
from captures.experiments.resource import EXPERIMENTS
from captures.pages.experiments.forms import AttachmentForm, NoteForm
from captures.pages.experiments.pages import ExperimentPage
from core.pages.page import is_htmx_request
from core.resources.forms import ModelForm


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
