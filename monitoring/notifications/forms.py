"""The forms of channels and routes. A channel's form has the fields of its kind's settings."""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from django import forms
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from core.pages.forms import NAME_ATTRS, PageForm, validate_line
from monitoring.models import NotificationChannel, NotificationRoute
from monitoring.notifications.channels.base import is_secret
from monitoring.notifications.channels.kinds import channel_class
from monitoring.severity import Severity

KEEP = "Leave it empty to keep it."
LABELS = {
    "url": "Address", "user": "User", "sender": "From", "recipients": "To", "tls": "TLS", "chat_id": "Chat",
    "topic": "Topic", "discovery": "Home Assistant discovery", "discovery_prefix": "Discovery prefix",
    "access_token": "Access token",
}  # fmt: skip
HINTS = {"recipients": "Addresses, separated by spaces."}


class ChannelForm(PageForm):
    """A new channel, or the changes of one. A stored secret is never shown in its field."""

    ids = "channel-%s"
    wide = True
    name = forms.CharField(
        max_length=60, validators=[validate_line],
        widget=forms.TextInput(attrs={"placeholder": "who or what is notified", "autocomplete": "off"}),
        error_messages={"required": "Write a name.", "max_length": "A name may have at most 60 characters."},
    )  # fmt: skip

    def __init__(self, kind: str, data: Any = None, channel: NotificationChannel | None = None) -> None:
        self._model, self._channel = channel_class(kind).settings_model, channel
        shown = {**channel.settings_shown, "name": channel.name} if channel else {}
        super().__init__(data, initial={name: listed(value) for name, value in shown.items()})
        for name, field in self._fields_of_model().items():
            self.fields[name] = self._field(name, field)

    def _fields_of_model(self) -> dict[str, FieldInfo]:
        """Those that a form may set."""
        fixed = self._model.from_file_only
        return {name: field for name, field in self._model.model_fields.items() if name not in fixed}

    @property
    def file_only(self) -> dict[str, str]:
        """What the configuration file alone may set, as text."""
        return {name: listed(self.initial.get(name, "")) for name in self._model.from_file_only}

    def _field(self, name: str, field: FieldInfo) -> forms.Field:
        default = None if field.default is PydanticUndefined else field.default
        options: dict[str, Any] = {
            "label": LABELS.get(name, name.replace("_", " ").capitalize()),
            "required": default is None,
            "initial": self.initial.get(name, default),
            "help_text": HINTS.get(name, ""),
        }
        kind = field.annotation
        if get_origin(kind) is Literal:
            return forms.ChoiceField(choices=[(one, one) for one in get_args(kind)], **options)
        if kind is bool:
            return forms.BooleanField(**{**options, "required": False})
        if kind is int:
            return forms.IntegerField(**options)
        attrs = {"autocomplete": "off", **NAME_ATTRS}
        if not is_secret(field):
            return forms.CharField(max_length=2000, widget=forms.TextInput(attrs=attrs), **options)
        if self._channel is not None:
            options |= {"required": False, "help_text": KEEP}
        widget = forms.PasswordInput(attrs={**attrs, "autocomplete": "new-password"})
        return forms.CharField(max_length=2000, widget=widget, **{**options, "initial": ""})

    @property
    def settings(self) -> dict[str, Any]:
        """What the service gets: without secrets that are to be kept, and without empty fields that have a default."""
        found: dict[str, Any] = {}
        for name, field in self._fields_of_model().items():
            value = self.cleaned_data.get(name)
            if value in {None, ""} and (is_secret(field) or field.default != ""):
                continue
            is_list = get_origin(field.annotation) is list
            found[name] = str(value).replace(",", " ").split() if is_list else value
        return found


def listed(value: Any) -> Any:
    return " ".join(value) if isinstance(value, list) else value


CLOCK_ATTRS = {"placeholder": "22:00", "autocomplete": "off"}


def clock_field(label: str) -> forms.CharField:
    return forms.CharField(label=label, max_length=5, required=False, widget=forms.TextInput(attrs=CLOCK_ATTRS))


def number_field(label: str, initial: int, help_text: str = "") -> forms.IntegerField:
    return forms.IntegerField(label=label, initial=initial, min_value=0, help_text=help_text)


class RouteForm(PageForm):
    ids = "route-%s"
    wide = True
    name = forms.CharField(max_length=60, validators=[validate_line])
    channel = forms.ModelChoiceField(label="To", queryset=NotificationChannel.objects.all(), empty_label=None)
    position = number_field("Position", 0, "Routes are tried in this order. The first that matches is used.")
    enabled = forms.BooleanField(label="On", required=False, initial=True)
    continue_matching = forms.BooleanField(label="Try later routes too", required=False)
    severity = forms.ChoiceField(label="Lowest severity", choices=Severity, initial=Severity.WARNING)
    key_prefix = forms.CharField(
        label="Key begins with", max_length=120, required=False, validators=[validate_line],
        widget=forms.TextInput(attrs={"placeholder": "camera.", "autocomplete": "off", **NAME_ATTRS}),
    )  # fmt: skip
    camera = forms.CharField(label="Camera (id)", max_length=60, required=False, validators=[validate_line])
    host = forms.CharField(label="Host", max_length=64, required=False, validators=[validate_line])
    active_from = clock_field("Only from")
    active_until = clock_field("Only until")
    quiet_from = clock_field("Quiet from")
    quiet_until = clock_field("Quiet until")
    group_wait_s = number_field("Wait for a group, in seconds", 10)
    repeat_every_s = number_field("Repeat every, in seconds", 0, "0: no repetition.")
    escalate_after_s = number_field("Escalate after, in seconds", 0, "0: no escalation.")
    escalate_to = forms.ModelChoiceField(queryset=NotificationChannel.objects.all(), required=False)
    notify_resolved = forms.BooleanField(label="Tell when it is resolved", required=False, initial=True)
    attach_picture = forms.BooleanField(label="Attach a picture", required=False, initial=True)
    night_reports = forms.BooleanField(label="Reports of nights", required=False)

    def __init__(self, data: Any = None, route: NotificationRoute | None = None) -> None:
        columns = {name: getattr(route, name) for name in self.base_fields} if route else None
        super().__init__(data, initial=columns)

    @property
    def values(self) -> dict[str, Any]:
        """What the request model gets."""
        ids = {
            name: self.cleaned_data[name].pk if self.cleaned_data[name] else None for name in ("channel", "escalate_to")
        }
        return {**self.cleaned_data, **ids}
