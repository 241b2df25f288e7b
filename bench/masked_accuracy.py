"""Do canvases that a masked model fills answer their prompts, free and under a constraint?

    python -m bench.masked_accuracy --tasks 40            # records and functions, by the bundled model
    python -m bench.masked_accuracy --tasks 0 --molecules 40

Records and functions are held-out tasks (bench/masked_material.py), in canvases of 30 cells, LLaDA's surest first,
one a step; functions are bound by examples/functions.lark. *valid*: the schema holds (jsonschema), or Python parses
(ast). *right*: the record is the one asked for, or the function has its name and its values on a grid.

Molecules: products of generated reactions (rdkit), a share of the product's cells masked, filled by the model of
rxnmapper with the reactants in view. *valid*: rdkit reads the product. *syntax*: rdkit reads it without checking
valences and aromaticity. The grammar `smiles` knows brackets, branches and bonds, but not that ring digits come in
pairs or that valences work out, so bound is not all of valid.
"""

from __future__ import annotations

import argparse
import ast
import json
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

import treadle
from bench.masked_material import Task, tasks
from treadle.diffusion.decoding import decode
from treadle.diffusion.samplers import Llada
from treadle.errors import LimitExceeded
from treadle.infilling.limits import Limits

CELLS = 30
FUNCTIONS = Path(__file__).resolve().parents[1] / "examples/functions.lark"
LIMITS = Limits(20_000, 20_000)
Counts = dict[tuple[str, str], list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tasks", type=int, default=40, help="records and functions together")
    parser.add_argument("--molecules", type=int, default=20, help="products for each share that is masked")
    parser.add_argument("--shares", default="25,50,75,100", help="per cent of a product that is masked")
    parser.add_argument(
        "--seconds", type=float, default=600, help="no new decode begins after this, for each part"
    )
    parser.add_argument("--ways", default="free,bound", help="without a constraint, with it, or both")
    parser.add_argument("--model", type=Path, default=None, help="a folder that bench.train_masked wrote")
    parser.add_argument("--seed", type=int, default=7)
    given = parser.parse_args()
    if given.tasks:
        print_table(answered(given), ("valid", "right"))
    if given.molecules:
        print_table(molecules(given), ("valid", "syntax"))


def print_table(counts: Counts, judged: tuple[str, str]) -> None:
    print(f"{'what':<16}{'way':<8}{'decodes':>8}{judged[0]:>8}{judged[1]:>8}{'limit':>7}{'s each':>9}")
    for (what, way), (runs, first, second, limit, seconds) in counts.items():
        shares = f"{first / runs:>8.2f}{second / runs:>8.2f}"
        print(f"{what:<16}{way:<8}{runs:>8.0f}{shares}{limit:>7.0f}{seconds / runs:>9.2f}")


def tried(cell: list[float], fill: Any, judge: Any) -> None:
    """One decode: counted, judged twice, timed; a limit that ends it counts as neither."""
    started = time.perf_counter()
    cell[0] += 1
    try:
        text = fill()
    except LimitExceeded:
        cell[3] += 1
    else:
        first, second = judge(text)
        cell[1] += first
        cell[2] += second
    cell[4] += time.perf_counter() - started


# -- records and functions ----------------------------------------------------------------------------


def answered(given: Any) -> Counts:
    from treadle.integrations.bundled_masked import text_model

    model = text_model(given.model)
    functions = treadle.compile(treadle.Grammar(FUNCTIONS.read_text("utf-8")), model.vocabulary).automaton
    counts: Counts = defaultdict(lambda: [0.0] * 5)
    begun = time.perf_counter()
    for task in islice(tasks(given.seed, held_out=True), given.tasks):
        if time.perf_counter() - begun > given.seconds:
            break
        schema = task.schema
        bound = (
            functions
            if schema is None
            else treadle.compile(treadle.JsonSchema(schema), model.vocabulary).automaton
        )
        for way, automaton in (("free", None), ("bound", bound)):
            if way not in given.ways.split(","):
                continue
            tried(
                counts[task.kind, way],
                lambda task=task, automaton=automaton: decode(
                    model, model.vocabulary.encode(task.prompt), CELLS, Llada(CELLS), automaton, limits=LIMITS,
                    undecided="defer",
                ).text,
                lambda text, task=task: (is_valid(task, text), task.right(text)),
            )  # fmt: skip
    return counts


def is_valid(task: Task, text: str) -> bool:
    try:
        if task.schema is None:
            return bool(ast.parse(text).body)
        return bool(jsonschema.Draft202012Validator(task.schema).is_valid(json.loads(text)))
    except (ValueError, SyntaxError, RecursionError):
        return False


# -- molecules ----------------------------------------------------------------------------------------

ACIDS = (
    "CC(=O)O",
    "OC(=O)c1ccccc1",
    "CCC(=O)O",
    "OC(=O)c1ccncc1",
    "Cc1ccc(cc1)C(=O)O",
    "OC(=O)C1CC1",
    "OC(=O)c1ccco1",
)
PARTNERS = (
    "CCO",
    "CN",
    "NCc1ccccc1",
    "OC1CCCCC1",
    "Nc1ccc(F)cc1",
    "C1COCCN1",
    "CC(C)N",
    "OCCc1ccccc1",
    "NC1CCCC1",
)
#: An ester or an amide of an acid and an alcohol or an amine.
JOINED = "[C:1](=[O:2])[OX2H1].[O,N;!H0;!$(*C=O):3]>>[C:1](=[O:2])[*:3]"


def reactions() -> Iterator[tuple[str, str]]:
    """Reactants and product, as canonical SMILES."""
    from rdkit import Chem
    from rdkit.Chem import AllChem

    rule = AllChem.ReactionFromSmarts(JOINED)
    for acid, partner in product(ACIDS, PARTNERS):
        made = rule.RunReactants((Chem.MolFromSmiles(acid), Chem.MolFromSmiles(partner)))
        if made:
            found = made[0][0]
            Chem.SanitizeMol(found)
            yield f"{acid}.{partner}", Chem.MolToSmiles(found)


def molecules(given: Any) -> Counts:
    from rdkit import Chem, RDLogger

    from treadle.integrations.bundled_masked import SMILES_START, smiles_model

    RDLogger.DisableLog("rdApp.*")
    model = smiles_model()
    vocabulary = model.vocabulary
    automaton = treadle.compile(treadle.Grammar("smiles"), vocabulary).automaton
    end = vocabulary.eos_ids[0]
    known = list(reactions())
    rng = np.random.default_rng(given.seed)
    chosen = [known[int(k)] for k in rng.permutation(len(known))[: given.molecules]]
    counts: Counts = defaultdict(lambda: [0.0] * 5)
    judge = lambda text: (
        Chem.MolFromSmiles(text) is not None,
        Chem.MolFromSmiles(text, sanitize=False) is not None,
    )
    begun = time.perf_counter()
    for (reactants, made), share in product(chosen, map(int, given.shares.split(","))):
        if time.perf_counter() - begun > given.seconds:
            break
        cells = vocabulary.encode(made)
        for k in rng.permutation(len(cells))[: max(1, round(len(cells) * share / 100))]:
            cells[int(k)] = model.mask_id
        prompt = [SMILES_START, *vocabulary.encode(reactants + ">>")]
        for way, constraint in (("free", None), ("bound", automaton)):
            if way not in given.ways.split(","):
                continue
            tried(
                counts[f"{share} % masked", way],
                lambda prompt=prompt, cells=cells, constraint=constraint: decode(
                    model, prompt, [*cells, end], Llada(len(cells)), constraint, limits=LIMITS, undecided="defer",
                ).text,
                lambda text: judge(text),
            )  # fmt: skip
    return counts


if __name__ == "__main__":
    main()
