"""Laws of sharing: what else runs, ran before or grew in between changes no answer.

masks under threads = masks alone;  masks after growth = masks before;  masks in reused memory = masks in fresh memory
masks with NUMBA_DISABLE_JIT=1 = masks without
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import pytest

from laws import vocabularies
from laws.random_rules import Members, random_rule
from laws.walks import automaton, close, state_behind, tokens_of, walk
from oracles.byte_automaton import ByteOracle
from treadle.automata import layout as at
from treadle.automata.byte_automaton import DEAD, ByteAutomaton
from treadle.frontends.regex import parse_ecma
from treadle.grammar import rules
from treadle.grammar.expression import ANY_TEXT, words

TRAPS = vocabularies.traps()
TESTS = Path(__file__).resolve().parents[1]


def digest_of_walks(compiled, seed: int, walks: int = 3) -> int:
    """A number for everything that some random walks see: bytes, masks, ends."""
    rng, seen = random.Random(seed), 0
    for _ in range(walks):
        for state, token in walk(compiled, rng, 25):
            seen = zlib.crc32(compiled.mask(state).tobytes(), seen)
            seen = zlib.crc32(repr((token, compiled.is_accepting(state))).encode(), seen)
    return seen


def some_members() -> rules.Node:
    value = rules.Sequence((rules.Literal(b'"'), rules.Quoted(ANY_TEXT)))
    return Members(7, frozenset(("a", "é")), frozenset(), (ANY_TEXT,), 64, False, value).first()


@pytest.mark.parametrize("node", [some_members(), random_rule(random.Random(6))], ids=["members", "random"])
def test_eight_threads_share_one_automaton(node):
    expected = [digest_of_walks(automaton(node, TRAPS), seed, 1) for seed in range(8)]
    shared, found = automaton(node, TRAPS), {}
    started = threading.Barrier(8)

    def run(seed: int) -> None:
        started.wait()
        try:
            found[seed] = digest_of_walks(shared, seed, 1)
        except Exception as error:
            found[seed] = error

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert [found[seed] for seed in range(8)] == expected


def test_threads_compile_and_drop_automata_side_by_side():
    nodes = [random_rule(random.Random(seed)) for seed in range(6)]
    expected = [digest_of_walks(automaton(node, TRAPS), 1, 1) for node in nodes]
    errors: list[object] = []

    def run(offset: int) -> None:
        for k in range(len(nodes)):
            i = (k + offset) % len(nodes)
            try:
                if (found := digest_of_walks(automaton(nodes[i], TRAPS), 1, 1)) != expected[i]:
                    errors.append((i, found))
            except Exception as error:
                errors.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=run, args=(offset,)) for offset in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not errors


@pytest.fixture
def _without_what_others_left():
    """What earlier tests keep is not looked at: in a whole run each collection took two seconds of it."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.usefixtures("_without_what_others_left")
@pytest.mark.parametrize("seed", range(500, 506))
def test_reused_memory_keeps_no_trace(seed):
    """The masks of an automaton are those of its own process, whatever was compiled, used and dropped before."""
    rng = random.Random(seed)
    node, others = random_rule(rng), [random_rule(rng) for _ in range(8)]
    expected = digest_of_walks(automaton(node, TRAPS), seed)
    for other in others:
        dropped = automaton(other, TRAPS)
        digest_of_walks(dropped, seed, 2)
        del dropped
        gc.collect()
        assert digest_of_walks(automaton(node, TRAPS), seed) == expected


def test_dropped_automata_leave_clean_memory():
    from treadle.automata.memory import _KEPT

    for seed in range(5):
        used = automaton(random_rule(random.Random(seed)), TRAPS)
        digest_of_walks(used, seed)
        del used
    gc.collect()
    assert _KEPT
    for words_ in _KEPT:
        assert not words_[: at.COUNTERS].any()
        scratch = int(words_[at.AT_OUT])
        assert not words_[at.HEADER : scratch].any()


# -- growth ----------------------------------------------------------------------------------------


def test_masks_survive_growing_tables():
    """Tens of thousands of states, spelled names, configurations and stack nodes: every table grows."""
    node = Members(1, frozenset(), frozenset(), (ANY_TEXT,), False, False, rules.Literal(b"1")).first()
    compiled, fresh = automaton(node, TRAPS), automaton(node, TRAPS)
    before = {
        prefix: tokens_of(compiled, state_behind(compiled, prefix))
        for prefix in (b"", b'{"', b'{"a":1,"a', b'{"a')
    }
    rng = random.Random(1)
    for k in range(300):
        name = "".join(rng.choices("abcdefgé", k=60))
        assert compiled.bytes.run(compiled.start, f'{{"{name}":1,"x{k}'.encode()) != DEAD
    assert compiled.bytes.state_count > 15_000
    for prefix, mask in before.items():
        assert (
            tokens_of(compiled, state_behind(compiled, prefix))
            == mask
            == tokens_of(fresh, state_behind(fresh, prefix))
        )
    assert compiled.bytes.run(compiled.start, f'{{"{name}":1,"{name}"'.encode()) == DEAD


def test_deep_nesting_grows_the_stack():
    again = rules.Call(
        "deep",
        lambda: rules.Choice(
            (rules.Literal(b"1"), rules.Sequence((rules.Literal(b"["), again, rules.Literal(b"]"))))
        ),
    )
    compiled = ByteAutomaton(again)
    for depth in (10, 3_000, 30_000):
        assert compiled.is_accepting(compiled.run(compiled.start, b"[" * depth + b"1" + b"]" * depth))
        assert compiled.run(compiled.start, b"[" * depth + b"1" + b"]" * (depth + 1)) == DEAD


def test_many_words_are_one_literal_set():
    rng = random.Random(2)
    listed = {"".join(rng.choices("abcé日", k=rng.randint(1, 9))) for _ in range(20_000)}
    compiled = automaton(rules.Text(words(listed)), TRAPS)
    for word in rng.sample(sorted(listed), 50):
        assert compiled.bytes.is_accepting(state_behind(compiled, word.encode()))
    assert compiled.bytes.run(compiled.start, b"x") == DEAD


def test_names_longer_than_a_step_has_room_for():
    """Leaving a listed name of 6,000 characters at its end spells all of them in a single step."""
    listed = frozenset(char * 6_000 for char in "abcd")
    node = Members(1, listed, frozenset(), (ANY_TEXT,), False, False, rules.Literal(b"1")).first()
    compiled = ByteAutomaton(node)
    for char in "abcd":
        for text in (char * 5_999 + "x", char * 6_000, char * 6_001):
            assert compiled.is_accepting(compiled.run(compiled.start, f'{{"{text}":1}}'.encode()))
            assert compiled.run(compiled.start, f'{{"{text}":1,"{text}"'.encode()) == DEAD


@pytest.mark.parametrize("width", [900, 1_500, 3_000])
def test_frontiers_wider_than_a_step_has_room_for(width):
    """Thousands of bounded texts alive at once: each state adds as many configurations."""
    options = (rules.Text(parse_ecma(f"^[ab]*{i}$"), 0, 100) for i in range(width))
    compiled = ByteAutomaton(rules.Choice(tuple(options)))
    for length in range(1, 20):
        reached = compiled.run(compiled.start, b"a" * length + str(width - 1).encode())
        assert reached != DEAD and compiled.is_accepting(reached)
        assert compiled.run(compiled.start, b"a" * length + str(width).encode()) == DEAD


def test_growth_changes_no_walk():
    expected = digest_of_walks(automaton(some_members(), TRAPS), 3)
    grown = automaton(some_members(), TRAPS)
    for tables in (
        {at.AT_STATES, at.AT_NEXT, at.AT_STATE_HASH},
        {at.AT_MEMO, at.AT_MEMO_HASH},
        {at.AT_CONFIGS},
        {at.AT_TEXTS},
    ):
        digest_of_walks(grown, len(tables), 1)
        grown.bytes.memory.grow(tables)
    assert digest_of_walks(grown, 3) == expected


# -- without numba ---------------------------------------------------------------------------------

_SCRIPT = """
import json, random, sys
sys.path[:0] = [{tests!r}]
from laws.test_sharing import python_digests
print(json.dumps(python_digests()))
"""


def python_digests() -> list[int]:
    found = []
    vocabulary = vocabularies.vocabulary(
        [*(bytes([b]) for b in b'ab"\\{}[],:1eu0d8c \xc3\xa9'), *vocabularies.TRAPS[::3]]
    )
    for seed in (0, 3, 5, 8):
        compiled = automaton(random_rule(random.Random(seed)), vocabulary)
        rng = random.Random(seed)
        for state, _ in walk_allowed(compiled, rng):
            found.append(zlib.crc32(compiled.mask(state).tobytes()))
    return found


def walk_allowed(compiled, rng):
    """A walk that stops where the vocabulary, which lacks bytes here, has nothing to go on with."""
    try:
        yield from walk(compiled, rng, 6)
    except AssertionError:
        return


def test_kernels_run_the_same_without_numba():
    environment = os.environ | {
        "NUMBA_DISABLE_JIT": "1",
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
    }
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT.format(tests=str(TESTS))],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == python_digests()


def test_the_shared_oracle_agrees_after_everything():
    """One more look at masks behind a walk, so that sharing is judged from outside as well."""
    node = random_rule(random.Random(6))
    compiled, oracle = automaton(node, TRAPS), ByteOracle(node)
    written = b""
    for state, token in walk(compiled, random.Random(6)):
        assert oracle.allowed(written) and compiled.is_accepting(close(compiled, state))
        written += TRAPS.tokens[token] or b""
