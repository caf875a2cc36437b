"""Which texts are removed from logs."""

from __future__ import annotations

import pytest

from skycam_project.config.redaction import secrets_of

WRITTEN, DECODED = "a%2Fb+c", "a/b c"


@pytest.mark.parametrize("text", [WRITTEN, DECODED])
def test_a_password_in_the_query_of_a_url_is_removed_as_it_is_written_and_decoded(text: str, configure) -> None:
    manager = configure(None, "", REDIS_URL=f"redis://127.0.0.1/0?db=1&ssl_password={WRITTEN}")
    assert text in secrets_of(manager.config)
