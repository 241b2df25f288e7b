"""Every strategy under every kind of constraint, for lists of prompts, with options of `generate`; and interrupted.

The model is a tiny one with random weights over a vocabulary of bytes, so whatever a constraint does not rule out comes
up. Judges are not ours: `re`, `json`, jsonschema, a parser of a few lines.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import jsonschema
import pytest

import treadle
from treadle.decoding.prefixes import PrefixTree
from treadle.decoding.strategies import NAMES
from treadle.vocabulary import Vocabulary

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

PROMPTS = ["a", "bc", "d"]
SCHEMA = {
    "type": "object",
    "properties": {"kind": {"enum": ["cat", "dog"]}, "age": {"type": "integer", "minimum": 0, "maximum": 20}},
    "required": ["kind", "age"],
    "additionalProperties": False,
}
PATTERN = "(red|blue|dark green) [a-c]{1,3}"
Direction = Literal["north", "south", 7]
SUM = 'start: term ("+" term)*\nterm: /[0-9]/ | "(" start ")"\n'


def is_of_schema(text: str) -> bool:
    jsonschema.validate(json.loads(text), SCHEMA)
    return True


def is_sum(text: str) -> bool:
    """Whether taking sums apart leaves a digit."""
    before = None
    while before != text:
        before, text = text, re.sub(r"\((\d)\)", r"\1", re.sub(r"\d\+\d", "1", text))
    return re.fullmatch(r"\d", text) is not None


CONSTRAINTS: dict[str, tuple[dict[str, Any], Any]] = {
    "regex": ({"regex": PATTERN}, lambda text: re.fullmatch(PATTERN, text)),
    "schema": ({"schema": SCHEMA, "whitespace": "compact"}, is_of_schema),
    "grammar": ({"grammar": SUM}, is_sum),
    "choices": ({"choices": ["yes", "no", "yesterday", "not now"]}, {"yes", "no", "yesterday", "not now"}.__contains__),
    "python_type": ({"python_type": Direction}, lambda text: json.loads(text) in ("north", "south", 7)),
}  # fmt: skip
#: By name, smaller than by default, and what has no name. A phrase that fits every text: none.
SIZES = {
    "sampling": "sampling", "best_of": "best_of:samples=4", "diverse_beam": "diverse_beam:width=4,groups=2",
    "astar": "astar:expansions=60", "mbr": "mbr:candidates=4", "lattice": "lattice:expansions=60",
    "phrase_beam": treadle.PhraseBeam([], 3), "lookahead": treadle.Lookahead(["e"], 3),
}  # fmt: skip
STRATEGIES = {name: SIZES.get(name, name) for name in NAMES} | {
    "chunked_astar": treadle.ChunkedAStar(lambda text: min(len(text) / 20, 1.0), chunk=4, states=12),
    "astar behind a beam": treadle.AStar(expansions=60, first=treadle.Beam(2)),
}


@dataclass
class Tiny:
    """A model of one layer that reads bytes."""

    vocabulary: Vocabulary
    model: Any

    def tree(self, memory: int | None = None) -> PrefixTree:
        from treadle.integrations.prefix_cache import PrefixStore

        return PrefixTree(PrefixStore(self.model), memory)

    def raw(self, prompt: str, tokens: tuple[int, ...]) -> float:
        """Log p of a text and its end by a pass of its own."""
        before = self.vocabulary.encode(prompt)
        ids = [*before, *tokens, self.vocabulary.eos_ids[0]]
        with torch.inference_mode():
            rows = torch.log_softmax(self.model(torch.tensor([ids])).logits[0].double(), -1)
        return sum(float(rows[k - 1, ids[k]]) for k in range(len(before), len(ids)))


@lru_cache(maxsize=1)
def tiny() -> Tiny:
    vocabulary = Vocabulary(
        [*(bytes([value]) for value in range(256)), b"<end>", b"ed ", b"no", b'":', b"ca"], eos_ids=256
    )
    torch.manual_seed(5)
    config = transformers.LlamaConfig(
        vocab_size=len(vocabulary), hidden_size=32, intermediate_size=48, num_hidden_layers=1,
        num_attention_heads=4, initializer_range=0.3,
    )  # fmt: skip
    return Tiny(vocabulary, transformers.LlamaForCausalLM(config).eval())


def found_by(strategy: Any, kind: str, **options: Any) -> Any:
    given = {"n": 2, "max_tokens": 40, "seed": 3, "return_results": True, **options}
    return treadle.generate(PROMPTS, model=tiny(), strategy=strategy, **CONSTRAINTS[kind][0], **given)


@pytest.mark.parametrize("kind", CONSTRAINTS)
@pytest.mark.parametrize("name", STRATEGIES)
def test_texts_are_of_the_constraint_with_the_models_own_scores(name, kind):
    answers = found_by(STRATEGIES[name], kind)
    assert len(answers) == len(PROMPTS)
    for prompt, found in zip(PROMPTS, answers, strict=True):
        assert 1 <= len(found) <= 2
        for one in found:
            assert CONSTRAINTS[kind][1](one.text), one.text
            assert len(one.tokens) <= 40 and one.scores.local <= 1e-9
            assert math.isclose(one.scores.raw, tiny().raw(prompt, one.tokens), abs_tol=1e-4)


@pytest.mark.parametrize(
    "options", [{"forced_runs": False}, {"exact_budget": True, "max_tokens": 27}], ids=str
)
@pytest.mark.parametrize("name", STRATEGIES)
def test_the_options_of_generate_hold_for_each(name, options):
    for found in found_by(STRATEGIES[name], "schema", **options):
        for one in found:
            assert is_of_schema(one.text) and len(one.tokens) <= options.get("max_tokens", 40)


@pytest.mark.parametrize("name", STRATEGIES)
def test_an_interrupt_gives_what_is_finished(name):
    """It goes on to the caller only where nothing is."""
    ended = set()
    for turns in (1, 3, 9, 200):

        def interrupt(progress: Any, turns: int = turns) -> None:
            if progress.forwards >= turns:
                raise KeyboardInterrupt

        try:
            answers = found_by(STRATEGIES[name], "choices", progress=interrupt)
        except KeyboardInterrupt:
            continue
        for found in answers:
            ended |= {one.search.ended for one in found}
            assert all(CONSTRAINTS["choices"][1](one.text) for one in found)
    assert ended <= {"complete", "interrupted", "expansions"} and ended


def test_without_forced_runs_the_model_has_its_say_in_the_spelling():
    options = {"kind": "choices", "n": 1, "strategy": treadle.AStar(expansions=None, distinct="tokens")}
    runs, free = found_by(**options), found_by(forced_runs=False, **options)
    for [one], [other] in zip(runs, free, strict=True):
        assert one.search.notes["optimal"] and other.search.notes["optimal"]
        # More spellings to choose from: the likeliest text can only be likelier, and is no sooner found.
        assert other.scores.raw >= one.scores.raw - 1e-4
        assert other.search.expansions >= one.search.expansions
