"""Pieces of text: whole characters, nothing lost."""

from __future__ import annotations

import random

import pytest

from treadle.decoding import TextStream
from treadle.decoding.results import parsed

TEXT = "naïve 👩‍👩‍👧 日本\U0010fffd ok"


@pytest.mark.parametrize("seed", range(10))
def test_pieces_are_whole_characters_and_join_to_the_text(seed):
    data, rng, stream, pieces = TEXT.encode(), random.Random(seed), TextStream(), []
    while data:
        cut = rng.randrange(1, 4)
        pieces.append(stream.feed(data[:cut]))
        data = data[cut:]
    pieces.append(stream.feed(b"", final=True))
    assert "".join(pieces) == TEXT
    assert "\ufffd" not in "".join(pieces)


def test_a_healed_beginning_is_dropped_even_across_pieces():
    stream = TextStream(skip=3)
    assert [stream.feed(b"a"), stream.feed(b"bcd"), stream.feed(b"e", final=True)] == ["", "d", "e"]


def test_parsed_reads_json_and_nothing_else():
    assert parsed('{"a": [1e-7, null]}') == {"a": [1e-7, None]}
    assert parsed("no") is None
