"""The form of a request: a field for each of the model's, which checks what a person writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import partial
from types import SimpleNamespace
from typing import Any, ClassVar

import pydantic
from annotated_types import MaxLen
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from core.pages import NAME_ATTRS, PageForm
from core.registry import resolve
from core.resources.fields import extra_of
from core.resources.sentences import read_text, sentence_of, title_of
from core.resources.values import Duration, Reference, choices_of, has_lines, is_time, marker_of, plain_type
from core.station_zone import reader_datetime
from core.times.durations import format_duration

LONGEST = 2000
KEEP = "Leave it empty to keep it."


class ModelForm(PageForm):
    """A form of the fields of a request, or of `names` of them. `row`: an existing one, whose values it shows. `fixed`:
    what the request has besides. After `is_valid`, `wanted` is the request; what the model refuses is said at its
    field, with what is allowed there."""

    wide = True
    wanted: Any

    def __init__(
        self,
        model: type[BaseModel],
        data: Any = None,
        *,
        user: Any = None,
        row: Any = None,
        fixed: Mapping[str, Any] | None = None,
        names: Iterable[str] = (),
    ) -> None:
        super().__init__(data)
        self.model, self._fixed = model, fixed or {}
        for name in names or model.model_fields:
            about = model.model_fields[name]
            if name not in self._fixed and not extra_of(about, "file_only"):
                self.fields[about.alias or name] = form_field(name, about, user, row)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or {}
        given = {**self.given(values), **self._fixed}
        # Also with errors: those of all fields are said at once. People write texts, also of a strict model.
        for model, part in self.checks(given):
            try:
                model.model_validate(part, strict=False)
            except pydantic.ValidationError as refused:
                self.refuse(model, refused)
        if not self.errors:
            self.wanted = self.model.model_validate(given, strict=False)
        return values

    def checks(self, given: dict[str, Any]) -> list[tuple[type[BaseModel], dict[str, Any]]]:
        """The models that the given values must fit, each with its part of them."""
        return [(self.model, given)]

    def refuse(self, model: type[BaseModel], refused: pydantic.ValidationError) -> None:
        """Say what is wrong, at fields of which nothing is said yet: what cannot be read is missing for the model."""
        said = {*self.errors}
        for error in refused.errors():
            name, sentence = sentence_of(model, error)
            shown_as = name and (model.model_fields[name].alias or name)
            if shown_as not in said and (shown_as in self.fields or not said):
                self.add_error(shown_as if shown_as in self.fields else None, sentence)

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return given_values(self.model, values)


class KindForm(ModelForm):
    """A form with the settings of a kind, which the request has as `settings`. `shown`: those of an existing row."""

    prefix_of_settings: ClassVar[str] = ""
    """Begins the names of their fields, where a setting may be called as a field of the request."""

    def __init__(
        self,
        model: type[BaseModel],
        settings: type[BaseModel],
        data: Any = None,
        *,
        shown: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(model, data, **more)
        self._settings, self._shown, self._is_new = settings, shown or {}, shown is None
        for name, about in settings.model_fields.items():
            if not extra_of(about, "file_only"):
                stored = None if shown is None else SimpleNamespace(**shown)
                self.fields[self.prefix_of_settings + name] = form_field(name, about, None, stored)

    @property
    def file_only(self) -> dict[str, str]:
        """What the configuration file alone may set, as text."""
        return {
            name: text_of(about, self._shown.get(name))
            for name, about in self._settings.model_fields.items()
            if extra_of(about, "file_only")
        }

    def given(self, values: Mapping[str, Any]) -> dict[str, Any]:
        names = {self.prefix_of_settings + name: name for name in self._settings.model_fields}
        settings = {names[shown_as]: value for shown_as, value in values.items() if shown_as in names}
        others = {name: value for name, value in values.items() if name not in names}
        given = given_values(self._settings, settings)
        emptied = [
            name for name in settings.keys() - given.keys() if not extra_of(self._settings.model_fields[name], "secret")
        ]
        # A change leaves what is missing as it is; what is needed cannot be emptied.
        needed = {} if self._is_new else dict.fromkeys(emptied)
        return {**super().given(others), "settings": {**given, **needed}}

    def add_errors(self, error: ValidationError) -> None:
        """Those of settings, which a service begins with the name, or with the name and a colon, go to their fields."""
        for sentence in error.error_dict.pop("settings", []) if hasattr(error, "error_dict") else []:
            for message in sentence.messages:
                name, _, words = message.partition(" ")
                shown_as = self.prefix_of_settings + name.removesuffix(":")
                is_known = shown_as in self.fields
                self.add_error(shown_as if is_known else None, words if is_known and name.endswith(":") else message)
        super().add_errors(error)


def given_values(model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    """What is empty has its default; a secret that is empty keeps the stored one."""
    found = dict(values)
    for name, about in model.model_fields.items():
        shown_as = about.alias or name
        if found.get(shown_as, "") not in (None, "", []):
            continue
        found.pop(shown_as, None)
        if shown_as in values and not about.is_required() and not extra_of(about, "secret"):
            found[shown_as] = about.get_default(call_default_factory=True)
    return found


def form_field(name: str, about: FieldInfo, user: Any, row: Any) -> forms.Field:
    default = None if about.is_required() else about.get_default(call_default_factory=True)
    value = default if row is None else getattr(row, name, default)
    # What is missing or wrong is found by the model, which says what to write.
    options: dict[str, Any] = {
        "label": title_of(name, about),
        "required": False,
        "initial": value,
        "help_text": hint_of(about, row),
    }
    kind, reference, choices = plain_type(about.annotation), marker_of(about, Reference), choices_of(about)
    if reference is not None:
        return RowField(queryset=resolve(reference.resource).all_rows(user), **options)
    if choices:
        return forms.ChoiceField(choices=[(one, one) for one in choices], **options)
    if kind is bool:
        return forms.BooleanField(**options)
    attrs = {"autocomplete": "off", "placeholder": extra_of(about, "example") or "", **NAME_ATTRS}
    if extra_of(about, "secret"):
        options |= {"initial": "", "help_text": options["help_text"] if row is None else KEEP}
        hidden = forms.PasswordInput(attrs={**attrs, "autocomplete": "new-password"})
        return forms.CharField(max_length=LONGEST, strip=False, widget=hidden, **options)
    if has_lines(about):
        return TextField(in_lines, widget=forms.Textarea(attrs={**attrs, "rows": 4}), **options)
    is_number = kind in (int, float) and marker_of(about, Duration) is None
    widget = forms.TextInput(attrs={**attrs, "inputmode": "decimal"} if is_number else attrs)
    found = TextField(
        parser_of(about), max_length=LONGEST, widget=widget, **{**options, "initial": text_of(about, value)}
    )
    if kind is str and (limit := marker_of(about, MaxLen)):
        found.widget.attrs["maxlength"] = limit.max_length
    return found


def hint_of(about: FieldInfo, row: Any) -> str:
    unset = extra_of(about, "unset")
    return f"{about.description or ''} {f'Empty: {unset}.' if unset and row is None else ''}".strip()


class RowField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Chooses a row by its name. Its value is the id."""

    def clean(self, value: Any) -> Any:
        row = super().clean(value)
        return None if row is None else row.pk


class TextField(forms.CharField):
    """A text, or what `parse` makes of it. The errors of `parse` are ValueErrors with a sentence."""

    def __init__(self, parse: Callable[[str], Any], **options: Any) -> None:
        super().__init__(**options)
        self._parse = parse

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return self._parse(text) if text else None
        except ValueError as error:
            raise ValidationError(str(error)) from None


def in_lines(text: str) -> str:
    # Browsers send line breaks as two characters.
    return text.replace("\r\n", "\n")


def parser_of(about: FieldInfo) -> Callable[[str], Any]:
    return reader_datetime if is_time(about) else partial(read_text, about)


def text_of(about: FieldInfo, value: Any) -> str:
    """A value as a person writes it."""
    if value is None:
        return ""
    if marker_of(about, Duration) is not None:
        return format_duration(value)
    if isinstance(value, datetime):
        return f"{timezone.localtime(value):%Y-%m-%d %H:%M:%S}"
    if isinstance(value, list):
        return " ".join(value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
