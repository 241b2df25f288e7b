"""A model that is a table writes under adapters' masks: what comes of it, and that the draw keeps to the mask."""

from __future__ import annotations

import numpy as np
import pytest

from treadle.bench import summary
from treadle.bench.adapters.null import Null
from treadle.bench.adapters.treadle import AnyOrder, Budgeted
from treadle.bench.measuring import measure
from treadle.bench.tasks import Instance, Task
from treadle.bench.tokenizer_folder import TokenizerFolder
from treadle.bench.writing import Writing, write, write_and_measure, write_by_itself

INTEGER = Task(
    "integer", {"type": "integer"}, "", (Instance(valid=True, data=3), Instance(valid=False, data="a"))
)


class Talker:
    """Wants to write `text`, then the end; logits fall off by distance from the wished token."""

    def __init__(self, tokenizer: TokenizerFolder, text: str) -> None:
        self.vocabulary = tokenizer.vocabulary
        self.wish = [*tokenizer.encode(text), self.vocabulary.eos_ids[0]]

    def encode(self, prompt, chat=None):
        return [0]

    def start(self, prompt):
        return Saying(self)


class Saying:
    def __init__(self, talker: Talker) -> None:
        self.talker = talker
        self.count = 0
        self.calls = 1

    @property
    def logits(self):
        wished = self.talker.wish[min(self.count, len(self.talker.wish) - 1)]
        row = np.full(len(self.talker.vocabulary), -20.0, np.float32)
        row[wished] = 20.0
        return row

    def append(self, tokens):
        rows = []
        for _ in tokens:
            self.count += 1
            rows.append(self.logits)
        return np.array(rows)


@pytest.fixture(scope="module")
def folder(byte_tokenizer):
    return TokenizerFolder(byte_tokenizer)


@pytest.mark.parametrize(
    ("engine", "text", "outcome"),
    [
        (Null, "41", "valid"),
        (Null, '"no"', "invalid"),
        (Null, "{", "invalid"),
        (Null, "[" * 50, "unfinished"),
        (AnyOrder, "41", "valid"),
        (AnyOrder, '"no"', "valid"),  # whatever it wants, it writes an integer
        (AnyOrder, "1" * 50, "valid"),
    ],
)
def test_outcome(folder, engine, text, outcome):
    found = write(engine(folder), INTEGER, Talker(folder, text), Writing(max_tokens=20, temperature=1.0))
    assert found["outcome"] == outcome, found
    assert found["tokens"] <= 20


def test_by_itself_a_text_is_complete_within_the_budget(folder):
    numbers = Task("numbers", {"type": "array", "items": {"type": "integer"}, "minItems": 3}, "")
    talker = Talker(folder, "[" + "1" * 50)
    assert write(AnyOrder(folder), numbers, talker, Writing(max_tokens=20))["outcome"] == "unfinished"
    found = write_by_itself(Budgeted(folder), numbers, talker, Writing(max_tokens=20))
    assert (found["outcome"], found["tokens"] <= 20) == ("valid", True)


def test_same_seed_same_text(folder):
    texts = {
        write(AnyOrder(folder), INTEGER, Talker(folder, "x"), Writing(max_tokens=8, seed=seed))["text"]
        for seed in (1, 1, 1)
    }
    assert len(texts) == 1


def test_record_is_that_of_measure_with_the_text(folder):
    def ignore(phase, microseconds):
        pass

    engine, model = AnyOrder(folder), Talker(folder, "7")
    found = write_and_measure(engine, folder.encode, INTEGER, 10, ignore, model, Writing())
    plain = measure(engine, folder.encode, INTEGER, 10, ignore)
    assert (found["status"], found["over"], found["under"]) == (plain["status"], 0, 0) == ("passed", 0, 0)
    row = {**found, "engine": "treadle", "id": "integer"}
    total = summary.written([row, {**row, "outcome": "refused", "status": "refused", "tokens": 0}])
    assert (total.valid, total.none, total.tokens) == (1, 1, 1)


@pytest.mark.parametrize("data", [3, "a"])
def test_measure_judges_null_as_under_constrained_only(folder, data):
    task = Task("t", {}, "", (Instance(valid=False, data=data),))
    found = measure(Null(folder), folder.encode, task, 10, lambda phase, microseconds: None)
    assert (found["status"], found["over"], found["under"]) == ("failed", 0, 1)
    assert len(found["mask_us"]) == len(found["accept_us"]) == len(folder.encode(task.instances[0].text))
