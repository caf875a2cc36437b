"""Secrets of destinations in the database: encrypted together with the place that they were given for.

So neither a manager who changes an endpoint nor a thief of the database can have a secret sent elsewhere.
"""

from __future__ import annotations

import json
from typing import Any

from captures.offsite.destinations.settings import SECRETS, SETTINGS, Secret, Settings
from captures.offsite.models import Destination
from core.secrets import DecryptionFailed, decrypt_secret, encrypt_secret


def settings_of(destination: Destination) -> Settings:
    return SETTINGS[destination.kind].model_validate(destination.settings)


def encrypt_for(settings: Settings, secret: Secret) -> str:
    """Empty for a kind without secrets."""
    values = secret.model_dump()
    return encrypt_secret(json.dumps({"origin": settings.origin(), "values": values})) if values else ""


def secret_of(destination: Destination) -> Secret:
    """DecryptionFailed, also when the secret was given for another place."""
    content: dict[str, Any] = json.loads(decrypt_secret(destination.secret)) if destination.secret else {}
    # Without the place in the message, which has the access key of S3.
    if content and content["origin"] != settings_of(destination).origin():
        raise DecryptionFailed("The stored secret is for another place than that of the settings. Write it again.")
    return SECRETS[destination.kind].model_validate(content.get("values", {}))
