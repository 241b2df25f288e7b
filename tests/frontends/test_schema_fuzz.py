"""Random schemas of every draft over all keywords together, judged by jsonschema, in both directions.

pair of schema and instance  =>  the byte automaton accepts the instance's text iff jsonschema calls it valid
walk through token masks, closed by the shortest completion  =>  a JSON text that jsonschema calls valid

Instances are drawn blindly, by walking what the schema offers, and by changing one thing in such a one. A failure shows
schema and text, and names draft and seed: `drawn(draft, seed)`.

A walk may come to no end only where the report says that the compilation could not decide whether there is one. Such
walks are counted, and the tests fail where they are more than one in two hundred.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

import treadle
from laws.random_schemas import URIS, Drawer, mutated, random_value
from laws.vocabularies import vocabulary
from laws.walks import EXPANSIONS
from oracles.json_texts import random_text
from oracles.schema_judge import Judge, judge_of, read
from oracles.state_walks import Walker
from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.errors import ConstraintError, LimitExceeded, UnsatisfiableConstraint
from treadle.frontends.json_schema import compile_schema, drafts
from treadle.masks import bitset
from treadle.matching.closing import Closer
from treadle.matching.token_automaton import REFUSED, TokenAutomaton

TABLES = {
    3: drafts.DRAFT3,
    4: drafts.DRAFT4,
    6: drafts.DRAFT6,
    7: drafts.DRAFT7,
    2019: drafts.DRAFT2019,
    2020: drafts.DRAFT2020,
}
#: What identifies schemas, beside the keywords of the tables.
IDENTIFYING = {
    3: {"id"},
    4: {"id"},
    6: {"$id"},
    7: {"$id"},
    2019: {"$id", "$anchor", "$recursiveAnchor"},
    2020: {"$id", "$anchor", "$dynamicAnchor"},
}
#: The judge takes exponential time on recursive schemas.
LONGEST = 400


def drawn(draft: int, seed: int) -> tuple[dict[str, Any], random.Random]:
    rng = random.Random(f"{draft} {seed}")
    return Drawer(rng, draft).document(), rng


# -- pairs -----------------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was compared, and where the sides disagreed."""

    schemas: int = 0
    verdicts: Counter[bool] = field(default_factory=Counter)
    keywords: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    #: Schemas at whose texts the engine said that a limit was reached.
    limited: list[str] = field(default_factory=list)

    @property
    def pairs(self) -> int:
        return self.verdicts.total()


def keywords_of(schema: Any, draft: int) -> Iterator[str]:
    """Every name in the schema that is read: before 2019-09 the siblings of a reference are not."""
    if isinstance(schema, list):
        for part in schema:
            yield from keywords_of(part, draft)
    if isinstance(schema, dict):
        for name, part in schema.items():
            if name == "$ref" or "$ref" not in schema or draft >= 2019 or name == "definitions":
                yield name
                yield from keywords_of(part, draft)


def compare(draft: int, seed: int, tally: Tally) -> None:
    schema, rng = drawn(draft, seed)
    shown = f"draft {draft} seed {seed}: {json.dumps(schema)}"
    judge = judge_of(schema)
    assert judge is not None, f"the drawer drew what is no schema: {shown}"
    automaton = None
    try:
        automaton = ByteAutomaton(treadle.JsonSchema(schema, property_order="any").rules()[0])
    except UnsatisfiableConstraint:
        pass
    except ConstraintError as error:
        tally.wrong.append(f"refused, {error}: {shown}")
        return
    tally.schemas += 1
    tally.keywords.update(keywords_of(schema, draft))
    for value in instances(schema, rng):
        text = random_text(rng, value)
        try:
            expected = judge.accepts(text)
        except RecursionError:
            continue
        try:
            accepted = accepts(automaton, text)
        except LimitExceeded:
            # Said, not decided: no verdict, and counted.
            tally.limited.append(shown)
            continue
        tally.verdicts[expected] += 1
        if accepted != expected:
            tally.wrong.append(f"{text!r} is {'' if expected else 'in'}valid: {shown}")
            return


def accepts(automaton: ByteAutomaton | None, text: str) -> bool:
    if automaton is None or automaton.start == DEAD:
        return False
    state = automaton.run(automaton.start, text.encode())
    return state != DEAD and automaton.is_accepting(state)


def instances(schema: Any, rng: random.Random) -> list[Any]:
    found = [random_value(rng) for _ in range(5)]
    for value in offered(schema, rng):
        found += [value, mutated(rng, value), mutated(rng, mutated(rng, value))]
    return [value for value in found if len(json.dumps(value)) <= LONGEST]


def offered(schema: Any, rng: random.Random) -> list[Any]:
    """Up to three values that the schema's states offer."""
    found: list[Any] = []
    try:
        goal, _ = compile_schema(schema, property_order="any")
        walker = Walker(rng)
        found.extend(walker.value(goal, 3) for _ in range(3))
    except (ConstraintError, AssertionError, RecursionError):
        pass  # refused above, a dead end, or too deep: the walks' business
    return found


def assert_all_keywords(tally: Tally, draft: int, least: int) -> None:
    every = set(TABLES[draft].keywords) | IDENTIFYING[draft]
    rare = {name: tally.keywords[name] for name in every if tally.keywords[name] < least}
    assert not rare, "keywords hardly drawn"


@pytest.mark.parametrize("draft", URIS)
def test_verdicts_are_those_of_jsonschema(draft: int) -> None:
    tally = Tally()
    for seed in range(80):
        compare(draft, seed, tally)
    assert tally.wrong == []
    assert len(tally.limited) <= tally.pairs // 1000, tally.limited
    assert min(tally.verdicts[True], tally.verdicts[False]) > 250
    assert_all_keywords(tally, draft, 1)


@pytest.mark.fuzz
@pytest.mark.parametrize("draft", URIS)
def test_many_verdicts_are_those_of_jsonschema(draft: int) -> None:
    tally = Tally()
    for seed in range(1_000, 1_360):
        compare(draft, seed, tally)
    print(f"\ndraft {draft}: {tally.schemas} schemas, {tally.pairs} pairs, {dict(tally.verdicts)}")
    print(dict(tally.keywords.most_common()))
    assert tally.wrong == []
    assert len(tally.limited) <= tally.pairs // 1000, tally.limited
    assert tally.pairs > 4_000
    assert_all_keywords(tally, draft, 15)


# -- walks -----------------------------------------------------------------------------------------------

#: What JSON is made of, so that a walk drawn evenly gets somewhere: tokens that end a string are not lost among bytes
#: that go on with it. Every byte that the drawer's values need is a token.
PIECES = (
    *(bytes([byte]) for byte in range(0x20, 0x7F)),
    # Whatever may follow inside of a character is a token too: a character begun can always be ended.
    *(bytes([byte]) for byte in (*range(0x80, 0xC0), 0xC3, 0xE6, 0xF0)),
    *(b"\n", b"\n  ", b"\t", b'","', b'",', b'", ', b'":', b'": ', b'":"', b'"}', b'"]', b'"}]', b'{"', b'["', b"{}"),
    *(b"[]", b'{"a":', b'"a":', b'"b": ', b'"a":1,', b'"x1":"', b'"a":1,"b":', b'a":', b'b":1,"a', b'"\xc3\xa9":'),
    *(b"}}", b"]]", b"},", b"],", b"[1", b"[1,", b"1,", b"1}", b"1]", b"2]", b"0.5", b"1.0", b"10", b"e1", b"true"),
    *(b"false", b"null", b"tr", b"nul", b"\\u00", b"\\u0061", b'\\u0061"', b"\\n", b'\\"', b"\\/", b"\\ud83d\\ude00"),
    *(b"ab", b'a"', b'b"', b"x1", b"-1", b": ", b", ", b'"]}', b'"},{"', b"\x98\x80"),
    *("é".encode(), 'é"'.encode(), "日".encode(), "日本".encode()),
)  # fmt: skip
TOKENS = vocabulary(PIECES)


def walked_text(automaton: TokenAutomaton, rng: random.Random, most: int) -> str:
    """A text drawn evenly from masks, up to so many tokens, and then by the shortest way to its end."""
    state, tokens = automaton.start, []
    for _ in range(rng.randint(0, most)):
        allowed = bitset.to_tokens(automaton.mask(state)).tolist()
        assert allowed, f"no token is allowed behind {tokens}"
        token = rng.choice(allowed)
        if token in TOKENS.eos_ids:
            return str(TOKENS.decode_bytes(tokens).decode())
        state = automaton.advance(state, token)
        assert state != REFUSED, f"{token} was allowed behind {tokens}"
        tokens.append(token)
    for token in automaton.closing(state):
        state = automaton.advance(state, token)
        assert state != REFUSED, f"the completion's {token} is refused behind {tokens}"
        tokens.append(token)
    assert automaton.is_accepting(state), f"no end behind {tokens}"
    return str(TOKENS.decode_bytes(tokens).decode())


@dataclass
class Walks:
    """What walks came to."""

    judged: int = 0
    #: Came to no end, as the report said that they may.
    excused: int = 0
    wrong: list[str] = field(default_factory=list)

    def assert_right(self, least: int) -> None:
        assert self.wrong == []
        assert self.judged > least
        assert 200 * self.excused < max(self.judged, 200)


def walk(draft: int, seed: int, order: Any, walks: Walks) -> None:
    schema, rng = drawn(draft, seed)
    shown = f"draft {draft} seed {seed} {order}: {json.dumps(schema)}"
    judge = judge_of(schema)
    assert judge is not None
    try:
        compiled = treadle.compile(treadle.JsonSchema(schema, property_order=order), TOKENS)
    except UnsatisfiableConstraint:
        return
    except ConstraintError as error:
        walks.wrong.append(f"refused, {error}: {shown}")
        return
    compiled.automaton._closer = Closer(compiled.automaton.bytes, EXPANSIONS)
    for _ in range(3):
        try:
            text = walked_text(compiled.automaton, rng, rng.choice((4, 12, 40)))
        except (LimitExceeded, UnsatisfiableConstraint, AssertionError) as error:
            if compiled.report.inexact:
                walks.excused += 1
            else:
                walks.wrong.append(f"no end: {error} in {shown}")
            continue
        verdict = judged_text(text, judge, schema, order)
        if verdict is not None:
            walks.judged += 1
            walks.wrong += [f"{verdict} in {shown}"] if verdict else []


def judged_text(text: str, judge: Judge, schema: Any, order: str) -> str | None:
    """What is wrong with a text, "" if nothing is; None where the judge cannot tell."""
    try:
        if not judge.accepts(text):
            return f"{text!r} is invalid"
    except RecursionError:
        return None
    if order == "declared" and not in_declared_order(schema, read(text)):
        return f"{text!r} is out of order"
    return ""


#: Beside these the names of an object may be listed elsewhere too.
LISTING = set(
    "allOf anyOf oneOf not if $ref $dynamicRef $recursiveRef dependencies dependentSchemas dependentRequired extends "
    "disallow type enum const patternProperties".split()
)


def in_declared_order(schema: Any, value: Any) -> bool:
    """Whether members come as `properties` lists them and unlisted ones behind, where it alone names members."""
    if not (isinstance(schema, dict) and isinstance(value, dict) and "properties" in schema):
        return True
    if LISTING & schema.keys():
        return True
    listed = [name for name in schema["properties"] if name in value]
    return list(value)[: len(listed)] == listed and all(
        in_declared_order(schema["properties"][name], value[name]) for name in listed
    )


@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("draft", URIS)
def test_walks_through_masks_end_in_valid_texts(draft: int, order: str) -> None:
    walks = Walks()
    for seed in range(3_100, 3_108):
        walk(draft, seed, order, walks)
    walks.assert_right(15)


@pytest.mark.fuzz
@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("draft", URIS)
def test_many_walks_through_masks_end_in_valid_texts(draft: int, order: str) -> None:
    walks = Walks()
    for seed in range(4_000, 4_165):
        walk(draft, seed, order, walks)
    print(f"\ndraft {draft} {order}: {walks.judged} walks, {walks.excused} excused")
    walks.assert_right(400)


# -- the algebra alone -----------------------------------------------------------------------------------


def walk_states(draft: int, seed: int, order: Any) -> None:
    schema, rng = drawn(draft, seed)
    judge = judge_of(schema)
    assert judge is not None
    try:
        goal, report = compile_schema(schema, property_order=order)
    except ConstraintError:
        return
    for _ in range(4):
        try:
            text = json.dumps(Walker(rng).value(goal, 3))
            valid = len(text) > LONGEST or judge.accepts(text)
        except RecursionError:
            return
        except AssertionError as error:
            if report.inexact:
                return
            pytest.fail(f"draft {draft} seed {seed}: {error} in {json.dumps(schema)}")
        assert valid, f"draft {draft} seed {seed}: {text} against {json.dumps(schema)}"


@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("draft", URIS)
def test_walks_through_states_end_in_valid_values(draft: int, order: str) -> None:
    for seed in range(5_000, 5_012):
        walk_states(draft, seed, order)


@pytest.mark.fuzz
@pytest.mark.parametrize("order", ["declared", "any"])
@pytest.mark.parametrize("draft", URIS)
def test_many_walks_through_states_end_in_valid_values(draft: int, order: str) -> None:
    for seed in range(6_000, 6_120):
        walk_states(draft, seed, order)
