"""Seconds from the start of an interpreter to the first mask, beside llguidance and xgrammar.

    python -m bench.cold_start --tokenizer ../tok/llama3_1 --runs 5 --cold 1

Every run is a process of its own: import, read the tokenizer, compile one schema, fill one mask. Wall clock around the
process less nothing. `warm`: kernels and tokenizer tables are in the caches on disk, which is so from the second start
on. `cold`: both caches are empty folders (NUMBA_CACHE_DIR, TREADLE_CACHE), as on a machine's first start.
Engines run in turns; printed are medians. Bar: warm at most 1.5 x llguidance's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.material import tokenizer_folder

SCHEMA = (
    '{"type": "object", "properties": {"name": {"type": "string", "maxLength": 40}, "age": {"type": "integer"}},'
    ' "required": ["name"]}'
)

PROGRAMS = {
    "treadle": """
import sys
import numpy as np
import treadle
vocabulary = treadle.Vocabulary.from_tokenizer(sys.argv[1])
matcher = treadle.compile(treadle.JsonSchema(sys.argv[2]), vocabulary).matcher()
row = np.zeros((len(vocabulary) + 31) // 32, np.int32)
matcher.fill_bitmask(row)
assert row.any()
""",
    "llguidance": """
import sys
import llguidance, llguidance.numpy
tokenizer = llguidance.LLTokenizer(sys.argv[1] + "/tokenizer.json")
matcher = llguidance.LLMatcher(tokenizer, llguidance.LLMatcher.grammar_from_json_schema(sys.argv[2]))
rows = llguidance.numpy.allocate_token_bitmask(1, tokenizer.vocab_size)
llguidance.numpy.fill_next_token_bitmask(matcher, rows)
assert not matcher.get_error() and rows.any()
""",
    "xgrammar": """
import sys
import xgrammar
from transformers import PreTrainedTokenizerFast
tokenizer = PreTrainedTokenizerFast(tokenizer_file=sys.argv[1] + "/tokenizer.json")
information = xgrammar.TokenizerInfo.from_huggingface(tokenizer, stop_token_ids=[0])
matcher = xgrammar.GrammarMatcher(xgrammar.GrammarCompiler(information, max_threads=1).compile_json_schema(sys.argv[2]))
rows = xgrammar.allocate_token_bitmask(1, information.vocab_size)
matcher.fill_next_token_bitmask(rows)
""",
    "nothing (python)": "",
    "nothing (import numba)": "import numba",
}


def main() -> None:
    arguments = _arguments()
    tokenizer = str(tokenizer_folder(arguments.tokenizer))
    engines = [name for name in PROGRAMS if seconds(name, tokenizer, {}) is not None]
    times: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(arguments.runs):
        for name in engines:
            times[name].append(seconds(name, tokenizer, {}) or 0.0)
    for name, found in times.items():
        print(f"warm  {name:24} {statistics.median(found):6.2f} s   ({min(found):.2f} to {max(found):.2f})")
    if "llguidance" in times:
        ratio = statistics.median(times["treadle"]) / statistics.median(times["llguidance"])
        print(f"warm  treadle / llguidance     {ratio:6.2f}")
    for _ in range(arguments.cold):
        with tempfile.TemporaryDirectory() as folder:
            empty = {"NUMBA_CACHE_DIR": f"{folder}/numba", "TREADLE_CACHE": f"{folder}/treadle"}
            print(f"cold  treadle                  {seconds('treadle', tokenizer, empty):6.2f} s", flush=True)
            print(f"then  treadle                  {seconds('treadle', tokenizer, empty):6.2f} s", flush=True)


#: Python's own cache of compiled modules is part of a warm start, also where this shell turns it off.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(name: str, tokenizer: str, environment: dict[str, str]) -> float | None:
    """Of one process; None if it fails, which is said once."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAMS[name], str(Path(tokenizer)), SCHEMA],
        env={**_ENVIRONMENT, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    taken = time.perf_counter() - started
    if done.returncode:
        print(
            f"{name} is left out: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}"
        )
        return None
    return taken


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tokenizer", help="folder with a tokenizer.json; the bundled model's by default")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument(
        "--cold", type=int, default=0, help="runs with empty caches, which take a minute or two each"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
