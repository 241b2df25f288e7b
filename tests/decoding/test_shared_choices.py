"""Searches side by side share the choices behind a prefix that they read together, and nothing else changes by it."""

from __future__ import annotations

from decoding.searching import PROMPT
from decoding.toys import Table
from treadle.decoding import search as search_module
from treadle.decoding.beam import Beam
from treadle.decoding.hypotheses import choices
from treadle.decoding.problem import Problem
from treadle.decoding.scores import Temperature
from treadle.decoding.search import Search
from treadle.decoding.solving import solve
from treadle.decoding.tables import TableModel

TEXTS = (["ab", "abd", "ac", "b"], ["ab", "abe", "ac", "c"])


def several(doubles):
    """(the model, problems of two languages that begin alike, one of them twice and re-weighted)"""
    vocabulary = doubles.toy_vocabulary()
    automata = [doubles.finite(texts, vocabulary).automaton for texts in TEXTS]
    options = {"max_tokens": 6, "n": 20, "forced_runs": False}
    problems = [
        Problem(PROMPT, automaton, vocabulary, reweight=reweight, **options)
        for automaton in (*automata, automata[0])
        for reweight in ((), (Temperature(0.5),))
    ]
    return TableModel(vocabulary, Table(len(vocabulary), 2).log_probs), problems


def texts(rows):
    return [[(one.tokens, one.scores.raw, one.scores.local) for one in row] for row in rows]


def side_by_side_is_one_after_the_other(doubles):
    model, problems = several(doubles)
    alone = [solve(model, [one], Beam(8))[0] for one in problems]
    return texts(solve(model, problems, Beam(8))) == texts(alone)


def test_what_runs_beside_changes_nothing(doubles):
    assert side_by_side_is_one_after_the_other(doubles)


def test_the_same_search_twice_works_its_choices_out_once(doubles, monkeypatch):
    asked = []

    def counted(read, *more):
        asked.append(read.tokens)
        return choices(read, *more)

    monkeypatch.setattr(search_module, "choices", counted)
    model, problems = several(doubles)
    solve(model, [problems[0], problems[4], problems[0]], Beam(8))
    assert len(asked) == len(set(asked)) > 3


def test_sharing_by_the_prefix_alone_is_caught(doubles, monkeypatch):
    def whatever_the_constraint(self, read, extension, _real=Search._choices):
        return extension.shared.setdefault("choices", _real(self, read, extension))

    monkeypatch.setattr(Search, "_choices", whatever_the_constraint)
    try:
        same = side_by_side_is_one_after_the_other(doubles)
    except AssertionError:
        # A choice of the other language is no child.
        same = False
    assert not same
