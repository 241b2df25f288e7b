"""Random decodes with a random model: is every text in the language, by outside judges, with no repair step?

    python -m bench.infilling --schemas 10 --decodes 2 --cells 32 --block 8 --grammars sql,python,cpp,smiles

A model of normal logits over a real vocabulary, temperature 1, LLaDA's order, `--parallel` commits a step. Schemas come
from MaskBench (../shared/data), the judges are jsonschema, lark (sql), ast (python), tree-sitter (cpp), rdkit (smiles);
where a judge is not installed treadle's own check stands in, and the row says so. `undecided` counts tokens that were
passed over because a limit ended; `ms/commit` is the time of a whole decode, logits included, by commits.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

import treadle
from bench.material import maskbench, vocabulary_of
from treadle.diffusion.decoding import decode
from treadle.diffusion.protocols import MaskedTable
from treadle.diffusion.samplers import Llada
from treadle.errors import ConstraintError
from treadle.infilling.limits import Limits
from treadle.vocabulary import Vocabulary

DATA = Path(__file__).resolve().parents[2] / "shared/data/maskbench/dev.jsonl.gz"
Judge = Callable[[str], bool]


def with_mask(vocabulary: Vocabulary) -> Vocabulary:
    """The same with one more token, a mask."""
    size = len(vocabulary)
    return Vocabulary([*vocabulary.tokens, None], vocabulary.eos_ids, [*vocabulary.special_ids, size])


def random_model(vocabulary: Vocabulary, seed: int) -> MaskedTable:
    size = len(vocabulary)

    def logits(row: tuple[int, ...]) -> Any:
        return (
            np.random.default_rng([seed, sum(row) % (1 << 31)])
            .normal(0, 2, (len(row), size))
            .astype(np.float32)
        )

    return MaskedTable(vocabulary, size - 1, logits)


def schemas(count: int) -> Iterator[tuple[str, Any, Judge]]:
    for item in islice(maskbench(DATA), 0, None, 29):
        if count == 0:
            return
        try:
            constraint = treadle.JsonSchema(item["schema"])
            constraint.rules()
        except ConstraintError:
            continue
        validator = jsonschema.validators.validator_for(item["schema"])(item["schema"])
        count -= 1
        yield "schema", constraint, lambda text, v=validator: v.is_valid(json.loads(text))


def judge_of(name: str) -> tuple[str, Judge]:
    if name == "python":
        return "ast", _without_error(lambda text: ast.parse(text) is not None)
    try:
        if name == "smiles":
            from rdkit import Chem, RDLogger

            RDLogger.DisableLog("rdApp.*")
            return "rdkit", lambda text: Chem.MolFromSmiles(text, sanitize=False) is not None
        if name == "cpp":
            import tree_sitter
            import tree_sitter_cpp

            parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_cpp.language()))
            return "tree-sitter", lambda text: not parser.parse(text.encode()).root_node.has_error
    except ImportError:
        pass
    return "treadle", lambda text: bool(treadle.check(treadle.Grammar(name), text.encode()))


def _without_error(judge: Judge) -> Judge:
    def safe(text: str) -> bool:
        try:
            return judge(text)
        except (SyntaxError, ValueError):
            return False

    return safe


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--schemas", type=int, default=10)
    parser.add_argument("--grammars", default="sql,python,cpp,smiles")
    parser.add_argument("--decodes", type=int, default=2, help="for each constraint")
    parser.add_argument("--cells", type=int, default=32)
    parser.add_argument("--block", type=int, default=8)
    parser.add_argument("--parallel", type=int, default=2, help="commits of a step")
    parser.add_argument("--nodes", type=int, default=20_000)
    parser.add_argument("--vocab", default=None)
    given = parser.parse_args()
    vocabulary = with_mask(vocabulary_of(given.vocab))
    work: list[tuple[str, Any, Judge]] = list(schemas(given.schemas))
    for name in filter(None, given.grammars.split(",")):
        by, judge = judge_of(name)
        work.append((f"{name} ({by})", treadle.Grammar(name), judge))
    table: dict[str, list[float]] = {}
    for label, constraint, judge in work:
        row = table.setdefault(label, [0] * 7)
        for seed in range(given.decodes):
            _decode(row, constraint, judge, vocabulary, given, seed)
            print(f"{label} {row[0]:.0f}: {row[6]:.1f} s so far", file=sys.stderr, flush=True)
    print(f"{'what':<22}{'decodes':>8}{'valid':>7}{'too long':>9}", end="")
    print(f"{'limit':>7}{'refused':>9}{'undecided':>10}{'ms/commit':>11}")
    for label, (runs, valid, unfit, limit, refused, undecided, seconds) in table.items():
        commits = max(1, (runs - unfit - limit) * given.cells)
        print(
            f"{label:<22}{runs:>8}{valid:>7}{unfit:>9}{limit:>7}{refused:>9}{undecided:>10}"
            f"{1000 * seconds / commits:>11.1f}"
        )


def _decode(
    row: list[float], constraint: Any, judge: Judge, vocabulary: Vocabulary, given: Any, seed: int
) -> None:
    row[0] += 1
    started = time.perf_counter()
    try:
        done = decode(
            random_model(vocabulary, seed), [], given.cells,
            Llada(steps=max(1, given.cells // given.parallel), block_length=given.block, temperature=1.0),
            treadle.compile(constraint, vocabulary).automaton, seed=seed, undecided="defer",
            limits=Limits(given.nodes, given.nodes),
        )  # fmt: skip
    except treadle.UnsatisfiableConstraint:
        row[2] += 1  # no text of so few tokens
        return
    except treadle.LimitExceeded:
        row[3] += 1
        return
    row[1] += judge(done.text)
    row[4] += done.refused
    row[5] += done.undecided
    row[6] += time.perf_counter() - started


if __name__ == "__main__":
    main()
