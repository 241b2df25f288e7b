"""A traced search as a tree: what is shown, what is left out, and files that are complete in themselves."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

import treadle
from decoding.toys import TOYS, Table
from treadle.decoding.astar import AStar
from treadle.decoding.beam import Beam
from treadle.decoding.lattice_decoding import LatticeSearch
from treadle.decoding.problem import Problem
from treadle.decoding.search_tree import Step, thinned
from treadle.decoding.solving import solve
from treadle.decoding.stochastic_beam import StochasticBeam
from treadle.decoding.svg_tree import svg
from treadle.decoding.tables import TableModel
from treadle.drawing import tree_behind
from treadle.errors import InvalidConstraint

STRATEGIES = (Beam(3), AStar(), StochasticBeam(), LatticeSearch(suffix=1))


def search(toy, strategy, trace=True, seed=3):
    model = TableModel(toy.vocabulary, Table(len(toy.vocabulary), seed).log_probs)
    return solve(
        model, [Problem((0,), toy.automaton, toy.vocabulary, 20, n=3, seed=seed, trace=trace)], strategy
    )[0]


def ways(step, text=""):
    """(text, fate) of every way that ended."""
    text += step.text
    return [(text, step.fate)] * step.ended + [
        found for child in step.children for found in ways(child, text)
    ]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("toy", TOYS)
def test_the_tree_spells_the_results_and_marks_the_first(toy, strategy):
    results = search(TOYS[toy](), strategy)
    found = ways(tree_behind(results))
    assert {one.text for one in results} <= {text for text, _ in found}
    assert [text for text, fate in found if fate == "best"] == [results[0].text]


@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda one: type(one).__name__)
def test_files_are_complete_in_themselves(tmp_path, strategy):
    results = search(TOYS["json"](), strategy)
    treadle.draw(results, tmp_path / "tree.svg")
    treadle.draw(results, tmp_path / "tree.html", title="a < b & c")
    picture, page = ((tmp_path / name).read_text("utf-8") for name in ("tree.svg", "tree.html"))
    root = ET.fromstring(picture)
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {
        "svg",
        "g",
        "title",
        "rect",
        "text",
        "path",
    }
    assert "<script" not in page and "http" not in page.replace("http://www.w3.org/2000/svg", "")
    assert "a &lt; b &amp; c" in page and picture.strip() in page


def test_the_terminal_shows_the_same(capsys):
    results = search(TOYS["json"](), Beam(3))
    treadle.draw(results)
    assert "expanded in" in capsys.readouterr().out


def test_chains_become_one_step_and_what_is_lost_is_counted():
    lost = tuple(Step(f"x{k}", -float(k), 0.0, "pruned") for k in range(6))
    end = Step("b", -1.0, 0.0, "best", spelling=(2,), ended=True)
    chain = Step("a", 0.0, 0.0, "best", spelling=(1,), children=(end,))
    tree = thinned(Step("", 0.0, 0.0, "best", children=(*lost, chain)), lost=2)
    assert [child.text for child in tree.children] == ["ab", "x0", "x1"]
    assert tree.left_out == (("pruned", 4),)
    assert tree.children[0].spelling == (1, 2) and tree.children[0].ended


def test_boxes_do_not_overlap():
    root = ET.fromstring(svg(tree_behind(search(TOYS["regular"](), AStar()))))
    boxes = [
        tuple(float(rect.get(key)) for key in ("x", "y", "width", "height"))
        for rect in root.iter("{http://www.w3.org/2000/svg}rect")
    ]
    assert len(boxes) > 5
    for k, (x, y, width, height) in enumerate(boxes):
        for left, top, wide, high in boxes[k + 1 :]:
            assert x + width <= left or left + wide <= x or y + height <= top or top + high <= y


def test_a_search_without_events_and_an_unknown_file_are_refused(tmp_path):
    results = search(TOYS["regular"](), Beam(2), trace=False)
    with pytest.raises(InvalidConstraint, match="trace=True"):
        treadle.draw(results)
    with pytest.raises(InvalidConstraint, match="html"):
        treadle.draw(search(TOYS["regular"](), Beam(2)), tmp_path / "tree.gif")
