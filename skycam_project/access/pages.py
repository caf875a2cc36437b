"""Pages and forms for signing in and out, passwords, your own sign-ins and tokens, and users (for managers)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.auth import views as auth_views
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UsernameField
from django.contrib.auth.password_validation import password_validators_help_texts
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Count, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, resolve_url
from django.urls import reverse_lazy
from django.views import View

from core import database_clock
from core.pages import Page, PageForm, PageFormMixin, message_response, same_message, short_choices, validate_line
from skycam_project.access import accounts, services, sign_in_limits
from skycam_project.access.models import RANK, ApiToken, Role, SignIn, User
from skycam_project.access.sign_in_limits import record_denied

DESCRIBED_ROLES = [(role.value, str(role.label)) for role in (Role.VIEWER, Role.OPERATOR, Role.MANAGER)]
ROLES = short_choices(DESCRIBED_ROLES)
NO_ROLE = "There is no such role. Choose viewer, operator or manager."
LIFETIMES = [(30, "30 days"), (90, "90 days"), (365, "a year"), (730, "two years")]
DEFAULT_DAYS = 365
PASSWORD_LABELS = {
    "old_password": "Old password",
    "new_password1": "New password",
    "new_password2": "Repeat the new password",
}


def is_up_to(role: str, highest: str) -> bool:
    return RANK[role] <= RANK[highest]


def described_roles(highest: str = Role.MANAGER) -> str:
    """What each role can do, up to the highest one."""
    return " ".join(f"{label}." for role, label in DESCRIBED_ROLES if is_up_to(role, highest))


class SignInForm(PageFormMixin, AuthenticationForm):
    focus, wide = "username", True
    username = UsernameField(label="Name", error_messages={"required": "Write your name."})
    password = forms.CharField(
        strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "Write your password."},
    )  # fmt: skip

    def get_invalid_login_error(self) -> ValidationError:
        return ValidationError(str(services.Denied()))

    def confirm_login_allowed(self, user: Any) -> None:
        """Users without a role get the same answer as for a wrong password."""
        if not user.may(Role.VIEWER):
            raise self.get_invalid_login_error()


class PasswordForm(PageFormMixin, PasswordChangeForm):
    """Django's, with our labels. The rules of passwords stand beside the form, not in it."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        for name, label in PASSWORD_LABELS.items():
            field = self.fields[name]
            field.label, field.help_text = label, ""
            field.error_messages["required"] = "Write a password."
        # `PageField` sets it, at the first field with an error.
        self.fields["old_password"].widget.attrs.pop("autofocus")


class TokenForm(PageForm):
    """A new token of `owner`. The page offers roles up to the owner's; a higher one is lowered to it."""

    ids = "token-%s"
    name = forms.CharField(
        max_length=services.MAX_NAME_LENGTH, validators=[validate_line],
        widget=forms.TextInput(attrs={"placeholder": "the program that will use it", "autocomplete": "off"}),
        error_messages={"required": services.NAME_MISSING, "max_length": services.NAME_TOO_LONG},
    )  # fmt: skip
    scope = forms.ChoiceField(
        label="Maximum role", choices=ROLES, error_messages=same_message("Choose the maximum role of the token.")
    )
    days = forms.TypedChoiceField(
        label="Valid for", choices=LIFETIMES, coerce=int, initial=DEFAULT_DAYS,
        error_messages=same_message("Choose how long the token is valid."),
    )  # fmt: skip

    def __init__(self, owner: User, data: Any = None) -> None:
        super().__init__(data)
        # Only the widget's: a form that was loaded before a demotion still validates, and ApiToken.issue() lowers the
        # scope.
        self.fields["scope"].widget.choices = [choice for choice in ROLES if is_up_to(choice[0], owner.role)]
        self.fields["scope"].help_text = described_roles(owner.role)


class UserForm(PageForm):
    """A new user."""

    ids = "new-%s"
    username = forms.CharField(
        label="Name", max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
        error_messages=same_message("A user's name has 1 to 150 characters."),
    )  # fmt: skip
    role = forms.ChoiceField(choices=ROLES, help_text=described_roles(), error_messages=same_message(NO_ROLE))


class RoleForm(PageForm):
    """Another role of a user."""

    role = forms.ChoiceField(choices=ROLES, error_messages=same_message("There is no such role."))


MAX_NAME_LENGTH = 150
FORM_METHODS = ["get", "head", "options", "post"]
"""Django's own form views would accept PUT too."""


class SignInPage(auth_views.LoginView):
    template_name = "registration/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True
    http_method_names = FORM_METHODS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        # LoginView.dispatch() redirects signed-in users before View.dispatch() would check the method.
        if str(request.method).lower() not in FORM_METHODS:
            return self.http_method_not_allowed(request, *args, **kwargs)
        return super().dispatch(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            # Before the form is validated: checking a password takes processor time on purpose.
            sign_in_limits.count_attempt(
                request.POST.get("username", "")[:MAX_NAME_LENGTH],
                request.META.get("REMOTE_ADDR", ""),
                request.COOKIES.get(settings.KNOWN_BROWSER_COOKIE, ""),
            )
        except sign_in_limits.TooManyAttempts as error:
            # An unbound form: rendering a bound one validates it, and so checks the password.
            context = self.get_context_data(form=self.get_form_class()(request), wait_s=error.wait_s)
            return self.render_to_response(context, status=429, headers={"Retry-After": str(error.wait_s)})
        return super().post(request, *args, **kwargs)

    def get_success_url(self) -> str:
        """Never this page: a signed-in user would be redirected in a loop."""
        wanted = super().get_success_url()
        return self.get_default_redirect_url() if wanted == self.request.path else wanted

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        user = form.get_user()
        # After login(), which gives the session the key that is recorded here.
        services.record_sign_in(self.request, user)
        answer.set_cookie(
            settings.KNOWN_BROWSER_COOKIE,
            sign_in_limits.browser_mark(user.username),
            max_age=sign_in_limits.KNOWN_FOR_S,
            path=self.request.path,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Strict",
        )
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        record_denied(form.data.get("username", "")[:MAX_NAME_LENGTH], self.request.META.get("REMOTE_ADDR", ""))
        return super().form_invalid(form)


class AdminSignInRedirect(View):
    """The Django admin redirects users here who may not use it."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Redirect to the sign-in page; refuse signed-in users who are not managers, to avoid a loop."""
        if not request.user.is_authenticated:
            return redirect_to_login(request.GET.get("next") or resolve_url("admin:index"))
        # The roles of `SITE.has_permission`: a redirect to its first page would come back here for anyone else.
        if not (request.user.is_staff and request.user.may("manager")):
            raise PermissionDenied(f"This needs the role manager; yours is {request.user.role}. Ask a manager.")
        return redirect("admin:index")


class PasswordPage(auth_views.PasswordChangeView):
    template_name = "registration/password_change_form.html"
    form_class = PasswordForm
    success_url = reverse_lazy("account")
    http_method_names = FORM_METHODS
    extra_context = {"rules": password_validators_help_texts()}

    def form_valid(self, form: Any) -> HttpResponse:
        # Django replaces the session's key when the password changes.
        before = self.request.session.session_key
        answer = super().form_valid(form)
        revoked = services.record_password_change(form.user, before, self.request.session.session_key)
        tokens = f" {text[0].upper()}{text[1:]}." if (text := services.revoked_tokens_text(revoked)) else ""
        message_response(self.request, "ok", f"Your password is changed. Every other browser is signed out.{tokens}")
        return answer

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return super().get_context_data(valid_tokens=services.count_valid_tokens(self.request.user), **more)


class AccountPage(Page):
    """Your own sign-ins and tokens."""

    template = "access/account.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        return self.render(account_context(request, TokenForm(user)))


def account_context(request: HttpRequest, form: TokenForm) -> dict[str, Any]:
    user: Any = request.user
    return {
        "form": form,
        "tokens": list(services.list_tokens(user)),
        "sign_ins": services.sign_ins_of(user),
        "this": request.session.session_key,
    }


class TokensPage(Page):
    """Make a token for yourself. Managers see all users' tokens."""

    roles = {"GET": "manager", "POST": "viewer"}
    template = "access/account.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render({"tokens": list(services.list_tokens())}, "access/tokens.html")

    def post(self, request: HttpRequest) -> HttpResponse:
        """A new token. Its text is shown only once."""
        user: Any = request.user
        form = TokenForm(user, request.POST)
        issued = self._issue(user, form) if form.is_valid() else None
        if issued is None:
            return self.render(account_context(request, form), status=400)
        token, text = issued
        answer = self.render({**account_context(request, TokenForm(user)), "new_token": token, "text": text})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _issue(self, user: User, form: TokenForm) -> tuple[ApiToken, str] | None:
        """The new token and its text; None when it is refused, with the form's errors."""
        values = form.cleaned_data
        life = timedelta(days=values["days"])
        try:
            return services.issue_token(user, name=values["name"], scope=values["scope"], life=life, actor=self.actor)
        except ValidationError as error:
            form.add_errors(error)
        return None


class RevokeTokenPage(Page):
    """Revoke one of your tokens. Managers can revoke any token."""

    roles = {"POST": "viewer"}

    def post(self, request: HttpRequest, token: int) -> HttpResponse:
        services.revoke_token(get_object_or_404(services.tokens_for(request.user), pk=token), self.actor)
        return message_response(request, "ok", "The token is revoked.")


class RevokeSignInPage(Page):
    roles = {"POST": "viewer"}

    def post(self, request: HttpRequest, sign_in: UUID) -> HttpResponse:
        services.end_sign_in(get_object_or_404(SignIn, pk=sign_in, user=request.user))
        return message_response(request, "ok", "That browser is signed out.")


class UsersPage(Page):
    roles = {"GET": "manager", "POST": "manager"}
    template = "access/users.html"

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.render_users()

    def post(self, request: HttpRequest) -> HttpResponse:
        """A new user. The generated password is shown only once."""
        form = UserForm(request.POST)
        if not form.is_valid():
            return self.render_users(form, status=400)
        name, role = form.cleaned_data["username"], form.cleaned_data["role"]
        try:
            user, password = accounts.add_user(name, role, actor=self.actor)
        except ValidationError as error:
            form.add_errors(error)
            return self.render_users(form, status=400)
        return self.render_users(shown=user, password=password)

    def render_users(self, form: UserForm | None = None, status: int = 200, **more: Any) -> HttpResponse:
        tokens = Count("tokens", filter=Q(tokens__expires_at__gt=database_clock.estimate()))
        users = User.objects.annotate(valid_tokens=tokens).order_by("username")
        context = {"users": list(users), "roles": ROLES, "form": form or UserForm(), **more}
        answer = self.render(context, UsersPage.template, status)
        answer.headers["Cache-Control"] = "no-store"
        return answer


class UserPage(UsersPage):
    """A manager changes or removes one user, but not themselves, so that a manager always remains."""

    roles = {"POST": "manager"}

    def post(self, request: HttpRequest, user: int) -> HttpResponse:  # type: ignore[override]
        found = get_object_or_404(User, pk=user)
        if found == request.user:
            raise PermissionDenied("You cannot change your own role or remove yourself. Ask another manager.")
        return self._respond_to_action(found, request.POST.get("do", ""))

    def _respond_to_action(self, user: User, what: str) -> HttpResponse:
        try:
            return self._apply_action(user, what)
        except ValidationError as error:
            return self.render_users(errors=error.messages, status=400)
        except User.DoesNotExist:
            raise Http404 from None

    def _apply_action(self, user: User, what: str) -> HttpResponse:
        if what == "remove":
            accounts.remove_user(user, self.actor)
            return redirect("users")
        if what == "password":
            changed = accounts.change_user(user, reset=True, actor=self.actor)
            return self.render_users(
                shown=user, password=changed.password, revoked=services.revoked_tokens_text(changed.revoked)
            )
        form = RoleForm(self.request.POST)
        if not form.is_valid():
            return self.render_users(errors=form.errors["role"], status=400)
        accounts.change_user(user, role=form.cleaned_data["role"], actor=self.actor)
        return redirect("users")
