"""Superposed decoding on tiny models over the toy languages: what it writes, and what its scores are worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from decoding.searching import find, language
from decoding.toys import TOYS
from treadle.decoding.beam import Beam
from treadle.decoding.prefixes import PrefixTree
from treadle.decoding.problem import Problem
from treadle.decoding.solving import solve
from treadle.decoding.superposed import Superposed
from treadle.errors import InvalidConstraint, UnsupportedFeature
from treadle.vocabulary import Vocabulary

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")


@dataclass
class Tiny:
    """A model of two layers for a toy's vocabulary."""

    vocabulary: Vocabulary
    model: Any

    def tree(self, memory=None):
        from treadle.integrations.prefix_cache import PrefixStore

        return PrefixTree(PrefixStore(self.model), memory)

    def raw(self, tokens):
        """Log p by a pass of its own."""
        ids = torch.tensor([[0, *tokens, self.vocabulary.eos_ids[0]]])
        with torch.inference_mode():
            rows = torch.log_softmax(self.model(ids).logits[0].double(), -1)
        return sum(float(rows[k - 1, ids[0, k]]) for k in range(1, ids.shape[1]))


def tiny(toy, seed, kind="llama"):
    torch.manual_seed(seed)
    size = len(toy.vocabulary)
    if kind == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=size, n_embd=32, n_layer=2, n_head=4, initializer_range=0.5
        )
        return Tiny(toy.vocabulary, transformers.GPT2LMHeadModel(config).eval())
    config = transformers.LlamaConfig(
        vocab_size=size, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        initializer_range=0.5,
    )  # fmt: skip
    return Tiny(toy.vocabulary, transformers.LlamaForCausalLM(config).eval())


def texts(toy, model, strategy, **options):
    given = {"max_tokens": 30, "n": 8, **options}
    return solve(model, [Problem((0,), toy.automaton, toy.vocabulary, **given)], strategy)[0]


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize("name", TOYS)
def test_one_draft_is_greedy_and_its_score_exact(name, forced, kind):
    toy = TOYS[name]()
    for seed in range(5):
        model = tiny(toy, seed, kind)
        [one] = texts(toy, model, Superposed(1), n=1, forced_runs=forced)
        [greedy] = texts(toy, model, Beam(1), n=1, forced_runs=forced)
        assert one.tokens == greedy.tokens
        assert math.isclose(one.scores.raw, model.raw(one.tokens), abs_tol=1e-4)
        assert math.isclose(one.notes["draft"], one.scores.raw, abs_tol=1e-4)


@pytest.mark.parametrize("forced", [True, False])
@pytest.mark.parametrize("name", TOYS)
def test_drafts_are_of_the_language_and_distinct_with_the_models_own_scores(name, forced):
    toy = TOYS[name]()
    for seed in range(5):
        model = tiny(toy, seed)
        found = texts(toy, model, Superposed(5), forced_runs=forced)
        assert found and {one.text for one in found} <= toy.texts
        assert len({one.text for one in found}) == len(found)
        scores = [one.scores.raw for one in found]
        assert scores == sorted(scores, reverse=True)
        exact = {one.tokens: one for one in texts(toy, model, Beam(400), n=400, forced_runs=forced)}
        for one in found:
            assert math.isclose(one.scores.raw, model.raw(one.tokens), abs_tol=1e-4)
            if one.tokens in exact:
                assert math.isclose(one.scores.local, exact[one.tokens].scores.local, abs_tol=1e-4)


def test_several_drafts_cost_the_passes_of_one():
    toy = TOYS["json"]()
    passes = {
        drafts: texts(toy, tiny(toy, 1), Superposed(drafts), n=1, forced_runs=False)[0].search
        for drafts in (1, 6)
    }
    longest = max(len(tokens) for tokens in toy.sequences)
    # One pass a position, and one that scores.
    assert passes[6].forwards <= longest + 2
    assert passes[6].counters.computed <= 2 * longest + 6 * longest


def test_drafts_are_a_blend_and_not_a_beam():
    # If no draft score were ever off, nothing would be approximate, and this file's claims would be too modest.
    toy = TOYS["regular"]()
    off = [
        abs(one.notes["draft"] - one.scores.raw)
        for seed in range(5)
        for one in texts(toy, tiny(toy, seed), Superposed(4))
    ]
    assert max(off) > 1e-2


def test_a_second_distribution_steers():
    toy = TOYS["regular"]()
    model = tiny(toy, 2)
    wanted = max(toy.sequences, key=len)

    def second(tokens):
        row = np.full(len(toy.vocabulary), -50.0)
        row[
            wanted[len(tokens)] if tokens == wanted[: len(tokens)] and len(tokens) < len(wanted) else toy.end
        ] = 0
        return row

    [one] = texts(toy, model, Superposed(1, second=second, alpha=1.0), n=1, forced_runs=False)
    assert one.tokens == wanted


def test_a_stopped_search_and_one_without_budget_give_what_is_there():
    toy = TOYS["regular"]()
    asked = Problem((0,), toy.automaton, toy.vocabulary, max_tokens=30, n=3)
    assert solve(tiny(toy, 0), [asked], Superposed(3), stop=lambda: True) == [[]]
    for expansions in range(1, 8):
        for one in texts(toy, tiny(toy, 0), Superposed(3), expansions=expansions):
            assert one.text in toy.texts and one.search.expansions <= expansions


def test_prompts_side_by_side_do_not_see_each_other():
    toy = TOYS["json"]()
    model = tiny(toy, 3)
    asked = [Problem((k,), toy.automaton, toy.vocabulary, max_tokens=30, n=3) for k in range(3)]
    together = solve(model, asked, Superposed(3))
    alone = [solve(model, [one], Superposed(3))[0] for one in asked]
    assert [[one.tokens for one in found] for found in together] == [
        [one.tokens for one in found] for found in alone
    ]


def test_what_cannot_be_superposed_is_refused():
    toy = TOYS["regular"]()
    with pytest.raises(UnsupportedFeature, match="weighted tokens"):
        find(toy, language(toy, 0)[0], Superposed())
    with pytest.raises(InvalidConstraint, match="drafts"):
        Superposed(0)
    with pytest.raises(InvalidConstraint, match="alpha"):
        Superposed(2, alpha=2)
