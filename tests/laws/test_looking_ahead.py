"""Laws of closing and of forced runs.

len(closing(p)) in bytes = min { len(w) : bytes(p) + w in L(G) }, spelled with the fewest tokens
forced(p) = bytes without alternative, spelled as the tokenizer spells every text that goes on with them
"""

from __future__ import annotations

import json
import random
from functools import cache

import jsonschema
import pytest

from laws import vocabularies
from laws.random_rules import random_rule
from laws.walks import automaton, prefixes, random_text, state_behind
from oracles.byte_automaton import ByteOracle, shortest_completion
from treadle import JsonSchema, compile
from treadle.errors import LimitExceeded
from treadle.frontends.regex import parse_python
from treadle.grammar import rules
from treadle.grammar.expression import words
from treadle.matching.closing import Closer, fewest_tokens

TRAPS = vocabularies.traps()


@pytest.mark.parametrize("seed", range(300, 340))
def test_closing_takes_the_fewest_bytes(seed):
    rng = random.Random(seed)
    node = random_rule(rng)
    oracle, compiled = ByteOracle(node), automaton(node, TRAPS)
    for prefix in prefixes(random_text(oracle, rng, 16), rng, 2):
        expected = shortest_completion(oracle, oracle.run(prefix))
        closed = TRAPS.decode_bytes(compiled.closing(state_behind(compiled, prefix)))
        assert oracle.accepts(prefix + closed)
        if expected is not None:
            assert len(closed) == expected, f"behind {prefix!r}: {closed!r} where {expected} bytes do"


@pytest.mark.parametrize("seed", range(20))
def test_bytes_are_spelled_with_the_fewest_tokens(seed):
    rng = random.Random(seed)
    texts = [bytes(rng.choices(b"ab", k=12)) for _ in range(5)]
    compiled = automaton(rules.Text(words(("a",))), vocabularies.cut_from(texts, rng, 12))
    by_bytes = {token for token in compiled.vocabulary.tokens if token}

    @cache
    def fewest(data: bytes) -> int:
        return (
            0
            if not data
            else 1 + min(fewest(data[k:]) for k in range(1, len(data) + 1) if data[:k] in by_bytes)
        )

    for text in texts:
        tokens = fewest_tokens(compiled.tables, text)
        assert compiled.vocabulary.decode_bytes(tokens) == text and len(tokens) == fewest(text)


def forced_by_brute_force(oracle: ByteOracle, prefix: bytes) -> bytes:
    forced = b""
    while not oracle.accepts(prefix + forced) and len(forced) < 200:
        following = [byte for byte in range(256) if oracle.allowed(prefix + forced + bytes([byte]))]
        if len(following) != 1:
            break
        forced += bytes(following)
    return forced


@pytest.mark.parametrize("seed", range(400, 430))
def test_forced_tokens_have_no_alternative(seed):
    rng = random.Random(seed)
    node = rules.Sequence(
        (rules.Literal(rng.choice((b"", b'{"key": ', b"abc", "日本".encode()))), random_rule(rng))
    )
    oracle, compiled = ByteOracle(node), automaton(node, TRAPS)
    for prefix in prefixes(random_text(oracle, rng, 16), rng, 2):
        tokens = compiled.forced(state_behind(compiled, prefix))
        assert forced_by_brute_force(oracle, prefix).startswith(TRAPS.decode_bytes(tokens))


#: A text with choices in it, as a pattern; every text of it begins with the forced tokens of its start.
TEMPLATES = (
    r'\{"name": "[a-z]{1,8}"\}', r"The answer is [0-9]{1,3}\.", r'\{"temperature":-?[0-9]{1,2}\}',
    r"https://example\.(com|org)/[a-z]*",
    r'\{"a":\{"b":\{"c":(true|false|null)\}\}\}', "Größe: [0-9]+ (m|cm)", "日本語[a-z]",
    r'\["[a-z]+"(, "[a-z]+")*\]', "   x = [0-9]{4}",
)  # fmt: skip


@pytest.mark.parametrize("template", TEMPLATES)
def test_forced_tokens_are_how_the_tokenizer_spells_it(smollm, template):
    node = rules.Text(parse_python(template))
    oracle, compiled = ByteOracle(node), automaton(node, smollm)
    forced = compiled.forced(compiled.start)
    rng = random.Random(template)
    for _ in range(40):
        text = random_text(oracle, rng, 80)
        text += smollm.decode_bytes(compiled.closing(state_behind(compiled, text)))
        assert smollm.encode(text.decode())[: len(forced)] == forced


def test_forced_runs_are_not_idle(smollm):
    compiled = automaton(rules.Text(parse_python(r'\{"temperature": -?[0-9]{1,2}\}')), smollm)
    assert smollm.decode(compiled.forced(compiled.start)).startswith('{"temper')


DATE_TIME = {"type": "string", "format": "date-time"}
STRING = {"type": "string"}
UUID = {"type": "string", "format": "uuid"}
CODE = {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{6}-(x|yz){4}$"}


@pytest.mark.parametrize("value", [DATE_TIME, UUID, CODE], ids=["date-time", "uuid", "code"])
@pytest.mark.parametrize("members", [2, 5])
@pytest.mark.parametrize("order", ["any", "declared"])
def test_equal_members_are_all_closed(value, members, order):
    """The ways through the first one were what the second one was held for: no completion was found."""
    names = [f"m{i}" for i in range(members)]
    schema = {"type": "object", "properties": dict.fromkeys(names, value), "required": names}
    text = _closed(schema, property_order=order)
    jsonschema.validate(json.loads(text), schema)
    assert len(text) == 1 + members * (len(_closed(value)) + len('"m0":') + 1)


@pytest.mark.parametrize("value", [DATE_TIME, CODE], ids=["date-time", "code"])
def test_equal_items_and_nested_ones_are_all_closed(value):
    items = {"type": "array", "items": value, "minItems": 3}
    inner = {"type": "object", "properties": {"a": value, "b": items}, "required": ["a", "b"]}
    schema = {"type": "object", "properties": {"x": inner, "y": inner}, "required": ["x", "y"]}
    jsonschema.validate(json.loads(_closed(schema)), schema)


def _closed(schema, **policies):
    """The shortest text of a schema."""
    automaton = compile(JsonSchema(schema, **policies), TRAPS).automaton
    return TRAPS.decode_bytes(automaton.closing(automaton.start))


def _one_of(members):
    """An object whose item is one of two objects that need so many members."""

    def variant(name):
        names = [f"{name}{i}" for i in range(members)]
        properties = {**dict.fromkeys(names, STRING), "kind": {"enum": [name]}}
        return {"type": "object", "properties": properties, "required": [*names, "kind"]}

    items = {"type": "array", "minItems": 1, "items": {"oneOf": [variant("x"), variant("y")]}}
    options = {"type": "object", "properties": {f"o{i}": {} for i in range(3)}}
    return {"type": "object", "properties": {"a": options, "z": items}, "required": ["a", "z"]}


@pytest.mark.parametrize("members", [4, 10, 40])
def test_a_value_that_needs_far_more_than_was_thought_is_closed(members):
    """Whatever could be written in front of it looked better, and the search gave up."""
    schema = _one_of(members)
    jsonschema.validate(json.loads(_closed(schema)), schema)


def test_without_a_dive_that_search_gives_up(monkeypatch):
    monkeypatch.setattr(Closer, "_dive", lambda self, start: None)
    with pytest.raises(LimitExceeded, match="no completion"):
        _closed(_one_of(4))
