"""Character sets against Python's sets of code points."""

from __future__ import annotations

import pickle

from hypothesis import given
from hypothesis import strategies as st

from treadle.grammar.charset import ALL, EMPTY_SET, CharSet, refine

#: Around the surrogates and the ends, where mistakes are.
_PLACES = [*range(12), *range(0xD7F8, 0xD800), *range(0xE000, 0xE008), *range(0x10FFF8, 0x110000)]
_UNIVERSE = set(_PLACES)
_SETS = st.sets(st.sampled_from(_PLACES)).map(
    lambda points: (CharSet.of((point, point) for point in points), points)
)


def _points(charset: CharSet) -> set[int]:
    return {point for point in _UNIVERSE if charset.contains(point)}


@given(_SETS, _SETS)
def test_operators_are_those_of_sets(left: tuple[CharSet, set[int]], right: tuple[CharSet, set[int]]) -> None:
    (one, ones), (two, twos) = left, right
    assert _points(one | two) == ones | twos
    assert _points(one & two) == ones & twos
    assert _points(one - two) == ones - twos
    assert _points(~one) == _UNIVERSE - ones
    assert one.includes(two) == (ones >= twos)
    assert one.size() == len(ones)
    assert set(one.codepoints()) == ones


@given(_SETS)
def test_equal_sets_are_the_same_object(some: tuple[CharSet, set[int]]) -> None:
    charset, points = some
    assert CharSet.of((point, point) for point in sorted(points, reverse=True)) is charset
    assert ~~charset is charset
    assert pickle.loads(pickle.dumps(charset)) is charset


@given(st.lists(_SETS, max_size=4))
def test_refined_classes_are_disjoint_and_know_their_sets(sets: list[tuple[CharSet, set[int]]]) -> None:
    classes = refine(tuple(charset for charset, _ in sets))
    covered: set[int] = set()
    for charset, members in classes:
        points = set(charset.codepoints())
        assert points
        assert not points & covered
        covered |= points
        for point in points:
            assert [index for index, (_, own) in enumerate(sets) if point in own] == list(members)
    assert covered == set().union(*(points for _, points in sets))
    assert len({members for _, members in classes}) == len(classes)


def test_surrogates_are_in_no_set() -> None:
    assert CharSet.of([(0xD7FF, 0xE000)]).ranges == ((0xD7FF, 0xD7FF), (0xE000, 0xE000))
    assert CharSet.single(0xD800) is EMPTY_SET
    assert not ALL.contains(0xDFFF)
    assert ~EMPTY_SET is ALL
    assert ALL.size() == 0x110000 - 0x800


def test_examples_are_legible() -> None:
    assert ALL.example() == "a"
    assert CharSet.from_text("é~Z").example() == "Z"
    assert CharSet.from_text("é").example() == "é"
