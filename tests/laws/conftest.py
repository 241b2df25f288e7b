"""The vocabularies that every law is held against."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path[:0] = [folder for folder in [str(Path(__file__).resolve().parents[1])] if folder not in sys.path]


@pytest.fixture(scope="session")
def smollm():
    """The 49,152 ids of the bundled model, 21 single bytes missing."""
    from treadle.integrations.packages import MissingPackage
    from treadle.vocabulary import Vocabulary

    pytest.importorskip("gguf")
    try:
        from treadle.integrations.bundled import bundled_model

        return Vocabulary.from_tokenizer(bundled_model())
    except MissingPackage as error:
        pytest.skip(str(error))
