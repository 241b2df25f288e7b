"""Masks of context-free grammars beside the peers', on the same grammars and the same texts, in one process on one CPU.

    taskset -c 0 python -m bench.grammars --tok DIR [--data ../shared/data]

Texts are accept tables of `grammars/`, spelled by the tokenizer, and where data is there, programs and values of it.
Per token: mask into a row, then accept. `compile` is the median of five compilations in a process that has seen the
grammar before (treadle keeps tables of a grammar, on disk and in memory); `first` is the first compilation of this
process and its first mask. The last columns are treadle's p50, p99 and compile as parts of each peer's.
With `--fresh`, treadle's cache is a new folder: in the first of two processes nothing is known of any grammar, in the
second what the first one wrote down.
llguidance reads the same text in Lark's language (without our comments), but for sql and cpp, whose priorities and
lookaheads it does not know: bench/peer_lark/ has them without (the keywords taken out of the names); xgrammar, which
has no lexer, gets the EBNF in bench/ebnf/ where there is one. Python's grammar is compared with treadle's own masks of
JSON.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

import treadle
from treadle import library
from treadle.matching.grammar_warmup import load_grammar_kernels

NAMES = ("json", "arithmetic", "sql", "cpp")
Engine = Callable[[], Callable[[Any, int], bool]]


def texts_of(name: str, data: Path | None) -> list[str]:
    path = library.find("grammars", name).with_suffix(".cases.json")
    found = json.loads(path.read_text("utf-8"))["accept"] if path.is_file() else []
    if data is not None:
        found = [*found, *_of_data(name, data)]
    return [text for text in found if text]


def _of_data(name: str, data: Path) -> Iterator[str]:
    if name == "cpp":
        with gzip.open(data / "code" / "humaneval_cpp.jsonl.gz", "rt") as lines:
            for line in list(lines)[:40]:
                one = json.loads(line)
                yield one["declaration"] + one["canonical_solution"]
    elif name == "json":
        with gzip.open(data / "maskbench" / "dev.jsonl.gz", "rt") as lines:
            for _, line in zip(range(40), lines, strict=False):
                for test in json.loads(line).get("tests", []):
                    if test.get("valid"):
                        yield json.dumps(test["data"], indent=2)
    elif name == "python":
        for path in sorted(Path(json.__file__).parent.glob("*.py")):
            yield path.read_text("utf-8")


class Treadle:
    name = "treadle"

    def __init__(self, vocabulary: treadle.Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.row = np.zeros((1, (len(vocabulary) + 31) // 32), np.int32)
        load_grammar_kernels()

    def compile(self, name: str) -> Any:
        return treadle.compile(treadle.Grammar(name), self.vocabulary)

    def matcher(self, compiled: Any) -> Any:
        return compiled.matcher()

    def take(self, matcher: Any, token: int) -> bool:
        matcher.fill_bitmask(self.row)
        return bool(matcher.accept_token(token))


class LlGuidance:
    name = "llguidance"

    def __init__(self, tokenizer: Any, size: int) -> None:
        import llguidance.hf
        from llguidance.numpy import allocate_token_bitmask, fill_next_token_bitmask

        self.guidance = llguidance
        self.fill = fill_next_token_bitmask
        self.row = allocate_token_bitmask(1, size)
        self.tokenizer = llguidance.hf.from_tokenizer(tokenizer, n_vocab=size)

    def compile(self, name: str) -> Any:
        path = Path(__file__).parent / "peer_lark" / f"{name}.lark"
        path = path if path.is_file() else library.find("grammars", name)
        text = re.sub(r"^//.*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
        grammar = self.guidance.LLMatcher.grammar_from_lark(text)
        matcher = self.guidance.LLMatcher(self.tokenizer, grammar)
        if matcher.is_error():
            raise ValueError(matcher.get_error())
        return grammar

    def matcher(self, compiled: Any) -> Any:
        return self.guidance.LLMatcher(self.tokenizer, compiled)

    def take(self, matcher: Any, token: int) -> bool:
        self.fill(matcher, self.row)
        return bool(matcher.consume_token(token))


class XGrammar:
    name = "xgrammar"

    def __init__(self, tokenizer: Any, size: int) -> None:
        import xgrammar

        self.xgrammar = xgrammar
        info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=size)
        self.compiler = xgrammar.GrammarCompiler(info, cache_enabled=False)
        self.row = xgrammar.allocate_token_bitmask(1, size)

    def compile(self, name: str) -> Any:
        path = Path(__file__).parent / "ebnf" / f"{name}.ebnf"
        if not path.is_file():
            raise ValueError("no EBNF of this grammar")
        return self.compiler.compile_grammar(path.read_text("utf-8"))

    def matcher(self, compiled: Any) -> Any:
        return self.xgrammar.GrammarMatcher(compiled)

    def take(self, matcher: Any, token: int) -> bool:
        matcher.fill_next_token_bitmask(self.row)
        return bool(matcher.accept_token(token))


def measure(
    engine: Any, name: str, spelled: list[list[int]], clock: Callable[[], float] = time.perf_counter
) -> dict[str, Any]:
    """Microseconds per token, milliseconds per compilation, and how many texts were taken to their end."""
    # Some compile on several threads.
    whole = time.process_time if clock is time.thread_time else clock
    started = whole()
    engine.take(engine.matcher(engine.compile(name)), spelled[0][0])
    first = whole() - started
    compilations = []
    for _ in range(5):
        started = whole()
        compiled = engine.compile(name)
        compilations.append(whole() - started)
    times: list[float] = []
    taken = 0
    for tokens in spelled:
        matcher = engine.matcher(compiled)
        for token in tokens:
            started = clock()
            ok = engine.take(matcher, token)
            times.append(clock() - started)
            if not ok:
                break
        else:
            taken += 1
    micros = np.array(times) * 1e6
    return {
        "p50": float(np.percentile(micros, 50)), "p99": float(np.percentile(micros, 99)),
        "mean": float(micros.mean()), "max": float(micros.max()), "tokens": len(times), "texts": taken,
        "first": first * 1e3, "compile": float(np.median(compilations)) * 1e3,
    }  # fmt: skip


def warm_up(engine: Any) -> None:
    """Kernels are loaded, tables of the vocabulary made: what a process pays once."""
    compiled = engine.compile("arithmetic")
    matcher = engine.matcher(compiled)
    for _ in range(2):
        engine.take(matcher, 0)


def _ratios(ours: dict[str, Any] | None, found: dict[str, Any]) -> list[str]:
    """Ours as parts of a peer's."""
    return [f"{ours[key] / found[key]:.2f}" if ours else "" for key in ("p50", "p99", "compile")]


def _twice_with_a_fresh_cache() -> None:
    """This program again, in two processes that share a new cache; the vocabulary's tables are made before both."""
    arguments = [argument for argument in sys.argv[1:] if argument != "--fresh"]
    command = [sys.executable, "-m", "bench.grammars", *arguments]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "TREADLE_CACHE": folder}
        nothing = [*command, "--grammars"]
        subprocess.run(nothing, env=environment, check=True, stdout=subprocess.DEVNULL)
        for name in ("lexers", "profiles", "grammars"):
            for path in Path(folder, name).glob("*"):
                path.unlink()
        for title in ("nothing is known of any grammar", "what the process before wrote down is known"):
            print(title, flush=True)
            subprocess.run(command, env=environment, check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tok", type=Path, required=True, help="folder with a tokenizer.json")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--grammars", nargs="*", default=[*NAMES, "python"])
    parser.add_argument("--peers", nargs="*", default=["llguidance", "xgrammar"])
    parser.add_argument("--cpu-time", action="store_true", help="the thread's own time: for a machine in use")
    parser.add_argument("--fresh", action="store_true", help="two processes with a new cache")
    options = parser.parse_args()
    if options.fresh:
        _twice_with_a_fresh_cache()
        return
    clock = time.thread_time if options.cpu_time else time.perf_counter
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(options.tok / "tokenizer.json"))
    vocabulary = treadle.Vocabulary.from_tokenizer(str(options.tok))
    engines: list[Any] = [Treadle(vocabulary)]
    for peer in (kind for kind in (LlGuidance, XGrammar) if kind.name in options.peers):
        try:
            engines.append(peer(tokenizer, len(vocabulary)))
        except ImportError as error:
            print(f"{peer.name} is left out: {error}")
    for engine in engines:
        try:
            warm_up(engine)
        except ValueError as error:
            print(f"{engine.name}: {error}")
    table = Table(
        "grammar", "engine", "texts", "tokens", "p50", "p99", "mean", "max", "compile ms", "first ms",
        "p50 x", "p99 x", "compile x", title="mask and accept, microseconds per token; x: treadle's part of the peer's",
    )  # fmt: skip
    for name in options.grammars:
        if name not in library.names("grammars"):
            continue
        texts = texts_of(name, options.data)
        spelled = [tokenizer.encode(text, add_special_tokens=False) for text in texts]
        ours: dict[str, Any] | None = None
        for engine in engines if name != "python" else engines[:1]:
            try:
                found = measure(engine, name, spelled, clock)
            except (ValueError, RuntimeError, treadle.ConstraintError) as error:
                table.add_row(name, engine.name, "-", "-", str(error).splitlines()[0][:40])
                continue
            table.add_row(
                name, engine.name, f"{found['texts']}/{len(texts)}", str(found["tokens"]),
                *(f"{found[key]:.1f}" for key in ("p50", "p99", "mean", "max", "compile", "first")),
                *_ratios(ours, found),
            )  # fmt: skip
            ours = found if ours is None else ours
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
