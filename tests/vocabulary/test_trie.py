"""The flat trie against its obvious twin: nested dictionaries walked by recursion."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

import numpy as np
import pytest

from treadle.vocabulary import Trie, Vocabulary

Row = tuple[int, int, int, int, list[int]]


def twin(tokens: Sequence[bytes | None], ids: Iterable[int]) -> list[Row]:
    """(byte, depth, skip, parent, tokens) of every node in depth-first order."""
    root: dict[int | str, object] = {}
    for i in ids:
        node = root
        for byte in tokens[i] or b"":
            node = node.setdefault(byte, {})  # type: ignore[assignment]
        if tokens[i]:
            node.setdefault("ids", []).append(i)  # type: ignore[attr-defined]
    rows: list[Row] = []

    def visit(node: dict[int | str, object], depth: int, parent: int) -> None:
        for byte in sorted(key for key in node if key != "ids"):  # type: ignore[type-var]
            index, child = len(rows), node[byte]
            rows.append((byte, depth, 0, parent, child.get("ids", [])))  # type: ignore[attr-defined, arg-type]
            visit(child, depth + 1, index)  # type: ignore[arg-type]
            rows[index] = (*rows[index][:2], len(rows), *rows[index][3:])  # type: ignore[assignment]

    visit(root, 1, -1)
    return rows


def rows_of(trie: Trie) -> list[Row]:
    return [
        (int(trie.byte[k]), int(trie.depth[k]), int(trie.skip[k]), int(trie.parent[k]), trie.node_tokens(k))
        for k in range(len(trie))
    ]


def random_tokens(seed: int) -> list[bytes | None]:
    rng = random.Random(seed)
    alphabet = rng.choice([b"ab", bytes(range(256)), b"\x00\xff"])
    made: list[bytes | None] = [
        bytes(rng.choices(alphabet, k=rng.choice([0, 1, 1, 2, 3, 9]))) for _ in range(rng.randrange(60))
    ]
    return [None if rng.random() < 0.1 else token for token in made]


@pytest.mark.parametrize("seed", range(40))
def test_trie_equals_its_twin(seed: int) -> None:
    tokens = random_tokens(seed)
    assert rows_of(Trie.build(tokens)) == twin(tokens, range(len(tokens)))
    some = random.Random(seed).sample(range(len(tokens)), len(tokens) // 2)
    expected = twin(tokens, sorted(some))
    assert rows_of(Trie.build(tokens, some)) == expected
    assert rows_of(Vocabulary(tokens).subtrie(some)) == expected


def test_tokens_of_a_subtree_are_one_slice() -> None:
    tokens = random_tokens(3)
    trie = Trie.build(tokens)
    for node in range(len(trie)):
        slice_ = trie.tokens[trie.token_start[node] : trie.token_start[trie.skip[node]]].tolist()
        path = prefix(trie, node)
        assert sorted(slice_) == [i for i, token in enumerate(tokens) if token and token.startswith(path)]
        assert trie.find(path) == node


def prefix(trie: Trie, node: int) -> bytes:
    out = []
    while node >= 0:
        out.append(int(trie.byte[node]))
        node = int(trie.parent[node])
    return bytes(reversed(out))


def test_find_reports_what_is_not_there() -> None:
    trie = Trie.build([b"abc", b"abd", None, b"x"])
    assert trie.find(b"ab") >= 0
    assert [trie.find(data) for data in (b"", b"b", b"abe", b"abcd", b"xy")] == [-1] * 5


def test_empty_vocabulary_has_an_empty_trie() -> None:
    for tokens in ([], [None], [b""]):
        trie = Trie.build(tokens)
        assert len(trie) == 0 and trie.max_depth == 0 and trie.token_start.tolist() == [0]


def test_arrays_are_read_only_and_of_the_documented_types() -> None:
    trie = Trie.build([b"a", b"ab"])
    types = [a.dtype for a in (trie.byte, trie.depth, trie.skip, trie.parent, trie.token_start, trie.tokens)]
    assert types == [np.uint8, np.int16, np.int32, np.int32, np.int32, np.int32]
    with pytest.raises(ValueError, match="read-only"):
        trie.byte[0] = 1
