"""The forms of the pages of hosts."""

from __future__ import annotations

from typing import Any

from django import forms

from core.pages.forms import PageForm
from core.resources.forms import ModelForm
from skycam_project.hosts.resource import InvitationRequest


class InvitationForm(ModelForm):
    ids = "invite-%s"

    def __init__(self, data: Any = None) -> None:
        super().__init__(InvitationRequest, data)


class RetireForm(PageForm):
    ids = "retire-%s"
    wide = True
    its_files = forms.ChoiceField(
        choices=[("keep", "Keep them listed, as on a host that is gone"), ("forget", "Forget them")],
        widget=forms.RadioSelect, error_messages={"required": "Say what happens to its files."},
    )  # fmt: skip
    lost = forms.BooleanField(label="Its disk is lost, with what it has not delivered", required=False)
