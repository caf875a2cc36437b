"""Sentences for people, and what is in them: numbers, bytes and ids, suggestions for mistyped words, and cameras. A
text has the slugs of cameras, for programs, mails, logs and the command line; pages show the names instead, by the
places of the mentions. A mention refers to its camera by id, so that a slug that is also a word, such as `night`, is
never taken for a camera. Django-free."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from string import Formatter
from typing import Any, NamedTuple, Self

from core.camera_names import CameraRef


def pluralize(number: float, thing: str, things: str = "") -> str:
    """`1 capture`, `3,600 captures`; `things` is a plural without that s."""
    return f"1 {thing}" if number == 1 else f"{number:,.0f} {things or f'{thing}s'}"


def was_or_were(number: float) -> str:
    return "was" if number == 1 else "were"


UNITS = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def format_size(size: float) -> str:
    """1.46 TB, 212 GB: decimal."""
    for unit, name in UNITS:
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size:.0f} B"


SHORT = 13
"""The number of characters of an id that encode its creation time to the millisecond."""


def short_id(text: str) -> str:
    return text[:SHORT]


LEAST_PREFIX = 3
LONG = 8
"""Words of at least this length may differ by two letters."""


def similar_words(word: str, known: Iterable[str]) -> list[str]:
    """The known words that start with `word`, else those that differ by one letter, or by two in a long word."""
    names = list(known)
    begun = [name for name in names if len(word) >= LEAST_PREFIX and name.startswith(word)]
    slips = 2 if len(word) >= LONG else 1
    return begun or [name for name in names if abs(len(name) - len(word)) <= slips and distance(word, name) <= slips]


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean connect?`, or nothing."""
    found = similar_words(word, known)
    return f" Did you mean {' or '.join(found)}?" if found else ""


def distance(first: str, second: str) -> int:
    """The number of letters deleted, inserted, replaced or swapped with a neighbour (optimal string alignment)."""
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, letter in enumerate(first, 1):
        before, last, row = row, before, [i]
        for j, other in enumerate(second, 1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == second[j - 2] and first[i - 2] == other:
                best = min(best, last[j - 2] + 1)
            row.append(best)
    return row[-1]


Mentions = list[list[int | str]]
"""As JSON: `[[start, end, camera id], ...]`, in characters."""
TEXTS = ("message", "detail")
"""The fields of a message between processes that may be a Sentence; it has at most one of them."""


class Mention(NamedTuple):
    """The characters from `start` to before `end` are the slug of the camera with the id `camera`."""

    start: int
    end: int
    camera: str


class Sentence(str):
    """The plain text, and where in it cameras are mentioned. What is made of it by f-strings and methods of str is
    plain text without mentions: use `sentence` and `join_sentences`."""

    __slots__ = ("mentions",)

    mentions: tuple[Mention, ...]
    """In the order of the text; they do not overlap."""

    def __new__(cls, text: str, mentions: Iterable[Mention] = ()) -> Self:
        made = super().__new__(cls, text)
        made.mentions = tuple(mentions)
        return made

    def __str__(self) -> str:
        """Itself, so that the text of an error made with it keeps the mentions."""
        return self

    def with_names(self, names: Mapping[str, str]) -> str:
        """The text with names (camera id -> name) in place of slugs; cameras without one keep their slug."""
        return "".join(part for part, _ in self.parts(names))

    def parts(self, names: Mapping[str, str]) -> Iterator[tuple[str, bool]]:
        """The same in pieces, each with whether it is a name."""
        done = 0
        for start, end, camera in self.mentions:
            if camera in names:
                yield self[done:start], False
                yield names[camera], True
                done = end
        yield self[done:], False


def sentence(template: str, /, **values: object) -> Sentence:
    """`sentence("{camera} was released by {who}.", camera=camera, who=who)`.

    A camera (`id` and `slug`) becomes a mention, and a Sentence brings its own; any other value becomes text, as
    `str.format` makes it. For a command that is to be typed, pass `camera.slug`. Braces in values are literal.
    Raises KeyError for a name in the template without a value."""
    found, formatter = _Builder(), Formatter()
    for literal, name, form, conversion in formatter.parse(template):
        found.add(literal)
        if name is None:
            continue
        value = values[name]
        if not form and not conversion and isinstance(value, CameraRef):
            found.mention(value)
        elif not form and not conversion:
            found.add(str(value))
        else:
            found.add(formatter.format_field(formatter.convert_field(value, conversion), form or ""))
    return found.sentence()


def join_sentences(parts: Iterable[str], by: str = " ") -> Sentence:
    """The parts that are not empty, with `by` between them."""
    found = _Builder()
    for part in parts:
        if part:
            found.add(by if found.length else "")
            found.add(part)
    return found.sentence()


def cameras_text(cameras: Iterable[CameraRef]) -> Sentence:
    """`dslr, lab`."""
    return join_sentences((sentence("{camera}", camera=camera) for camera in cameras), ", ")


def beside_camera(text: str, camera: CameraRef) -> str:
    """For what always stands beside its camera: `the camera` in place of its slug."""
    if not isinstance(text, Sentence):
        return text
    found = ""
    for part, is_name in text.parts({str(camera.id): "the camera"}):
        begins = is_name and (not found or found.endswith((". ", "? ", "! ")))
        found += part.capitalize() if begins else part
    return found


def mentions_of(text: str) -> Mentions:
    """Empty for a text without mentions."""
    return [list(mention) for mention in text.mentions] if isinstance(text, Sentence) else []


def spans_of(text: str) -> list[list[int]]:
    """`[[start, end], ...]`: for programs, to which a slug is the id of a camera."""
    return [[start, end] for start, end, _ in text.mentions] if isinstance(text, Sentence) else []


def read_sentence(text: str, mentions: Mentions) -> Sentence:
    """The opposite of `mentions_of`."""
    return Sentence(text, (Mention(int(start), int(end), str(camera)) for start, end, camera in mentions))


def with_mentions(message: Mapping[str, object]) -> Mapping[str, object]:
    """A message to another process. JSON has no Sentence: where its text mentions cameras stands in `mentions`."""
    for name in TEXTS:
        if mentions := mentions_of(str(message.get(name, ""))):
            return {**message, "mentions": mentions}
    return message


def with_sentence(message: dict[str, Any]) -> dict[str, Any]:
    """The message as it was before `with_mentions`. A process of another version may send no mentions."""
    if mentions := message.pop("mentions", None):
        message |= {name: read_sentence(message[name], mentions) for name in TEXTS if name in message}
    return message


class _Builder:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self._mentions: list[Mention] = []
        self.length = 0

    def add(self, text: str) -> None:
        if isinstance(text, Sentence):
            self._mentions += [
                Mention(self.length + start, self.length + end, camera) for start, end, camera in text.mentions
            ]
        self._parts.append(text)
        self.length += len(text)

    def mention(self, camera: CameraRef) -> None:
        # Rows from before events had the ids of their cameras know the slug alone.
        if camera.id:
            self._mentions.append(Mention(self.length, self.length + len(camera.slug), str(camera.id)))
        self.add(camera.slug)

    def sentence(self) -> Sentence:
        return Sentence("".join(self._parts), self._mentions)
