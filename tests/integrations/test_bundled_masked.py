"""The bundled masked models: their vocabularies to the byte, their weights by what they know."""

from __future__ import annotations

import importlib.util
import json

import pytest

import treadle
from treadle.diffusion.decoding import decode
from treadle.diffusion.samplers import Llada
from treadle.integrations import bundled_masked
from treadle.integrations.packages import MissingPackage

for package in ("torch", "transformers", "safetensors"):
    pytest.importorskip(package)

needs_text = pytest.mark.skipif(
    not (bundled_masked.TEXT_FOLDER / "model.safetensors").is_file(),
    reason="no trained weights in this checkout",
)
needs_molecules = pytest.mark.skipif(
    importlib.util.find_spec("rxnmapper") is None, reason="pip install --no-deps rxnmapper==0.4.3"
)
RECORD = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 9}, "age": {"type": "integer", "maximum": 120}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@needs_text
def test_every_byte_is_a_token_of_the_text_model():
    model = bundled_masked.text_model()
    tokens = set(model.vocabulary.tokens)
    assert tokens >= {bytes([code]) for code in range(256)}
    assert len(model.vocabulary) == model.logits([[0, 1, 2]]).shape[-1]
    assert model.vocabulary.token_bytes(model.mask_id) is None


@needs_text
def test_the_text_model_fills_a_record_of_the_shape_asked_for():
    model = bundled_masked.text_model()
    automaton = treadle.compile(treadle.JsonSchema(RECORD), model.vocabulary).automaton
    prompt = model.vocabulary.encode("record name, age: age 36, Ada\n")
    text = decode(model, prompt, 20, Llada(20), automaton).text
    assert list(json.loads(text)) == ["name", "age"]


@needs_text
def test_the_weights_are_small_and_have_passed_their_gate():
    record = json.loads((bundled_masked.TEXT_FOLDER / "training.json").read_text("utf-8"))
    assert record["held_out_loss"] < record["unigram_loss"] / 2
    assert (bundled_masked.TEXT_FOLDER / "model.safetensors").stat().st_size < 4_000_000


@needs_molecules
def test_the_model_of_molecules_spells_and_knows_reactions():
    model = bundled_masked.smiles_model()
    vocabulary = model.vocabulary
    assert (len(vocabulary), vocabulary.token_bytes(model.mask_id)) == (591, None)
    row = vocabulary.encode("CC(=O)O.OCC>>CC(=O)OCC")
    assert [vocabulary.token_bytes(i) for i in row[:5]] == [b"C", b"C", b"(", b"=", b"O"]
    assert vocabulary.encode("[Na+].[Cl-]") == [
        vocabulary.tokens.index(t) for t in (b"[Na+]", b".", b"[Cl-]")
    ]
    whole = [bundled_masked.SMILES_START, *row, vocabulary.eos_ids[0]]
    hidden = whole.copy()
    hidden[-3] = model.mask_id
    assert model.logits([hidden])[0][-3].argmax() == whole[-3]


def test_control_words_are_no_text_and_atoms_in_brackets_are():
    words = ["[PAD]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "C", "[Na+]", ">>"]
    vocabulary = bundled_masked.smiles_vocabulary(words)
    assert vocabulary.tokens == (*[None] * 6, b"C", b"[Na+]", b">>")
    assert vocabulary.eos_ids == (4,)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage) as error:
        bundled_masked.package_folder()
    assert (error.value.package, error.value.command) == (
        "rxnmapper",
        "pip install --no-deps rxnmapper==0.4.3",
    )
