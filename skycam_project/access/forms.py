"""Forms for signing in, passwords, tokens and users."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm, UsernameField
from django.core.exceptions import ValidationError

from core.pages.forms import PageForm, PageFormMixin, same_message, short_choices, validate_line
from skycam_project.access import services
from skycam_project.access.models import RANK, Role, User

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
