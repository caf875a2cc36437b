"""Where the only copy of a stored file is."""

from __future__ import annotations

from django.db import models


class Kept(models.TextChoices):
    """`moving`: its verified copy counts already, and the file here is about to be deleted."""

    HERE = "here"
    MOVING = "moving"
    OFFSITE = "offsite"
