"""The beginning of a JSON text: the value written so far, and where each part of it stands.

In: bytes that some JSON text begins with. Out: a `Beginning`: the value, completed in the plainest way (open strings,
arrays and objects are closed, a member without a value is left out), and the places of all values and keys, for
telling which of them a byte belongs to. A list of open containers instead of recursion, so that depth costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Path = tuple["str | int", ...]

_TOKEN = re.compile(
    rb"""[ \t\r\n]*(?:(?P<string>"(?:[^"\\]|\\.)*(?:"|\\?$))|(?P<plain>[-+.0-9a-zA-Z]+)|(?P<mark>[][{},:]))""",
    re.DOTALL,
)
_WORDS = {"true": True, "false": False, "null": None}


@dataclass(slots=True)
class Place:
    """Where a value or a key stands. Known by its container, since paths are long where values nest deep."""

    #: The container around it; of a key the object.
    parent: Place | None
    #: Name or index in the container.
    step: str | int
    start: int
    #: Behind its last byte; the length of the text while it is open.
    end: int
    #: "object", "array", "string", "number", "word" or "key".
    kind: str
    is_closed: bool = True
    #: Of a key: what it says, and whether an earlier key of the same object says it too.
    name: str = ""
    is_repeated: bool = False
    inner: dict[str | int, Place] = field(default_factory=dict)

    @property
    def path(self) -> Path:
        """The steps to the value; to the object of a key."""
        steps: list[str | int] = []
        place = self.parent if self.kind == "key" else self
        while place is not None and place.parent is not None:
            steps.append(place.step)
            place = place.parent
        return tuple(reversed(steps))


@dataclass(slots=True)
class Beginning:
    """What was read."""

    value: Any = None
    places: list[Place] = field(default_factory=list)
    #: Where a value was due when the text ended, if one was.
    due: Path | None = None

    def number_before(self, offset: int) -> Place | None:
        """The number that the byte would end."""
        ends = (place for place in self.places if place.kind == "number" and place.end == offset)
        return next(ends, None)

    def key_at(self, offset: int) -> Place | None:
        return next(
            (place for place in self.places if place.kind == "key" and place.start <= offset <= place.end),
            None,
        )

    def open_places(self) -> Iterator[Place]:
        """What is not closed, innermost first."""
        return (place for place in reversed(self.places) if not place.is_closed)

    def span(self, path: Path) -> tuple[int, int]:
        """Where the value under a path stands, or the innermost one around it."""
        if not self.places:
            return 0, 0
        place = self.places[0]
        for step in path:
            if step not in place.inner:
                break
            place = place.inner[step]
        return place.start, place.end


@dataclass(slots=True)
class _Open:
    value: Any
    place: Place
    #: Of an object: the name whose value comes next.
    name: str | None = None


def read(data: bytes) -> Beginning:
    """Read as far as this is JSON."""
    found = Beginning()
    containers: list[_Open] = []
    at = 0
    while match := _TOKEN.match(data, at):
        at = match.end()
        token, start = match[match.lastgroup or 0], match.start(match.lastgroup or 0)
        around = containers[-1] if containers else None
        if token in (b"}", b"]"):
            if around is None:
                break
            around.place.end, around.place.is_closed = at, True
            containers.pop()
        elif token == b"," and around is not None:
            around.name = None
        elif token in (b":", b","):
            continue
        elif around is not None and around.place.kind == "object" and around.name is None:
            _read_key(found, around, token, start)
        else:
            _read_value(found, containers, token, start)
    found.due = _due(containers, data)
    for place in found.places:
        if not place.is_closed:
            place.end = len(data)
    return found


def _read_key(found: Beginning, around: _Open, token: bytes, start: int) -> None:
    name, is_closed = _string(token)
    is_repeated = name in around.place.inner
    place = Place(around.place, "", start, start + len(token), "key", is_closed, name, is_repeated)
    found.places.append(place)
    if is_closed:
        around.name = name


def _read_value(found: Beginning, containers: list[_Open], token: bytes, start: int) -> None:
    around = containers[-1] if containers else None
    place = Place(None, "", start, start + len(token), "word")
    if around is not None:
        place.parent, place.step = around.place, _step(around)
        around.place.inner[place.step] = place
    if token in (b"{", b"["):
        place.kind, place.is_closed = ("object" if token == b"{" else "array"), False
        value: Any = {} if token == b"{" else []
        containers.append(_Open(value, place))
    elif token[:1] == b'"':
        place.kind = "string"
        value, place.is_closed = _string(token)
    elif token[:1].isalpha():
        word = next((word for word in _WORDS if word.startswith(token.decode("ascii"))), "null")
        value, place.is_closed = _WORDS[word], len(word) == len(token)
    else:
        place.kind, value = "number", _number(token.decode("ascii"))
    found.places.append(place)
    if around is None:
        found.value = value
    elif isinstance(around.value, list):
        around.value.append(value)
    elif around.name is not None:
        around.value[around.name] = value


def _step(around: _Open) -> str | int:
    if isinstance(around.value, list):
        return len(around.value)
    return "" if around.name is None else around.name


def _string(token: bytes) -> tuple[str, bool]:
    """What a string token says, and whether it is closed. An escape at the end may be half written."""
    try:
        return str(json.loads(token)), True
    except ValueError:
        text = token[1:].decode("utf-8", "ignore")
    for end in range(len(text), max(len(text) - 12, -1), -1):
        try:
            return str(json.loads('"' + text[:end] + '"')), False
        except ValueError:
            continue
    return "", False


def _number(text: str) -> int | float:
    while text:
        try:
            number: int | float = json.loads(text)
        except ValueError:
            text = text[:-1]
            continue
        return number
    return 0


def _due(containers: list[_Open], data: bytes) -> Path | None:
    last = data.rstrip(b" \t\r\n")[-1:]
    if not containers:
        return None if last else ()
    around = containers[-1]
    if last == b":" or (last in (b"[", b",") and around.place.kind == "array"):
        return (*around.place.path, _step(around))
    return None


def pointer_of_path(path: Path) -> str:
    """The JSON pointer of a value, as a URI fragment."""
    return "#" + "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)
