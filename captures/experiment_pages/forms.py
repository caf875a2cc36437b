"""The forms of experiments. Their values become the requests of the API, which decide what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError as InvalidFields
from django.http import QueryDict
from pydantic import ValidationError

from cameras.selectors import cameras_for
from captures.experiments.models import MAX_NAME, Experiment
from captures.experiments.requests import (
    MAX_ROLL_S,
    MAX_TAGS,
    MAX_TEXT,
    AttachmentRequest,
    ExperimentFields,
    ExperimentRequest,
    NoteRequest,
    ReasonBody,
)
from captures.experiments.service import fixed_fields
from core.api.model import StrictModel
from core.pages.forms import WAS, PageForm, same_message
from core.pages.reader_time import reader_datetime
from core.station_settings.values import auto_recording_config
from core.templatetags.skycam import datetime_text
from core.times.datetimes import InvalidDateTime
from core.times.durations import InvalidDuration, parse_duration

TIMES = ("planned_start", "planned_end")
DURATIONS = ("pre_roll_s", "post_roll_s", "still_interval_s")
RULES = {
    "name": f"Write a name of 1 to {MAX_NAME} characters, in one line of plain text.",
    "method": "Write at most 200 characters, in one line of plain text.",
    "description": f"Write at most {MAX_TEXT:,} characters of plain text.",
    "operator": "Choose a user with the role operator.",
    "cameras": "Choose at least one camera.",
    "tags": f"Write at most {MAX_TAGS} tags of at most 60 characters, each once, with commas between them.",
    "planned_end": "It must be after the planned start.",
    "pre_roll_s": f"Write 0 to {MAX_ROLL_S / 60:.0f} min, such as 30 s.",
    "post_roll_s": f"Write 0 to {MAX_ROLL_S / 60:.0f} min, such as 30 s.",
    "still_interval_s": "Write 1 s to 24 h, such as 60 s.",
    "text": f"Write a note of at most {MAX_TEXT:,} characters of plain text.",
    "label": "Write 1 to 200 characters, in one line of plain text.",
    "reference": "Write 1 to 2,000 characters, in one line of plain text.",
    "reason": "Write at most 2,000 characters of plain text.",
}
"""What is allowed in a field, where the words of the API are for programs."""


class ModelForm(PageForm):
    """`request` is the validated request; None while the form has errors."""

    request_model: type[StrictModel]
    request: Any = None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        # Also with errors: the form shows those of all fields at once.
        request = self.validate(self.given(cleaned))
        self.request = None if self.errors else request
        return cleaned

    def given(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """The values of the request."""
        return cleaned

    def validate(self, given: dict[str, Any]) -> Any:
        try:
            return self.request_model.model_validate(given)
        except ValidationError as error:
            for item in error.errors():
                name = str(item["loc"][0]) if item["loc"] else ""
                if name not in self.errors:
                    self.add_error(name if name in self.fields else None, RULES.get(name, RULES["planned_end"]))
        return None


def text(**more: Any) -> forms.CharField:
    return forms.CharField(required=False, show_hidden_initial=True, **more)


class ExperimentForm(ModelForm):
    """Creates an experiment, or changes the fields of one that were edited: a field that was not edited would undo
    what another user has set since the form was opened."""

    request_model: type[StrictModel] = ExperimentRequest
    ids = "experiment-%s"
    focus = "name"
    name = text(help_text="what the experiment is about, such as Dew on mirror 3")
    method = text(help_text="how it is done, or the protocol")
    description = text(widget=forms.Textarea(attrs={"rows": 4}))
    operator = text(widget=forms.Select, help_text="it records in the name of this user")
    cameras = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, show_hidden_initial=True,
        error_messages={"invalid_choice": "There is no camera %(value)s."},
    )  # fmt: skip
    tags = text(help_text="words to find it by, with commas between them")
    planned_start = text(help_text="it begins by itself then; empty: when somebody starts it")
    planned_end = text(help_text="it ends by itself then; empty: when somebody completes it")
    record = forms.BooleanField(required=False, show_hidden_initial=True)
    pre_roll_s = text(
        label="Pre-roll", help_text="kept from rolling clips; only of cameras that record before the start"
    )
    post_roll_s = text(label="Post-roll", help_text="recorded after the end")
    still_interval_s = text(label="Still each", help_text="of cameras without a video stream, such as a DSLR")

    def __init__(self, user: Any, data: QueryDict | None = None, experiment: Experiment | None = None) -> None:
        self.experiment = experiment
        super().__init__(data, initial=shown_values(experiment) if experiment else first_values(user))
        self.fields["operator"].widget.choices = operators(self.initial["operator"])
        self.fields["cameras"].choices = camera_choices(user, experiment)  # type: ignore[attr-defined]
        if experiment is not None:
            self.request_model = ExperimentFields
            # A field that was not shown is not changed.
            shown = [name for name in self.fields if data is None or f"{WAS}{name}" in data]
            self.fields = {name: self.fields[name] for name in shown}

    @property
    def fixed(self) -> frozenset[str]:
        """The fields that cannot be changed any more."""
        return fixed_fields(self.experiment) if self.experiment else frozenset()

    @property
    def was(self) -> dict[str, Any]:
        """What the form showed when it was opened, of the fields that no widget of Django draws."""
        names = [f"{WAS}{name}" for name in TIMES]
        if not self.is_bound:
            return {"cameras": self.initial["cameras"], **{name: self.initial[name] for name in TIMES}}
        data: Any = self.data
        return {"cameras": data.getlist(f"{WAS}cameras"), **dict(zip(TIMES, map(data.get, names), strict=True))}

    def clean_cameras(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["cameras"]
        if not chosen:
            raise InvalidFields(RULES["cameras"])
        return chosen

    def clean_description(self) -> str:
        # Browsers send line breaks as two characters.
        return str(self.cleaned_data["description"]).replace("\r\n", "\n")

    def clean_tags(self) -> list[str]:
        return [name.strip() for name in self.cleaned_data["tags"].split(",") if name.strip()]

    def clean_planned_start(self) -> Any:
        return self._moment("planned_start")

    def clean_planned_end(self) -> Any:
        return self._moment("planned_end")

    def clean_pre_roll_s(self) -> float | None:
        return self._seconds("pre_roll_s")

    def clean_post_roll_s(self) -> float | None:
        return self._seconds("post_roll_s")

    def clean_still_interval_s(self) -> float | None:
        return self._seconds("still_interval_s")

    def given(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        begin, end = cleaned.get("planned_start"), cleaned.get("planned_end")
        if begin and end and begin >= end:
            self.add_error("planned_end", RULES["planned_end"])
        if self.experiment is not None:
            return {name: cleaned[name] for name in self.changed_data if name in cleaned}
        # Empty: the station's default.
        return {name: value for name, value in cleaned.items() if value not in (None, "")}

    def add_errors(self, error: InvalidFields) -> None:
        """Those that the service found, which names fields as programs do."""
        if hasattr(error, "error_dict") and "planned_end" in error.error_dict:
            sentences = [sentence.replace("planned_start", "the planned start") for sentence in error.messages]
            error = InvalidFields({"planned_end": sentences})
        super().add_errors(error)

    def _moment(self, name: str) -> Any:
        try:
            return reader_datetime(self.cleaned_data[name]) if self.cleaned_data[name] else None
        except InvalidDateTime as error:
            raise InvalidFields(str(error)) from None

    def _seconds(self, name: str) -> float | None:
        try:
            return parse_duration(self.cleaned_data[name]) if self.cleaned_data[name] else None
        except InvalidDuration:
            raise InvalidFields(RULES[name]) from None


def first_values(user: Any) -> dict[str, Any]:
    """Of the form that creates an experiment."""
    config = auto_recording_config()
    primary = [camera.slug for camera in cameras_for(user) if camera.primary]
    return {
        "operator": user.get_username(), "cameras": primary, "record": config.enabled, "planned_start": "",
        "planned_end": "", **{name: f"{getattr(config, name):g} s" for name in DURATIONS},
    }  # fmt: skip


def shown_values(experiment: Experiment) -> dict[str, Any]:
    names = ("name", "method", "description", "operator", "record")
    return {
        **{name: getattr(experiment, name) for name in names},
        **{name: f"{getattr(experiment, name):g} s" for name in DURATIONS},
        **{name: datetime_text(getattr(experiment, name)) for name in TIMES},
        "tags": ", ".join(tag.name for tag in experiment.tags.all()),
        "cameras": [place.camera.slug for place in experiment.places.all()],
    }


def operators(shown: str) -> list[tuple[str, str]]:
    """The users who may be the operator, and the one that the form shows."""
    users = get_user_model().objects.order_by("username")
    names = [user.get_username() for user in users if user.may("operator")]
    return [(name, name) for name in names + ([] if shown in names else [shown])]


def camera_choices(user: Any, experiment: Experiment | None) -> list[tuple[str, str]]:
    """The cameras that the user may choose, and removed ones of the experiment."""
    names = {camera.slug: camera.name for camera in cameras_for(user)}
    own = [place.camera for place in experiment.places.all()] if experiment else []
    return [*names.items(), *((one.slug, f"{one.name} (removed)") for one in own if one.slug not in names)]


class NoteForm(ModelForm):
    request_model = NoteRequest
    ids = "note-%s"
    wide = True
    text = forms.CharField(
        label="Note", error_messages=same_message(RULES["text"]), widget=forms.Textarea(attrs={"rows": 3})
    )
    at = forms.CharField(label="Time", required=False)

    def clean_at(self) -> Any:
        try:
            return reader_datetime(self.cleaned_data["at"]) if self.cleaned_data["at"] else None
        except InvalidDateTime as error:
            raise InvalidFields(str(error)) from None

    def given(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        return {**cleaned, "text": cleaned.get("text", "").replace("\r\n", "\n")}


class AttachmentForm(ModelForm):
    request_model = AttachmentRequest
    ids = "attachment-%s"
    wide = True
    label = forms.CharField(error_messages=same_message(RULES["label"]), help_text="such as Protocol")
    reference = forms.CharField(
        error_messages=same_message(RULES["reference"]),
        help_text="an address, a DOI, a path or a shelf mark; the station never opens it",
    )


class ReasonForm(ModelForm):
    request_model = ReasonBody
    ids = "abort-%s"
    focus = "reason"
    wide = True
    reason = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="it stands in the experiment and in the events",
    )

    def given(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        return {"reason": cleaned.get("reason", "").replace("\r\n", "\n").strip()}


def fixed_rows(experiment: Experiment) -> Mapping[str, str]:
    """Label and value of each field that cannot be changed any more."""
    values = shown_values(experiment) | {
        "cameras": ", ".join(place.camera.name for place in experiment.places.all()),
        "record": "all its cameras" if experiment.record else "nothing by itself",
    }
    fixed = fixed_fields(experiment)
    labels = {
        name: str(field.label or name.replace("_", " ").capitalize())
        for name, field in ExperimentForm.base_fields.items()
    }
    return {labels[name]: str(values[name]) for name in labels if name in fixed and values[name]}
