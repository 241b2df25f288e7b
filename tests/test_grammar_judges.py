"""Shipped grammars against the parsers that their languages have: rdkit, SQLite, tree-sitter, `re`, lark.

A judge is asked about the tables of `tests/test_grammars.py` and, where there is one, about texts from the world.
"""

from __future__ import annotations

import pytest

from oracles.shipped_grammars import cases, judged, treadle_accepts


@pytest.fixture(scope="module")
def rdkit():
    chem = pytest.importorskip("rdkit.Chem", reason="rdkit judges molecules and is not installed")
    from rdkit import RDLogger

    RDLogger.DisableLog("rdApp.*")
    return chem


@pytest.mark.parametrize(("text", "accepted"), judged("smiles"))
def test_rdkit_agrees_about_molecules(rdkit, text, accepted):
    # What follows a blank is the name of a molecule to rdkit, and no text is a molecule without atoms.
    molecule = rdkit.MolFromSmiles(text, sanitize=False) if text and " " not in text else None
    assert (molecule is not None) == accepted


def test_every_element_is_an_atom(rdkit):
    table = rdkit.GetPeriodicTable()
    symbols = [table.GetElementSymbol(number) for number in range(1, 119)]
    assert [symbol for symbol in symbols if not treadle_accepts("smiles", f"[{symbol}]")] == []


def test_what_rdkit_writes_is_read(rdkit):
    for text in cases("smiles")["accept"]:
        molecule = rdkit.MolFromSmiles(text, sanitize=False)
        for seed in range(20):
            written = rdkit.MolToRandomSmilesVect(molecule, 1, randomSeed=seed + 1)[0]
            assert treadle_accepts("smiles", written), written
