"""What the forms of sensors and channels have beyond those that are derived from their requests."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.boundfield import BoundField

from core.pages.forms import UnitInput
from core.resources.forms import KindForm, ModelForm
from monitoring.models import SensorChannel
from monitoring.sensor_management.hosts import host_names
from monitoring.sensor_management.resource import ChannelChange

PREFIX = "set_"


class SensorForm(KindForm):
    """A new sensor of a kind, the changes of one, or settings to try."""

    ids = "sensor-%s"
    prefix_of_settings = PREFIX

    def __init__(self, *given: Any, row: Any = None, **more: Any) -> None:
        super().__init__(*given, row=row, **more)
        known = {*host_names(), *([row.host] if row else [])}
        self.fields["host"].widget = forms.Select(choices=[(name, name) for name in sorted(known)])
        if interval := self.fields.get("interval_s"):
            interval.widget = UnitInput("s", {"inputmode": "decimal"})
            require(interval, "Write the seconds between two readings.")

    @property
    def setting_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith(PREFIX)]


class ChannelForm(ModelForm):
    """The name, the limits and the calibration of a channel."""

    ids = "channel-%s"

    def __init__(self, channel: SensorChannel, data: Any = None) -> None:
        names = [name for name in ChannelChange.model_fields if name != "main" or channel.quantity == "temperature"]
        super().__init__(ChannelChange, data, row=channel, names=names)
        self.fields["label"].help_text = f"empty: {channel.device_label or channel.key}"
        for name in ("lowest", "highest", "offset"):
            self.fields[name].widget = UnitInput(channel.unit.unit, {"inputmode": "text", "autocomplete": "off"})
        require(self.fields["offset"], "Write a number; 0 for no correction.")


def require(field: forms.Field, sentence: str) -> None:
    """An empty field has no default."""
    field.required, field.error_messages["required"] = True, sentence
