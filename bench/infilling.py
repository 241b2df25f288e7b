"""Random decodes with a random model: is every text in the language, by outside judges, with no repair step?

    python -m bench.infilling --schemas 50 --decodes 20 --cells 32 --parallel 2 --records /tmp/infilling.jsonl

A model of normal logits over a real vocabulary, temperature 1, LLaDA in random order over the whole canvas (`--block`:
in blocks), `--parallel` commits a step. Schemas come from MaskBench (../shared/data), the judges are jsonschema,
sqlite (sql; its parser, unknown names aside), ast (python), tree-sitter (cpp), rdkit (smiles, under the guards that
pair the numbers of rings); where a judge is not installed treadle's own check (another automaton, no canvas) stands
in, and the row says so. A canvas has `--cells` holes, or half as many again as the constraint's shortest known text
has tokens. After every step the witness, which fills the canvas as it stands, goes to the same judge: `steps` and
`proved` count these. `undecided` are tokens passed over because a limit ended, `ms/commit` is the CPU time of a whole
decode by commits, logits and sampler included, judging left out. A decode that takes longer than `--seconds` of it
(asked after each step) is ended and counted as `slow`. With `--records` what is done is appended to a file, and what
the file holds is not done again.
"""

from __future__ import annotations

import argparse
import ast
import json
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice, product
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np

import treadle
from bench.material import maskbench, vocabulary_of
from treadle.diffusion.decoding import decode
from treadle.diffusion.protocols import MaskedTable
from treadle.diffusion.samplers import Llada
from treadle.diffusion.steps import Row
from treadle.errors import ConstraintError
from treadle.frontends.ring_closures import GUARDS
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
        yield (
            f"schema {item['id']}" if "id" in item else f"schema {count}",
            constraint,
            lambda text, v=validator: v.is_valid(json.loads(text)),
        )


def judge_of(name: str) -> tuple[str, Judge]:
    if name == "python":
        return "ast", _without_error(lambda text: ast.parse(text) is not None)
    if name == "sql":
        return "sqlite", _is_sql
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


def _is_sql(text: str) -> bool:
    """Does SQLite's parser read it? What it refuses for names that it does not know it has read."""
    try:
        sqlite3.connect(":memory:").execute(f"EXPLAIN {text}")
    except sqlite3.Error as error:
        return not any(
            said in str(error) for said in ("syntax error", "incomplete input", "unrecognized token")
        )
    return True


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
    parser.add_argument("--block", type=int, default=None)
    parser.add_argument("--parallel", type=int, default=2, help="commits of a step")
    parser.add_argument(
        "--seconds", type=float, default=120, help="of CPU time for each decode, judging left out"
    )
    parser.add_argument("--records", type=Path, default=None)
    parser.add_argument("--vocab", default=None)
    given = parser.parse_args()
    vocabulary = with_mask(vocabulary_of(given.vocab))
    work: list[tuple[str, Any, Judge]] = list(schemas(given.schemas))
    for name in filter(None, given.grammars.split(",")):
        by, judge = judge_of(name)
        work.append(
            (f"{name} ({by})", treadle.Grammar(name, guards=GUARDS if name == "smiles" else None), judge)
        )
    records = _known(given.records)
    for seed, (label, constraint, judge) in product(range(given.decodes), work):
        if (label, seed) in records:
            continue
        record = {"label": label, "seed": seed, **_decode(constraint, judge, vocabulary, given, seed)}
        records[label, seed] = record
        print(record, file=sys.stderr, flush=True)
        if given.records is not None:
            with given.records.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
    _print_table(list(records.values()))


def _known(path: Path | None) -> dict[tuple[str, int], dict[str, Any]]:
    if path is None or not path.exists():
        return {}
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return {(record["label"], record["seed"]): record for record in found}


def _print_table(records: list[dict[str, Any]]) -> None:
    columns = ["decodes", "valid", "unfit", "limit", "slow", "steps", "proved", "refused", "undecided"]
    table: dict[str, dict[str, float]] = {}
    for record in records:
        label = "schemas" if record["label"].startswith("schema ") else record["label"]
        row = table.setdefault(label, dict.fromkeys([*columns, "commits", "seconds"], 0))
        row["decodes"] += 1
        for key in row.keys() & record.keys():
            row[key] += record[key]
    print(f"{'what':<22}" + "".join(f"{name:>10}" for name in [*columns, "ms/commit"]))
    for label, row in table.items():
        line = "".join(f"{row[name]:>10.0f}" for name in columns)
        print(f"{label:<22}{line}{1000 * row['seconds'] / max(1, row['commits']):>10.1f}")


class _TooSlow(Exception):
    """The seconds of a decode are over."""


def _decode(constraint: Any, judge: Judge, vocabulary: Vocabulary, given: Any, seed: int) -> dict[str, Any]:
    proofs: list[bool] = []
    judging = 0.0

    def judge_witness(row: Row) -> None:
        nonlocal judging
        since = time.process_time()
        tokens = row.witness.tokens
        stands = all(old in (row.mask_id, new) for old, new in zip(row.tokens, tokens, strict=True))
        proofs.append(stands and judge(_text(vocabulary, tokens)))
        judging += time.process_time() - since
        if time.process_time() - started - judging > given.seconds:
            raise _TooSlow

    automaton = treadle.compile(constraint, vocabulary).automaton
    cells = max(given.cells, 3 * len(automaton.closing(automaton.start)) // 2)
    sampler = Llada(max(1, cells // given.parallel), given.block, 1.0, "random")
    started = time.process_time()
    try:
        done = decode(
            random_model(vocabulary, seed), [], cells, sampler, automaton, seed=seed, watch=judge_witness
        )
    except treadle.UnsatisfiableConstraint:
        return {"unfit": 1}  # no text of so few tokens
    except treadle.LimitExceeded:
        return {"limit": 1}
    except _TooSlow:
        return {"slow": 1, "steps": len(proofs), "proved": sum(proofs)}
    seconds = time.process_time() - started - judging
    return {
        "valid": int(judge(done.text)), "steps": len(proofs), "proved": sum(proofs), "refused": done.refused,
        "undecided": done.undecided, "commits": len(done.commits), "seconds": seconds, "text": done.text,
    }  # fmt: skip


def _text(vocabulary: Vocabulary, tokens: tuple[int, ...]) -> str:
    stop = next((i for i, token in enumerate(tokens) if token in vocabulary.eos_ids), len(tokens))
    return vocabulary.decode(tokens[:stop])


if __name__ == "__main__":
    main()
