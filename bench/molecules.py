"""Molecules that the bundled model writes under the ring guards of `smiles`: does rdkit read every one?

    python -m bench.molecules --count 200

At temperature 1 the model writes `count` molecules; each is read by rdkit (as it is built, without a look at valences
and aromaticity, which guards leave to a check). Printed: how many are read, how many differ, how many have rings, and
how many of `walks` random walks over the masks alone came to a text that nothing completes.
"""

from __future__ import annotations

import argparse
import random
import time

import treadle
from treadle.errors import LimitExceeded
from treadle.frontends.ring_closures import GUARDS
from treadle.integrations.bundled import vocabulary
from treadle.masks.bitset import to_tokens

PROMPT = (
    "Molecules as SMILES.\nbenzene: c1ccccc1\ncyclohexane: C1CCCCC1\nnaphthalene: c1ccc2ccccc2c1\ncaffeine: "
)


def written(count: int, side_by_side: int, max_tokens: int) -> list[str]:
    """Molecules by the model, which stops with an error where it is led to a dead end."""
    grammar = treadle.Grammar("smiles", guards=GUARDS)
    started = time.perf_counter()
    texts: list[str] = []
    while len(texts) < count:
        results = treadle.generate(
            PROMPT, grammar, n=min(side_by_side, count - len(texts)), temperature=1.0, max_tokens=max_tokens,
            seed=len(texts), chat=False, return_results=True,
        )  # fmt: skip
        texts += [result.text for result in results]
        print(f"{len(texts)} molecules, {time.perf_counter() - started:.0f} s", flush=True)
    return texts


def dead_ends(walks: int, tokens: int) -> list[str]:
    """Texts of random walks over the masks, each token as likely, that no completion was found for."""
    automaton = treadle.compile(treadle.Grammar("smiles", guards=GUARDS), vocabulary()).automaton
    rng, found = random.Random(0), []
    for _ in range(walks):
        state, text = automaton.start, b""
        for _ in range(tokens):
            allowed = [
                token for token in to_tokens(automaton.mask(state)).tolist() if token not in automaton._ends
            ]
            token = rng.choice(allowed)
            state, text = automaton.advance(state, token), text + (vocabulary().token_bytes(token) or b"")
            try:
                automaton.closing(state)
            except LimitExceeded:
                found.append(text.decode())
                break
    return found


def main() -> None:
    from rdkit import Chem, RDLogger

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--side-by-side", type=int, default=10)
    parser.add_argument("--max-tokens", type=int, default=32)
    parser.add_argument("--walks", type=int, default=20)
    options = parser.parse_args()
    RDLogger.DisableLog("rdApp.*")
    stuck = dead_ends(options.walks, options.max_tokens)
    print(
        f"{len(stuck)} of {options.walks} walks over the masks came to a dead end",
        *stuck,
        sep="\n   ",
        flush=True,
    )
    texts = written(options.count, options.side_by_side, options.max_tokens)
    refused = [text for text in texts if Chem.MolFromSmiles(text, sanitize=False) is None]
    rings = sum(any(digit in text for digit in "0123456789") for text in texts)
    print(
        f"{len(texts) - len(refused)} of {len(texts)} are read; {len(set(texts))} differ; {rings} with a digit"
    )
    for text in refused:
        print("   refused:", text)
    for text in texts[:: max(1, len(texts) // 10)]:
        print("   ", text)


if __name__ == "__main__":
    main()
