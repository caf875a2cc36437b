"""Keys and fingerprints."""

from __future__ import annotations

import hashlib
import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.idempotency.claims import BadKey, fingerprint, key_of

PRINTABLE = string.ascii_letters + string.digits + string.punctuation
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.text(PRINTABLE, min_size=1, max_size=120))
def test_each_printable_key_is_taken_as_it_is(key: str) -> None:
    assert key_of({"Idempotency-Key": key}) == key


@given(st.text(max_size=130).filter(lambda text: not text or len(text) > 120 or not set(text) <= set(PRINTABLE)))
def test_any_other_text_is_no_key(text: str) -> None:
    with pytest.raises(BadKey, match="1 to 120 printable ASCII characters, without spaces"):
        key_of({"Idempotency-Key": text})


@pytest.mark.parametrize("text", ["", " ", "a b", "k\n", "x" * 121, "\u00e9"])
def test_an_empty_long_or_spaced_key_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        key_of({"Idempotency-Key": text})


def test_without_the_header_there_is_no_key() -> None:
    assert key_of({}) is None


@given(JSON)
def test_the_fingerprint_is_that_of_the_content_not_of_its_order(body: Any) -> None:
    again = json.loads(json.dumps({"b": body, "a": 1}, indent=2))
    assert fingerprint("POST", "/api/", "", {"a": 1, "b": body}) == fingerprint("POST", "/api/", "", again)


@pytest.mark.parametrize(
    "other",
    [("PUT", "/a/", "", {}), ("POST", "/b/", "", {}), ("POST", "/a/", "x=1", {}), ("POST", "/a/", "", {"x": 1})],
)
def test_another_method_path_query_or_body_is_another_request(other: tuple[str, str, str, Any]) -> None:
    assert fingerprint(*other) != fingerprint("POST", "/a/", "", {})


def test_a_password_in_the_body_cannot_be_guessed_from_the_fingerprint() -> None:
    content = ["POST", "/api/v1/cameras/", "", {"address": "rtsp://u:secret@host/"}]
    plain = hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    found = fingerprint("POST", "/api/v1/cameras/", "", {"address": "rtsp://u:secret@host/"})
    assert found != plain
    assert len(found) == 64
