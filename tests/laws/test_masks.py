"""Laws 1, 2 and 6: masks are brute force.

t in mask(p)    iff  bytes(p) + bytes(t) is a prefix of some word of L(G)
EOS in mask(p)  iff  bytes(p) in L(G)
t in mask(p)    iff  advance(p, t) is a state
"""

from __future__ import annotations

import random

import pytest
import regex

from laws import vocabularies
from laws.random_rules import Members, random_regex, random_rule
from laws.walks import automaton, prefixes, random_text, state_behind, tokens_of
from oracles.byte_automaton import ByteOracle
from oracles.masks import MaskOracle, regex_allows
from treadle.frontends.regex import parse_ecma, parse_python
from treadle.grammar import rules
from treadle.grammar.expression import ANY_TEXT, Expr, words
from treadle.matching.token_automaton import REFUSED, TokenAutomaton
from treadle.vocabulary import Vocabulary

TRAPS = vocabularies.traps()
LACKING = vocabularies.traps_without(b'a\xa9,"1\\')


def assert_brute_force(node: rules.Node, vocabulary: Vocabulary, rng: random.Random, texts: int = 2) -> None:
    oracle = ByteOracle(node)
    masks, compiled = MaskOracle(oracle, vocabulary), automaton(node, vocabulary, every_byte=True)
    for _ in range(texts):
        for prefix in prefixes(random_text(oracle, rng), rng):
            assert_same_mask(compiled, masks, prefix)


def assert_same_mask(compiled: TokenAutomaton, masks: MaskOracle, prefix: bytes) -> None:
    state = state_behind(compiled, prefix)
    found, expected = tokens_of(compiled, state), masks.mask(prefix)
    spelled = compiled.vocabulary.tokens
    assert found == expected, (
        f"behind {prefix!r}: wrongly allowed {[spelled[i] for i in sorted(found - expected)][:9]}, "
        f"wrongly refused {[spelled[i] for i in sorted(expected - found)][:9]}"
    )
    advanced = {token for token in range(len(spelled)) if compiled.advance(state, token) != REFUSED}
    assert advanced == found, (
        f"behind {prefix!r}: mask and advance differ on {[spelled[i] for i in advanced ^ found][:9]}"
    )


def assert_judged_by_regex(pattern: str, vocabulary: Vocabulary, rng: random.Random, texts: int) -> None:
    """The same against the module `regex`, which shares nothing with treadle."""
    node = rules.Text(parse_python(pattern))
    judge, oracle, compiled = regex.compile(pattern), ByteOracle(node), automaton(node, vocabulary)
    ends = set(vocabulary.eos_ids)
    for _ in range(texts):
        for prefix in prefixes(random_text(oracle, rng), rng, 2):
            found = tokens_of(compiled, state_behind(compiled, prefix))
            verdicts = {
                i: regex_allows(judge, prefix + data) for i, data in enumerate(vocabulary.tokens) if data
            }
            wrong = [i for i, verdict in verdicts.items() if verdict is not None and verdict != (i in found)]
            assert not wrong, f"{pattern!r} behind {prefix!r}: {[vocabulary.tokens[i] for i in wrong][:9]}"
            whole = _is_text(prefix) and judge.fullmatch(prefix.decode()) is not None
            assert ends.issubset(found) == whole and bool(ends & found) == whole


def _is_text(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@pytest.mark.parametrize("seed", range(40))
def test_mask_of_a_regex_is_brute_force(seed):
    rng = random.Random(seed)
    assert_brute_force(rules.Text(parse_python(random_regex(rng))), TRAPS, rng)


@pytest.mark.parametrize("seed", range(100, 125))
def test_mask_of_a_regex_is_what_the_module_regex_says(seed):
    rng = random.Random(seed)
    assert_judged_by_regex(random_regex(rng), TRAPS, rng, texts=2)


@pytest.mark.parametrize("seed", range(60))
def test_mask_of_random_rules_is_brute_force(seed):
    rng = random.Random(seed)
    assert_brute_force(random_rule(rng), TRAPS, rng)


@pytest.mark.parametrize("seed", range(60, 80))
def test_mask_is_brute_force_on_tokens_cut_from_the_language(seed):
    rng = random.Random(seed)
    node = random_rule(rng)
    oracle = ByteOracle(node)
    vocabulary = vocabularies.cut_from([random_text(oracle, rng, 60) for _ in range(12)], rng)
    assert_brute_force(node, vocabulary, rng)


@pytest.mark.parametrize("seed", range(80, 90))
def test_mask_is_brute_force_where_bytes_have_no_token(seed):
    rng = random.Random(seed)
    assert_brute_force(random_rule(rng), LACKING, rng)


def members(*classes: Expr, listed: str = "", closed: str = "") -> rules.Node:
    state = Members(
        1,
        frozenset(listed.split()),
        frozenset(closed.split()),
        classes,
        indent=False,
        canonical=False,
        value=rules.Literal(b"1"),
    )
    return state.first()


#: Objects whose next name depends on the names before: (rule, prefixes, tokens added to the traps).
NAMES = {
    "any name": (members(ANY_TEXT), (b'{"', b'{"a', b'{"a":1,"a', b'{"\xc3', b'{"\xc3\xa9":1,"\xc3',
    b'{"\\u00e9":1,"'), ()),
    "a finite class": (members(words(("a", "b"))), (b'{"a', b'{"b":1,"a'), (b'":1,"a', b'":1,"b', b'":1}')),
    "a finite class as pattern": (members(parse_ecma("^[ab]$")), (b'{"b":1,"a', b'{"b":1,"'), (b'":1,"a', b'":1,"b')),
    "a class with a finite part": (members(parse_ecma("^(x.*|a)$")), (b'{"a', b'{"a":1,"', b'{"x":1,"x'),
    (b'":1,"a', b'":1,"x')),
    "a listed name and a class": (members(parse_ecma("^a+$"), listed="a b"), (b'{"a', b'{"aa', b'{"a":1,"a'),
    (b'":1,"aa',)),
    "two classes": (members(parse_ecma("^x"), parse_ecma("^[^x]{1,2}$")), (b'{"', b'{"x":1,"x', b'{"ab":1,"a'),
    (b'b":1,',)),
    "all but one": (members(ANY_TEXT, closed="a"), (b'{"', b'{"a', b'{"aa":1,"a'), (b'a":1', b'":1,"a"',
    b'":1,"a":')),
}  # fmt: skip


@pytest.mark.parametrize(("node", "texts", "tokens"), NAMES.values(), ids=NAMES)
def test_mask_knows_the_names_that_are_taken(node, texts, tokens):
    vocabulary = vocabularies.vocabulary([*vocabularies.BYTES, *vocabularies.TRAPS, *tokens])
    compiled, masks = automaton(node, vocabulary), MaskOracle(ByteOracle(node), vocabulary)
    for prefix in texts:
        assert_same_mask(compiled, masks, prefix)


def test_special_tokens_holes_and_empty_tokens_are_never_allowed():
    compiled = automaton(rules.Text(ANY_TEXT), TRAPS)
    spelled = TRAPS.tokens
    assert all(spelled[i] or i in TRAPS.eos_ids for i in tokens_of(compiled, compiled.start))
    assert 0 not in tokens_of(compiled, compiled.start)


def test_all_ends_of_text_and_all_duplicates_are_allowed_alike():
    compiled = automaton(rules.Text(words(("", "a"))), TRAPS)
    same = {i for i, data in enumerate(TRAPS.tokens) if data == b"a"}
    assert len(same) == 2 and tokens_of(compiled, compiled.start) == {1, 2} | same


def test_ids_outside_of_the_vocabulary_are_refused():
    compiled = automaton(rules.Text(words(("abc",))), TRAPS)
    first = compiled.advance(compiled.start, TRAPS.tokens.index(b"a"))
    b = TRAPS.tokens.index(b"b")
    assert compiled.advance(first, b) != REFUSED
    for token in (-1, len(TRAPS), 1 << 22 | b, (first ^ compiled.start) << 22 | b):
        assert compiled.advance(compiled.start, token) == REFUSED


# -- the real vocabulary ---------------------------------------------------------------------------

PATTERNS = (
    r"[a-z]{2,5}(é|日本|x)+", r"\d{4}-\d{2}-\d{2}", r".{0,12}", r"(foo|bar|baz )*[^a-z]?", r'"([^"\\]|\\.)*"',
    r"[А-я ]+[.!?]",
)  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_mask_over_the_real_vocabulary_is_what_the_module_regex_says(smollm, pattern):
    assert_judged_by_regex(pattern, smollm, random.Random(pattern), texts=1)


@pytest.mark.parametrize("seed", [200, 201, 202, 203, 205])
def test_mask_over_the_real_vocabulary_is_brute_force(smollm, seed):
    rng = random.Random(seed)
    assert_brute_force(random_rule(rng), smollm, rng, texts=1)


def test_class_rows_are_brute_force_over_the_real_vocabulary(smollm):
    for low, high in ((0, None), (0, 1), (0, 5), (2, 40), (3, 300)):
        node = rules.Sequence((rules.Literal(b'"'), rules.Quoted(ANY_TEXT, low, high)))
        masks, compiled = MaskOracle(ByteOracle(node), smollm), automaton(node, smollm, every_byte=True)
        for prefix in (b'"', b'"a', '"é'.encode()[:-1]):
            assert_same_mask(compiled, masks, prefix)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1000, 2500))
def test_many_masks_are_brute_force(seed):
    rng = random.Random(seed)
    assert_brute_force(random_rule(rng), TRAPS, rng)
    assert_brute_force(rules.Text(parse_python(random_regex(rng))), TRAPS, rng)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3000, 3060))
def test_many_masks_over_the_real_vocabulary_are_brute_force(smollm, seed):
    rng = random.Random(seed)
    assert_brute_force(random_rule(rng), smollm, rng, texts=1)


def test_the_oracle_is_no_automaton():
    """The twin must not lean on what it judges."""
    import oracles.byte_automaton as twin

    assert not any(
        "treadle.automata" in str(getattr(value, "__module__", "")) for value in vars(twin).values()
    )
