"""Tree search against brute force on languages that can be written out, and mutants of it that must be caught.

A tree is compared as a value: `shape` is every node with its text, visits, and its edges with P, N and Q.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from decoding.searching import PROMPT, find, problem
from decoding.toys import TOYS, Table, enumerate_language, score
from decoding.trees import ALL, SEEDS, WHOLE, edges, letters, shape, tree
from treadle.decoding import mcts as mcts_module
from treadle.decoding.completions import Completions
from treadle.decoding.components import Check, Scorer
from treadle.decoding.draws import Draws
from treadle.decoding.mcts import MCTS, Growing
from treadle.decoding.puct import Choice, Edge, Node, Path, priors
from treadle.decoding.sampling import Greedy, Sampling
from treadle.decoding.search_tree import tree_of
from treadle.decoding.solving import solve
from treadle.decoding.strategies import named
from treadle.decoding.tables import TableModel
from treadle.errors import InvalidConstraint


@pytest.fixture(params=TOYS)
def toy(request):
    return TOYS[request.param]()


# -- what comes out --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backup", ["max", "mean"])
@pytest.mark.parametrize("transpose", ["none", "text"])
def test_enough_rollouts_find_the_best_text(toy, backup, transpose):
    best = max(map(letters, toy.texts))
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed)
        strategy = MCTS(letters, ALL, WHOLE, backup=backup, transpose=transpose)
        found, root, notes = tree(toy, table, strategy)
        assert {one.text for one in found} == toy.texts
        assert letters(found[0].text) == best and root.exhausted
        # Nothing was seen twice: as many rollouts as nodes and texts at the end of an edge.
        assert notes["rollouts"] <= len(toy.allowed) + len(toy.sequences)


def test_the_reward_that_is_returned_is_the_largest_of_all(toy):
    for seed in SEEDS:
        asked: dict[str, list[float]] = {}

        def reward(text, asked=asked):
            asked.setdefault(text, []).append(letters(text))
            return letters(text)

        found, _, notes = tree(toy, Table(len(toy.vocabulary), seed), MCTS(reward, 8))
        assert found[0].notes["reward"] == max(max(values) for values in asked.values())
        assert [one.notes["reward"] for one in found] == [letters(one.text) for one in found]
        assert all(len(values) == 1 for values in asked.values()) and notes["rewards"] == len(asked)
        assert len({one.text for one in found}) == len(found) == len(asked)


def test_every_text_is_in_the_language_and_every_score_exact(toy):
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed)
        for strategy in (
            MCTS(rollouts=6),
            MCTS(rollouts=6, rollout="sampling", backup="mean"),
            MCTS(width=1),
        ):
            for forced in (False, True):
                for one in find(toy, table, strategy, seed=seed, forced_runs=forced, max_tokens=8):
                    assert one.text in toy.texts and len(one.tokens) <= 8
                    exact = score(toy, table, one.tokens, PROMPT)
                    assert math.isclose(one.scores.raw, exact.raw, abs_tol=1e-4)


def test_a_tight_budget_still_closes_every_rollout(toy):
    shortest = min(map(len, toy.sequences))
    for room in range(shortest, shortest + 3):
        for seed in SEEDS:
            found = find(toy, Table(len(toy.vocabulary), seed), MCTS(letters, 20), max_tokens=room)
            assert found and all(len(one.tokens) <= room and one.text in toy.texts for one in found)


@pytest.mark.parametrize("width", [1, 3])
def test_what_fits_is_found_where_many_likelier_choices_do_not(width, doubles):
    vocabulary = doubles.toy_vocabulary()
    texts = [chr(k) + "xxxxxxxx" for k in range(32, 126)] + ["~", "~y"]
    toy = type(
        "Toy", (), {"automaton": doubles.finite(texts, vocabulary).automaton, "vocabulary": vocabulary}
    )
    for seed in range(5):
        table = Table(len(vocabulary), seed)
        for caches in (True, False):
            found = find(toy, table, MCTS(letters, 10, width, caches=caches), max_tokens=2)
            assert found and {one.text for one in found} <= {"~", "~y"}


def test_the_first_rollout_is_the_greedy_text(toy):
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed)
        [greedy] = find(toy, table, Draws(Greedy()))
        assert find(toy, table, MCTS(letters, 1))[0].tokens == greedy.tokens


def test_hard_rewards_are_among_the_partial_ones(toy):
    partial = lambda text: min(1.0, 2 * letters(text))
    table = Table(len(toy.vocabulary), 1)
    soft = {one.text: one.notes["reward"] for one in find(toy, table, MCTS(partial, ALL, WHOLE))}
    hard = {one.text: one.notes["reward"] for one in find(toy, table, MCTS(partial, ALL, WHOLE, hard=True))}
    assert set(hard.values()) <= {0.0, 1.0} and 1.0 in hard.values()
    assert all(soft[text] == 1.0 for text, value in hard.items() if value == 1.0)
    assert all(hard[text] == 0.0 for text, value in soft.items() if value < 1.0)


def test_scorers_and_likelihood_are_rewards(toy):
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed)
        scorer = Scorer(lambda text: -3.0 * letters(text), when="final")
        found = find(toy, table, MCTS(None, ALL, WHOLE), scorers=(scorer,))
        assert found[0].notes["reward"] == -3.0 * min(map(letters, toy.texts))
        mean = lambda one: one.raw / (len(one.tokens) + 1)
        likeliest = max(enumerate_language(toy, table, PROMPT), key=mean)
        found = find(toy, table, MCTS(None, ALL, WHOLE, transpose="none"))
        assert math.isclose(found[0].notes["reward"], math.exp(mean(likeliest)), abs_tol=1e-5)


def test_a_target_and_a_limit_of_expansions_end_the_search(toy):
    table = Table(len(toy.vocabulary), 2)
    best = max(map(letters, toy.texts))
    found, _, notes = tree(toy, table, MCTS(letters, ALL, WHOLE, target=best))
    assert found[0].notes["reward"] == best
    assert notes["rollouts"] < tree(toy, table, MCTS(letters, ALL, WHOLE))[2]["rollouts"]
    cut = find(toy, table, MCTS(letters, ALL, WHOLE), expansions=12)
    assert cut and cut[0].search.ended == "expansions" and cut[0].search.expansions <= 12


def test_a_check_that_refuses_all_leaves_nothing(toy):
    results = find(toy, Table(len(toy.vocabulary), 0), MCTS(letters, 50), checks=(Check(lambda text: False),))
    assert results == []
    wanted = max(toy.texts, key=len)
    for kind, skip in (("final", True), ("partial", False)):
        check = Check(
            lambda text, kind=kind: text == wanted or (kind == "partial" and wanted.startswith(text)), kind
        )
        found = find(
            toy,
            Table(len(toy.vocabulary), 0),
            MCTS(letters, 300, WHOLE, skip_exhausted=skip),
            checks=(check,),
        )
        assert {one.text for one in found} <= {
            text for text in toy.texts if wanted.startswith(text)
        } and found


# -- the tree --------------------------------------------------------------------------------------------------------


def chosen(toy, node: Node, edge: Edge) -> int:
    """The token that an edge begins with."""
    return (*edge.child.tokens, toy.end)[len(node.hypothesis.tokens)]


def assert_conserved(root: Node) -> None:
    for node in root.walk():
        if node.edges:
            own = 1 if node is root else 2
            assert sum(edge.visits for edge in node.edges) == node.visits - own


@pytest.mark.parametrize(
    "options", [{}, {"skip_exhausted": False}, {"backup": "mean"}, {"rollout": "sampling"}]
)
def test_visits_are_conserved(toy, options):
    for seed in SEEDS:
        strategy = MCTS(letters, 25, transpose="none", **options)
        _, root, notes = tree(toy, Table(len(toy.vocabulary), seed), strategy, seed=seed)
        assert_conserved(root)
        assert root.visits == notes["rollouts"] + 1


def test_priors_sum_to_one_and_follow_the_model_under_the_mask(toy):
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed)
        _, root, _ = tree(toy, table, MCTS(letters, 25, transpose="none"))
        for node in root.walk():
            if not node.edges:
                continue
            assert math.isclose(sum(edge.prior for edge in node.edges), 1.0)
            row = table.log_probs((*PROMPT, *node.hypothesis.tokens))
            allowed = toy.allowed[node.hypothesis.tokens]
            taken = [chosen(toy, node, edge) for edge in node.edges]
            first = sorted(allowed, key=lambda token: -row[token])[:3]
            assert set(taken) == {*first, *({toy.end} & allowed)}
            exact = np.exp(row[taken]) / np.exp(row[taken]).sum()
            assert np.allclose([edge.prior for edge in node.edges], exact, atol=1e-5)


def test_what_leaves_no_choice_is_no_node(toy):
    for seed in SEEDS:
        for forced in (False, True):
            table = Table(len(toy.vocabulary), seed)
            _, root, _ = tree(toy, table, MCTS(letters, 40, WHOLE), forced_runs=forced)
            assert all(len(toy.allowed[node.hypothesis.tokens]) > 1 for node in root.walk())


def test_q_is_the_best_or_the_mean_of_what_came_back(toy):
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed)
        for backup in ("max", "mean"):
            _, root, _ = tree(toy, table, MCTS(letters, 30, backup=backup, transpose="none"))
            below = lambda edge: [n.value for n in edge.node.walk() if n.value is not None] + [
                letters(toy.text(e.child.tokens)) for e in edges(edge.node) if e.child.finished and e.visits
            ]  # fmt: skip
            for edge in edges(root):
                if edge.visits and edge.node:
                    exact = max(below(edge)) if backup == "max" else np.mean(below(edge))
                    assert math.isclose(edge.value(backup), exact)


def test_caches_leave_the_tree_as_it_is_and_save_calls(toy):
    for seed in SEEDS:
        for options in ({}, {"transpose": "none"}, {"confidence": 0.9}, {"skip_exhausted": False}):
            table = Table(len(toy.vocabulary), seed)
            with_, without = (
                tree(toy, table, MCTS(letters, 20, caches=caches, **options)) for caches in (True, False)
            )
            assert shape(with_[1]) == shape(without[1])
            assert [(one.tokens, one.scores) for one in with_[0]] == [
                (one.tokens, one.scores) for one in without[0]
            ]
            assert with_[0][0].search.expansions <= without[0][0].search.expansions
            assert with_[2]["rewards"] <= without[2]["rewards"]
    assert with_[0][0].search.expansions < without[0][0].search.expansions


def test_drawn_rollouts_are_repeatable_and_differ_by_seed(toy):
    table = Table(len(toy.vocabulary), 0)
    strategy = MCTS(letters, 12, rollout=Sampling(2.0), backup="mean")
    one, other, third = (shape(tree(toy, table, strategy, seed=seed)[1], "mean") for seed in (1, 1, 2))
    assert one == other and one != third


def test_without_exploration_the_best_edge_is_taken():
    rng = np.random.default_rng(0)
    for _ in range(200):
        values = rng.random(4)
        node = Node(
            None, edges=[Edge(FREE, p) for p in rng.dirichlet(np.ones(4))], visits=int(rng.integers(2, 50))
        )
        for edge, value in zip(node.edges, values, strict=True):
            edge.visits, edge.total, edge.best = 1, value, value
        for backup in ("max", "mean"):
            picked = Choice(constant=0.0, base=math.inf, backup=backup).pick(node)
            assert node.edges.index(picked) == int(np.argmax(values))


FREE = type("Free", (), {"finished": False})()


def test_the_choice_is_the_published_formula():
    node = Node(
        None, edges=[Edge(FREE, 0.5, 3, 1.5, 0.75), Edge(FREE, 0.3, 1, 0.9, 0.9), Edge(FREE, 0.2)], visits=6
    )
    choice = Choice()
    beta = math.log((6 + 10 + 1) / 10) + 4
    exact = [
        q + beta * p * math.sqrt(math.log(6)) / (1 + n)
        for q, p, n in ((0.75, 0.5, 3), (0.9, 0.3, 1), (0, 0.2, 0))
    ]
    assert np.allclose([choice.score(node, edge) for edge in node.edges], exact)


def test_equal_rewards_are_visited_by_their_priors(toy):
    for seed in SEEDS:
        table = Table(len(toy.vocabulary), seed, spread=0.7)
        strategy = MCTS(lambda text: 0.5, 200, WHOLE, skip_exhausted=False, transpose="none")
        _, root, _ = tree(toy, table, strategy)
        ranked = sorted(root.edges, key=lambda edge: -edge.prior)
        visits = [edge.visits for edge in ranked]
        assert visits == sorted(visits, reverse=True)


# -- the way in ------------------------------------------------------------------------------------------------------


def test_a_search_by_name_can_be_drawn(toy):
    strategy = named("mcts:rollouts=5,width=2,ucb_base=Infinity,transpose=none")
    assert strategy == MCTS(rollouts=5, width=2, ucb_base=math.inf, transpose="none")
    found = find(toy, Table(len(toy.vocabulary), 0), strategy, trace=True)
    drawn = tree_of(found[0].search.events, toy.vocabulary.decode_bytes, found[0].tokens)
    steps = list(drawn.walk())
    assert any(step.fate == "best" and step.ended for step in steps)
    assert sum(step.ended for step in steps) >= len(found)


def test_problems_beside_each_other_do_not_matter(toy):
    table = Table(len(toy.vocabulary), 3)
    model = TableModel(toy.vocabulary, table.log_probs)
    problems = [problem(toy, seed=seed) for seed in range(3)]
    strategy = MCTS(letters, 8, rollout="sampling")
    together = solve(model, problems, strategy)
    alone = [solve(model, [one], strategy)[0] for one in problems]
    assert [[r.tokens for r in row] for row in together] == [[r.tokens for r in row] for row in alone]


@pytest.mark.parametrize(
    "options",
    [
        {"rollouts": 0}, {"width": 0}, {"ucb_constant": -1.0}, {"ucb_base": 0.0}, {"backup": "median"},
        {"rollout": "beam"}, {"transpose": "all"}, {"confidence": 1.0}, {"shrink": 0.0}, {"children": 0},
    ],
)  # fmt: skip
def test_wrong_options_are_refused(options):
    with pytest.raises(InvalidConstraint):
        MCTS(**options)


def test_a_reward_that_is_no_number_is_refused(toy):
    with pytest.raises(InvalidConstraint):
        find(toy, Table(len(toy.vocabulary), 0), MCTS(lambda text: math.nan, 3))


# -- mutants: each must fail a test above ----------------------------------------------------------------------------


def first_child_only(self, family, budget, _real=Growing._children):
    """The top k before the mask: what the mask refuses leaves no place to another."""
    return [pair for k, pair in enumerate(_real(self, family, budget)) if k < max(1, budget - 1)]


def no_end(self, family, budget, _real=Growing._children):
    """The end of text only if it is among the likeliest."""
    found = [pair for pair in _real(self, family, budget + 1) if not pair[0].finished][:budget]
    return found or _real(self, family, budget)


def lost_visit(self, value, _real=Path.back_up):
    """The root is not told."""
    _real(self, value)
    self.steps[0][0].visits -= 1


def stale_sequences(self, one, _real=Completions._greedy):
    """The sequence cache by text length, not by prefix."""
    key = (len(one.tokens),)
    if self.caches and key in self._completed:
        return self._completed[key]
    text = yield from _real(self, one)
    self._completed[key] = text
    return text


def raw_priors(masses):
    return [math.exp(mass) for mass in masses]


def sum_backup(self, value):
    for node, edge in self.steps:
        node.visits += 1
        edge.visits += 1
        edge.best = value
        edge.total = value


PRIORS = test_priors_sum_to_one_and_follow_the_model_under_the_mask
MUTANTS = {
    "children cut after the mask": (Growing, "_children", first_child_only, PRIORS),
    "end of text not forced": (Growing, "_children", no_end, PRIORS),
    "priors not made one": (mcts_module, "priors", raw_priors, PRIORS),
    "a visit lost": (Path, "back_up", lost_visit, None),
    "sequence cache by length": (
        Completions, "_greedy", stale_sequences, test_caches_leave_the_tree_as_it_is_and_save_calls
    ),
    "the last return kept": (Path, "back_up", sum_backup, test_q_is_the_best_or_the_mean_of_what_came_back),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name, monkeypatch):
    place, attribute, mutant, test = MUTANTS[name]
    monkeypatch.setattr(place, attribute, mutant)

    def caught(toy) -> bool:
        try:
            test(toy) if test else test_visits_are_conserved(toy, {})
        except AssertionError:
            return True
        return False

    assert any(caught(make()) for make in TOYS.values())


def test_chances_are_a_softmax():
    assert priors([]) == [] and np.allclose(priors([0.0, math.log(3)]), [0.25, 0.75])
    assert replace(MCTS(), width=2).width == 2 and isinstance(MCTS().sampler, Greedy)
