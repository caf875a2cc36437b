"""The forms of a new destination of off-site copies, one for each kind. Their values become the request of the API."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from pydantic import ValidationError as Refused

from captures.offsite.destinations.settings import SECRETS, SETTINGS
from captures.offsite.models import DestinationKind
from captures.offsite.requests import COPIED, DestinationRequest
from captures.storage_pages.labels import CLASS_LABELS
from core.api.constraints import describe_error
from core.api.model import StrictModel
from core.pages.forms import NAME_ATTRS, PageForm, UnitInput

MEGABYTE = 1_000_000
HOURS = "Write both times such as 22:00 and 06:00, or neither."
RULES = {
    "name": "Write a name of 1 to 100 characters, in one line of plain text.",
    "classes": "Choose at least one class of files.",
    "begin": HOURS,
    "end": HOURS,
    "endpoint": "Write it as https://s3.example.org or http://192.168.1.20:9000, without a user and a path.",
    "bucket": "Write the name of the bucket: 2 to 63 letters, digits, dots and hyphens.",
    "region": "Write a region such as us-east-1.",
    "access_key": "Write the access key.",
    "secret_key": "Write the secret key.",
    "host": "Write a name or an address.",
    "port": "Write a number from 1 to 65535.",
    "user": "Write the user.",
}
"""What is allowed in a field, where the words of the API are for programs."""


def line(**more: Any) -> forms.CharField:
    return forms.CharField(
        required=False, max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off", **NAME_ATTRS}), **more,
    )  # fmt: skip


def password(**more: Any) -> forms.CharField:
    """A field that is never shown with its value."""
    return forms.CharField(
        required=False, max_length=500, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}), **more,
    )  # fmt: skip


class SecretText(forms.Textarea):
    """Never shown with its value, as a password is not."""

    def format_value(self, value: Any) -> None:
        return None


class DestinationForm(PageForm):
    """What all kinds have. `request` is the validated request; None while the form has errors."""

    ids = "destination-%s"
    wide = True
    kind: ClassVar[DestinationKind]
    places: ClassVar[tuple[str, ...]]
    """The fields of the settings of this kind."""
    secrets: ClassVar[tuple[str, ...]] = ()
    request: DestinationRequest | None = None

    name = forms.CharField(
        required=False, max_length=100, widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="by which pages, alerts and commands call it",
    )  # fmt: skip
    classes = forms.MultipleChoiceField(
        label="Files", required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(name, CLASS_LABELS[name]) for name in COPIED],
    )  # fmt: skip
    keep_local = forms.BooleanField(
        label="No file is deleted here before its copy is verified", required=False, initial=True
    )
    limit = forms.DecimalField(
        required=False, min_value=0, max_value=1_000_000, widget=UnitInput("MB/s"),
        help_text="of each host; empty: no limit",
        error_messages=dict.fromkeys(("invalid", "min_value", "max_value"), "Write a number of MB/s, or nothing."),
    )  # fmt: skip
    begin = line(label="From", help_text="by the site's clock, such as 22:00; empty: at all hours")
    end = line(label="To")

    @property
    def own_fields(self) -> list[Any]:
        """Those of its kind, in order."""
        return [self[name] for name in (*self.places, *self.secrets)]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        given = self._given(cleaned)
        # Only the hours depend on each other.
        self._check(DestinationRequest, given, "begin")
        self._check(SETTINGS[self.kind], given["settings"], self.places[0])
        self._check(SECRETS[self.kind], given["secret"] or {}, "password")
        self.request = None if self.errors else DestinationRequest.model_validate(given)
        return cleaned

    def _check(self, model: type[StrictModel], given: dict[str, Any], together: str) -> None:
        """Add the errors of all fields at once. `together`: the field of an error that is about several."""
        try:
            model.model_validate(given)
        except Refused as error:
            for item in error.errors(include_input=False):
                name = str(item["loc"][0]) if item["loc"] else together
                if name in self.fields and name not in self.errors:
                    self.add_error(name, RULES.get(name, describe_error(item)))

    def _given(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        limit = cleaned.get("limit")
        return {
            "kind": self.kind,
            "settings": self._filled(cleaned, self.places),
            "secret": self._filled(cleaned, self.secrets) or None,
            "bytes_per_s": None if limit is None else int(limit * MEGABYTE),
            **{name: cleaned.get(name) for name in ("name", "classes", "keep_local", "begin", "end")},
        }

    def _filled(self, cleaned: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
        return {name: value for name in names if (value := cleaned.get(name)) not in ("", None)}

    def add_refusal(self, error: ValidationError) -> None:
        """What the service refused: a name that is taken, or a place that can never be used."""
        for name, sentences in error.message_dict.items():
            for sentence in sentences:
                self.add_error(self.places[0] if name == "settings" else name, sentence)


class FolderForm(DestinationForm):
    kind, places = DestinationKind.FOLDER, ("path",)
    path = forms.CharField(
        label="Folder", max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off", **NAME_ATTRS}),
        help_text="on another disk, such as /mnt/copies; the same on each host that has files",
        error_messages={"required": "Write the whole path, such as /mnt/copies, without dots."},
    )  # fmt: skip


class S3Form(DestinationForm):
    kind, secrets = DestinationKind.S3, ("secret_key",)
    places = ("endpoint", "bucket", "prefix", "region", "path_style", "access_key")
    endpoint = line(label="Server", help_text="such as https://s3.example.org")
    bucket = line()
    # Not the attribute of Django's forms, which takes no fields of this name into account.
    prefix = line(help_text="before the names of all copies; may be empty")  # type: ignore[assignment]
    region = line(initial="us-east-1")
    path_style = forms.BooleanField(
        label="The bucket is in the path, and not in the name of the server", required=False, initial=True
    )
    access_key = line()
    secret_key = password(help_text="stored encrypted, and never shown again")


class SftpForm(DestinationForm):
    kind, places, secrets = DestinationKind.SFTP, ("host", "port", "path", "user"), ("password", "private_key")
    host = line(label="Server", help_text="its name or address, such as 192.168.1.9")
    port = forms.IntegerField(
        required=False, initial=22, widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        error_messages={"invalid": "Write a number from 1 to 65535."},
    )  # fmt: skip
    path = line(label="Folder", help_text="in the user's home; may be empty")
    user = line()
    password = password(help_text="this, or a private key; stored encrypted, and never shown again")
    private_key = forms.CharField(
        required=False, max_length=20_000, widget=SecretText(attrs={"rows": 4, **NAME_ATTRS}),
        help_text="of Ed25519, ECDSA or RSA, without a passphrase",
    )  # fmt: skip


FORMS: dict[str, type[DestinationForm]] = {form.kind: form for form in (FolderForm, SftpForm, S3Form)}
"""Kind -> its form."""
