"""The pages of hosts and their forms: the list with invitations, and one host with its actions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect

from cameras.camera_display import StateDisplay
from cameras.models import CameraHost, HostInvitation
from core.broker.broker import BrokerDown
from core.pages import Page, PageForm
from core.resources.forms import ModelForm
from skycam_project.hosts.host_list import CameraHostBody, drain_host, host_bodies, host_body, offset_text, undrain_host
from skycam_project.hosts.invitations import (
    HostRefused,
    invitations_for,
    invite_host,
    with_state,
    withdraw_invitation,
)
from skycam_project.hosts.resource import InvitationRequest
from skycam_project.hosts.retiring import retire_host
from skycam_project.hosts.shared import NotShareable


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


SHOWN = 20
"""Invitations on the page; `skycam hosts invitations` lists all."""
STATES = {
    "running": StateDisplay("ok", "OK", "ok"),
    "draining": StateDisplay("wait", "Draining", "warn"),
    "drained": StateDisplay("off", "Drained"),
    "away": StateDisplay("bad", "Away", "bad"),
    "retired": StateDisplay("off", "Retired"),
    None: StateDisplay("wait", "Unknown"),
}


@dataclass(frozen=True, slots=True)
class HostDisplay:
    """A host as the pages show it."""

    host: CameraHostBody

    @property
    def state_display(self) -> StateDisplay:
        return STATES[self.host["state"]]

    @property
    def offset(self) -> str:
        return offset_text(self.host["clock_offset_s"])


class PageOfHost(Page):
    """A page of the host in the URL."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except (CameraHost.DoesNotExist, HostInvitation.DoesNotExist):
            raise Http404 from None

    @property
    def name(self) -> str:
        return str(self.kwargs["name"])


class HostsPage(Page):
    roles = {"GET": "viewer", "POST": "manager"}
    template = "hosts/hosts.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._page(InvitationForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Invite a machine. The line is on this page alone, and only now."""
        form = InvitationForm(request.POST)
        if not form.is_valid():
            return self._page(form, status=400)
        try:
            invitation = invite_host(form.wanted, self.actor)
        except (HostRefused, NotShareable) as error:
            form.add_error(None, str(error))
            return self._page(form, status=400)
        answer = self._page(InvitationForm(), invited=invitation, line=invitation.line)
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _page(self, form: InvitationForm, status: int = 200, **more: Any) -> HttpResponse:
        return self.render({**hosts_context(self.request.user), "form": form, **more}, status=status)


class HostsNow(Page):
    """The parts of the page that refresh themselves."""

    template = "hosts/_hosts_now.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(hosts_context(request.user))


def hosts_context(user: Any) -> dict[str, Any]:
    invitations = with_state(invitations_for(user)[:SHOWN], user)
    return {"hosts": [HostDisplay(host) for host in host_bodies(user)], "invitations": invitations}


class WithdrawInvitationPage(PageOfHost):
    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            withdrawn = withdraw_invitation(HostInvitation.objects.get(pk=kwargs["invitation"]), self.actor)
        except HostRefused as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"The invitation of {withdrawn.name} is withdrawn.")
        return redirect("hosts")


class HostPage(PageOfHost):
    template = "hosts/host.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render(host_context(request.user, self.name))


class HostNow(HostPage):
    """The parts of the page that refresh themselves."""

    template = "hosts/_host_now.html"


def host_context(user: Any, name: str) -> dict[str, Any]:
    return {"display": HostDisplay(host_body(user, name))}


class DrainPage(PageOfHost):
    """Asks first what ends and what goes on."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "hosts/drain.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self.render(host_context(request.user, self.name))

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        """Drain it; with `undo` end the draining."""
        try:
            if request.POST.get("undo"):
                undrain_host(self.name, self.actor)
                messages.success(request, f"{self.name} is no longer drained.")
            else:
                drain_host(self.name, self.actor)
                messages.success(request, f"{self.name} is drained: nothing new starts there.")
        except HostRefused as error:
            messages.error(request, str(error))
        return redirect("host", self.name)


class RetirePage(PageOfHost):
    """Asks what happens to its files, and counts them first."""

    roles = {"GET": "manager", "POST": "manager"}
    template = "hosts/retire.html"

    def get(self, request: HttpRequest, **_: Any) -> HttpResponse:
        return self._page(RetireForm(), lost=False)

    def post(self, request: HttpRequest, **_: Any) -> HttpResponse:
        form = RetireForm(request.POST)
        if not form.is_valid():
            return self._page(form, lost=False, status=400)
        try:
            done = retire_host(self.name, form.cleaned_data["its_files"], self.actor, lost=form.cleaned_data["lost"])
        except (HostRefused, BrokerDown) as error:
            return self._page(form, lost=form.cleaned_data["lost"], refused=str(error), status=409)
        forgets = " A job forgets its files: the page Jobs shows it." if done["job"] else ""
        messages.success(request, f"{self.name} is retired.{forgets}")
        return redirect("host", self.name)

    def _page(self, form: RetireForm, *, lost: bool, status: int = 200, refused: str = "") -> HttpResponse:
        context = host_context(self.request.user, self.name)
        if not refused:
            try:
                context["counted"] = retire_host(self.name, "forget", self.actor, lost=lost, dry_run=True)
            except (HostRefused, BrokerDown) as error:
                refused = str(error)
        return self.render({**context, "form": form, "refused": refused}, status=status)
