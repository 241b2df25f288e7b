"""Without a compiler (NUMBA_DISABLE_JIT=1) kernels are the Python that they are written in, and everything holds.

A process of its own runs a part of the tests: rows and batches, masks against brute force, budgets, schemas against a
validator, and a sample of the official suite. Compiled and interpreted kernels differ where integers wrap, where
arrays are read past their ends and where something that only a compiler knows is called: such a test would fail here.
"""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conformance.official_suite import required
from conformance.test_masks import differing
from treadle.compiling import INTERPRETED

TESTS = Path(__file__).resolve().parents[1]

#: File, the tests of it (all if none are named), the numbers that they are called with.
PARTS: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("matching/test_bitset.py", (), ()),
    ("matching/test_matcher.py", (), ()),
    ("matching/test_languages.py", (), ()),
    ("matching/test_batch.py", ("test_rows_of_a_batch_are_the_sequences_own",), ("0-0", "3-1")),
    ("matching/test_budget.py", ("test_a_live_matcher_goes_on_when_everything_is_forgotten_under_it",), ("0",)),
    ("automata/test_memory.py", (), ()),
    ("laws/test_masks.py", ("test_mask_of_a_regex_is_brute_force",), tuple(map(str, range(8)))),
    ("laws/test_masks.py", ("test_mask_of_random_rules_is_brute_force",), tuple(map(str, range(12)))),
    ("laws/test_masks.py", ("test_mask_is_brute_force_where_bytes_have_no_token",), ("80", "81")),
    ("laws/test_states.py", ("test_every_walk_through_masks_can_be_closed",), ("0", "1", "2")),
    ("laws/test_json_schema.py", ("test_walks_are_valid_and_valid_values_are_accepted",), ("0", "1", "3", "5")),
    ("laws/test_ambiguity.py", ("test_short_texts_of_them_are_earleys",), ("runs of runs", "palindromes")),
    ("laws/test_guards.py", ("test_masks_are_what_the_bytes_say",), ("words-lexical", "nested-scannerless")),
    ("conformance/test_interpreted.py", ("test_every_fortieth_group_of_the_official_suite",), ()),
)  # fmt: skip


def chosen() -> list[str]:
    found = []
    for file, names, arguments in PARTS:
        whole = [f"{TESTS / file}::{name}" for name in names] or [str(TESTS / file)]
        found += [f"{name}[{argument}]" for name in whole for argument in arguments] or whole
    return found


@pytest.mark.skipif(INTERPRETED, reason="everything is interpreted already")
def test_laws_hold_without_a_compiler():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *chosen()],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1"},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None and int(passed[1]) > 100, done.stdout[-300:]


def test_every_fortieth_group_of_the_official_suite(suite: Path) -> None:
    groups = list(required(suite, "draft2020-12"))[7::40]
    assert sum(len(group.cases) for group in groups) > 20
    assert differing(groups, random.Random(0)) == []
