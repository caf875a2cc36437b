from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captures.files.answers import Span, Unsatisfiable, not_modified, requested_span

ETAG, NOW = '"abc"', 1_700_000_000.5
SIZES = st.integers(1, 10**15)
MANY = 10_000_000
"""Characters for which a parser that goes back for each of them takes hours."""
WHOLE = [
    "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "items=0-5", "bytes=5-2", "bytes=0-1,4-5", "bytes=0-" + "9" * 5000,
    "bytes=\u0661-\u0662", "bytes=0x1-0x2", "bytes=--5", "bytes=1-2-3",
]  # fmt: skip


def parsed(text: str, size: int, **more: str) -> Span | None:
    return requested_span({"Range": text, **more}, size, ETAG, NOW)


@given(SIZES, st.data())
def test_a_range_within_the_file_is_that_range(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))
    assert parsed(f"bytes={first}-{last}", size) == Span(first, last)


@given(SIZES, st.data(), st.integers(0, 10**15))
def test_a_range_over_the_end_is_limited_to_the_end(size: int, data: st.DataObject, beyond: int) -> None:
    first = data.draw(st.integers(0, size - 1))
    assert parsed(f"bytes={first}-{size + beyond}", size) == Span(first, size - 1) == parsed(f"bytes={first}-", size)


@given(SIZES, st.integers(1, 10**16))
def test_a_suffix_is_the_end_of_the_file(size: int, length: int) -> None:
    span = parsed(f"bytes=-{length}", size)
    assert span is not None
    assert span.length == min(size, length)
    assert span.last == size - 1


@given(SIZES, st.integers(0, 10**9))
def test_a_range_after_the_end_cannot_be_satisfied(size: int, beyond: int) -> None:
    with pytest.raises(Unsatisfiable):
        parsed(f"bytes={size + beyond}-", size)


@pytest.mark.parametrize("text", ["bytes=0-", "bytes=0-0", "bytes=-5"])
def test_no_range_of_an_empty_file_can_be_satisfied(text: str) -> None:
    with pytest.raises(Unsatisfiable):
        parsed(text, 0)


@pytest.mark.parametrize("text", WHOLE)
def test_a_malformed_range_means_the_whole_file(text: str) -> None:
    assert parsed(text, 100) is None


@pytest.mark.parametrize("text", ["bytes=" + " " * MANY, "bytes=0-" + " " * MANY + "x"], ids=["spaces", "end"])
def test_a_long_range_header_does_not_hang_the_parser(text: str) -> None:
    assert parsed(text, 100) is None


@given(st.text(max_size=60), st.integers(0, 1000))
def test_no_header_breaks_the_parser(text: str, size: int) -> None:
    try:
        span = parsed(text, size)
    except Unsatisfiable:
        return
    assert span is None or 0 <= span.first <= span.last < size


@pytest.mark.parametrize(
    ("if_range", "expected"),
    [
        ('"abc"', Span(0, 4)),
        ('W/"abc"', None),
        ('"other"', None),
        ("Tue, 14 Nov 2023 22:13:20 GMT", Span(0, 4)),
        ("Tue, 14 Nov 2023 22:13:21 GMT", None),
    ],
)
def test_if_range_gives_the_range_of_this_version_only(if_range: str, expected: Span | None) -> None:
    assert parsed("bytes=0-4", 100, **{"If-Range": if_range}) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"If-None-Match": '"abc"'}, True),
        ({"If-None-Match": '"x", W/"abc"'}, True),
        ({"If-None-Match": "*"}, True),
        ({"If-None-Match": '"x"', "If-Modified-Since": "Tue, 14 Nov 2033 22:13:20 GMT"}, False),
        ({"If-Modified-Since": "Tue, 14 Nov 2023 22:13:20 GMT"}, True),
        ({"If-Modified-Since": "Tue, 14 Nov 2023 22:13:19 GMT"}, False),
        ({"If-Modified-Since": "yesterday"}, False),
        ({}, False),
    ],
)
def test_a_version_that_the_caller_has_is_not_sent_again(headers: dict[str, str], expected: bool) -> None:
    assert not_modified(headers, ETAG, NOW) is expected
