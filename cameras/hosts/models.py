from __future__ import annotations

import uuid6
from django.db import models
from django.utils import timezone


class HostInvitation(models.Model):
    """Permission for one new machine to join the station under one name. Times are those of the database's clock.

    Its secret is only in the line that was printed. `verifier_encrypted` is derived from it, and encrypted with the
    station's key: a stolen database alone lets no machine join.
    """

    id = models.UUIDField(primary_key=True, default=uuid6.uuid7, editable=False)
    name = models.CharField(max_length=60, help_text="The host name that the machine gets.")
    verifier_encrypted = models.TextField(editable=False)
    shared_encrypted = models.TextField(
        editable=False, help_text="The URLs of database and broker for this machine, if they differ from ours."
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
