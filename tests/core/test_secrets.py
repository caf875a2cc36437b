"""Secrets that the database stores: each is bound to its use, its row and its place."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.test import override_settings
from hypothesis import assume, given
from hypothesis import strategies as st

from core.secrets import (
    Binding,
    BoundElsewhere,
    DecryptionFailed,
    SecretsNeeded,
    decrypt,
    decrypt_text,
    decrypt_unbound,
    encrypt,
    kept_secrets,
)
from tests.harness.rows.secrets import in_earlier_form

BOUND = Binding("sensor", "0193a000", "mqtt://roof")
texts = st.text(st.characters(exclude_categories=["Cs"]))
values = st.one_of(texts, st.integers(), st.booleans(), st.none(), st.lists(texts))
bindings = st.builds(Binding, texts, texts, texts)


@given(st.dictionaries(texts, values), bindings)
def test_secrets_are_read_as_they_were_written(secrets: dict[str, Any], bound: Binding) -> None:
    assert decrypt(encrypt(secrets, bound), bound) == secrets


@given(bindings, bindings)
def test_secrets_are_read_for_nothing_else_than_what_they_were_given_for(bound: Binding, other: Binding) -> None:
    assume(bound != other)
    with pytest.raises(DecryptionFailed):
        decrypt(encrypt({"password": "sesame"}, bound), other)


def test_secrets_of_another_place_say_where_they_belong() -> None:
    with pytest.raises(BoundElsewhere) as refusal:
        decrypt(encrypt({"password": "sesame"}, BOUND), BOUND._replace(place="mqtt://evil.example"))
    assert refusal.value.place == "mqtt://roof"
    assert "roof" not in str(refusal.value)


@pytest.mark.parametrize("other", [BOUND._replace(owner="0193b000"), BOUND._replace(use="camera")])
def test_secrets_of_another_row_or_column_are_refused(other: Binding) -> None:
    with pytest.raises(DecryptionFailed, match="belongs to another row"):
        decrypt(encrypt({"password": "sesame"}, BOUND), other)


def test_the_same_secret_is_never_encrypted_to_the_same_text() -> None:
    assert encrypt({"password": "sesame"}, BOUND) != encrypt({"password": "sesame"}, BOUND)


def test_a_secret_of_another_key_cannot_be_read() -> None:
    encrypted = encrypt({"password": "sesame"}, BOUND)
    other = settings.STATION.model_copy(update={"address_secret": "k" * 40})
    with override_settings(STATION=other), pytest.raises(DecryptionFailed, match="lost or has changed"):
        decrypt(encrypted, BOUND)


@pytest.mark.parametrize("damaged", ["sesame", "gAAAAAB=", "Ä"])
def test_damaged_text_cannot_be_read(damaged: str) -> None:
    with pytest.raises(DecryptionFailed, match="lost or has changed"):
        decrypt(damaged, BOUND)


@pytest.mark.parametrize("text", ["https://lab.example/hook", '{"password": "sesame"}', "17", "[]"])
def test_the_form_of_an_earlier_version_is_refused_with_what_to_do(text: str) -> None:
    with pytest.raises(DecryptionFailed, match=r"was not converted .* Write the secret again"):
        decrypt(in_earlier_form(text), BOUND)


def test_what_recognises_secrets_in_texts_reads_all_of_them() -> None:
    assert decrypt_unbound(encrypt({"password": "sesame"}, BOUND)) == {"password": "sesame"}
    assert decrypt_text(in_earlier_form("sesame")) == "sesame"


def test_a_change_keeps_the_secrets_that_it_does_not_give() -> None:
    assert kept_secrets({"user": "anna", "password": "sesame", "token": ""}, ["user"], "") == {"password": "sesame"}


def test_a_change_of_the_place_needs_all_secrets_again() -> None:
    assert kept_secrets({"password": "sesame"}, ["password"], "host") == {}
    with pytest.raises(SecretsNeeded, match=r"^password and token must be given again, because host changes: a stored"):
        kept_secrets({"token": "t", "password": "sesame"}, [], "host")
