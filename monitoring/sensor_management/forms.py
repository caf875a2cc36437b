"""The forms of sensors and channels. Those of a sensor's settings are made of the model of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms.boundfield import BoundField

from core.pages.forms import NAME_ATTRS, PageForm, UnitInput, same_message, validate_line
from core.resources.forms import form_field
from monitoring.models import Sensor, SensorChannel
from monitoring.sensors.kinds import driver_class
from monitoring.sensors.settings import settings_model

PREFIX = "set_"
"""Of the fields of settings: a setting may be called as another field."""
LINE = forms.TextInput(attrs={"autocomplete": "off", **NAME_ATTRS})


class SensorForm(PageForm):
    """A new sensor of a kind, or the changes of one. A secret is never shown in its field."""

    ids = "sensor-%s"
    wide = True
    name = forms.CharField(
        label="Name", max_length=40, widget=LINE,
        help_text="lower-case letters, digits and hyphens; cannot be changed later",
        error_messages=same_message("A name has 1 to 40 lower-case letters, digits and hyphens."),
    )  # fmt: skip
    label = forms.CharField(
        label="Display name", max_length=80, required=False, validators=[validate_line],
        help_text="shown on all pages; empty: same as the name", widget=LINE,
        error_messages=same_message("A display name has at most 80 characters."),
    )  # fmt: skip
    host = forms.CharField(max_length=60, widget=forms.Select, error_messages=same_message("Choose a host."))
    interval_s = forms.FloatField(
        label="Interval", min_value=0, max_value=86_400, widget=UnitInput("s", {"inputmode": "decimal"}),
        error_messages={"required": "Write the seconds between two readings.", "invalid": "Write a number."},
    )  # fmt: skip

    def __init__(
        self, kind: str, hosts: list[str], data: Any = None, sensor: Sensor | None = None, initial: Any = None
    ) -> None:
        self.kind, self.sensor, self.model = kind, sensor, settings_model(kind)
        first = {"interval_s": max(2.0, driver_class(kind).shortest_interval_s), **(initial or {})}
        if sensor:
            first = {"label": sensor.label, "host": sensor.host, "interval_s": sensor.interval_s}
        super().__init__(data, initial=first)
        names = sorted({*hosts, *([sensor.host] if sensor else [])})
        self.fields["host"].widget.choices = [(name, name) for name in names]
        if sensor:
            del self.fields["name"]
        stored = SimpleNamespace(**sensor.settings) if sensor else None
        for name, about in self.model.model_fields.items():
            if name not in self.file_only:
                self.fields[f"{PREFIX}{name}"] = form_field(name, about, None, stored)

    @property
    def file_only(self) -> list[str]:
        return self.model.file_only_fields()

    @property
    def setting_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]

    @property
    def setting_errors(self) -> list[str]:
        """What is wrong with the settings and the host, for a test, which needs no name."""
        fields = [*self.setting_fields, self["host"]]
        return [str(message) for field in fields for message in field.errors]

    @property
    def settings(self) -> dict[str, Any]:
        """As requests have them: an empty field is the default, and an empty secret is kept."""
        found = {one.name.removeprefix(PREFIX): self.cleaned_data.get(one.name) for one in self.setting_fields}
        secrets = self.model.secret_fields()
        return {name: value for name, value in found.items() if value or name not in secrets}

    def add_errors(self, error: ValidationError) -> None:
        """A sentence about a setting begins with its name, and goes to its field."""
        by_field: Mapping[str, Any] = error.message_dict if hasattr(error, "error_dict") else {"": error.messages}
        for name, messages in by_field.items():
            for message in messages:
                self.add_error(self._field_of(name, message), message)

    def _field_of(self, name: str, message: str) -> str | None:
        field = f"{PREFIX}{message.partition(' ')[0]}" if name == "settings" else name
        return field if field in self.fields else None


class ChannelForm(PageForm):
    """The name, the limits and the calibration of a channel."""

    ids = "channel-%s"
    wide = True
    label = forms.CharField(
        label="Display name", max_length=80, required=False, validators=[validate_line], widget=LINE,
        error_messages=same_message("A display name has at most 80 characters."),
    )  # fmt: skip
    lowest = forms.FloatField(label="Lower limit", required=False, help_text="Lower values are marked as implausible.")
    highest = forms.FloatField(
        label="Upper limit", required=False, help_text="Higher values are marked as implausible."
    )
    offset = forms.FloatField(
        help_text="Added to each value from now on: what a reference shows minus what the sensor shows.",
        error_messages={"required": "Write a number; 0 for no correction."},
    )
    main = forms.BooleanField(label="The temperature of the site", required=False)
    hidden = forms.BooleanField(label="Leave it out of the dashboard", required=False)

    def __init__(self, channel: SensorChannel, data: Any = None) -> None:
        self.channel = channel
        names = ("label", "lowest", "highest", "offset", "main", "hidden")
        super().__init__(data, initial={name: getattr(channel, name) for name in names})
        unit = channel.unit.unit
        self.fields["label"].help_text = f"empty: {channel.device_label or channel.key}"
        for name in ("lowest", "highest", "offset"):
            self.fields[name].widget = UnitInput(unit, {"inputmode": "text", "autocomplete": "off"})
        if channel.quantity != "temperature":
            del self.fields["main"]
