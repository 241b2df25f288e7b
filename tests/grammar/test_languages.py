"""Random expressions and all that is asked of them, against sets of short texts worked out in the obvious way."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest

from treadle.frontends.regex.ecma import parse_ecma
from treadle.grammar.charset import CharSet
from treadle.grammar.derivative import first_ascii, matches, nullable, transitions
from treadle.grammar.emptiness import (
    is_disjoint,
    is_empty,
    is_subset,
    live_transitions,
    longest_length,
    shortest,
    shortest_length,
)
from treadle.grammar.expression import (
    ANY_TEXT,
    EPSILON,
    NOTHING,
    Expr,
    alternate,
    chars,
    complement,
    concat,
    intersect,
    repeat,
    text,
    words,
)
from treadle.grammar.inclusion import includes

ALPHABET = "abc"
#: Every text up to this length is put to every language.
LENGTH = 4
TEXTS = [
    "".join(letters) for size in range(LENGTH + 1) for letters in itertools.product(ALPHABET, repeat=size)
]

Language = frozenset[str]
_ALL = frozenset(TEXTS)


@pytest.mark.parametrize("seed", range(20))
def test_matching_agrees_with_sets(seed: int) -> None:
    source = random.Random(seed)
    for _ in range(20):
        expr, language = random_language(source, 4)
        found = {text for text in TEXTS if matches(expr, text)}
        assert found == language, expr


@pytest.mark.parametrize("seed", range(20))
def test_shortest_and_longest_agree_with_sets(seed: int) -> None:
    source = random.Random(1000 + seed)
    letters = repeat(chars(CharSet.from_text(ALPHABET)), 0, None)
    for _ in range(20):
        anywhere, language = random_language(source, 3)
        expr = intersect(anywhere, letters)
        witness = shortest(expr)
        assert is_empty(expr) == (witness is None)
        if witness is None:
            assert not language
            assert longest_length(expr) == 0 == shortest_length(expr)
            continue
        assert matches(expr, witness)
        assert len(witness) == shortest_length(expr) == min(map(len, language), default=len(witness))
        assert language or len(witness) > LENGTH
        longest = longest_length(expr)
        if longest is not None and longest <= LENGTH:
            assert longest == max(map(len, language))
        else:
            assert longest is None or longest > LENGTH


@pytest.mark.parametrize("seed", range(20))
def test_relations_agree_with_sets(seed: int) -> None:
    source = random.Random(2000 + seed)
    for _ in range(20):
        (one, ones), (two, twos) = random_language(source, 3), random_language(source, 3)
        if is_subset(one, two):
            assert ones <= twos
        if is_disjoint(one, two):
            assert not ones & twos
        if includes(one, two):
            assert is_subset(two, one)
        assert is_subset(one, one)


@pytest.mark.parametrize("seed", range(20))
def test_transitions_are_disjoint_distinct_and_live(seed: int) -> None:
    source = random.Random(3000 + seed)
    for _ in range(20):
        expr, _ = random_language(source, 4)
        edges = transitions(expr)
        sets = [charset for charset, _ in edges]
        assert len({target for _, target in edges}) == len(edges)
        assert all(not (one & two) for index, one in enumerate(sets) for two in sets[:index])
        assert NOTHING not in {target for _, target in edges}
        assert [charset.min() for charset in sets] == sorted(charset.min() for charset in sets)
        live = live_transitions(expr)
        assert all(not is_empty(target) for _, target in live)
        assert all(is_empty(target) for _, target in set(edges) - set(live))
        assert is_empty(expr) == (not nullable(expr) and not live)


def random_language(random_source: random.Random, depth: int) -> tuple[Expr, Language]:
    """An expression, and its texts out of TEXTS worked out by sets."""
    if depth == 0 or random_source.random() < 0.15:
        return _leaf(random_source)
    make = random_source.choice([_joined, _joined, _either, _either, _both, _other, _repeated, _repeated])
    return make(random_source, depth - 1)


def _leaf(source: random.Random) -> tuple[Expr, Language]:
    kind = source.randrange(8)
    if kind == 0:
        return EPSILON, frozenset([""])
    if kind == 1:
        return ANY_TEXT, _ALL
    if kind == 2 and source.random() < 0.3:
        return NOTHING, frozenset()
    if kind < 5:
        some = source.sample(ALPHABET, source.randint(1, 3))
        return chars(CharSet.from_text("".join(some))), frozenset(some)
    if kind < 7:
        word = "".join(source.choices(ALPHABET, k=source.randint(0, 3)))
        return text(word), frozenset([word])
    some = source.sample(TEXTS, source.randint(0, 6))
    return words(some), frozenset(some)


def _joined(source: random.Random, depth: int) -> tuple[Expr, Language]:
    left, right = random_language(source, depth), random_language(source, depth)
    return concat(left[0], right[0]), _products(left[1], right[1])


def _either(source: random.Random, depth: int) -> tuple[Expr, Language]:
    return _combined(source, depth, alternate, lambda left, right: left | right)


def _both(source: random.Random, depth: int) -> tuple[Expr, Language]:
    return _combined(source, depth, intersect, lambda left, right: left & right)


def _combined(
    source: random.Random,
    depth: int,
    make: Callable[[Expr, Expr], Expr],
    judge: Callable[[Language, Language], Language],
) -> tuple[Expr, Language]:
    left, right = random_language(source, depth), random_language(source, depth)
    return make(left[0], right[0]), judge(left[1], right[1])


def _other(source: random.Random, depth: int) -> tuple[Expr, Language]:
    inner, language = random_language(source, depth)
    return complement(inner), _ALL - language


def _repeated(source: random.Random, depth: int) -> tuple[Expr, Language]:
    inner, language = random_language(source, depth)
    low = source.randint(0, 3)
    high = source.choice([None, low, low + source.randint(0, 2)])
    # Past LENGTH rounds nothing new and short can come: every further round reads something, or could be left out.
    rounds = [frozenset([""])]
    while len(rounds) <= low + LENGTH + 1:
        rounds.append(_products(rounds[-1], language))
    top = low + LENGTH + 1 if high is None else high
    return repeat(inner, low, high), frozenset().union(*rounds[low : top + 1])


def _products(left: Language, right: Language) -> Language:
    return frozenset(one + two for one in left for two in right if len(one) + len(two) <= LENGTH)


FIRST = [
    "",
    "a",
    "[a-c]x|é",
    "(ab)?c",
    "x*y",
    "[^a]",
    "(?=a)[a-z]b",
    "é",
    "(a|b){2,3}",
    "(x?){4}z",
    "[0-9]+(\\.[0-9]+)?",
]


@pytest.mark.parametrize("pattern", FIRST)
def test_characters_that_may_come_first_are_all_foreseen(pattern: str) -> None:
    """`first_ascii` is read off the shape; the derivatives say what it must contain."""
    for language in (parse_ecma(pattern), parse_ecma(f"^(?:{pattern})$"), complement(parse_ecma(pattern))):
        foreseen = first_ascii(language)
        for charset, _ in live_transitions(language):
            assert charset.ascii & ~foreseen == 0


def test_first_characters_are_exact_where_the_shape_tells() -> None:
    language = parse_ecma("^(?:(ab)?c|[x-z]w)$")
    assert first_ascii(language) == sum(1 << ord(character) for character in "acxyz")
