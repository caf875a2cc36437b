"""Secrets that the database stores."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import given
from hypothesis import strategies as st

from core.secrets import DecryptionFailed, decrypt_secret, encrypt_secret


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_secret_is_read_as_it_was_written(text: str) -> None:
    assert decrypt_secret(encrypt_secret(text)) == text


def test_the_same_secret_is_never_encrypted_to_the_same_text() -> None:
    assert encrypt_secret("sesame") != encrypt_secret("sesame")


def test_a_secret_of_another_key_cannot_be_read() -> None:
    encrypted = encrypt_secret("sesame")
    other = settings.STATION.model_copy(update={"address_secret": "k" * 40})
    with override_settings(STATION=other), pytest.raises(DecryptionFailed, match="lost or has changed"):
        decrypt_secret(encrypted)


@pytest.mark.parametrize("damaged", ["", "sesame", "gAAAAAB=", "Ä"])
def test_damaged_text_cannot_be_read(damaged: str) -> None:
    with pytest.raises(DecryptionFailed):
        decrypt_secret(damaged)
