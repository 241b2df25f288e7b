"""Which children a node of `MCTS` has and which nodes are one: transpositions, white space, budgets of children.

Cards: 3.3 (children that differ in trivia only), 3.5 (LiteSearch: children by value, shrinking with depth).
"""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

import treadle
from decoding.searching import find
from decoding.toys import TOYS, Flat, Table
from decoding.trees import ALL, SEEDS, WHOLE, edges, letters, tree
from treadle.decoding.mcts import MCTS
from treadle.decoding.puct import child_budget
from treadle.decoding.results import parsed
from treadle.decoding.trivia import tight


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


# -- transpositions and trivia ---------------------------------------------------------------------------------------


def test_other_spellings_of_a_text_are_one_node(toy):
    table = Table(len(toy.vocabulary), 0)
    whole = {
        kind: tree(toy, table, MCTS(letters, ALL, WHOLE, transpose=kind))
        for kind in ("none", "text", "state")
    }
    texts = lambda root: [node.hypothesis.data for node in root.walk()]
    assert len(set(texts(whole["text"][1]))) == len(texts(whole["text"][1]))
    assert whole["text"][2]["nodes"] < whole["none"][2]["nodes"]
    places = [(node.hypothesis.state, node.hypothesis.left) for node in whole["state"][1].walk()]
    assert len(set(places)) == len(places) and whole["state"][2]["nodes"] <= whole["none"][2]["nodes"]
    assert {one.text for one in whole["text"][0]} == toy.texts


@pytest.mark.parametrize(
    ("text", "plain", "lines"),
    [
        ("a  =  b", "a=b", "a=b"),
        ("select  x", "select x", "select x"),
        ("x ", "x ", "x "),
        ("f( 'a  b' , \"c  \")", "f('a  b',\"c  \")", "f('a  b',\"c  \")"),
        ("if x:\n    y  = 1\n", "if x:y=1 ", "if x:\n    y=1\n"),
        ("'open  ", "'open  ", "'open  "),
        ("'it''s  '  ;", "'it''s  ';", "'it''s  ';"),
        (r"'a\'  b'  ;", r"'a\'  b';", r"'a\'  b';"),
        ("a\n\n  b", "a b", "a\n  b"),
    ],
)
def test_white_space_that_means_nothing_is_taken_out(text, plain, lines):
    assert tight(text.encode()) == plain.encode() and tight(text.encode(), lines=True) == lines.encode()
    assert tight(tight(text.encode())) == tight(text.encode())


def test_children_that_differ_in_white_space_are_merged(doubles):
    vocabulary = doubles.toy_vocabulary(b" =", b"= ", b"1", b" 1", b"  ")
    texts = [f"x{a}={b}{c}" for a in ("", " ", "  ") for b in ("", " ") for c in "12"]
    constraint = doubles.finite(texts, vocabulary)
    toy = type("Toy", (), {"automaton": constraint.automaton, "vocabulary": vocabulary})
    table = Table(len(vocabulary), 0)
    plain, merged = (
        find(toy, table, MCTS(letters, ALL, WHOLE, transpose=kind), forced_runs=True)
        for kind in ("text", "trivia")
    )
    assert {one.text for one in plain} == set(texts)
    assert {one.text.replace(" ", "") for one in merged} == {"x=1", "x=2"}
    # States here are prefixes, so only what is equal altogether may merge.
    assert plain[0].search.notes["merged"] == 0


def test_merging_keeps_strings_apart_and_saves_nodes():
    vocabulary = treadle.Vocabulary(
        [bytes([k]) for k in range(256)] + [b" 1", b": ", b"  ", None], eos_ids=259
    )
    schema = {
        "type": "object",
        "properties": {"a": {"enum": [1, "b", " b"]}},
        "required": ["a"],
        "additionalProperties": False,
    }
    automaton = treadle.compile(treadle.JsonSchema(schema, whitespace="any"), vocabulary).automaton
    toy = type("Toy", (), {"automaton": automaton, "vocabulary": vocabulary})
    found, nodes = {}, {}
    for kind in ("text", "trivia"):
        results = find(
            toy,
            Flat(len(vocabulary), 0),
            MCTS(letters, 150, 8, transpose=kind),
            max_tokens=13,
            forced_runs=True,
        )
        found[kind] = {json.dumps(parsed(one.text)["a"]) for one in results}
        nodes[kind] = results[0].search.notes["nodes"]
    assert found["trivia"] == {"1", "1.0", '"b"', '" b"'}
    assert nodes["trivia"] < nodes["text"]


# -- children by value -----------------------------------------------------------------------------------------------


def test_the_budget_of_children_is_the_published_one():
    assert child_budget(1.0, 0.9, 5) == 1 and child_budget(None, 0.9, 5) == 5
    assert child_budget(0.0, 0.9, 5) == child_budget(1e-12, 0.9, 5) == 5
    for value in np.linspace(0.01, 0.99, 50):
        for confidence in (0.5, 0.8, 0.95):
            count = child_budget(float(value), confidence, 1000)
            assert 1 - (1 - value) ** count >= confidence - 1e-9
            assert count == 1 or 1 - (1 - value) ** (count - 1) < confidence


def test_children_follow_the_value_and_stay_within_their_budget(toy):
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed)
        sure = tree(toy, table, MCTS(lambda text: 1.0, 30, 4, confidence=0.9, transpose="none"))[1]
        for node in sure.walk():
            if node.edges and node is not sure:
                assert sum(not edge.child.finished for edge in node.edges) <= 1
        for most in (1, 5, 9):
            _, root, notes = tree(toy, table, MCTS(letters, 50, 4, children=most, transpose="none"))
            assert notes["children"] == len(edges(root)) <= most
        narrow = tree(toy, table, MCTS(letters, 50, 4, shrink=0.5, transpose="none"))[1]
        for node in narrow.walk():
            assert len(node.edges or ()) <= max(1, math.ceil(4 * 0.5**node.depth)) + 1
