"""Law 9 for JSON Schema: what masks let through is what `jsonschema` says is valid, and the other way round.

walk(mask) then closing  =>  one JSON text, no duplicate names, valid
value valid, property order free  =>  every json.dumps(value) is accepted, and each of its prefixes has a mask
no schema is refused as unsatisfiable that some value satisfies
"""

from __future__ import annotations

import json
import math
import random

import pytest

import treadle
from laws import vocabularies
from laws.random_schemas import random_schema, random_value
from laws.walks import EXPANSIONS, close, walk
from oracles.schema_judge import Judge
from treadle.automata.byte_automaton import DEAD
from treadle.errors import LimitExceeded, UnsatisfiableConstraint, UnsupportedFeature
from treadle.matching.closing import Closer
from treadle.matching.token_automaton import DONE

TRAPS = vocabularies.traps()
SPACES = ("flexible", "compact", "python", "any")


def policies(rng: random.Random) -> dict[str, str]:
    return {
        "property_order": rng.choice(("declared", "any")), "whitespace": rng.choice(SPACES),
        "escapes": rng.choice(("any", "canonical"))
    }  # fmt: skip


def compiled_or_none(schema, vocabulary, **policy):
    """None where treadle says that it cannot, which is not what is judged here."""
    try:
        compiled = treadle.compile(treadle.JsonSchema(schema, **policy), vocabulary)
    except (UnsupportedFeature, LimitExceeded):
        return None
    compiled.automaton._closer = Closer(compiled.automaton.bytes, EXPANSIONS)
    return compiled


def has_infinity(value) -> bool:
    """Numbers that a float does not hold are written as something else."""
    if isinstance(value, float):
        return math.isinf(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(has_infinity(part) for part in parts)


def judged(judge, text: str) -> bool | None:
    """None: the judge runs out of stack."""
    try:
        return judge.accepts(text)
    except RecursionError:
        return None


def written(value):
    """A value as json.dumps writes it in five ways."""
    for ascii_only in (True, False):
        yield json.dumps(value, ensure_ascii=ascii_only)
        yield json.dumps(value, ensure_ascii=ascii_only, indent=2)
    yield json.dumps(value, separators=(",", ":"))


def accepts(compiled, text: str) -> bool:
    state = compiled.automaton.bytes.run(compiled.automaton.start, text.encode())
    return state != DEAD and compiled.automaton.is_accepting(state)


def check_walks(schema, vocabulary, rng, walks=3, length=25):
    compiled = compiled_or_none(schema, vocabulary, **policies(rng))
    if compiled is None:
        return []
    judge, texts = Judge(schema), []
    for _ in range(walks):
        tokens, state = [], compiled.automaton.start
        for here, token in walk(compiled.automaton, rng, length):
            assert compiled.automaton.advance(here, token) != -1, (schema, tokens, token)
            tokens.append(token)
            state = compiled.automaton.advance(here, token)
        try:
            if state != DONE:
                tokens += compiled.automaton.closing(state)
                assert compiled.automaton.is_accepting(close(compiled.automaton, state))
        except LimitExceeded:
            assert compiled.report.inexact, json.dumps(schema)
            continue
        text = vocabulary.decode_bytes(tokens).decode()
        assert judged(judge, text) is not False, f"{json.dumps(schema)} lets through {text}"
        texts.append(text)
    return [json.loads(text) for text in texts]


def check_values(schema, rng, more=()):
    """Every valid value is accepted in all its usual spellings, none that is not valid is."""
    judge = Judge(schema)
    values = [*more, *(random_value(rng) for _ in range(60))]
    try:
        compiled = compiled_or_none(schema, TRAPS, property_order="any")
    except UnsatisfiableConstraint:
        assert not any(judged(judge, json.dumps(value)) for value in values), (
            f"{json.dumps(schema)} can be satisfied"
        )
        return
    if compiled is None:
        return
    for value in values:
        verdict = None if has_infinity(value) else judged(judge, json.dumps(value))
        for text in written(value) if verdict is not None else ():
            assert accepts(compiled, text) == verdict, (
                f"{json.dumps(schema)}: {text} is {'' if verdict else 'not '}valid"
            )


def check(schema, vocabulary, rng):
    try:
        values = check_walks(schema, vocabulary, rng)
    except UnsatisfiableConstraint:
        values = []
    check_values(schema, rng, values)


@pytest.mark.parametrize("seed", range(120))
def test_walks_are_valid_and_valid_values_are_accepted(seed):
    rng = random.Random(seed)
    check(random_schema(rng), TRAPS, rng)


@pytest.mark.parametrize("seed", range(5000, 5010))
def test_walks_over_the_real_vocabulary_are_valid(smollm, seed):
    rng = random.Random(seed)
    try:
        check_walks(random_schema(rng), smollm, rng, walks=2)
    except UnsatisfiableConstraint:
        return


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10_000, 13_000))
def test_many_schemas(seed):
    rng = random.Random(seed)
    check(random_schema(rng), TRAPS, rng)


#: Objects whose names have a shape: the search for an end must walk straight through them.
SHAPED_NAMES = {
    "eight hex digits": {"patternProperties": {"^[0-9a-f]{8}$": {"type": "integer"}},
    "additionalProperties": False, "minProperties": 1},
    "uuid": {"propertyNames": {"format": "uuid"}, "minProperties": 2},
    "long names": {"propertyNames": {"minLength": 6}, "minProperties": 1},
    "values with required members": {
        "patternProperties": {"^[0-9a-f]{8}$": {"type": "object", "required": ["x", "yy"]}},
        "additionalProperties": False, "minProperties": 1,
    },
}  # fmt: skip


@pytest.mark.parametrize("schema", SHAPED_NAMES.values(), ids=SHAPED_NAMES)
def test_closing_walks_straight_through_names(schema):
    schema = {"type": "object", **schema}
    compiled = compiled_or_none(schema, TRAPS)
    for prefix in (b"", b"{", b'{"', b'{ "0'):
        state = compiled.automaton.bytes.run(compiled.automaton.start, prefix)
        if state != DEAD:
            text = (prefix + TRAPS.decode_bytes(compiled.automaton.closing(state))).decode()
            assert Judge(schema).accepts(text)
