"""Coming in: signing in and out, passwords, sign-ins and tokens of one's own, and users for a manager."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.password_validation import password_validators_help_texts
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, resolve_url
from django.urls import reverse_lazy
from django.views import View

from monitoring.page import Page, said
from skycam_project.access import accounts, services
from skycam_project.access.models import RANK, ApiToken, Role, SignIn, User
from skycam_project.access.throttling import SignInThrottle

ROLES = [(role.value, role.label) for role in (Role.VIEWER, Role.OPERATOR, Role.MANAGER)]
LIVES = [(30, "30 days"), (90, "90 days"), (365, "a year"), (3650, "10 years")]

FORM_METHODS = ["get", "head", "options", "post"]
"""Django's own forms would take PUT too."""


class SignInForm(AuthenticationForm):
    def get_invalid_login_error(self) -> ValidationError:
        return ValidationError(str(services.Denied()))

    def confirm_login_allowed(self, user: Any) -> None:
        """Somebody without a role is told the same as somebody with a wrong password."""
        if not user.may(Role.VIEWER):
            raise self.get_invalid_login_error()


class SignInPage(auth_views.LoginView):
    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    http_method_names = FORM_METHODS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if str(request.method).lower() not in FORM_METHODS:
            return self.http_method_not_allowed(request, *args, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        throttle = SignInThrottle()
        if not throttle.allow_request(request, self):  # type: ignore[arg-type]
            form = self.get_form_class()(request)
            wait_s = int(throttle.wait() or 60) + 1
            answer = self.render_to_response(self.get_context_data(form=form, wait_s=wait_s), status=429)
            answer.headers["Retry-After"] = str(wait_s)
            return answer
        return super().post(request, *args, **kwargs)

    def get_success_url(self) -> str:
        """Not to this page again: who is signed in would be sent to and fro for ever."""
        wanted = super().get_success_url()
        return self.get_default_redirect_url() if wanted == self.request.path else wanted

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        services.note_sign_in(self.request, form.get_user())
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        services.denied(form.data.get("username", "")[:150], self.request.META.get("REMOTE_ADDR", ""))
        return super().form_invalid(form)


class AdminDoor(View):
    """Where the admin sends everybody whom it does not let in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """To the sign-in; somebody who has signed in already would be sent to and fro for ever."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or resolve_url("admin:index"))
        if not request.user.is_staff:
            raise PermissionDenied(f"This needs the role manager; yours is {request.user.role}. Ask a manager.")
        return redirect("admin:index")


class PasswordPage(auth_views.PasswordChangeView):
    template_name = "registration/password_change_form.html"
    success_url = reverse_lazy("account")
    http_method_names = FORM_METHODS
    extra_context = {"rules": password_validators_help_texts()}

    def form_valid(self, form: Any) -> HttpResponse:
        before = self.request.session.session_key
        answer = super().form_valid(form)
        services.password_changed(form.user, before, self.request.session.session_key)
        said(self.request, "ok", "Your password is changed, and every other browser is signed out.")
        if form.user.tokens.exists():
            said(self.request, "warn", "Your tokens still let in. Revoke below those that others may have.")
        return answer


class AccountPage(Page):
    """One's own sign-ins and tokens."""

    template = "access/account.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render(account_context(request))


def account_context(request: HttpRequest) -> dict[str, Any]:
    user: Any = request.user
    return {
        "tokens": list(ApiToken.objects.filter(user=user).order_by("-created_at")),
        "sign_ins": services.sign_ins_of(user),
        "this": request.session.session_key,
        "scopes": [choice for choice in ROLES if RANK[choice[0]] <= RANK[user.role]],
        "lives": LIVES,
    }


class TokenForm(forms.Form):
    name = forms.CharField(max_length=80, required=False)
    scope = forms.ChoiceField(choices=ROLES)
    days = forms.TypedChoiceField(choices=LIVES, coerce=int)


class TokensPage(Page):
    roles = {"POST": "viewer"}
    template = "access/account.html"

    def post(self, request: HttpRequest) -> HttpResponse:
        """A new token, whose text is shown this once."""
        form = TokenForm(request.POST)
        if not form.is_valid():
            return said(request, "bad", "Choose what the token may do, and how long.")
        user: Any = request.user
        scope = min(form.cleaned_data["scope"], user.role, key=RANK.__getitem__)
        life = timedelta(days=form.cleaned_data["days"])
        token, text = services.new_token(user, scope=scope, name=form.cleaned_data["name"], life=life)
        answer = self.render({**account_context(request), "new_token": token, "text": text})
        answer.headers["Cache-Control"] = "no-store"
        return answer


class RevokeTokenPage(Page):
    roles = {"POST": "viewer"}

    def post(self, request: HttpRequest, token: int) -> HttpResponse:
        if not services.revoke_token(request.user, token):
            raise Http404
        return said(request, "ok", "The token no longer lets in.")


class RevokeSignInPage(Page):
    roles = {"POST": "viewer"}

    def post(self, request: HttpRequest, sign_in: UUID) -> HttpResponse:
        found = SignIn.objects.filter(pk=sign_in, user=request.user).first()  # type: ignore[misc]
        if found is None:
            raise Http404
        services.end_sign_in(found)
        return said(request, "ok", "It is signed out there.")


class UsersPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "access/users.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.listed()

    def post(self, request: HttpRequest) -> HttpResponse:
        """A new user, whose made-up password is shown this once."""
        name, role = request.POST.get("username", "").strip(), request.POST.get("role", "")
        try:
            user, password = accounts.add_user(name, role, actor=self.actor)
        except ValidationError as error:
            return self.listed(errors=error.messages, typed=name, status=400)
        return self.listed(shown=user, password=password)

    def listed(self, status: int = 200, **more: Any) -> HttpResponse:
        context = {"users": list(User.objects.order_by("username")), "roles": ROLES, **more}
        answer = self.render(context, UsersPage.template, status)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class UserPage(UsersPage):
    """What a manager does to one user; not to themselves, so that a manager always remains."""

    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, user: int) -> HttpResponse:  # type: ignore[override]
        found = User.objects.filter(pk=user).first()
        if found is None:
            raise Http404
        if found == request.user:
            raise PermissionDenied("Ask another manager: nobody changes their own role or removes themselves.")
        return self._do(found, request.POST.get("do", ""))

    def _do(self, user: User, what: str) -> HttpResponse:
        if what == "remove":
            accounts.remove_user(user, actor=self.actor)
            return redirect("users")
        if what == "password":
            _, password = accounts.change_user(user, reset=True, actor=self.actor)
            return self.listed(shown=user, password=password)
        role = self.request.POST.get("role", "")
        if role not in dict(ROLES):
            return self.listed(errors=["There is no such role."], status=400)
        accounts.change_user(user, role=role, actor=self.actor)
        return redirect("users")
