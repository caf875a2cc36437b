"""The forms of experiments, whose fields are those of `captures.experiments.resource`."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import QueryDict

from cameras.selectors import cameras_for
from captures.experiments.models import Experiment
from captures.experiments.resource import (
    PLANNED,
    AttachmentRequest,
    ExperimentFields,
    ExperimentRequest,
    NoteRequest,
    ReasonBody,
)
from captures.experiments.service import default_values, fixed_fields
from core.pages import WAS
from core.resources.forms import ModelForm, TextField, text_of
from core.resources.sentences import title_of

ORDER = "It must be after the planned start."


class ExperimentForm(ModelForm):
    """Creates an experiment, or changes the fields of one that were edited: a field that was not edited would undo
    what another user has set since the form was opened."""

    ids = "experiment-%s"
    focus = "name"
    wide = False

    def __init__(self, user: Any, data: QueryDict | None = None, experiment: Experiment | None = None) -> None:
        self.experiment = experiment
        row = experiment or SimpleNamespace(**default_values(), operator=user.get_username())
        super().__init__(ExperimentFields if experiment else ExperimentRequest, data, row=row)
        self.fields["operator"].widget = forms.Select(choices=operators(row.operator))
        tags, own = (experiment.tag_names, list(experiment.places.all())) if experiment else ([], [])
        about = self.fields["tags"].help_text.replace(".", ", with commas between them.")
        self.fields["tags"] = TextField(tags_of, required=False, initial=", ".join(tags), help_text=about)
        shown = [place.camera.slug for place in own] or [one.slug for one in cameras_for(user) if one.primary]
        self.fields["cameras"] = forms.MultipleChoiceField(
            required=False, widget=forms.CheckboxSelectMultiple, initial=shown,
            choices=camera_choices(user, [place.camera for place in own]),
            error_messages={"invalid_choice": "There is no camera %(value)s."},
        )  # fmt: skip
        for field in self.fields.values():
            field.show_hidden_initial = True
        if experiment is not None and data is not None:
            # A field that was not shown is not changed.
            self.fields = {name: field for name, field in self.fields.items() if f"{WAS}{name}" in data}

    @property
    def fixed(self) -> frozenset[str]:
        """The fields that cannot be changed any more."""
        return fixed_fields(self.experiment) if self.experiment else frozenset()

    @property
    def may_change(self) -> bool:
        return len(self.fixed) < len(self.model.model_fields)

    @property
    def was(self) -> dict[str, Any]:
        """What the form showed when it was opened, of the fields that no widget of Django draws."""
        if not self.is_bound:
            return {name: self.fields[name].initial for name in ("cameras", *PLANNED)}
        data: Any = self.data
        return {"cameras": data.getlist(f"{WAS}cameras"), **{name: data.get(f"{WAS}{name}") for name in PLANNED}}

    def clean_cameras(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["cameras"]
        if not chosen:
            raise ValidationError("Choose at least one camera.")
        return chosen

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        begin, end = (values.get(name) for name in PLANNED)
        if begin and end and begin >= end:
            self.add_error("planned_end", ORDER)
        if self.experiment is not None:
            return super().given({name: values[name] for name in self.changed_data if name in values})
        # Empty: the station's default.
        return {name: value for name, value in values.items() if value not in (None, "")}

    def add_errors(self, error: ValidationError) -> None:
        """Those that the service found, which names fields as programs do."""
        if hasattr(error, "error_dict") and "planned_end" in error.error_dict:
            sentences = [sentence.replace("planned_start", "the planned start") for sentence in error.messages]
            error = ValidationError({"planned_end": sentences})
        super().add_errors(error)


def tags_of(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def operators(shown: str) -> list[tuple[str, str]]:
    """The users who may be the operator, and the one that the form shows."""
    users = get_user_model().objects.order_by("username")
    names = [user.get_username() for user in users if user.may("operator")]
    return [(name, name) for name in names + ([] if shown in names else [shown])]


def camera_choices(user: Any, own: list[Any]) -> list[tuple[str, str]]:
    """The cameras that the user may choose, and removed ones of the experiment."""
    names = {camera.slug: camera.name for camera in cameras_for(user)}
    return [*names.items(), *((one.slug, f"{one.name} (removed)") for one in own if one.slug not in names)]


class NoteForm(ModelForm):
    ids = "note-%s"

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(NoteRequest, data)


class AttachmentForm(ModelForm):
    ids = "attachment-%s"

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(AttachmentRequest, data)


class ReasonForm(ModelForm):
    ids = "abort-%s"
    focus = "reason"

    def __init__(self, data: QueryDict | None = None) -> None:
        super().__init__(ReasonBody, data)


def fixed_rows(experiment: Experiment) -> Mapping[str, str]:
    """Label and value of each field that cannot be changed any more."""
    words = {
        "cameras": ", ".join(place.camera.name for place in experiment.places.all()),
        "record": "all its cameras" if experiment.record else "nothing by itself",
        "tags": ", ".join(experiment.tag_names),
    }
    fixed = fixed_fields(experiment)
    shown = {
        title_of(name, about): words[name] if name in words else text_of(about, getattr(experiment, name))
        for name, about in ExperimentFields.model_fields.items()
        if name in fixed
    }
    return {title: text for title, text in shown.items() if text}
