"""Programs that the bundled model writes under a guard: was every variable that is used declared before?

    python -m bench.declarations --count 100

A guard lets a name stand only behind a statement that declares it. At temperature 1 the model writes `count` programs;
each is judged by Python, which runs it with its variables renamed and knows nothing of the guard. Printed: how many
run without a NameError, how many differ, how many variables they use.
"""

from __future__ import annotations

import argparse
import re
import time
from functools import lru_cache

import treadle

GRAMMAR = r"""
start: statement+
statement: "let" NAME "=" sum ";" | "print" sum ";"
sum: atom (("+" | "-" | "*") atom)*
atom: NUMBER | used
used: NAME
NAME: /[a-z]{1,8}/
NUMBER: /0|[1-9][0-9]{0,3}/
%ignore /[ \n]/
"""
PROMPT = "A program.\nlet price = 12;\nlet tax = price * 2;\nprint price + tax;\n\nAnother program.\nlet width = 3;\n"


def declared(name: str, before: str) -> bool:
    return name in names_declared(before)


@lru_cache(maxsize=256)
def names_declared(before: str) -> frozenset[str]:
    """A mask asks about every name that a token could end, behind the same text: it is read once."""
    return frozenset(re.findall(r"\blet\s+([a-z]+)\s*=[^;]*;", before))


def verdict(program: str) -> str:
    """What Python says of a program: "" if it runs."""
    lines = []
    for statement in program.split(";")[:-1]:
        # Where a statement begins no name may stand, so to a contextual lexer `printarea` is `print area`.
        keyword, rest = re.findall(r"^(let|print)(.*)", " ".join(statement.split()))[0]
        renamed = re.sub(r"[a-z]+", lambda name: f"v_{name.group()}", rest).strip()
        lines.append(renamed if keyword == "let" else f"str({renamed})")
    try:
        exec("\n".join(lines), {})
    except (NameError, SyntaxError) as error:
        return str(error)
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--side-by-side", type=int, default=10)
    parser.add_argument("--max-tokens", type=int, default=48)
    options = parser.parse_args()
    grammar = treadle.Grammar(GRAMMAR, guards={"used": declared})
    started = time.perf_counter()
    programs: list[str] = []
    failed: list[tuple[str, str]] = []
    while len(programs) < options.count:
        results = treadle.generate(
            PROMPT, grammar, n=min(options.side_by_side, options.count - len(programs)), temperature=1.0,
            max_tokens=options.max_tokens, seed=len(programs), chat=False, return_results=True,
        )  # fmt: skip
        programs += [result.text for result in results]
        failed = [(program, error) for program in programs if (error := verdict(program))]
        seconds = time.perf_counter() - started
        print(f"{len(programs)} programs, {len(failed)} do not run, {seconds:.0f} s", flush=True)
    for program, error in failed:
        print(f"{error}: {program!r}")
    used = sum(
        len(re.findall(r"[a-z]+", re.sub(r"\blet\s+[a-z]+|\bprint\b", "", program))) for program in programs
    )
    print(
        f"{len(programs) - len(failed)} of {len(programs)} run; {len(set(programs))} differ; {used} uses of variables"
    )
    for program in programs[:: max(1, len(programs) // 5)]:
        print("   ", program.replace("\n", " "))


if __name__ == "__main__":
    main()
