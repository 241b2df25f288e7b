"""Pass rates on real tasks at one budget of model calls: greedy, sampling + filter, beam, tree search, tuned.

    python -m bench.programs --out programs.jsonl            # all of it; resumes where the file ends
    python -m bench.programs --out programs.jsonl --table    # only the table of what the file has

Two tasks, with the bundled model (135 million parameters: rates are low, what counts is the comparison).

    sql     questions of GeoQuery on its SQLite database; passed if the query answers the same rows as the reference.
            Known while decoding: the schema (a grammar of bound names), whether a query runs and answers anything, and
    which values of the database the question names, so that it can be told how many of them a query looks for.
    python  functions of MBPP whose reference is one `return`; passed if all of its tests pass, in the sandbox.
            Known while decoding: Python's grammar of expressions, and the first test. The metric asks all.

Answers are one line each, after a few answered questions (of the training split, or written for this);
"unconstrained" is any one line. Examples are split in halves by a seed: the tuner sees one half, the table is of the
other. Every strategy may have the model read `--calls` prefixes for an example; strategies that draw run with five
seeds. A strategy of a name that this treadle does not have is left out.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import re
import sqlite3
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

import treadle
from bench.remembered import RememberedTree
from treadle.decoding.strategies import NAMES
from treadle.execution import Limits, Program, Query, Sandbox
from treadle.frontends.sql_names import bound_grammar
from treadle.integrations.models import load
from treadle.library import find
from treadle.tuning import Between, Budget, Component, Configuration, Example, OneOf, Space, Task, tune
from treadle.tuning.evaluation import Bench
from treadle.tuning.tuner import split

ROOT = Path(__file__).resolve().parents[1]
#: Beside the checkout, or beside the folder of several.
DATA = next(
    (folder for up in ROOT.parents[:2] if (folder := up / "shared" / "data").is_dir()),
    ROOT / "shared" / "data",
)
SEEDS = range(5)
#: Tokens whose keys and values are kept from one evaluation to the next (46 KB each).
MEMORY = 16_000
#: Any line; its end is an end of text to `LineModel`.
LINE = treadle.Regex("[^\n]+")


@dataclass(frozen=True)
class LineModel:
    """The bundled model, for which a line end ends the text: what a stop string is elsewhere."""

    model: Any
    #: Where answers are kept, if anywhere.
    answers: Path | None = None

    @cached_property
    def vocabulary(self) -> treadle.Vocabulary:
        known = self.model.vocabulary
        ends = (*known.encode("\n"), *known.eos_ids)
        return treadle.Vocabulary(list(known.tokens), ends, known.special_ids, known.encode)

    def tree(self, memory: int | None = None) -> Any:
        """One for all evaluations: prompts are read once. What is counted are prefixes asked for, not passes."""
        return self._tree

    @cached_property
    def _tree(self) -> Any:
        tree = self.model.tree(MEMORY)
        return tree if self.answers is None else RememberedTree(tree, self.answers)

    def encode(self, prompt: str, chat: bool | None = None) -> list[int]:
        return self.model.encode(prompt, chat)


@lru_cache(maxsize=1)
def line_model(answers: Path | None = None) -> LineModel:
    return LineModel(load(), answers)


# -- text to SQL -----------------------------------------------------------------------------------------------------

#: Answered questions that a prompt shows.
SHOTS = 5


def sql_task(count: int, answers: Path | None = None) -> Task:
    """GeoQuery, one table and one SELECT: test questions, each behind the training questions that are likest."""
    database = DATA / "sql" / "geography.sqlite"
    grammar = treadle.Grammar(one_line(bound_grammar(database, most_tables=1)))
    found = list(geo_queries())
    known = [one for one in found if one["split"] == "train"]
    asked = [one for one in found if one["split"] == "test"]
    order = np.random.default_rng(0).permutation(len(asked)).tolist()
    examples = [Example(few_shots(known, asked[k]["question"]), asked[k]["sql"]) for k in order]
    values = text_values(database)

    def answering(example: Example) -> Any:
        question = example.prompt.rsplit("question: ", 1)[1]
        named = {value for value in values if re.search(rf"\b{re.escape(value)}\b", question)}
        # Of "new york" and "york" only the longer one is meant.
        named = {value for value in named if not any(value != other and value in other for other in named)}

        def judge(text: str) -> float:
            rows = Query(database).execute(text).rows
            found = set(re.findall("'([^']*)'", text))
            share = len(named & found) / len(named | found) if named | found else 1.0
            return share if any(value not in (None, 0, "") for row in rows for value in row) else 0.0

        return judge

    return Task(
        "sql",
        examples[:count],
        lambda example, text: Query(database, example.data)(text),
        {
            "grammar": Component("mask", lambda example: grammar),
            "line": Component("mask", lambda example: LINE),
            "answers": Component("score", answering),
            "must answer": Component("verify", lambda example: lambda text: answering(example)(text) == 1),
        },
        model=line_model(answers),
        chat=False,
        max_tokens=32,
    )


def geo_queries() -> Iterator[dict[str, str]]:
    """Questions with their variables filled in, and the query for each; templates whose query is one plain SELECT."""
    database = sqlite3.connect(f"{(DATA / 'sql' / 'geography.sqlite').as_uri()}?mode=ro", uri=True)
    for entry in json.loads((DATA / "sql" / "geography.json").read_text()):
        sql = min(entry["sql"], key=len)
        if sql.count("SELECT") > 1 or " , " in sql.split("WHERE")[0].split("FROM")[-1]:
            continue
        # The data set writes texts in double quotes.
        sql = re.sub(r"(\w+)alias\d\.", "", re.sub(r" AS \w+alias\d", "", sql)).replace('"', "'")
        seen: set[str] = set()
        for sentence in entry["sentences"]:
            split_of, question, query = sentence["question-split"], sentence["text"], sql
            # One test question of each template, so that none weighs more than another.
            if split_of == "dev" or (split_of == "test" and "test" in seen):
                continue
            seen.add(split_of)
            for name, value in sentence["variables"].items():
                question, query = question.replace(name, value), query.replace(name, value)
            if database.execute(query).fetchall():
                yield {"question": question, "sql": query.removesuffix(" ;"), "split": split_of}
    database.close()


def text_values(database: Path) -> set[str]:
    """All texts of three letters or more that stand in a database."""
    connection = sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)
    found: set[str] = set()
    for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
        for row in connection.execute(f"SELECT * FROM {table}"):
            found |= {value for value in row if isinstance(value, str) and len(value) > 2 and value != "usa"}
    connection.close()
    return found


def one_line(grammar: str) -> str:
    """A grammar of statements as one of lines: nothing but single spaces in between."""
    return re.sub(r"^SPACE: .*$", "SPACE: / /", grammar, flags=re.MULTILINE)


# -- small functions -------------------------------------------------------------------------------------------------

#: What the shipped grammar of Python asks for beyond expressions of one line: blocks, and lines that are joined.
BEYOND_A_LINE = ("// indentation: python\n", "%ignore /\\\\\\r?\\n(?=[\\s\\S])/\n")
PYTHON_SHOTS = (
    ("find the area of a square.", "def square_area(side):", ">>> square_area(3)\n9", " side * side"),
    ("find the largest number in a list.", "def largest(xs):", ">>> largest([1, 5, 2])\n5", " max(xs)"),
    ("count the words of a sentence.", "def words(s):", ">>> words('a b c')\n3", " len(s.split())"),
)


def python_task(count: int, answers: Path | None = None) -> Task:
    """MBPP with one `return` as the reference; the first of its tests is public, the others are hidden."""
    grammar = python_expressions()
    sandbox = Sandbox(Limits(seconds=4.0, cpu_seconds=2))
    found = list(mbpp())
    order = np.random.default_rng(0).permutation(len(found))
    return Task(
        "python",
        [found[k] for k in order][:count],
        lambda example, text: float(judge(example, text, sandbox, 0) == 1.0),
        {
            "grammar": Component("mask", lambda example: grammar),
            "line": Component("mask", lambda example: LINE),
            "tests": Component("score", lambda example: lambda text: judge(example, text, sandbox, 1)),
            "must pass": Component(
                "verify", lambda example: lambda text: judge(example, text, sandbox, 1) == 1.0
            ),
        },
        model=line_model(answers),
        chat=False,
        max_tokens=24,
    )


def python_expressions() -> treadle.Grammar:
    """What may stand behind `return`: the expressions of the shipped grammar of Python, on one line."""
    text = find("grammars", "python").read_text()
    for part in BEYOND_A_LINE:
        assert text.count(part) == 1, "the shipped grammar has changed"
        text = text.replace(part, "")
    return treadle.Grammar(text, start="star_expressions", syntax="lark")


def judge(example: Example, text: str, sandbox: Sandbox, public: int) -> float:
    """The share of tests that a body passes: the first `public` ones, or all."""
    head, tests = example.data
    return _run(head, text, tuple(tests[:public] if public else tests), sandbox)


@lru_cache(maxsize=50_000)
def _run(head: str, text: str, tests: tuple[str, ...], sandbox: Sandbox) -> float:
    # Tests are repeatable, and several strategies write the same.
    return Program(tests, before=f"{head}\n    return", after="\n", sandbox=sandbox)(text)


def mbpp() -> Iterator[Example]:
    """Problems whose reference is a function of one return."""
    with gzip.open(DATA / "code" / "mbpp.jsonl.gz", "rt") as file:
        for line in file:
            problem = json.loads(line)
            try:
                function = ast.parse(problem["prompt"] + problem["canonical_solution"]).body[0]
            except SyntaxError:
                continue
            body = [one for one in getattr(function, "body", ()) if not is_docstring(one)]
            if len(body) == 1 and isinstance(body[0], ast.Return):
                yield _python_example(problem)


def is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _python_example(problem: dict[str, Any]) -> Example:
    head = next(line for line in problem["prompt"].splitlines() if line.startswith("def ")).strip()
    name = problem["entry_point"]
    lines = (line.strip() for line in problem["test"].splitlines())
    tests = [re.sub(r"\bcandidate\b", name, line) for line in lines if line.startswith("assert")]
    call, _, value = tests[0].removeprefix("assert ").rpartition(" == ")
    what = re.sub(r"^Write a (python )?function to ", "", problem["description"])
    shown = f">>> {call}\n{value}" if call else ""
    shots = "\n\n".join(
        f"# {text}\n{top}\n    {doc(more)}\n    return{body}" for text, top, more, body in PYTHON_SHOTS
    )
    return Example(f"{shots}\n\n# {what}\n{head}\n    {doc(shown)}\n    return", (head, tests))


def doc(shown: str) -> str:
    """An example of a call as a comment."""
    return "# " + shown.replace("\n", "\n    # ")


def few_shots(known: list[dict[str, str]], question: str) -> str:
    """The answered questions that share most words with one, the likest last, and that one."""
    words = set(question.split())
    likeness = lambda one: (
        len(words & set(one["question"].split())) / len(words | set(one["question"].split()))
    )
    shots = sorted(known, key=likeness)[-SHOTS:]
    parts = [f"question: {one['question']}\nsql: {one['sql']}" for one in shots]
    return "\n".join([*parts, f"question: {question}\nsql:"])


# -- strategies ------------------------------------------------------------------------------------------------------

TASKS = {"sql": sql_task, "python": python_task}
#: Task -> (soft component, hard component): what is known of a text while decoding.
KNOWN = {"sql": ("answers", "must answer"), "python": ("tests", "must pass")}


#: What a soft component's 1 adds to a score. For `best_of` it decides; for `smc` it makes a text e^5 times as likely.
WEIGHTS = {"best_of": 100.0, "smc": 5.0}


def strategies(task: str, mask: str, calls: int) -> dict[str, tuple[Configuration, bool]]:
    """Name -> (configuration, whether it draws)."""
    soft, hard = KNOWN[task]
    width = 4

    def configured(
        strategy: str, options: dict[str, Any], *constraints: str, **parameters: Any
    ) -> Configuration:
        weights = {f"weight.{soft}": WEIGHTS[strategy]} if soft in constraints and strategy in WEIGHTS else {}
        return Configuration(
            strategy, options, (mask, *constraints), {"expansions": calls, **weights, **parameters}
        )

    found = {
        "greedy": (configured("greedy", {}), False),
        "sampling + filter": (configured("best_of", {"samples": width}, soft, temperature=0.7), True),
        "beam": (configured("beam", {"width": width}), False),
        "beam + check": (configured("beam", {"width": width}, hard), False),
        "mcts": (configured("mcts", {"rollouts": 1000, "target": 1.0}, soft), False),
        "smc": (configured("smc", {"particles": width}, soft, temperature=0.7), True),
    }  # fmt: skip
    return {name: (one, drawn) for name, (one, drawn) in found.items() if one.strategy in NAMES}


def space(task: str, calls: int) -> Space:
    """What the tuner chooses from: the strategies of the table and their options, at the same budget."""
    soft, _ = KNOWN[task]
    return Space(
        {
            "best_of": {"samples": Between(2, 6)},
            "beam": {"width": Between(2, 6)},
            "mcts": {
                "rollouts": 1000, "target": 1.0, "width": Between(2, 5), "ucb_constant": Between(0.25, 8.0, log=True),
                "rollout": OneOf("greedy", "sampling"), "transpose": OneOf("text", "trivia"),
            },
        },
        always=("grammar", soft),
        parameters={
            "expansions": calls, "temperature": OneOf(0.4, 0.7, 1.0), f"weight.{soft}": 100.0
        },
    )  # fmt: skip


# -- running ---------------------------------------------------------------------------------------------------------


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("programs.jsonl"))
    parser.add_argument("--tasks", nargs="*", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--examples", type=int, default=32, help="of each task; half of them are held out")
    parser.add_argument("--calls", type=int, default=88, help="model calls for an example")
    parser.add_argument("--trials", type=int, default=6, help="of the tuner")
    parser.add_argument("--rows", type=int, default=48, help="of a forward pass")
    parser.add_argument("--only", nargs="*", help="strategies to run; all if none are given")
    parser.add_argument("--table", action="store_true", help="only print the table")
    options = parser.parse_args()
    if not options.table:
        for name in options.tasks:
            run(name, options)
    print(table(read(options.out), options))


def run(name: str, options: argparse.Namespace) -> None:
    """Whatever of a task the file does not have yet."""
    task = TASKS[name](options.examples, options.out.with_suffix(".answers.f32"))
    bench = Bench(task, options.rows)
    _, held_out = split(len(task.examples), 0.5, 0)
    compare(bench, options, name, "constrained", "grammar", held_out)
    tuned(bench, options, name, held_out)
    compare(bench, options, name, "unconstrained", "line", held_out)


def compare(
    bench: Bench, options: argparse.Namespace, name: str, mode: str, mask: str, held_out: list[int]
) -> None:
    """Every strategy of the table."""
    for label, (configuration, drawn) in strategies(name, mask, options.calls).items():
        if options.only and label not in options.only:
            continue
        for seed in SEEDS if drawn else [0]:
            measure(bench, options, (name, mode, label, seed), configuration, held_out)


def tuned(bench: Bench, options: argparse.Namespace, name: str, held_out: list[int]) -> None:
    """Tune on one half, measure on the other: five times, each with a seed of its own, on the same halves."""
    if options.only and "tuned" not in options.only:
        return
    for seed in SEEDS:
        if any(row["seed"] == seed for row in _some(read(options.out), name, "constrained", "tuned")):
            continue
        study = options.out.with_suffix(f".{name}.{seed}.sqlite")
        found = tune(
            bench.task, space(name, options.calls), Budget(options.trials), seed=seed, split_seed=0, study=study,
            folds=2, bench=bench,
            progress=lambda one: print(name, one.number, one.state, one.score, one.configuration.key, flush=True),
        )  # fmt: skip
        found.save(options.out.with_suffix(f".{name}.{seed}.tuned.json"))
        measure(bench, options, (name, "constrained", "tuned", seed), found.configuration, held_out)


def measure(
    bench: Bench,
    options: argparse.Namespace,
    key: tuple[str, str, str, int],
    configuration: Configuration,
    held_out: list[int],
) -> None:
    """One line of the file, unless it is there."""
    if any((row["task"], row["mode"], row["strategy"], row["seed"]) == key for row in read(options.out)):
        return
    started = time.perf_counter()
    found = bench.evaluate(configuration, held_out, key[3])
    row = {
        **dict(zip(("task", "mode", "strategy", "seed"), key, strict=True)),
        "scores": [one.score for one in found.outcomes],
        "model_calls": found.model_calls,
        "constraint_calls": found.constraint_calls,
        "texts": [one.text for one in found.outcomes],
        "configuration": configuration.to_dict(),
        "seconds": round(time.perf_counter() - started, 1),
    }
    with options.out.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(*key, f"{found.score:.3f}", found.model_calls, "calls", row["seconds"], "s", flush=True)


def read(path: Path) -> list[dict[str, Any]]:
    """The rows of a file; a line that was cut short is left out."""
    rows = []
    for line in path.read_text().splitlines() if path.is_file() else ():
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def table(rows: list[dict[str, Any]], options: argparse.Namespace) -> str:
    """Markdown: the median over seeds, their range, and a bootstrap interval over examples; and the same of what each
    example gains by the constraint.
    """
    lines = [
        "| task | strategy | pass rate, constrained | unconstrained | gain | calls per example | constraint calls |",
        "|---|---|---|---|---|---|---|",
    ]
    for task in options.tasks:
        names = dict.fromkeys(row["strategy"] for row in rows if row["task"] == task)
        for name in names:
            ours, free = (_some(rows, task, mode, name) for mode in ("constrained", "unconstrained"))
            cells = [_cell(ours), _cell(free), _gain(ours, free)]
            per = [
                statistics.mean(row[kind] / len(row["scores"]) for row in ours) if ours else float("nan")
                for kind in ("model_calls", "constraint_calls")
            ]
            lines.append(f"| {task} | {name} | {' | '.join(cells)} | {per[0]:.0f} | {per[1]:.1f} |")
    return "\n".join(lines)


def _some(rows: list[dict[str, Any]], task: str, mode: str, name: str) -> list[dict[str, Any]]:
    return [row for row in rows if (row["task"], row["mode"], row["strategy"]) == (task, mode, name)]


def _cell(rows: list[dict[str, Any]]) -> str:
    if not rows:
        return ""
    scores = np.array([row["scores"] for row in rows])
    means = scores.mean(axis=1)
    low, high = _interval(scores)
    spread = f"{means.min():.2f} to {means.max():.2f}, " if len(rows) > 1 else ""
    return f"{np.median(means):.2f} ({spread}90 % {low:.2f} to {high:.2f})"


def _gain(rows: list[dict[str, Any]], free: list[dict[str, Any]]) -> str:
    """Constrained less unconstrained, example by example and seed by seed."""
    if not rows or len(rows) != len(free):
        return ""
    gains = np.array([row["scores"] for row in rows]) - np.array([row["scores"] for row in free])
    low, high = _interval(gains)
    return f"{np.median(gains.mean(axis=1)):+.2f} (90 % {low:+.2f} to {high:+.2f})"


def _interval(scores: np.ndarray) -> tuple[float, float]:
    """Of the median over seeds: 5 % and 95 % of it over examples drawn with replacement."""
    draws = np.random.default_rng(0).integers(scores.shape[1], size=(2000, scores.shape[1]))
    low, high = np.quantile(np.median(scores[:, draws].mean(axis=2), axis=0), [0.05, 0.95])
    return float(low), float(high)


if __name__ == "__main__":
    main()
