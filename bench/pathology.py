"""Grammars made to hurt a parser: time per token by the length of the prefix, and the memory taken.

    python -m bench.pathology [--tokens 10000]

Columns: median microseconds of mask and accept over the first, the middle and the last tenth of the tokens; states and
stack cells at the end. A flat line is what is wanted. Vocabulary: the bytes and a few longer tokens, so that it is the
parser that is measured and not the vocabulary.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

import treadle
from treadle.automata import parse_layout as at
from treadle.errors import LimitExceeded


@dataclass(frozen=True)
class Case:
    """A grammar and the text that is fed to it over and over."""

    name: str
    grammar: str
    piece: str
    lexing: str = "scannerless"
    once: str = ""


MANY = "(" + " | ".join(f'"w{i:04}"' for i in range(2000)) + ")+"
CASES = [
    Case("S: S S | a |", 'start: s\ns: s s | "a" |\n', "a"),
    Case("right recursion", 'start: s\ns: "a" s | "a"\n', "a"),
    Case("left recursion", 'start: s\ns: s "a" | "a"\n', "a"),
    Case("nesting", 'start: s\ns: "(" s ")" | "a"\n', "("),
    Case("2,000 alternatives", f"start: {MANY}\n", "w0007"),
    Case("2,000 alternatives, lexical", f'start: {MANY}\n%ignore " "\n',
         "w0007 ", "lexical"),
    Case("E: E + E | E * E | a", 'start: e\ne: e "+" e | e "*" e | "-" e | "a"\n', "a+a*"),
    Case("exponentially ambiguous", 'start: s\ns: s s s | s s | "a"\n', "a"),
    Case("ambiguous through another rule", 'start: s\ns: t t | "a"\nt: s | s "b"\n', "a"),
    Case("E: T | T E, T: a | E a", 'start: e\ne: t | t e\nt: "a" | e "a"\n', "a"),
    Case("S: A S | S B | x", 'start: s\ns: a s | s b | "x"\na: "x" | "y" s\nb: "x" | s "y"\n', "xy"),
    Case("words of words", 'start: s\ns: u s | v s | u | v\nu: "a" | "aa"\nv: "a" | "aaa"\n', "a"),
    Case("words of words, left", 'start: s\ns: s u | s v | u | v\nu: "a" | "a" "a"\nv: "a" | u "a"\n', "a"),
    Case("runs of runs", "start: x+\nx: y+ | z\ny: /a+/ | z z\nz: /[ab]+/\n", "ab"),
    Case("palindromes", 'start: p\np: "a" p "a" | "b" p "b" | "a" | "b" |\n', "abaab"),
    Case("nullable cycle", 'start: x\nx: y z | "a"\ny: x |\nz: x | y |\n', "a"),
    Case("two bodies", 'start: x\nx: y | z | x y | z x\ny: "a" x | "a"\nz: x "a" | "a"\n', "a"),
    Case("hidden left recursion", 'start: x\nx: y x "a" | "b"\ny: | "c"\n', "a", once="b"),
    Case("dangling else", 'start: x+\nx: "i" x | "i" x "e" x | "s"\n', "iises"),
]  # fmt: skip


def vocabulary() -> treadle.Vocabulary:
    tokens = [bytes([byte]) for byte in range(256)] + [
        b"aa",
        b"aaa",
        b"w0",
        b"w00",
        b"07",
        b"a+",
        b"+a",
        b"((",
        b"is",
    ]
    return treadle.Vocabulary([b"</s>", *tokens], eos_ids=(0,), special_ids=())


def measure(case: Case, tokens: int) -> tuple[list[float], int, int, str]:
    words = vocabulary()
    compiled = treadle.compile(treadle.Grammar(case.grammar, lexing=case.lexing), words)  # type: ignore[arg-type]
    matcher = compiled.matcher()
    data = (case.once + case.piece * (tokens // len(case.piece) + 1)).encode()[:tokens]
    row = np.zeros((1, (len(words) + 31) // 32), np.int32)
    times, note = [], ""
    for byte in data:
        started = time.perf_counter()
        try:
            matcher.fill_bitmask(row)
            taken = matcher.accept_token(byte + 1)
        except LimitExceeded as error:
            note = f"{error} at token {len(times)}"
            break
        times.append(time.perf_counter() - started)
        assert taken, (case.name, len(times))
    tenth = max(1, len(times) // 10)
    middle = len(times) // 2
    parts = (times[:tenth], times[middle : middle + tenth], times[-tenth:])
    words_used = compiled.automaton.bytes.memory.words
    return (
        [float(np.median(part)) * 1e6 for part in parts],
        compiled.automaton.bytes.state_count, int(words_used[at.N_NODES]), note,
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tokens", type=int, default=10_000)
    tokens = parser.parse_args().tokens
    table = Table(
        "grammar",
        "first tenth",
        "middle",
        "last tenth",
        "states",
        "stack cells",
        "note",
        title=f"{tokens} tokens, microseconds each",
    )
    for case in CASES:
        measure(case, 200)
        (first, middle, last), states, cells, note = measure(case, tokens)
        table.add_row(
            case.name, f"{first:.1f}", f"{middle:.1f}", f"{last:.1f}", str(states), str(cells), note
        )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
