"""Sentences that name cameras: where their mentions are, whatever the words around them."""

from __future__ import annotations

import copy
import json
import pickle

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from core.camera_names import CameraName
from core.text.sentences import (
    Mention,
    Sentence,
    beside_camera,
    cameras_text,
    join_sentences,
    mentions_of,
    read_sentence,
    sentence,
    with_mentions,
    with_sentence,
)

SKY, RAIN = CameraName("0197-sky", "sky"), CameraName("0197-rain", "rain")
NAMES = {SKY.id: "All-sky", RAIN.id: r"Dome <b>\1 \g<0> `{camera}`"}
WORDS = [
    *["the", "a", "camera", "night", "is", "rain", "sky", "set", "on", ".", ":", "`"],
    "{}",
    "{camera}",
    "\\1",
    "<b>",
    "🔭",
]
slugs = st.sampled_from(["rain", "night", "camera", "a", "set", "is", "sky", "b"])
cameras = st.builds(CameraName, id=st.sampled_from(["1", "2", "3"]), slug=slugs)
words = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
names = st.dictionaries(st.sampled_from(["1", "2", "3"]), st.sampled_from([*WORDS, *NAMES.values()]))


@given(words, cameras, words, cameras, words, names)
def test_exactly_the_mentions_of_a_sentence_are_named(
    before: str, one: CameraName, between: str, other: CameraName, after: str, names: dict[str, str]
) -> None:
    made = sentence("{a} {one} {b} {other} {c}", a=before, one=one, b=between, other=other, c=after)
    assert made == f"{before} {one.slug} {between} {other.slug} {after}"
    shown = [names.get(camera.id, camera.slug) for camera in (one, other)]
    assert made.with_names(names) == f"{before} {shown[0]} {between} {shown[1]} {after}"


@given(st.lists(st.tuples(words, cameras, words), max_size=4), st.sampled_from([" ", ", ", ": "]), names)
def test_joined_sentences_keep_their_mentions(
    parts: list[tuple[str, CameraName, str]], by: str, names: dict[str, str]
) -> None:
    made = [sentence("{a}{camera}{b}", a=a, camera=camera, b=b) for a, camera, b in parts]
    joined = join_sentences([*made, ""], by)
    assert joined == by.join(made)
    assert joined.with_names(names) == by.join(one.with_names(names) for one in made)


@given(words, cameras, words, names)
def test_a_sentence_in_a_sentence_keeps_its_mentions(
    before: str, camera: CameraName, after: str, names: dict[str, str]
) -> None:
    inner = sentence("{a}{camera}", a=before, camera=camera)
    assert sentence("({inner}){b}", inner=inner, b=after).with_names(names) == f"({inner.with_names(names)}){after}"


@given(words, cameras, words, names)
def test_a_sentence_is_the_same_after_json(before: str, camera: CameraName, after: str, names: dict[str, str]) -> None:
    made = sentence("{a}{camera}{b}", a=before, camera=camera, b=after)
    text, mentions = json.loads(json.dumps([made, mentions_of(made)]))
    assert read_sentence(text, mentions).with_names(names) == made.with_names(names)


@pytest.mark.parametrize("field", ["message", "detail"])
def test_a_message_to_another_process_carries_its_mentions(field: str) -> None:
    made = sentence("{camera} is away.", camera=SKY)
    sent = json.loads(json.dumps(with_mentions({"type": "log", field: made})))
    assert sent == {"type": "log", field: "sky is away.", "mentions": [[0, 3, SKY.id]]}
    assert with_sentence(sent)[field].with_names(NAMES) == "All-sky is away."


@pytest.mark.parametrize("message", [{"type": "state"}, {"message": "sky is away."}, {"detail": ""}])
def test_a_message_without_mentions_is_sent_as_it_is(message: dict[str, object]) -> None:
    assert with_mentions(message) == with_sentence(dict(message)) == message


def test_a_setting_that_has_a_cameras_name_is_a_value() -> None:
    made = sentence("{who} set {changed} on {camera}.", who="sky", changed="scene to sky on rain", camera=SKY)
    assert made.with_names(NAMES) == "sky set scene to sky on rain on All-sky."


def test_a_command_to_type_keeps_the_slug() -> None:
    made = sentence("{camera} is away. Type `skycam connect {slug}`.", camera=SKY, slug=SKY.slug)
    assert made.with_names(NAMES) == "All-sky is away. Type `skycam connect sky`."


def test_values_are_formatted_as_by_str_format() -> None:
    made = sentence("{camera}: {size:.1f} MB, {name!r}, {{}}", camera=SKY, size=1.26, name="a 'b'")
    assert made == "sky: 1.3 MB, \"a 'b'\", {}"
    assert made.mentions == (Mention(0, 3, SKY.id),)


def test_a_name_in_the_template_without_a_value_is_an_error() -> None:
    with pytest.raises(KeyError):
        sentence("{camera} is away.", kamera=SKY)


def test_a_camera_without_an_id_is_text() -> None:
    assert sentence("{camera} is away.", camera=CameraName("", "sky")).mentions == ()


def test_cameras_are_listed() -> None:
    assert cameras_text([SKY, RAIN]).with_names({SKY.id: "All-sky"}) == "All-sky, rain"


@pytest.mark.parametrize(
    ("text", "beside"),
    [
        (sentence("{camera} is away. {camera} is gone.", camera=SKY), "The camera is away. The camera is gone."),
        (sentence("The host of {camera} is away.", camera=SKY), "The host of the camera is away."),
        (sentence("{camera} and {other} are away.", camera=SKY, other=RAIN), "The camera and rain are away."),
        ("sky is away.", "sky is away."),
    ],
)
def test_beside_its_camera_a_sentence_says_the_camera(text: str, beside: str) -> None:
    assert beside_camera(text, SKY) == beside


def test_the_text_of_an_error_keeps_the_mentions() -> None:
    made = sentence("{camera} is away.", camera=SKY)
    error = ValidationError({"camera": made})
    assert [mentions_of(one) for one in (str(ValueError(made)), *error.messages)] == [[[0, 3, SKY.id]]] * 2


def test_copies_keep_the_mentions() -> None:
    made = sentence("{camera} is away.", camera=SKY)
    copies = [copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made)), Sentence(made, made.mentions)]
    assert [(one, mentions_of(one)) for one in copies] == [("sky is away.", [[0, 3, SKY.id]])] * 4


def test_what_is_made_of_it_otherwise_is_plain_text() -> None:
    made = sentence("{camera} is away.", camera=SKY)
    assert [mentions_of(one) for one in (f"({made})", made.upper(), made[:3], f" {made}".strip())] == [[]] * 4
