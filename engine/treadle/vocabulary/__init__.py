"""Tokenizers as bytes: `Vocabulary` and its `Trie`."""

from treadle.vocabulary.trie import Trie
from treadle.vocabulary.vocabulary import Vocabulary

__all__ = ["Trie", "Vocabulary"]
