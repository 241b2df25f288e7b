"""Token tables from the disk are the tables that were made, to the type."""

from __future__ import annotations

import numpy as np
import pytest

from treadle.matching import table_store, token_tables
from treadle.matching.token_tables import TokenTables, WalkTrie
from treadle.vocabulary import Vocabulary, cache, vocabulary


@pytest.fixture
def tokens(monkeypatch, tmp_path) -> Vocabulary:
    """A small vocabulary, that is worth storing here."""
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(token_tables, "WORTH_STORING", 1)
    monkeypatch.setattr(vocabulary, "WORTH_STORING", 1)
    spelled = [bytes([i]) for i in range(256)] + [b'"a":1,"b"', b'", "', b"abc" * 60, b"abc", b"abc"]
    return Vocabulary([*spelled, None], eos_ids=[len(spelled)])


def assert_same(found, expected):
    assert vars(found).keys() == vars(expected).keys()
    for name, value in vars(expected).items():
        other = getattr(found, name)
        if isinstance(value, WalkTrie):
            for part in WalkTrie.__slots__:
                assert_same_array(getattr(other, part), getattr(value, part))
        elif isinstance(value, np.ndarray):
            assert_same_array(other, value)
        else:
            assert other == value and type(other) is type(value), name


def assert_same_array(found, expected):
    np.testing.assert_array_equal(found, expected)
    # All of these are part of numba's type: another one would compile every kernel anew.
    for fact in ("c_contiguous", "writeable", "aligned"):
        assert getattr(found.flags, fact) == getattr(expected.flags, fact)
    assert found.dtype == expected.dtype and type(found) is np.ndarray


def test_what_is_stored_comes_back(tokens, tmp_path):
    made = TokenTables(tokens)
    first, second = TokenTables.of(tokens), TokenTables.of(tokens)
    assert len(list((tmp_path / "cache" / "tables").iterdir())) == 1
    assert_same(first, made)
    assert_same(second, made)
    assert second.by_bytes == {data: tokens.tokens.index(data) for data in tokens.tokens if data}


def test_entries_of_other_sources_are_replaced(tokens, tmp_path, monkeypatch):
    monkeypatch.setattr(table_store, "_version", lambda: "older")
    TokenTables.of(tokens)
    monkeypatch.undo()
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(token_tables, "WORTH_STORING", 1)
    assert_same(TokenTables.of(tokens), TokenTables(tokens))
    (entry,) = (tmp_path / "cache" / "tables").iterdir()
    assert "older" not in entry.name


@pytest.mark.parametrize(
    "damage", [b"", b"\x80\x81 something else", b'treadle arrays 1 {"size": 5, "arrays": {}}\n']
)
def test_a_damaged_entry_is_made_anew(tokens, tmp_path, damage):
    TokenTables.of(tokens)
    (entry,) = (tmp_path / "cache" / "tables").iterdir()
    whole = entry.read_bytes()
    for content in (damage, whole[: len(whole) // 2]):
        entry.write_bytes(content)
        assert_same(TokenTables.of(tokens), TokenTables(tokens))
        assert entry.read_bytes() == whole


def test_a_cache_that_cannot_be_written_only_costs_time(tokens, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path / "file"))
    assert_same(TokenTables.of(tokens), TokenTables(tokens))


def test_writing_to_mapped_arrays_does_not_reach_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("TREADLE_CACHE", str(tmp_path))
    arrays = {
        "a": np.arange(5, dtype=np.int32),
        "b": np.zeros((0, 3)),
        "c": np.array(7),
        "d": np.ones((2, 3), np.uint8),
    }
    assert cache.store("some/arrays", arrays)
    for _ in range(2):
        stored = cache.load("some/arrays")
        assert list(stored) == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(stored[name], array)
            assert stored[name].shape == array.shape and stored[name].dtype == array.dtype
        stored["a"][:] = 0


def test_an_attribute_of_a_new_kind_is_not_forgotten():
    with pytest.raises(TypeError, match="extra"):
        table_store.remember("f", {"extra": [1, 2]}, WalkTrie)
