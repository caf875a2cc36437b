"""The forms of the pages of hosts."""

from __future__ import annotations

from django import forms

from core.pages.forms import NAME_ATTRS, PageForm
from skycam_project.config.keys import NAME_PATTERN

NAME_RULE = "A host's name is 1 to 40 lower-case letters, digits and hyphens."
SECRET_ATTRS = {"autocomplete": "off", **NAME_ATTRS}


class InvitationForm(PageForm):
    """What `InvitationRequest` takes."""

    ids = "invite-%s"
    wide = True
    name = forms.RegexField(
        NAME_PATTERN, max_length=40, widget=forms.TextInput(attrs={"placeholder": "roof", **SECRET_ATTRS}),
        help_text=NAME_RULE, error_messages={"required": "Write a name.", "invalid": NAME_RULE},
    )  # fmt: skip
    url = forms.CharField(
        label="Address of these pages", required=False, max_length=300,
        widget=forms.TextInput(attrs={"placeholder": "https://sky.example.org", **SECRET_ATTRS}),
        help_text="As the new machine reaches them. Empty: as the configuration says.",
    )  # fmt: skip
    database_url = forms.CharField(
        label="Database", required=False, max_length=2000, widget=forms.PasswordInput(attrs=SECRET_ATTRS),
        help_text="A URL postgresql://..., only if the new machine needs another one than this one.",
    )  # fmt: skip
    redis_url = forms.CharField(
        label="Broker", required=False, max_length=2000, widget=forms.PasswordInput(attrs=SECRET_ATTRS),
        help_text="A URL rediss://..., only if the new machine needs another one than this one.",
    )  # fmt: skip
    again = forms.BooleanField(label="It takes the place of a host that the station knows", required=False)


class RetireForm(PageForm):
    ids = "retire-%s"
    wide = True
    its_files = forms.ChoiceField(
        choices=[("keep", "Keep them listed, as on a host that is gone"), ("forget", "Forget them")],
        widget=forms.RadioSelect, error_messages={"required": "Say what happens to its files."},
    )  # fmt: skip
    lost = forms.BooleanField(label="Its disk is lost, with what it has not delivered", required=False)
