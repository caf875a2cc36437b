"""Cameras and their hosts. A row holds the desired state; the observed state is in Redis."""

from __future__ import annotations

from typing import Any, Self

import uuid6
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import timezone

from cameras.drivers import DRIVERS, driver_class
from cameras.drivers.credentials import REDACTED, address_secrets, fill_secrets, redact_address, secret_origin
from cameras.runtime.file_formats import DEFAULT_KEEP, FITS_COMPRESSIONS, default_keep
from cameras.runtime.settings_drift import Difference, still_desired
from cameras.validation import check_destination, checked_address, checked_settings
from core.camera_names import SLUG, SLUG_RULE
from core.secrets import BoundElsewhere, SecretsField, SecretsNeeded, decrypt_secrets, encrypt_secrets

slug_validator = RegexValidator(SLUG, SLUG_RULE)

preset_name_validator = RegexValidator(
    # No slash: the name is a segment of the preset's URL, and Django's `str` converter matches none.
    r"\A[^\W_](?:[\w ,.()+-]{0,58}[\w.)+-])?\Z",
    "A preset's name is 1 to 60 letters, digits, spaces and , . ( ) + - _, and begins with a letter or digit.",
)


def kind_choices() -> list[tuple[str, str]]:
    """A function, so that a further kind needs no migration."""
    return [(kind, label) for kind, (label, _) in DRIVERS.items()]


class CameraHost(models.Model):
    """A machine with cameras. It leases its name, so that no two machines use the same one: see
    cameras/supervision/lease.py.

    A host of the version before writes neither of the columns from `installation` on, so each has a default in the
    database.
    """

    name = models.CharField(max_length=60, primary_key=True)
    machine = models.CharField(
        max_length=64, blank=True, help_text="What a host of the version before compares; removed in the next version."
    )
    leased_until = models.DateTimeField(null=True, blank=True, help_text="By the database's clock.")
    version = models.CharField(max_length=40, blank=True)
    site = models.JSONField(default=dict, blank=True, help_text="Where it stands, by its own configuration.")
    installation = models.CharField(
        max_length=36, blank=True, default="", db_default="", help_text="Id of the data folder that holds the name."
    )
    place = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Tells copies of one data folder apart."
    )
    boot_id = models.CharField(max_length=36, blank=True, default="", db_default="")
    address = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="From where it reaches the database."
    )
    file_server = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="Where other machines get its files."
    )
    started_at = models.DateTimeField(null=True, blank=True, help_text="When its Supervisor started.")
    epoch = models.PositiveBigIntegerField(
        default=0, db_default=0, help_text="Fencing token: grows with each Supervisor that acquires the name."
    )
    clock_offset_s = models.FloatField(
        null=True, blank=True, help_text="How far its clock is ahead of the database's; negative when it is behind."
    )
    clock_offset_at = models.DateTimeField(null=True, blank=True, help_text="When that was measured.")
    schema = models.PositiveIntegerField(
        null=True, blank=True, help_text="Number of the database's schema that its version has; null before number 2."
    )
    protocol = models.PositiveIntegerField(
        null=True, blank=True, help_text="Number of the protocol that its version speaks; null before number 2."
    )
    draining_since = models.DateTimeField(null=True, blank=True, help_text="Since then nothing new starts there.")
    draining_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    drained_at = models.DateTimeField(null=True, blank=True, help_text="When nothing ran there any more.")
    retired_at = models.DateTimeField(null=True, blank=True, help_text="Since then its name cannot be used.")
    retired_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    retired_files = models.CharField(
        max_length=10, blank=True, default="", db_default="", help_text="`keep` or `forget`: what became of its files."
    )

    def __str__(self) -> str:
        return self.name


class HostInvitation(models.Model):
    """Permission for one new machine to join the station under one name. Times are those of the database's clock.

    Its secret is only in the line that was printed. `verifier_encrypted` is derived from it, and encrypted with the
    station's key: a stolen database alone lets no machine join.
    """

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60, help_text="The host name that the machine gets.")
    verifier_encrypted = SecretsField(editable=False, use="verifier of an invitation")
    shared_encrypted = SecretsField(
        editable=False,
        use="addresses of an invitation",
        help_text="The URLs of database and broker for this machine, if they differ from ours.",
    )
    replaces = models.BooleanField(default=False, help_text="Whether the machine takes the place of a known host.")
    created_by = models.CharField(max_length=150, blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    used_from = models.CharField(max_length=255, blank=True, help_text="Address of the machine that used it.")
    used_by = models.CharField(max_length=255, blank=True, help_text="Name that this machine gives itself.")
    used_place = models.CharField(max_length=64, blank=True, help_text="Tells machines and data folders apart.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.CharField(max_length=150, blank=True)

    state: str
    """Of an answer."""
    line: str
    """For `skycam join`, of one that was just made."""

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            # Of two people who invite one name at the same moment, this lets one through.
            models.UniqueConstraint(
                fields=["name"],
                condition=models.Q(used_at=None, withdrawn_at=None),
                name="one_open_invitation_for_each_name",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.id}"


class Observed(models.TextChoices):
    DISABLED = "disabled"
    DISCONNECTED = "disconnected"
    STARTING = "starting"
    READY = "ready"
    BUSY = "busy"
    RECONNECTING = "reconnecting"
    QUARANTINED = "quarantined"
    HOST_DOWN = "host_down"


class CameraQuerySet(models.QuerySet["Camera"]):
    def present(self) -> Self:
        return self.filter(removed_at=None)

    def visible_to(self, user: Any) -> Self:
        """The cameras that `user` may see: all for a manager; for others those that are unrestricted or list them."""
        if not user.is_authenticated or not user.may("viewer"):
            return self.none()
        if user.may("manager"):
            return self.present()
        return self.present().open_to(user)

    def open_to(self, user: Any) -> Self:
        """Unrestricted cameras and those that list `user`, including removed ones."""
        # EXISTS and not a join, which would return an unrestricted camera once for each user in its list.
        listed = Camera.audience.through.objects.filter(camera=models.OuterRef("pk"), user=user)
        return self.filter(models.Q(restricted=False) | models.Exists(listed))


class Camera(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    slug = models.CharField("id", max_length=40, validators=[slug_validator])
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=20, choices=kind_choices)
    address = models.CharField(max_length=500, blank=True, help_text="As it may be shown: *** stands for a password.")
    encrypted_address = SecretsField(
        blank=True, editable=False, help_text="The address's passwords, encrypted.",
        use="camera", place=lambda camera: secret_origin(camera.address),
    )  # fmt: skip
    host = models.CharField(max_length=60)
    enabled = models.BooleanField(default=True)
    connected = models.BooleanField(default=True)
    recording = models.CharField(max_length=10, blank=True, help_text="The kind of clips to record; empty: none.")
    recording_by = models.CharField(max_length=150, blank=True, editable=False, help_text="Who last requested it.")
    recording_experiments = models.JSONField(
        default=list,
        db_default=models.Value([], models.JSONField()),
        blank=True,
        editable=False,
        help_text="The experiments to which the clips that are recorded now belong.",
    )
    primary = models.BooleanField(default=False)
    settings = models.JSONField(default=dict, blank=True)
    keep = models.JSONField(
        default=default_keep, help_text="Formats of the files that Skycam makes of a still, the primary one first."
    )
    fits_compression = models.CharField(max_length=10, choices=list(FITS_COMPRESSIONS.items()), default="none")
    # A flag of its own, not "the audience is not empty": removing the last listed user must not publish the camera.
    restricted = models.BooleanField(
        default=False, help_text="Only managers and its audience may see it; otherwise all users with a role."
    )
    audience = models.ManyToManyField(
        django_settings.AUTH_USER_MODEL, blank=True, help_text="Who may see it besides managers while it is restricted."
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)

    observed = models.CharField(max_length=20, choices=Observed, default=Observed.HOST_DOWN, editable=False)
    observed_reason = models.TextField(blank=True, editable=False)
    observed_at = models.DateTimeField(null=True, blank=True, editable=False)
    identity = models.JSONField(default=dict, blank=True, editable=False)
    capabilities = models.JSONField(default=dict, blank=True, editable=False)
    read_back = models.JSONField(default=dict, blank=True, editable=False, help_text="Settings as last read back.")
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    differs = models.JSONField(default=list, blank=True, editable=False, help_text="Settings changed on its body.")

    # The lease is in the camera's row, so that the lock on this row guards both what a command changes and who may.
    held_by = models.CharField(
        max_length=150, blank=True, editable=False, help_text="The holder of its lease, or the last one."
    )
    held_since = models.DateTimeField(null=True, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    taken_from = models.CharField(
        max_length=150, blank=True, editable=False, help_text="Who held it before a takeover."
    )

    objects = CameraQuerySet.as_manager()

    class Meta:
        ordering = ["slug"]
        constraints = [
            # A removed camera's row stays for its captures, but its slug can be used again.
            models.UniqueConstraint(
                fields=["slug"], condition=models.Q(removed_at=None), name="one_present_camera_for_each_slug"
            ),
            models.UniqueConstraint(
                fields=["primary"],
                condition=models.Q(primary=True, removed_at=None),
                name="at_most_one_primary_camera",
            ),
        ]

    def __str__(self) -> str:
        return self.slug

    @property
    def body_changes(self) -> list[Difference]:
        """Desired settings that were changed on the camera's body since they were applied."""
        return still_desired(self.differs, self.settings)

    @property
    def full_address(self) -> str:
        """With its password, for the camera's process only. A password that cannot be decrypted stays redacted, and the
        driver reports it."""
        try:
            return self.fill_address(self.address)
        except ValueError:
            return self.address

    def fill_address(self, address: str) -> str:
        """`address` with the stored secrets in place of ***. ValueError for one that is not stored, cannot be decrypted
        or belongs to another place."""
        # A complete address needs no stored secret, so it works while the key is lost.
        if REDACTED not in address:
            return address
        there = Camera(pk=self.pk, address=address, encrypted_address=self.encrypted_address)
        try:
            return fill_secrets(address, decrypt_secrets(there, "encrypted_address"))
        except BoundElsewhere as error:
            hidden = [name for name, value in address_secrets(address).items() if value == REDACTED]
            raise SecretsNeeded(hidden, f"the place {error.place}") from None

    def store_address(self, address: str) -> None:
        """A complete address: redacted, and its secrets encrypted."""
        self.address = redact_address(address)
        self.encrypted_address = encrypt_secrets(self, "encrypted_address", address_secrets(address))

    def clean(self) -> None:
        errors: dict[str, Any] = {}
        try:
            self._check_address()
        except ValueError as error:
            errors["address"] = str(error)
        try:
            self.settings = checked_settings(self.kind, self.settings, self.capabilities.get("settings"))
        except ValidationError as error:
            errors["settings"] = error.messages
        if self.keep != DEFAULT_KEEP and not self.kept_formats:
            errors["keep"] = (
                f"The files of a {self.kind} camera are stored as the camera makes them. Choose their format in the "
                "settings of the camera."
            )
        if errors:
            raise ValidationError(errors)

    @property
    def kept_formats(self) -> list[str]:
        """Empty for a camera that makes its own files, which are stored unchanged."""
        return [] if self.kind in DRIVERS and driver_class(self.kind).makes_files else self.keep

    def _check_address(self) -> None:
        """ValueError for a bad address. A stored address was checked before and stays valid even if its password cannot
        be decrypted."""
        # Other fields can be changed while the key is lost: nothing needs to be decrypted for an unchanged address.
        if REDACTED in self.address and self._is_stored():
            return
        address = checked_address(self.kind, self.fill_address(self.address))
        # The refused networks are configuration and may have been extended since. A stored camera can then still be
        # renamed; its process checks the address at each connection.
        if not self._is_stored():
            check_destination(self.kind, address)
        self.store_address(address)

    def _is_stored(self) -> bool:
        # Both columns: stored secrets beside another address must be checked against their host.
        return Camera.objects.filter(
            pk=self.pk, address=self.address, encrypted_address=self.encrypted_address
        ).exists()


def may_record(camera: Camera) -> bool:
    """Whether the camera streams frames; True also for one that was never opened, whose capabilities are unknown."""
    return not camera.capabilities or bool(camera.capabilities.get("stream"))


def desired_connection(camera: Camera) -> str:
    """`disabled`, `disconnected` or `connected`."""
    if not camera.enabled:
        return "disabled"
    return "connected" if camera.connected else "disconnected"


class SettingsPreset(models.Model):
    """Settings under a name, for all cameras of one kind. They are checked against the kind's model, not one camera's
    range: a value that a camera does not have becomes its nearest when the preset is applied, with a warning."""

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    kind = models.CharField(max_length=20, choices=kind_choices)
    name = models.CharField(max_length=60, validators=[preset_name_validator])
    settings = models.JSONField(default=dict)
    saved_by = models.CharField(max_length=150, blank=True)
    saved_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["kind", "name"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "name"], name="one_preset_of_a_name_for_each_kind"),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        try:
            self.settings = checked_settings(self.kind, self.settings)
        except ValidationError as error:
            raise ValidationError({"settings": error.messages}) from None
        if not self.settings:
            raise ValidationError({"settings": ["A preset holds at least one setting."]})
