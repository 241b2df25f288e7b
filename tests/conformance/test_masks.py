"""The official suite through masks: every token of a valid instance is allowed where it stands, and so is the end.

An invalid instance meets a token that its mask forbids, or an end that is forbidden. Each text is cut into tokens in
two ways, the fewest and at random, over a small vocabulary that has every byte and pieces across all borders.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from conformance.judging import Group
from conformance.official_suite import DRAFTS, optional, required
from conformance.ratchet import Record
from laws import vocabularies
from laws.walks import automaton
from treadle.errors import UnsatisfiableConstraint
from treadle.masks import bitset
from treadle.matching.token_automaton import REFUSED, TokenAutomaton
from treadle.vocabulary.encoding import matches

TRAPS = vocabularies.traps()


def compiled(group: Group) -> TokenAutomaton | None:
    """None where nothing satisfies the schema."""
    try:
        root, _ = group.constraint().rules()
    except UnsatisfiableConstraint:
        return None
    return automaton(root, TRAPS)


def allowed(tokens: TokenAutomaton, ids: Sequence[int]) -> bool:
    """Whether masks let the whole sequence and an end through; what `advance` says is the same at each step."""
    state = tokens.start
    for token in (*ids, TRAPS.eos_ids[0]):
        in_mask = token in bitset.to_tokens(tokens.mask(state))
        state = tokens.advance(state, token)
        assert in_mask == (state != REFUSED), f"mask and transition differ about token {token}"
        if not in_mask:
            return False
    return True


def cut_at_random(data: bytes, rng: random.Random) -> list[int]:
    ids: list[int] = []
    at = 0
    while at < len(data):
        token, length = rng.choice(matches(TRAPS.trie, data, at))
        ids.append(token)
        at += length
    return ids


def differing(groups: Sequence[Group], rng: random.Random) -> list[str]:
    """The cases of which a spelling, cut in some way, is not let through exactly when it is valid."""
    found = []
    for group in groups:
        tokens = compiled(group)
        for case in group.cases:
            for text in case.spellings:
                data = text.encode("utf-8", "surrogatepass")
                ways = (TRAPS.encode_bytes(data), cut_at_random(data, rng))
                if any((tokens is not None and allowed(tokens, ids)) != case.valid for ids in ways):
                    found.append(f"{case.name}: {text[:80]}")
    return found


@pytest.mark.parametrize("draft", DRAFTS)
def test_required_cases(suite: Path, draft: str) -> None:
    assert differing(list(required(suite, draft)), random.Random(draft)) == []


@pytest.mark.slow
@pytest.mark.parametrize("draft", DRAFTS)
def test_optional_cases(suite: Path, draft: str) -> None:
    """Masks say of them what the record says, right or wrong."""
    recorded = Record.read("official_suite").not_right
    found = differing(list(optional(suite, draft)), random.Random(draft))
    assert [line for line in found if not line.startswith(tuple(recorded))] == []
